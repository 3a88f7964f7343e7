"""How a person is told what a pull takes, how it goes, and what came."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Generator
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seeclickfix_async import Estimate, Report
from seeclickfix_async import pull as pulls
from seeclickfix_async._cli.app import INCOMPLETE, OK, err, out, print_json
from seeclickfix_async.errors._counting import counted

_WHAT: dict[pulls.Stage, str] = {
    "pull": "issue",
    "update": "updated issue",
    "sweep": "id",
    "photos": "photo",
}


class Lines:
    """A line now and then, where nobody draws.

    Attributes:
        stages: What the pull has begun to do, in this order.
    """

    def __init__(self, every: float = 10.0) -> None:
        self.stages: list[pulls.Stage] = []
        self._every = every
        self._last = time.monotonic()

    def begin(self, stage: pulls.Stage, estimate: Estimate) -> None:
        """Print what is to come."""
        err.print(_words(stage, estimate))
        self.stages.append(stage)

    def tell(self, report: Report) -> None:
        """Print, unless the last line is fresh."""
        now = time.monotonic()
        if now - self._last >= self._every:
            self._last = now
            came, whole = _so_far(self.stages[-1], report)
            err.print(f"{came:,} of {counted(whole, _WHAT[self.stages[-1]])}")


class Bar(Lines):
    """A bar with rate and time left, on a terminal."""

    def __init__(self, progress: Progress, name: str) -> None:
        super().__init__()
        self._progress = progress
        self._task = progress.add_task(name, total=None)

    def begin(self, stage: pulls.Stage, estimate: Estimate) -> None:
        """Print what is to come, and begin anew."""
        super().begin(stage, estimate)
        self._progress.reset(self._task, total=estimate.issues)

    def tell(self, report: Report) -> None:
        """Draw."""
        came, whole = _so_far(self.stages[-1], report)
        self._progress.update(self._task, total=whole, completed=came)


@contextlib.contextmanager
def progress_listener(name: str) -> Generator[Lines]:
    """What tells of the pull into the file of this name."""
    if not err.is_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        yield Bar(progress, name)


def print_estimate(estimate: Estimate, *, json: bool) -> int:
    """Print what a pull would take; gives the exit code."""
    if json:
        print_json(estimate)
    else:
        out.print(_words("pull", estimate), highlight=False)
    return OK


def tell(report: Report, path: Path, *, json: bool, update: bool = False) -> int:
    """Print what came; gives the exit code."""
    if json:
        print_json(report)
        return OK if report.complete else INCOMPLETE
    what = _WHAT["update" if update else "pull"]
    verdict = "complete" if report.complete else f"NOT complete: {' '.join(report.reasons)}"
    alone = report.quota_seconds
    quota = f"; at the quota's pace it is {_time(alone)}" if alone else ""
    gone = "" if report.vanished is None else f"{counted(report.vanished, 'issue')} vanished\n"
    missing = f", {report.photos_missing:,} could not be had" if report.photos_missing else ""
    pictures = "" if report.photos is None else f"{counted(report.photos, 'photo')}{missing}\n"
    out.print(
        f"{report.received:,} of {counted(report.expected or 0, what)}, {verdict}\n"
        f"{counted(report.requests, 'request')} ({report.minimum:,} at the least), "
        f"{counted(report.duplicates, 'row')} came twice\n{gone}{pictures}"
        f"It took {_time(report.seconds)}{quota}\n{path.resolve()}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return OK if report.complete else INCOMPLETE


def _so_far(stage: pulls.Stage, report: Report) -> tuple[int, int]:
    """How many have come, of how many."""
    if stage == "photos":
        came = report.photos or 0
        return came, came + (report.photos_missing or 0)
    return report.received, report.expected or 0


def _words(stage: pulls.Stage, estimate: Estimate) -> str:
    what = _WHAT[stage]
    unknown = estimate.issues is None
    whole = f"An unknown number of {what}s" if unknown else counted(estimate.issues or 0, what)
    quota = f", {_time(estimate.seconds)}" if estimate.seconds else ""
    return f"{whole} to come: {counted(estimate.requests, 'request')}{quota} at the least."


def _time(seconds: float) -> str:
    """So long, in a unit that gives it two digits or so."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}s"
    return counted(math.ceil(seconds), "second")
