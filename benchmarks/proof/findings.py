"""What the runs of the proof showed."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Hashable
from typing import Literal

import attrs

from benchmarks.proof.scenario import Scenario
from seeclickfix_async._crawl.report import Report

FaultKind = Literal[
    "doubled",
    "lost in silence",
    "stuck",
    "endless",
    "foreign exception",
    "stale in silence",
    "wrong mark",
    "left behind",
    "unreadable",
    "told in vain",
]

_SHOWN = 5  # ids of each fault


@attrs.frozen
class Fault:
    """What must not be."""

    seed: int
    kind: FaultKind
    stage: str
    text: str

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.stage}: {self.kind}: {self.text}"


@attrs.define
class Findings:
    """What the runs of a scenario showed.

    Attributes:
        scenario: What was tried.
        faults: What must not be.
        counts: How it went otherwise.
    """

    scenario: Scenario
    faults: list[Fault] = attrs.field(factory=list)
    counts: Counter[str] = attrs.field(factory=Counter)

    def add(self, kind: FaultKind, stage: str, found: object) -> None:
        """Note a fault."""
        self.faults.append(Fault(self.scenario.seed, kind, stage, str(found)))

    def add_ids(self, kind: FaultKind, stage: str, ids: set[int]) -> None:
        """Note a fault of some issues, if there are any."""
        if ids:
            self.add(kind, stage, f"{len(ids)}, such as {sorted(ids)[:_SHOWN]}")

    def add_exception(self, stage: str, error: BaseException) -> None:
        """Note an exception that is not of the package's own kind."""
        self.add("foreign exception", stage, "".join(traceback.format_exception(error))[-1500:])

    def check_doubled(self, stage: str, keys: list[Hashable]) -> None:
        """Note what came more than once."""
        doubled = [key for key, times in Counter(keys).items() if times > 1]
        if doubled:
            self.add("doubled", stage, f"{len(doubled)}, such as {doubled[:_SHOWN]}")

    def check_lost(self, stage: str, lost: set[int], report: Report) -> None:
        """Compare what is missing with what the report says."""
        if report.complete:
            self.counts["told complete"] += 1
            self.add_ids("lost in silence", stage, lost)
            return
        self.counts["told incomplete"] += 1
        if not lost:
            self.counts["told incomplete, though everything came"] += 1
            if self.scenario.is_still:
                self.add("told in vain", stage, " ".join(report.reasons))
