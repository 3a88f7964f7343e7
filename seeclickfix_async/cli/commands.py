"""The commands of `scf`."""

from __future__ import annotations

import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.table import Table

from seeclickfix_async import AsyncClient, Issue, Limiter, PlaceArea, Report, SeeClickFixError
from seeclickfix_async._version import __version__
from seeclickfix_async.areas import Area, BoundingBox, near
from seeclickfix_async.cli import local
from seeclickfix_async.cli.pulling import pull as pull_to
from seeclickfix_async.client import TOKEN_VARIABLE
from seeclickfix_async.credentials import PRODUCTION
from seeclickfix_async.errors import InvalidArgumentError

OK, FAILED, MISUSED, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: done; the service or the network failed; wrong arguments; not everything; Ctrl-C."""

_PRODUCT = f"scf/{__version__}"
_DEMO_FILE = Path("scf-demo.db")

app: App = App(
    name="scf",
    help=f"City service requests from SeeClickFix. A token is read from {TOKEN_VARIABLE}.",
    version=__version__,
    suppress_keyboard_interrupt=False,
)
out: Console = Console()
err: Console = Console(stderr=True, soft_wrap=True)

Site = Annotated[str, Parameter("--base-url", env_var="SEECLICKFIX_BASE_URL")]
Json = Annotated[bool, Parameter("--json", negative=())]
Place = Annotated[str | None, Parameter("--place")]
Near = Annotated[tuple[float, float, float] | None, Parameter("--near")]
Box = Annotated[tuple[float, float, float, float] | None, Parameter("--box")]


def run(arguments: list[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    try:
        code = app(arguments, exit_on_error=False, result_action="return_value")
    except (CycloptsError, InvalidArgumentError) as error:
        if isinstance(error, InvalidArgumentError):
            err.print(f"scf: {error}", markup=False)
        return MISUSED
    except SeeClickFixError as error:
        err.print(f"scf: {error}", markup=False)
        return FAILED
    except KeyboardInterrupt:
        err.print("scf: stopped. What had come is kept.")
        return INTERRUPTED
    return code if isinstance(code, int) else OK


@app.command
async def demo(*, issues: int = 5000, json: Json = False) -> int:
    """Pull a whole city from a sandbox on this machine into scf-demo.db, in some seconds.

    Args:
        issues: How many issues the city has.
        json: Print the report as JSON.
    """
    err.print(
        "A sandbox with a made-up city starts on this machine. The service takes 20 requests a "
        "minute; here a minute is scaled to one second."
    )
    statuses: Counter[str] = Counter()
    kinds: Counter[str] = Counter()

    def count(issue: Issue) -> None:
        statuses[str(issue.status)] += 1
        kinds[(issue.request_type and issue.request_type.title) or "Post to Neighbors"] += 1

    async with (
        local.sandbox("--issues", str(issues), "--per", "1.0") as url,
        AsyncClient(base_url=url, limiter=Limiter(20, per=1.0), user_agent=_PRODUCT) as client,
    ):
        report = await pull_to(client.issues.crawl(walkers=4), _DEMO_FILE, err, count)
    if not json:
        _tally("Status", statuses)
        _tally("Request type", kinds)
    return _tell(report, _DEMO_FILE, json=json)


@app.command
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
    details: bool = False,
    base_url: Site = PRODUCTION,
    json: Json = False,
) -> int:
    """Pull every issue of an area into FILE.jsonl or FILE.db.

    A .db is updated, issue by issue; Ctrl-C leaves a usable file. Exit code 3 when not
    everything came.

    Args:
        file: Ends in .jsonl (one issue a line) or .db (SQLite).
        place: A place's url_name.
        near: LAT LNG METRES.
        box: MIN_LAT MIN_LNG MAX_LAT MAX_LNG.
        status: all, or some of open,acknowledged,closed,archived.
        after: Created then or later; UTC unless it says otherwise.
        before: Created before then.
        details: With comments, answers and votes; five times as many requests.
        base_url: The service's address.
        json: Print the report as JSON.
    """
    filters: dict[str, Any] = {
        "area": _area(place, near, box),
        "status": status,
        "after": _aware(after),
        "before": _aware(before),
    }
    async with _client(base_url) as client:
        walk: Any = client.issues.crawl(details=details, **filters)  # type: ignore[call-overload]
        report = await pull_to(walk, file, err)
    return _tell(report, file, json=json)


@app.command
async def issues(
    *,
    place: Place = None,
    near: Near = None,
    box: Box = None,
    status: str | None = None,
    search: str | None = None,
    limit: int = 20,
    base_url: Site = PRODUCTION,
    json: Json = False,
) -> int:
    """List the newest issues.

    Args:
        place: A place's url_name.
        near: LAT LNG METRES; lists the nearest first.
        box: MIN_LAT MIN_LNG MAX_LAT MAX_LNG.
        status: all, or some of open,acknowledged,closed,archived.
        search: Words to find; needs an area.
        limit: How many.
        base_url: The service's address.
        json: Print one issue a line as JSON.
    """
    async with _client(base_url) as client:
        found = await client.issues.list(
            area=_area(place, near, box), status=status, search=search, per_page=min(limit, 100)
        ).collect(limit)
    if json:
        for issue in found:
            _print_json(issue)
        return OK
    table = Table("ID", "Status", "Created", "Summary", "Address", box=None)
    for issue in found:
        created = issue.created_at.date().isoformat() if issue.created_at else ""
        table.add_row(
            str(issue.id), str(issue.status), created, issue.summary or "", issue.address or ""
        )
    out.print(table)
    return OK


@app.command
async def show(id: int, /, *, base_url: Site = PRODUCTION, json: Json = False) -> int:
    """Show one issue with its comments.

    Args:
        id: The issue's number.
        base_url: The service's address.
        json: Print it as JSON.
    """
    async with _client(base_url) as client:
        issue = await client.issues.get(id, details=True)
    if json:
        _print_json(issue)
        return OK
    out.print(f"#{issue.id} {issue.summary or ''}", style="bold", markup=False)
    out.print(f"{issue.status} · {issue.created_at} · {issue.address or ''}", markup=False)
    out.print(issue.description or "", markup=False)
    for comment in issue.comments or ():
        name = (comment.commenter and comment.commenter.name) or "Somebody"
        out.print(f"\n{name}, {comment.created_at}:\n{comment.comment or ''}", markup=False)
    return OK


@app.command
async def whoami(*, base_url: Site = PRODUCTION, json: Json = False) -> int:
    """Show the account that the token belongs to.

    Args:
        base_url: The service's address.
        json: Print it as JSON.
    """
    async with _client(base_url) as client:
        user = await client.verify()
    if json:
        _print_json(user)
    else:
        out.print(f"{user.name} (#{user.id})", markup=False)
    return OK


@app.command
def sandbox(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
    """Run a sandbox of the service on this machine until Ctrl-C.

    Args:
        arguments: As `scf sandbox -- --help` tells.
    """
    return local.run(arguments)


def _client(base_url: str) -> AsyncClient:
    token = os.environ.get(TOKEN_VARIABLE, "").strip() or None
    return AsyncClient(token, base_url=base_url, user_agent=_PRODUCT)


def _area(place: Place, around: Near, box: Box) -> Area | None:
    given: list[Area] = []
    if place is not None:
        given.append(PlaceArea(place))
    if around is not None:
        given.append(near(*around))
    if box is not None:
        given.append(BoundingBox(*box))
    if len(given) > 1:
        raise InvalidArgumentError("area", "give one of --place, --near and --box.")
    return given[0] if given else None


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and not moment.tzinfo else moment


def _tally(title: str, counts: Counter[str]) -> None:
    table = Table(title, "Issues", box=None)
    table.columns[1].justify = "right"
    for name, count in counts.most_common():
        table.add_row(name, f"{count:,}")
    out.print(table)
    out.print()


def _tell(report: Report, path: Path, *, json: bool) -> int:
    if json:
        _print_json(report)
    else:
        verdict = "complete" if report.complete else f"NOT complete: {' '.join(report.reasons)}"
        out.print(
            f"{report.received:,} of {report.expected or 0:,} issues, {verdict}\n"
            f"{report.requests:,} requests ({report.minimum:,} at the least), "
            f"{report.duplicates:,} rows came twice\n{path.resolve()}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    return OK if report.complete else INCOMPLETE


def _print_json(value: object) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
