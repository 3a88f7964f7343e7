"""`scf issues`, `scf show` and `scf whoami`."""

from __future__ import annotations

from rich.table import Table

from seeclickfix_async._cli.app import (
    OK,
    Box,
    Json,
    Near,
    Place,
    Site,
    parse_area,
    warn_empty_place,
)
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import multiline, out, print_json, print_json_lines
from seeclickfix_async._core.credentials import PRODUCTION


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
        search: Words to search for; needs an area.
        limit: The largest number of issues.
        base_url: The service's address.
        json: Print one issue per line as JSON.
    """
    async with make_client(base_url) as client:
        found = await client.issues.list(
            area=parse_area(place, near, box),
            status=status,
            search=search,
            per_page=min(limit, 100),
        ).collect(limit)
    if not found and place is not None:
        return warn_empty_place(place)
    if json:
        print_json_lines(found)
        return OK
    table = Table("ID", "Status", "Created", "Summary", "Address", box=None)
    for issue in found:
        created = issue.created_at.date().isoformat() if issue.created_at else ""
        table.add_row(
            str(issue.id), str(issue.status), created, issue.summary or "", issue.address or ""
        )
    out.print(table)
    return OK


async def show(id: int, /, *, base_url: Site = PRODUCTION, json: Json = False) -> int:
    """Show one issue with its comments.

    Args:
        id: The issue's number.
        base_url: The service's address.
        json: Print the issue as JSON.
    """
    async with make_client(base_url) as client:
        issue = await client.issues.get(id, details=True)
    if json:
        print_json(issue)
        return OK
    out.print(f"#{issue.id} {issue.summary or ''}", style="bold")
    out.print(f"{issue.status} · {issue.created_at} · {issue.address or ''}")
    out.print(multiline(issue.description or ""))
    for comment in issue.comments or ():
        name = (comment.commenter and comment.commenter.name) or "Unknown"
        out.print()
        out.print(f"{name}, {comment.created_at}:")
        out.print(multiline(comment.comment or ""))
    return OK


async def whoami(*, base_url: Site = PRODUCTION, json: Json = False) -> int:
    """Show the account that the token belongs to.

    Args:
        base_url: The service's address.
        json: Print the account as JSON.
    """
    async with make_client(base_url) as client:
        user = await client.verify()
    if json:
        print_json(user)
    else:
        out.print(f"{user.name} (#{user.id})")
    return OK
