"""The results of the proof."""

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
    "lost silently",
    "stuck",
    "endless",
    "foreign exception",
    "stale silently",
    "wrong mark",
    "leftover file",
    "unreadable",
    "incomplete without reason",
]

_SHOWN = 5  # ids of each fault


@attrs.frozen
class Fault:
    """A broken promise of the package."""

    seed: int
    kind: FaultKind
    stage: str
    details: str

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.stage}: {self.kind}: {self.details}"


@attrs.define
class Findings:
    """The results of a scenario.

    Attributes:
        scenario: The scenario.
        faults: The broken promises.
        counts: Number of other events, by name.
    """

    scenario: Scenario
    faults: list[Fault] = attrs.field(factory=list)
    counts: Counter[str] = attrs.field(factory=Counter)

    def add(self, kind: FaultKind, stage: str, details: object) -> None:
        """Add a fault."""
        self.faults.append(Fault(self.scenario.seed, kind, stage, str(details)))

    def add_ids(self, kind: FaultKind, stage: str, ids: set[int]) -> None:
        """Add a fault of issues, if there are any."""
        if ids:
            self.add(kind, stage, f"{len(ids)}, such as {sorted(ids)[:_SHOWN]}")

    def add_exception(self, stage: str, error: BaseException) -> None:
        """Add an exception that is not one of the package's."""
        self.add("foreign exception", stage, "".join(traceback.format_exception(error))[-1500:])

    def check_doubled(self, stage: str, keys: list[Hashable]) -> None:
        """Add a fault if a key occurs more than once."""
        doubled = [key for key, times in Counter(keys).items() if times > 1]
        if doubled:
            self.add("doubled", stage, f"{len(doubled)}, such as {doubled[:_SHOWN]}")

    def check_lost(self, stage: str, lost: set[int], report: Report) -> None:
        """Compare the lost issues with the report."""
        if report.complete:
            self.counts["reported complete"] += 1
            self.add_ids("lost silently", stage, lost)
            return
        self.counts["reported incomplete"] += 1
        if not lost:
            self.counts["reported incomplete, but nothing lost"] += 1
            if self.scenario.is_static:
                self.add("incomplete without reason", stage, " ".join(report.reasons))
