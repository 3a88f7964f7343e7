"""`scf issues`, `scf show` and `scf whoami`."""

from __future__ import annotations

from typing import Any

from seeclickfix_async import Issue, Pager
from seeclickfix_async._api.query import IssueQuery, describe_empty
from seeclickfix_async._cli.exit_codes import INCOMPLETE, OK
from seeclickfix_async._cli.messages import PLACES_HINT
from seeclickfix_async._cli.options import (
    QUERY,
    ROWS,
    SITE,
    Flag,
    QueryOptions,
    RowOptions,
    SiteOptions,
)
from seeclickfix_async._cli.rows import Layout, RowWriter
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import err, multiline, notes, out, print_json
from seeclickfix_async._tables.columns import NAMES, plain_rows

_ISSUES: Layout[Issue] = Layout(
    {
        "ID": lambda issue: issue.id,
        "Status": lambda issue: issue.status,
        "Created": lambda issue: issue.created_at and issue.created_at.date().isoformat(),
        "Summary": lambda issue: issue.summary,
        "Address": lambda issue: issue.address,
    },
    NAMES,
    plain_rows,
)


async def issues(
    *,
    query: QueryOptions = QUERY,
    status: str | None = None,
    search: str | None = None,
    limit: int = 20,
    rows: RowOptions = ROWS,
    options: SiteOptions = SITE,
) -> int:
    """List the newest issues.

    With --near, the nearest are listed first.

    Args:
        status: all, or some of open,acknowledged,closed,archived.
        search: Words to search for; needs an area.
        limit: The largest number of issues.
    """
    filters: dict[str, Any] = {**query.filters(), "status": status, "search": search}
    with RowWriter(_ISSUES, rows) as writer:
        async with make_client(options) as client:
            listing: Pager[Issue] = client.issues.list(per_page=min(limit, 100), **filters)
            found = await listing.collect(limit)
        writer.write(found)
    if found or "area" not in filters:
        return OK
    empty = IssueQuery(**filters)
    is_no_place = query.place_or_default is not None and not empty.is_filtered
    (err if is_no_place else notes).print(f"scf: {describe_empty(empty)}")
    if not is_no_place:
        return OK
    err.print(PLACES_HINT)
    return INCOMPLETE


async def show(id: int, /, *, json: Flag = False, options: SiteOptions = SITE) -> int:
    """Show one issue with its comments.

    Args:
        id: The issue's number.
        json: Print the issue as JSON.
    """
    async with make_client(options) as client:
        issue = await client.issues.get(id, details=True)
    if json:
        print_json(issue)
        return OK
    out.print(f"#{issue.id} {issue.summary or ''}", style="bold")
    out.print(f"{issue.status} · created {issue.created_at} · {issue.address or ''}")
    out.print(multiline(issue.description or ""))
    for comment in issue.comments or ():
        name = (comment.commenter and comment.commenter.name) or "Unknown"
        out.print()
        out.print(f"{name}, {comment.created_at}:")
        out.print(multiline(comment.comment or ""))
    return OK


async def whoami(*, json: Flag = False, options: SiteOptions = SITE) -> int:
    """Show the account that the token belongs to.

    Args:
        json: Print the account as JSON.
    """
    async with make_client(options) as client:
        user = await client.verify()
    if json:
        print_json(user)
    else:
        out.print(f"{user.name} (#{user.id})")
    return OK
