"""What the answer to one request says."""

from __future__ import annotations

import hashlib
from datetime import datetime

import attrs

from seeclickfix_async.models import Issue
from seeclickfix_async.paging import Page
from seeclickfix_async.queries import By, IssueQuery

Row = int
"""The key of a row: its id, or a negative digest of its bytes if it cannot be read."""


@attrs.frozen
class PageRequest:
    """One page to ask for."""

    query: IssueQuery
    number: int = 1

    @property
    def per_page(self) -> int:
        """How many rows are asked for."""
        return self.query.per_page or 0

    @property
    def offset(self) -> int:
        """How many rows there are before the page, if as many are granted."""
        return (self.number - 1) * self.per_page


def says_more(request: PageRequest, page: Page[Issue]) -> bool:
    """Return whether there may be more rows: a full page, a next page or the count says so."""
    size = page.per_page if page.per_page is not None and page.per_page > 0 else request.per_page
    reached = (request.number - 1) * size + page.size
    return page.size >= size or page.next_page is not None or (page.entries or 0) > reached


def row_keys(page: Page[Issue]) -> list[Row]:
    """Return the keys of a page's rows, in their order."""
    keys: list[Row] = [issue.id for issue in page.items]
    for row in page.rejected:
        digest = hashlib.sha256(row.raw).digest()[:7]
        keys.insert(row.index, -1 - int.from_bytes(digest))
    return keys


def row_clocks(page: Page[Issue], by: By) -> dict[Row, datetime | None]:
    """Return the rows of a page with their clocks; a row without one has that of the next row."""
    told = {issue.id: getattr(issue, by) for issue in page.items}
    clocks: dict[Row, datetime | None] = {}
    last = max(filter(None, told.values()), default=None)
    for row in reversed(row_keys(page)):
        last = told.get(row) or last
        clocks[row] = last
    return dict(reversed(clocks.items()))
