"""The progress and the report of a pull, printed for a user."""

from __future__ import annotations

import contextlib
import gc
import math
import time
from collections.abc import Generator
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from seeclickfix_async import Estimate, Report
from seeclickfix_async import pull as pulls
from seeclickfix_async._cli.exit_codes import INCOMPLETE, OK
from seeclickfix_async._cli.quota_wait import LINE_INTERVAL, QuotaColumn, QuotaWait
from seeclickfix_async._cli.terminal import err, notes, out, print_json
from seeclickfix_async.errors._counting import counted

_NOUNS: dict[pulls.Stage, str] = {
    "pull": "issue",
    "update": "updated issue",
    "sweep": "id",
    "photos": "photo",
}


class ProgressLines:
    """Progress as one line every ten seconds, for output that is not a terminal.

    Attributes:
        stages: The stages that the pull has begun, in order.
    """

    def __init__(self, notice: str = "") -> None:
        self.stages: list[pulls.Stage] = []
        self._notice = notice
        self._last = time.monotonic()

    def begin(self, stage: pulls.Stage, estimate: Estimate) -> None:
        """Print the estimate of a stage, and before the first one a notice."""
        if self._notice and not self.stages:
            notes.print(self._notice)
        notes.print(_format_estimate(stage, estimate))
        gc.freeze()  # all modules are loaded: they make pauses 20 times as long (measured)
        self.stages.append(stage)

    def update(self, report: Report) -> None:
        """Print a line, unless the last one was printed less than ten seconds ago."""
        now = time.monotonic()
        if now - self._last >= LINE_INTERVAL:
            self._last = now
            received, total = _count(self.stages[-1], report)
            notes.print(f"{received:,} of {counted(total, _NOUNS[self.stages[-1]])}")


class ProgressBar(ProgressLines):
    """Progress as a bar with the time left, on a terminal."""

    def __init__(self, progress: Progress, quota: QuotaColumn, name: str, notice: str) -> None:
        super().__init__(notice)
        self._progress = progress
        self._quota = quota
        self._task = progress.add_task(name, total=None)

    def begin(self, stage: pulls.Stage, estimate: Estimate) -> None:
        """Print the estimate of a stage, and reset the bar."""
        super().begin(stage, estimate)
        self._quota.rows_per_request = max(1.0, (estimate.issues or 0) / estimate.requests)
        self._progress.reset(self._task, total=estimate.issues)

    def update(self, report: Report) -> None:
        """Update the bar."""
        received, total = _count(self.stages[-1], report)
        self._progress.update(self._task, total=total, completed=received)


@contextlib.contextmanager
def progress_listener(name: str, wait: QuotaWait, notice: str = "") -> Generator[ProgressLines]:
    """Yield a listener that shows the progress of the pull into the file `name`."""
    if not notes.is_terminal or notes.quiet:
        yield ProgressLines(notice)
        return
    quota = QuotaColumn(wait)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        quota,
    )
    wait.is_in_bar = True
    # Its own redirection would turn escape sequences in log records into styles.
    with Progress(
        *columns, console=notes, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as progress:
        yield ProgressBar(progress, quota, name, notice)
    wait.is_in_bar = False


def print_estimate(estimate: Estimate, *, json: bool) -> int:
    """Print the estimate of a pull, and return the exit code."""
    if json:
        print_json(estimate)
    else:
        out.print(_format_estimate("pull", estimate))
    return OK


def print_report(report: Report, path: Path, *, json: bool, update: bool = False) -> int:
    """Print the report of a pull, and return the exit code; with --quiet, only what is wrong."""
    if out.quiet and not report.complete:
        err.print(f"scf: {path} is NOT complete: {' '.join(report.reasons)}")
    if json:
        print_json(report)
        return OK if report.complete else INCOMPLETE
    noun = _NOUNS["update" if update else "pull"]
    verdict = "complete" if report.complete else f"NOT complete: {' '.join(report.reasons)}"
    needed = f"{report.minimum:,} {'was' if report.minimum == 1 else 'were'} needed"
    lines = [
        f"{report.received:,} of {counted(report.expected or 0, noun)}, {verdict}",
        f"{counted(report.requests, 'request')} (at least {needed})",
        f"{counted(report.duplicates, 'row')} received twice",
    ]
    if report.vanished is not None:
        lines.append(f"{counted(report.vanished, 'issue')} vanished")
    if report.photos is not None:
        missing = f", {report.photos_missing:,} not available" if report.photos_missing else ""
        lines.append(f"{counted(report.photos, 'photo')}{missing}")
    lines += [f"It took {_format_duration(report.seconds)}", str(path.resolve())]
    for line in lines:
        out.print(line)
    return OK if report.complete else INCOMPLETE


def _count(stage: pulls.Stage, report: Report) -> tuple[int, int]:
    """Return the number of items received, and the total."""
    if stage == "photos":
        received = report.photos or 0
        return received, received + (report.photos_missing or 0)
    return report.received, report.expected or 0


def _format_estimate(stage: pulls.Stage, estimate: Estimate) -> str:
    noun = _NOUNS[stage]
    is_unknown = estimate.issues is None
    total = f"An unknown number of {noun}s" if is_unknown else counted(estimate.issues or 0, noun)
    quota = f", {_format_duration(estimate.seconds)}" if estimate.seconds else ""
    return f"{total} to fetch: at least {counted(estimate.requests, 'request')}{quota}."


def _format_duration(seconds: float) -> str:
    """Return the largest unit of which there are two or more, as `2.5 hours` or `90 seconds`."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}s"
    return counted(math.ceil(seconds), "second")
