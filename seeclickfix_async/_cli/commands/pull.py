"""The commands that pull, and the one that draws what they pulled."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
from rich.table import Table

from seeclickfix_async import AsyncClient, Crawl, Issue, Limiter
from seeclickfix_async import pull as pulls
from seeclickfix_async._cli import sandbox_process
from seeclickfix_async._cli.app import (
    OK,
    PRODUCT,
    Box,
    Flag,
    Json,
    Near,
    Place,
    Site,
    err,
    nothing_at,
    out,
    parse_area,
    parse_datetime,
    print_json,
)
from seeclickfix_async._cli.progress import print_estimate, progress_listener, tell
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._core import validation
from seeclickfix_async._core.credentials import PRODUCTION
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._file_thread import discard
from seeclickfix_async.pull._lock import lock_for, locked

_DEMO_FILE = Path("scf-demo.db")
_EVERYWHERE = "The whole service, every city of it, since no --place, --near or --box is given."


async def demo(*, issues: int = 5000, json: Json = False) -> int:
    """Pull a whole city from a sandbox on this machine into scf-demo.db, in some seconds.

    Args:
        issues: How many issues the city has.
        json: Print the report as JSON.
    """
    validation.in_range("issues", issues, 0, 10_000_000, integer=True)
    err.print(
        "A sandbox with a made-up city starts on this machine. The service takes 20 requests a "
        "minute; here a minute is scaled to one second."
    )
    async with locked(lock_for(_DEMO_FILE), argument="to"):
        await anyio.Path(_DEMO_FILE).unlink(missing_ok=True)  # each sandbox is a city of its own
    async with (
        sandbox_process.sandbox("--issues", str(issues), "--per", "1.0") as url,
        AsyncClient(base_url=url, limiter=Limiter(20, per=1.0), user_agent=PRODUCT) as client,
    ):
        with progress_listener(_DEMO_FILE.name) as teller:
            report = await pulls.pull(client, to=_DEMO_FILE, teller=teller)
    if not json:
        with contextlib.closing(sqlite3.connect(_DEMO_FILE)) as database:
            _tally("Status", database, "status")
            _tally("Request type", database, "coalesce(request_type, 'Post to Neighbors')")
    return tell(report, _DEMO_FILE, json=json)


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
    wait: float = 0.0,
    estimate: Flag = False,
    base_url: Site = PRODUCTION,
    json: Json = False,
) -> int:
    """Pull every issue of an area into FILE, and go on where an interrupted pull stopped.

    Whatever ends it, the same command goes on, and the file is usable in between. Exit code 3
    when not everything came, 4 when another process is writing FILE or the photos.

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
        wait: Seconds to wait while another process is writing FILE or the photos.
        estimate: Say what it would take, at the price of one request, and stop.
        base_url: The service's address.
        json: Print the report as JSON.
    """
    filters: dict[str, Any] = {
        "area": parse_area(place, near, box),
        "status": status,
        "after": parse_datetime(after),
        "before": parse_datetime(before),
        "details": details,
        "page_size": "largest" if largest else None,
    }
    if filters["area"] is None:
        err.print(_EVERYWHERE)
    fresh = not await anyio.Path(file).exists()
    async with make_client(base_url) as client:
        if estimate:
            walk: Crawl[Issue] = client.issues.crawl(**filters)
            return print_estimate(await walk.estimate(), json=json)
        with progress_listener(file.name) as teller:
            options: dict[str, Any] = {
                "update": update,
                "sweep": sweep,
                "photos": photos,
                "wait": wait,
            }
            report = await pulls.pull(client, to=file, teller=teller, **options, **filters)
    if place is None or "pull" not in teller.stages or report.expected:
        return tell(report, file, json=json, update="update" in teller.stages)
    if fresh:
        discard(file)  # or the same command would say that this pull is done
    if json:
        print_json(report)
    return nothing_at(place)


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


def _tally(title: str, database: sqlite3.Connection, what: str) -> None:
    table = Table(title, "Issues", box=None)
    table.columns[1].justify = "right"
    counts = f"SELECT {what}, count(*) FROM issues GROUP BY 1 ORDER BY 2 DESC"  # noqa: S608  # ours
    for name, count in database.execute(counts):
        table.add_row(name, f"{count:,}")
    out.print(table)
    out.print()
