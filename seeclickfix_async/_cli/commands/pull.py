"""`scf demo`, `scf pull` and `scf map`."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from anyio import to_thread
from rich.table import Table

from seeclickfix_async import AsyncClient, Crawl, Issue, Limiter
from seeclickfix_async import pull as pulls
from seeclickfix_async._cli import sandbox_process
from seeclickfix_async._cli.app import PRODUCT
from seeclickfix_async._cli.exit_codes import INCOMPLETE, OK
from seeclickfix_async._cli.interrupts import immediate_interrupts
from seeclickfix_async._cli.messages import PLACES_HINT
from seeclickfix_async._cli.options import (
    QUERY,
    RUN,
    SITE,
    Flag,
    QueryOptions,
    RunOptions,
    SiteOptions,
    assume_utc,
)
from seeclickfix_async._cli.progress import print_estimate, print_report, progress_listener
from seeclickfix_async._cli.quota_wait import QuotaWait
from seeclickfix_async._cli.session import make_client, make_limiter
from seeclickfix_async._cli.terminal import err, notes, out, print_json, printed_warnings
from seeclickfix_async._core import validation
from seeclickfix_async._core.time_zone import parse_zone
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._lock import lock_for, locked
from seeclickfix_async.pull._map._page import is_page
from seeclickfix_async.pull._pull_files import discard
from seeclickfix_async.pull._sinks import check_suffix, open_sink

_DEMO_FILE = Path("scf-demo.db")
_DEMO_PAGE = Path("scf-demo.db.html")
_EVERYWHERE = "Without --place, --near or --box this is the whole service, with every city."


async def demo(*, issues: int = 5000, json: Flag = False, options: RunOptions = RUN) -> int:
    """Pull a whole city from a sandbox on this machine into scf-demo.db, and draw its map.

    Args:
        issues: The number of issues of the city.
        json: Print the report as JSON, and draw no map.
    """
    del options  # they are those of the run
    validation.integer_in_range("issues", issues, 1, 10_000_000)
    notes.print(
        "Starting a sandbox with an invented city on this machine. The service allows 20 requests "
        "a minute; here a minute is scaled to one second."
    )
    async with locked(lock_for(_DEMO_FILE), argument="to"):
        await to_thread.run_sync(_discard_demo)
    limiter = Limiter(20, per=1.0)
    async with (
        sandbox_process.run_in_background("--issues", str(issues), "--per", "1.0") as url,
        AsyncClient(base_url=url, limiter=limiter, user_agent=PRODUCT) as client,
    ):
        with progress_listener(_DEMO_FILE.name, QuotaWait(limiter)) as listener:
            report = await pulls.pull(client, to=_DEMO_FILE, progress=listener)
    with immediate_interrupts():
        if not json:
            with contextlib.closing(sqlite3.connect(_DEMO_FILE)) as database:
                _print_counts("Status", database, "status")
                _print_counts(
                    "Request type", database, "coalesce(request_type, 'Post to Neighbors')"
                )
        code = print_report(report, _DEMO_FILE, json=json)
        if report.received and not json:
            out.print("Open its map in a browser:")
            map_page(_DEMO_FILE)
    return code


async def pull(
    file: Path,
    /,
    *,
    query: QueryOptions = QUERY,
    status: str = "all",
    after: datetime | None = None,
    before: datetime | None = None,
    details: Flag = False,
    largest: Flag = False,
    update: Flag = False,
    sweep: Flag = False,
    photos: Path | None = None,
    excel: Flag = False,
    timezone: str | None = None,
    wait: float = 0.0,
    estimate: Flag = False,
    json: Flag = False,
    options: SiteOptions = SITE,
) -> int:
    """Pull every issue of an area into FILE, or continue an interrupted pull.

    After an interruption of any kind, the same command continues the pull; FILE is usable
    meanwhile. Exit code 3 means that the pull is incomplete, 4 that another process is writing FILE
    or the photos.

    Args:
        file: A name that ends in .jsonl (one issue per line), .csv, .geojson, .db (SQLite),
            .parquet or .geoparquet (a folder with one file for each month).
        status: all, or some of open,acknowledged,closed,archived.
        after: The earliest time of creation, such as 2026-01-31 or 2026-01-31T08:00; in UTC by
            default.
        before: The end of the time of creation, exclusive, in the same form.
        details: Include comments, question responses and votes; needs five times as many requests.
        largest: Request pages of 1,000 issues; the service may return smaller ones.
        update: Fetch what has changed since FILE was pulled; if it is new or incomplete, pull it
            first.
        sweep: Update, and mark the issues that the service no longer lists (vanished_at).
        photos: Download the issues' photos into this folder, after the issues. Each photo needs a
            request, so that they take far longer than the issues.
        excel: Write a .csv file that Excel can open: with a byte order mark, and with an apostrophe
            before cells that look like formulas.
        timezone: The place's time zone, such as America/New_York: each time gets a second column
            with the local time, such as created_at_local. FILE remembers it.
        wait: Seconds to wait while another process is writing FILE or the photos.
        estimate: Print the number of issues and requests, and stop; needs one request.
        json: Print the report as JSON.
    """
    check_suffix(file)
    zone = parse_zone(timezone)  # an estimate does not use it, and the pull after it would fail
    filters: dict[str, Any] = {
        **query.filters(),
        "status": status,
        "after": assume_utc(after),
        "before": assume_utc(before),
        "details": details,
        "page_size": "largest" if largest else None,
    }
    notice = "" if "area" in filters else _EVERYWHERE
    wait_for_quota = QuotaWait(await make_limiter(options))
    async with make_client(options, wait_for_quota) as client:
        if estimate:
            crawl: Crawl[Issue] = client.issues.crawl(**filters)
            if notice:
                notes.print(notice)
            return print_estimate(await crawl.estimate(), json=json)
        with progress_listener(file.name, wait_for_quota, notice) as listener:
            how: dict[str, Any] = {
                "update": update,
                "sweep": sweep,
                "photos": photos,
                "excel": excel,
                "timezone": zone,
                "wait": wait,
            }
            report = await pulls.pull(client, to=file, progress=listener, **how, **filters)
    if report.complete or report.expected != 0 or report.received:
        return print_report(report, file, json=json, update="update" in listener.stages)
    if json:
        print_json(report)
    err.print(PLACES_HINT)  # after the warning that there is no such place
    return INCOMPLETE


def map_page(
    file: Path,
    /,
    *,
    to: Path | None = None,
    timezone: str | None = None,
    offline: Flag = False,
    options: RunOptions = RUN,
) -> int:
    """Make an HTML page of a pull, with a map, charts and a table, which works offline.

    Args:
        file: A file or folder that `scf pull` wrote, in any format.
        to: The page; by default FILE with .html appended. It replaces an older page, but no other
            file.
        timezone: The time zone of days and months; by default that of the pull, or UTC.
        offline: Leave out the button that loads streets from OpenStreetMap.
    """
    del options
    page = to or file.parent / f"{file.name}.html"
    with printed_warnings():
        pulls.write_map(file, page, timezone=timezone, offline=offline)
    out.print(str(page.resolve()))
    return OK


def _discard_demo() -> None:
    """Remove the file of the last demo, since each sandbox has another city."""
    foreign = _DEMO_PAGE if _DEMO_PAGE.exists() and not is_page(_DEMO_PAGE) else None
    if foreign is None:
        try:
            open_sink(_DEMO_FILE).close()
        except InvalidArgumentError:
            foreign = _DEMO_FILE
    if foreign is not None:
        raise InvalidArgumentError(
            "to",
            f"{foreign} exists already and was not written by scf. Move it elsewhere, or run scf "
            "demo in another folder.",
        )
    discard(_DEMO_FILE)


def _print_counts(title: str, database: sqlite3.Connection, expression: str) -> None:
    table = Table(title, "Issues", box=None)
    table.columns[1].justify = "right"
    counts = f"SELECT {expression}, count(*) FROM issues GROUP BY 1 ORDER BY 2 DESC"  # noqa: S608
    for name, count in database.execute(counts):
        table.add_row(name, f"{count:,}")
    out.print(table)
    out.print()
