"""The commands of `scf`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import CycloptsError, Parameter
from rich.table import Table

from seeclickfix_async import SeeClickFixError
from seeclickfix_async._cli import forms, places, sandbox_process
from seeclickfix_async._cli.app import (
    FAILED,
    INTERRUPTED,
    LOCKED,
    MISUSED,
    OK,
    Box,
    Json,
    Near,
    Place,
    Site,
    app,
    err,
    nothing_at,
    out,
    parse_area,
    print_json,
)
from seeclickfix_async._cli.commands import comment as writing
from seeclickfix_async._cli.commands import login, pull, report, watch
from seeclickfix_async._cli.messages import describe
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._core.credentials import PRODUCTION
from seeclickfix_async.errors import FileLockedError, InvalidArgumentError

for _command in (
    login.login,
    login.logout,
    pull.demo,
    pull.pull,
    watch.watch,
    report.report,
    forms.form,
    forms.questions,
    writing.comment,
    writing.close,
    places.places,
):
    app.command(_command)
app.command(pull.map_page, name="map")  # `map` is Python's own


def run(arguments: list[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    try:
        code = app(arguments, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        return MISUSED
    except SeeClickFixError as error:
        command, *_ = app.parse_args(arguments)
        err.print(f"scf: {describe(error, command)}", markup=False, highlight=False)
        return _code_of(error)
    except KeyboardInterrupt:
        err.print("scf: stopped. What had come is kept.")
        return INTERRUPTED
    return code if isinstance(code, int) else OK


def _code_of(error: SeeClickFixError) -> int:
    match error:
        case FileLockedError():
            return LOCKED
        case InvalidArgumentError():
            return MISUSED
        case _:
            return FAILED


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
    async with make_client(base_url) as client:
        found = await client.issues.list(
            area=parse_area(place, near, box),
            status=status,
            search=search,
            per_page=min(limit, 100),
        ).collect(limit)
    if not found and place is not None:
        return nothing_at(place)
    if json:
        for issue in found:
            print_json(issue)
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
    async with make_client(base_url) as client:
        issue = await client.issues.get(id, details=True)
    if json:
        print_json(issue)
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
    async with make_client(base_url) as client:
        user = await client.verify()
    if json:
        print_json(user)
    else:
        out.print(f"{user.name} (#{user.id})", markup=False)
    return OK


@app.command(help_flags=())  # it tells of its options itself
def sandbox(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
    """Run a sandbox of the service on this machine until Ctrl-C."""
    return sandbox_process.run(arguments)
