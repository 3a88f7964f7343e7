"""Pulls of a scenario's service, with updates and sweeps, compared with its rows."""

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
    cancel_after,
    kill_at_line,
    run_in_child,
)
from benchmarks.proof.findings import Findings
from benchmarks.proof.scenario import MAX_ATTEMPTS, Scenario
from seeclickfix_async._crawl.report import Report
from seeclickfix_async.errors import SeeClickFixError, TruncatedResultsError
from seeclickfix_async.pull import _parquet as parquet
from seeclickfix_async.pull import pull
from seeclickfix_async.pull._loader import OVERLAP
from tests.support import pulled_files as files
from tests.support.service_drift import Drift

_JUMPS = (timedelta(hours=7), timedelta(days=1), timedelta(days=40))
_MAX_EVENTS = 25  # the most events between two pulls
_TEMPORARY_FILES = ("*.update.*", "*.sweep.*", "*.new")


@attrs.frozen
class _Row:
    """The compared columns of a row."""

    id: int
    version: str
    status: str
    is_marked: bool


@attrs.frozen
class _Attempt:
    """The outcome of a process that called `pull`.

    Attributes:
        report: The returned report; None after a cancellation or an error.
        error: The raised exception, as a string.
        is_foreign: Whether that is not an exception of the package.
        is_done: Whether it says that the pull is complete already.
        is_empty: Whether it says that the service returns none of the rows that it counts.
        is_endless: Whether there were too many requests.
    """

    report: Report | None = None
    error: str = ""
    is_foreign: bool = False
    is_done: bool = False
    is_empty: bool = False
    is_endless: bool = False


class _StopError(Exception):
    """Ends a scenario that cannot continue."""


def prove_pull(scenario: Scenario, findings: Findings) -> None:
    """Pull, update and sweep, with all interruptions; add what was found."""
    with tempfile.TemporaryDirectory() as folder:
        run = _Run(scenario, scenario.service(), findings, Path(folder) / scenario.file)
        with contextlib.suppress(_StopError):
            run.prove()
        findings.counts["requests"] += run.drift.service.responses


@attrs.define
class _Run:
    """A file and its service.

    Attributes:
        responses: Number of responses, across processes.
        read_until: The end of the period that the last call read, by the service's clock.
        late: The ids of rows that were dated long before that afterwards, which no update can see.
    """

    scenario: Scenario
    drift: Drift
    findings: Findings
    file: Path
    responses: SharedNumber = attrs.field(factory=SharedNumber)
    read_until: datetime | None = None
    late: set[int] = attrs.field(factory=set)

    def prove(self) -> None:
        """Pull, and then update and sweep as often as the scenario has cycles."""
        random = Random(f"pull of {self.scenario.seed}")
        self._stage("pull", random)
        for _ in range(self.scenario.cycles):
            self._pass_time(random, random.choice(_JUMPS))
            self._stage("update", random, is_quiet=random.random() < 0.6, update=True)
            self._pass_time(random, _JUMPS[0])
            self._stage("sweep", random, is_quiet=True, sweep=True)
        for pattern in _TEMPORARY_FILES:
            for file in self.file.parent.rglob(pattern):
                self.findings.add("leftover file", "end", file.name)

    def _pass_time(self, random: Random, time: timedelta) -> None:
        self.drift.service.opened += time
        for _ in range(random.randrange(_MAX_EVENTS)):
            self.drift.service.advance()

    def _stage(
        self, stage: str, random: Random, *, is_quiet: bool = False, **options: bool
    ) -> None:
        """Call `pull` until it returns, and compare the file with the service."""
        self.drift.is_quiet = is_quiet
        if self.read_until is not None:
            self.late |= self.drift.changed - self.drift.updated_since(self.read_until - OVERLAP)
        self.drift.begin()
        report = self._pull_to_the_end(stage, random, options)
        self.drift.is_quiet = False
        rows = self._rows(stage)
        self._check(stage, rows, report, is_quiet=is_quiet)

    def _pull_to_the_end(
        self, stage: str, random: Random, options: dict[str, bool]
    ) -> Report | None:
        """Call `pull` until it returns; return None if it was killed after it was done."""
        interruptions_left = self.scenario.interruptions
        attempt = _Attempt()
        for _ in range(MAX_ATTEMPTS):
            interruption = None
            if interruptions_left > 0:
                interruptions_left -= 1
                interruption = Interruption.choose(random, "line", "request", "cancel")
            attempt = self._attempt(stage, options, interruption)
            if attempt.report is not None or attempt.is_done:
                return attempt.report
            if attempt.is_foreign:
                self.findings.add("foreign exception", stage, attempt.error)
                raise _StopError
            if attempt.is_endless:
                self.findings.add("endless", stage, "There were too many requests.")
                raise _StopError
            if attempt.is_empty and not self._has_old_rows():
                raise _StopError  # the service counts rows that it does not have
            self.findings.counts["errors" if attempt.error else "resumed"] += 1
        self.findings.add("stuck", stage, attempt.error)
        raise _StopError

    def _has_old_rows(self) -> bool:
        """Return whether there is an issue that a sweep reads, too: it omits the last ones."""
        service = self.drift.service
        old = service.opened - OVERLAP
        return any(service.rows[number].created < old for number in self.drift.stable)

    def _attempt(
        self, stage: str, options: dict[str, bool], interruption: Interruption | None
    ) -> _Attempt:
        """Call `pull` in a child process, and repeat the changes of the service in this one."""
        service = self.drift.service
        self.responses.value = service.responses
        work = partial(_pull, self, options, interruption)
        try:
            attempt = run_in_child(work)
        except KilledError:
            self.findings.counts["killed"] += 1
            attempt = _Attempt()
        except HangingError:
            self.findings.add("endless", stage, "The pull hangs without requests.")
            raise _StopError from None
        while service.responses < self.responses.value:
            service.advance()
        return attempt

    def _rows(self, stage: str) -> list[_Row]:
        try:
            return run_in_child(partial(_read, self.file))
        except RuntimeError as error:
            self.findings.add("unreadable", stage, str(error)[-1000:])
            raise _StopError from None

    def _check(
        self, stage: str, rows: list[_Row], report: Report | None, *, is_quiet: bool
    ) -> None:
        """Compare a file with the service.

        An update reads changes up to its first response; later ones, by the service's clock,
        belong to the next update.
        """
        drift, findings = self.drift, self.findings
        findings.check_doubled(stage, [row.id for row in rows])
        if report is None:
            return
        expected = drift.stable
        self.read_until = report.until or drift.service.opened
        if stage != "pull":
            expected = expected - drift.changed - drift.updated_since(self.read_until)
        if stage == "update":
            expected = expected - self.late
        findings.check_lost(stage, expected - {row.id for row in rows}, report)
        if not is_quiet or not report.complete:
            return
        checked = [row for row in rows if row.id in expected or row.id not in drift.service.rows]
        findings.add_ids("stale silently", stage, set(filter(None, map(self._find_stale, checked))))
        if stage == "sweep":
            wrong = {row.id for row in checked if row.is_marked == (row.id in drift.stable)}
            findings.add_ids("wrong mark", stage, wrong)

    def _find_stale(self, row: _Row) -> int | None:
        """Return the id of a row that differs from the service's; None if it is equal."""
        expected_row = self.drift.service.rows.get(row.id)
        if expected_row is None or row.id in self.drift.silent:
            return None
        is_current = (
            row.version == f"version {expected_row.version}"
            and row.status == expected_row.status.value
        )
        return None if is_current else row.id


def _pull(run: _Run, options: dict[str, bool], interruption: Interruption | None) -> _Attempt:
    """Call `pull` once, in this process."""
    scenario = run.scenario
    vars(parquet)["_MAX_PENDING"] = scenario.rows_per_part
    limits = {} if interruption is None else {interruption.kind: interruption.number}
    transport = ModelTransport(
        run.drift,
        run.responses,
        faults=scenario.faults,
        max_requests=scenario.max_requests(len(run.drift.service.rows)),
        kill_at=limits.get("request"),
    )

    async def work() -> Report:
        return await pull(
            transport.client(),
            to=run.file,
            concurrency=scenario.workers,
            page_size=scenario.page_size,
            **options,  # type: ignore[arg-type]
        )

    if "line" in limits:
        kill_at_line(limits["line"])
    try:
        report = anyio.run(cancel_after, limits.get("cancel"), work, backend=scenario.backend)
        return _Attempt(report)
    except SeeClickFixError as error:
        is_done = error.code == "pull_complete"
        is_empty = isinstance(error, TruncatedResultsError)
        return _Attempt(None, repr(error), is_done=is_done, is_empty=is_empty)
    except BaseException as error:  # noqa: BLE001  # checked by the caller
        text = "".join(traceback.format_exception(error))[-1500:]
        return _Attempt(
            None, text, is_foreign=not transport.is_endless, is_endless=transport.is_endless
        )
    finally:
        sys.settrace(None)


def _read(path: Path) -> list[_Row]:
    """Read a file as its users would."""
    rows = (row | row.get("properties", {}) for row in files.read_issues(path))
    return [
        _Row(
            int(row["id"]),
            str(row["summary"]),
            str(row["status"]).lower(),
            row["vanished_at"] not in {None, ""},
        )
        for row in rows
    ]
