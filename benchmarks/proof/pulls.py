"""Pull a scenario's service into a file, update and sweep it, and compare it with the truth."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import traceback
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import anyio
import attrs

from benchmarks.proof.child import (
    HangingError,
    Interruption,
    KilledError,
    ModelTransport,
    SharedNumber,
    cancelled_after,
    in_child,
    kill_at_line,
)
from benchmarks.proof.findings import Findings
from benchmarks.proof.scenario import MOST_ATTEMPTS, Scenario
from seeclickfix_async._crawl.report import Report
from seeclickfix_async.errors import SeeClickFixError, TruncatedResultsError
from seeclickfix_async.pull import _parquet as parquet
from seeclickfix_async.pull import pull
from seeclickfix_async.pull._walker import OVERLAP
from tests.support import pulled_files as files
from tests.support.service_drift import Drift

_JUMPS = (timedelta(hours=7), timedelta(days=1), timedelta(days=40))
_BETWEEN = 25  # events at most between two pulls
_SCRATCH = ("*.update.*", "*.sweep.*", "*.new")


@attrs.frozen
class _Row:
    """A row of a file, as far as it is compared."""

    id: int
    version: str
    status: str
    is_marked: bool


@attrs.frozen
class _Attempt:
    """How one process ended that pulled.

    Attributes:
        report: What it returned; None if it was cancelled.
        error: What it raised.
        is_foreign: Whether that is not an error of the package.
        is_done: Whether it says that the pull had been done before.
        is_empty: Whether it says that the service gives nothing of what it counts.
        is_endless: Whether there was no end to its requests.
    """

    report: Report | None = None
    error: str = ""
    is_foreign: bool = False
    is_done: bool = False
    is_empty: bool = False
    is_endless: bool = False


class _StopError(Exception):
    """There is no use in going on with a scenario."""


def prove_pull(scenario: Scenario, findings: Findings) -> None:
    """Pull, update and sweep, with all interruptions."""
    with tempfile.TemporaryDirectory() as folder:
        run = _Run(scenario, scenario.service(), findings, Path(folder) / scenario.file)
        with contextlib.suppress(_StopError):
            run.prove()
        findings.counts["requests"] += run.drift.service.answers


@attrs.define
class _Run:
    """A file and the service that it comes from.

    Attributes:
        looked: Up to when the last call looked, by the service's clock.
        late: The ids of what was dated long before that afterwards, which no update can see.
    """

    scenario: Scenario
    drift: Drift
    findings: Findings
    file: Path
    answers: SharedNumber = attrs.field(factory=SharedNumber)
    looked: datetime | None = None
    late: set[int] = attrs.field(factory=set)

    def prove(self) -> None:
        """Pull, and then update and sweep some times."""
        chance = Random(f"pull of {self.scenario.seed}")
        self._stage("pull", chance)
        for _ in range(self.scenario.cycles):
            self._pass_time(chance, chance.choice(_JUMPS))
            self._stage("update", chance, is_quiet=chance.random() < 0.6, update=True)
            self._pass_time(chance, _JUMPS[0])
            self._stage("sweep", chance, is_quiet=True, sweep=True)
        for pattern in _SCRATCH:
            for left in self.file.parent.rglob(pattern):
                self.findings.add("left behind", "end", left.name)

    def _pass_time(self, chance: Random, time: timedelta) -> None:
        self.drift.service.opened += time
        for _ in range(chance.randrange(_BETWEEN)):
            self.drift.service.advance()

    def _stage(
        self, stage: str, chance: Random, *, is_quiet: bool = False, **options: bool
    ) -> None:
        """Call `pull` until it returns, and compare the file with the service."""
        self.drift.is_quiet = is_quiet
        if self.looked is not None:
            self.late |= self.drift.changed - self.drift.updated_since(self.looked - OVERLAP)
        self.drift.begin()
        report = self._to_the_end(stage, chance, options)
        self.drift.is_quiet = False
        rows = self._rows(stage)
        self._check(stage, rows, report, is_quiet=is_quiet)

    def _to_the_end(self, stage: str, chance: Random, options: dict[str, bool]) -> Report | None:
        """Call `pull` until it returns; None if it was killed when it was done."""
        left = self.scenario.interruptions
        attempt = _Attempt()
        for _ in range(MOST_ATTEMPTS):
            interruption = None
            if left > 0:
                left -= 1
                interruption = Interruption.choose(chance, "line", "request", "cancel")
            attempt = self._attempt(stage, options, interruption)
            if attempt.report is not None or attempt.is_done:
                return attempt.report
            if attempt.is_foreign:
                self.findings.add("foreign exception", stage, attempt.error)
                raise _StopError
            if attempt.is_endless:
                self.findings.add("endless", stage, "There were too many requests.")
                raise _StopError
            if attempt.is_empty and not self._is_old_there():
                raise _StopError  # it counts rows that it does not have
            self.findings.counts["errors" if attempt.error else "resumed"] += 1
        self.findings.add("stuck", stage, attempt.error)
        raise _StopError

    def _is_old_there(self) -> bool:
        """Whether there is an issue that a sweep asks for, too: it leaves the last ones out."""
        service = self.drift.service
        old = service.opened - OVERLAP
        return any(service.rows[number].created < old for number in self.drift.there)

    def _attempt(
        self, stage: str, options: dict[str, bool], interruption: Interruption | None
    ) -> _Attempt:
        """Call `pull` in a child, and let happen here what happened there."""
        service = self.drift.service
        self.answers.value = service.answers
        work = partial(_pull, self, options, interruption)
        try:
            attempt = in_child(work)
        except KilledError:
            self.findings.counts["killed"] += 1
            attempt = _Attempt()
        except HangingError:
            self.findings.add("endless", stage, "It came to no end, without requests.")
            raise _StopError from None
        while service.answers < self.answers.value:
            service.advance()
        return attempt

    def _rows(self, stage: str) -> list[_Row]:
        try:
            return in_child(partial(_read, self.file))
        except RuntimeError as error:
            self.findings.add("unreadable", stage, str(error)[-1000:])
            raise _StopError from None

    def _check(
        self, stage: str, rows: list[_Row], report: Report | None, *, is_quiet: bool
    ) -> None:
        """Compare a file with the service.

        An update goes by updates, up to its first answer: what is changed then, by the clock of
        the service, goes on to the next update.
        """
        drift, findings = self.drift, self.findings
        findings.check_doubled(stage, [row.id for row in rows])
        if report is None:
            return
        owed = drift.there
        self.looked = report.until or drift.service.opened
        if stage != "pull":
            owed = owed - drift.changed - drift.updated_since(self.looked)
        if stage == "update":
            owed = owed - self.late
        findings.check_lost(stage, owed - {row.id for row in rows}, report)
        if not is_quiet or not report.complete:
            return
        judged = [row for row in rows if row.id in owed or row.id not in drift.service.rows]
        findings.add_ids("stale in silence", stage, set(filter(None, map(self._stale, judged))))
        if stage == "sweep":
            wrong = {row.id for row in judged if row.is_marked == (row.id in drift.there)}
            findings.add_ids("wrong mark", stage, wrong)

    def _stale(self, row: _Row) -> int | None:
        """The id of a row that differs from the service's."""
        true = self.drift.service.rows.get(row.id)
        if true is None or row.id in self.drift.silent:
            return None
        is_right = row.version == f"version {true.version}" and row.status == true.status.value
        return None if is_right else row.id


def _pull(run: _Run, options: dict[str, bool], interruption: Interruption | None) -> _Attempt:
    """Call `pull` once, in this process."""
    scenario = run.scenario
    vars(parquet)["_AT_ONCE"] = scenario.rows_a_part
    cut = {} if interruption is None else {interruption.kind: interruption.number}
    transport = ModelTransport(
        run.drift,
        run.answers,
        faults=scenario.faults,
        most=scenario.endless_requests(len(run.drift.service.rows)),
        kill_at=cut.get("request"),
    )

    async def work() -> Report:
        return await pull(
            transport.client(),
            to=run.file,
            concurrency=scenario.workers,
            page_size=scenario.page_size,
            **options,  # type: ignore[arg-type]
        )

    if "line" in cut:
        kill_at_line(cut["line"])
    try:
        report = anyio.run(cancelled_after, cut.get("cancel"), work, backend=scenario.backend)
        return _Attempt(report)
    except SeeClickFixError as error:
        is_done = "this pull is done" in str(error)
        is_empty = isinstance(error, TruncatedResultsError)
        return _Attempt(None, repr(error), is_done=is_done, is_empty=is_empty)
    except BaseException as error:  # noqa: BLE001  # of any kind
        text = "".join(traceback.format_exception(error))[-1500:]
        return _Attempt(
            None, text, is_foreign=not transport.is_endless, is_endless=transport.is_endless
        )
    finally:
        sys.settrace(None)


def _read(path: Path) -> list[_Row]:
    """Read a file as its users would."""
    if path.suffix.endswith("parquet") and not any(path.glob("*/*.parquet")):
        return []
    rows = (row | row.get("properties", {}) for row in files.rows(path))
    return [
        _Row(
            int(row["id"]),
            str(row["summary"]),
            str(row["status"]).lower(),
            row["vanished_at"] not in {None, ""},
        )
        for row in rows
    ]
