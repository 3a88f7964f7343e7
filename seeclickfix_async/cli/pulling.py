"""From a crawl to a file, with a word on how it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from anyio import to_thread
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seeclickfix_async.cli.sinks import open_sink
from seeclickfix_async.crawl import Crawl, Report
from seeclickfix_async.models import Issue

_BATCH = 100


class Teller(Protocol):
    """Tells a person how a pull goes."""

    def tell(self, report: Report) -> None:
        """So much has come."""
        ...


class Bar:
    """A bar with rate and time left, on a terminal."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._task = progress.add_task(name, total=None, rate="")
        self._started = time.monotonic()

    def tell(self, report: Report) -> None:
        """Draw."""
        seconds = time.monotonic() - self._started
        rate = f"{report.received / seconds:,.0f}/s" if seconds else ""
        self._progress.update(
            self._task, total=report.expected, completed=report.received, rate=rate
        )


class Lines:
    """A line now and then, where nobody draws."""

    def __init__(self, console: Console, every: float = 10.0) -> None:
        self._console = console
        self._every = every
        self._last = time.monotonic()

    def tell(self, report: Report) -> None:
        """Print, unless the last line is fresh."""
        now = time.monotonic()
        if now - self._last >= self._every:
            self._last = now
            self._console.print(f"{report.received:,} of {report.expected or 0:,} issues")


async def pull(
    walk: Crawl[Issue],
    path: Path,
    console: Console,
    each: Callable[[Issue], None] = lambda _: None,
) -> Report:
    """Write a walk to a file; what came before an interruption is in it."""
    batch: list[Issue] = []
    with open_sink(path) as sink, _progress(console) as progress:
        teller: Teller = Bar(progress, path.name) if console.is_terminal else Lines(console)
        try:
            async for issue in walk:
                each(issue)
                batch.append(issue)
                if len(batch) == _BATCH:
                    await to_thread.run_sync(sink.write, tuple(batch))
                    batch.clear()
                    teller.tell(walk.report)
        finally:
            sink.write(batch)  # here and now: a cancelled task may not wait for a thread
    return walk.report


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
