"""The commands that pull, and how they tell a person how it goes."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from seeclickfix_async import AsyncClient, Crawl, Issue, Limiter, Report, checks
from seeclickfix_async import pull as pulls
from seeclickfix_async.cli import local
from seeclickfix_async.cli.app import (
    INCOMPLETE,
    OK,
    PRODUCT,
    Box,
    Flag,
    Json,
    Near,
    Place,
    Site,
    area_of,
    aware,
    err,
    nothing_at,
    out,
    print_json,
)
from seeclickfix_async.cli.session import client_of
from seeclickfix_async.credentials import PRODUCTION
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.report import Estimate

_DEMO_FILE = Path("scf-demo.db")
_EVERYWHERE = "The whole service, every city of it, since no --place, --near or --box is given."


async def demo(*, issues: int = 5000, json: Json = False) -> int:
    """Pull a whole city from a sandbox on this machine into scf-demo.db, in some seconds.

    Args:
        issues: How many issues the city has.
        json: Print the report as JSON.
    """
    checks.number("issues", issues, 0, 10_000_000, whole=True)
    err.print(
        "A sandbox with a made-up city starts on this machine. The service takes 20 requests a "
        "minute; here a minute is scaled to one second."
    )
    await anyio.Path(_DEMO_FILE).unlink(missing_ok=True)  # each sandbox is a city of its own
    async with (
        local.sandbox("--issues", str(issues), "--per", "1.0") as url,
        AsyncClient(base_url=url, limiter=Limiter(20, per=1.0), user_agent=PRODUCT) as client,
    ):
        with _teller(_DEMO_FILE.name) as teller:
            report = await pulls.pull(client, to=_DEMO_FILE, teller=teller)
    if not json:
        with contextlib.closing(sqlite3.connect(_DEMO_FILE)) as database:
            _tally("Status", database, "status")
            _tally("Request type", database, "coalesce(request_type, 'Post to Neighbors')")
    return _tell(report, _DEMO_FILE, json=json)


async def pull(
    file: Path,
    /,
    *,
    place: Place = None,
    near: Near = None,
    box: Box = None,
    status: str = "all",
    after: datetime | None = None,
    before: datetime | None = None,
    details: Flag = False,
    largest: Flag = False,
    update: Flag = False,
    sweep: Flag = False,
    photos: Path | None = None,
    estimate: Flag = False,
    base_url: Site = PRODUCTION,
    json: Json = False,
) -> int:
    """Pull every issue of an area into FILE, and go on where an interrupted pull stopped.

    Whatever ends it, the same command goes on, and the file is usable in between. Exit code 3
    when not everything came.

    Args:
        file: Ends in .jsonl (one issue a line), .csv, .geojson, .db (SQLite), .parquet or
            .geoparquet (a folder with one file for each month).
        place: A place's url_name.
        near: LAT LNG METRES.
        box: MIN_LAT MIN_LNG MAX_LAT MAX_LNG.
        status: all, or some of open,acknowledged,closed,archived.
        after: Created then or later; UTC unless it says otherwise.
        before: Created before then.
        details: With comments, answers and votes; five times as many requests.
        largest: Ask for pages of 1,000 issues; the service may grant less.
        update: Bring a pull that is done up to date.
        sweep: Update, and mark the issues that the service gives no longer (vanished_at).
        photos: Fetch the issues' photos into this folder, when the issues are there. A request
            each, so that they take far longer than the issues.
        estimate: Say what it would take, at the price of one request, and stop.
        base_url: The service's address.
        json: Print the report as JSON.
    """
    filters: dict[str, Any] = {
        "area": area_of(place, near, box),
        "status": status,
        "after": aware(after),
        "before": aware(before),
        "details": details,
        "page_size": "largest" if largest else None,
    }
    if filters["area"] is None:
        err.print(_EVERYWHERE)
    async with client_of(base_url) as client:
        if estimate:
            walk: Crawl[Issue] = client.issues.crawl(**filters)
            return _foretell(await walk.estimate(), json=json)
        with _teller(file.name) as teller:
            options: dict[str, Any] = {"update": update, "sweep": sweep, "photos": photos}
            report = await pulls.pull(client, to=file, teller=teller, **options, **filters)
    code = _tell(report, file, json=json)
    return code if report.expected or place is None else nothing_at(place)


def map_page(file: Path, /, *, to: Path | None = None) -> int:
    """Make one page for a browser of a pull: a map, charts and a table, without a network.

    Args:
        file: What `scf pull` wrote, of any kind.
        to: The page; FILE with .html at its end unless told.
    """
    page = to or file.with_name(f"{file.name}.html")
    content = pulls.page(file)
    try:
        page.write_text(content, "utf-8")
    except OSError:
        raise InvalidArgumentError("to", f"{page} cannot be written.") from None
    out.print(str(page.resolve()), markup=False, highlight=False, soft_wrap=True)
    return OK


class Bar:
    """A bar with rate and time left, on a terminal."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._stage: pulls.Stage = "pull"
        self._task = progress.add_task(name, total=None)

    def begin(self, stage: pulls.Stage, estimate: Estimate) -> None:
        """Print what is to come, and begin anew."""
        err.print(_words(stage, estimate))
        self._stage = stage
        self._progress.reset(self._task, total=estimate.issues)

    def tell(self, report: Report) -> None:
        """Draw."""
        came, whole = _so_far(self._stage, report)
        self._progress.update(self._task, total=whole, completed=came)


class Lines:
    """A line now and then, where nobody draws."""

    def __init__(self, every: float = 10.0) -> None:
        self._every = every
        self._stage: pulls.Stage = "pull"
        self._last = time.monotonic()

    def begin(self, stage: pulls.Stage, estimate: Estimate) -> None:
        """Print."""
        err.print(_words(stage, estimate))
        self._stage = stage

    def tell(self, report: Report) -> None:
        """Print, unless the last line is fresh."""
        now = time.monotonic()
        if now - self._last >= self._every:
            self._last = now
            came, whole = _so_far(self._stage, report)
            err.print(f"{came:,} of {_count(whole, _WHAT[self._stage])}")


@contextlib.contextmanager
def _teller(name: str) -> Generator[pulls.Teller]:
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


def _so_far(stage: pulls.Stage, report: Report) -> tuple[int, int]:
    """How many have come, of how many."""
    if stage == "photos":
        came = report.photos or 0
        return came, came + (report.photos_missing or 0)
    return report.received, report.expected or 0


_WHAT: dict[pulls.Stage, str] = {
    "pull": "issue",
    "update": "updated issue",
    "sweep": "id",
    "photos": "photo",
}


def _words(stage: pulls.Stage, estimate: Estimate) -> str:
    what = _WHAT[stage]
    unknown = estimate.issues is None
    whole = f"An unknown number of {what}s" if unknown else _count(estimate.issues or 0, what)
    quota = f", {_time(estimate.seconds)}" if estimate.seconds else ""
    return f"{whole} to come: {_count(estimate.requests, 'request')}{quota} at the least."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _time(seconds: float) -> str:
    """So long, in a unit that gives it two digits or so."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}s"
    return _count(math.ceil(seconds), "second")


def _foretell(estimate: Estimate, *, json: bool) -> int:
    if json:
        print_json(estimate)
    else:
        out.print(_words("pull", estimate), highlight=False)
    return OK


def _tally(title: str, database: sqlite3.Connection, what: str) -> None:
    table = Table(title, "Issues", box=None)
    table.columns[1].justify = "right"
    counts = f"SELECT {what}, count(*) FROM issues GROUP BY 1 ORDER BY 2 DESC"  # noqa: S608  # ours
    for name, count in database.execute(counts):
        table.add_row(name, f"{count:,}")
    out.print(table)
    out.print()


def _tell(report: Report, path: Path, *, json: bool) -> int:
    if json:
        print_json(report)
        return OK if report.complete else INCOMPLETE
    verdict = "complete" if report.complete else f"NOT complete: {' '.join(report.reasons)}"
    alone = report.quota_seconds
    quota = f"; at the quota's pace it is {_time(alone)}" if alone else ""
    gone = "" if report.vanished is None else f"{_count(report.vanished, 'issue')} vanished\n"
    missing = f", {report.photos_missing:,} could not be had" if report.photos_missing else ""
    pictures = "" if report.photos is None else f"{_count(report.photos, 'photo')}{missing}\n"
    out.print(
        f"{report.received:,} of {_count(report.expected or 0, 'issue')}, {verdict}\n"
        f"{_count(report.requests, 'request')} ({report.minimum:,} at the least), "
        f"{_count(report.duplicates, 'row')} came twice\n{gone}{pictures}"
        f"It took {_time(report.seconds)}{quota}\n{path.resolve()}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return OK if report.complete else INCOMPLETE
