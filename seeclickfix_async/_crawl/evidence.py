"""What the answer to one request says."""

from __future__ import annotations

import hashlib
from datetime import datetime

import attrs

from seeclickfix_async._api.pagination import Page
from seeclickfix_async._api.query import ClockField, IssueQuery
from seeclickfix_async.models import Issue
from seeclickfix_async.models._common import Int64

Row = Int64
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


@attrs.frozen
class Evidence:
    """A page, and what it says.

    Attributes:
        request: What was asked for.
        page: The answer.
        clocks: The rows in their order, each with its clock; a row without one has that of the
            next row.
        last: The second of the last row; None if no row tells its time.
        says_more: Whether there may be more rows: it is a full page, or the next page or the
            count says so.
    """

    request: PageRequest
    page: Page[Issue]
    clocks: dict[Row, datetime | None]
    last: datetime | None
    says_more: bool

    @classmethod
    def of(
        cls, request: PageRequest, page: Page[Issue], by: ClockField, *, counts: bool = True
    ) -> Evidence:
        """Read a page.

        Args:
            request: What was asked for.
            page: The answer.
            by: The clock that the rows go by.
            counts: Whether the count may say that there is more behind some rows. Where new rows
                come all the time, one that is too high would never let it end.
        """
        clocks: dict[Row, datetime | None] = {issue.id: getattr(issue, by) for issue in page.items}
        if page.rejected or None in clocks.values():
            clocks = _fill(clocks, _row_keys(page))
        last = max(filter(None, clocks.values()), default=None)
        counts = counts or not page.size
        more = _goes_on(request, page) or (counts and _counts_more(request, page))
        return cls(request, page, clocks, last and last.replace(microsecond=0), more)

    @property
    def offset(self) -> int:
        """How many rows there are before the page."""
        return _offset(self.request, self.page)

    @property
    def rows(self) -> list[Row]:
        """The keys of the rows, in their order."""
        return list(self.clocks)

    @property
    def rows_of_last_second(self) -> int:
        """How many rows are of the last second."""
        last = self.last
        return sum(at >= last for at in self.clocks.values() if at) if last else 0


def _size(request: PageRequest, page: Page[Issue]) -> int:
    """How many rows a full page has."""
    granted = page.per_page or 0
    return granted if granted > 0 else request.per_page


def _goes_on(request: PageRequest, page: Page[Issue]) -> bool:
    return page.size >= _size(request, page) or page.next_page is not None


def _offset(request: PageRequest, page: Page[Issue]) -> int:
    return (request.number - 1) * _size(request, page)


def _counts_more(request: PageRequest, page: Page[Issue]) -> bool:
    return (page.entries or 0) > _offset(request, page) + page.size


def _row_keys(page: Page[Issue]) -> list[Row]:
    keys: list[Row] = [issue.id for issue in page.items]
    for row in page.rejected:
        digest = hashlib.sha256(row.raw).digest()[:7]
        keys.insert(row.index, -1 - int.from_bytes(digest))
    return keys


def _fill(clocks: dict[Row, datetime | None], rows: list[Row]) -> dict[Row, datetime | None]:
    """The clocks of all rows, those of the last ones from the latest that is known."""
    filled: dict[Row, datetime | None] = {}
    last = max(filter(None, clocks.values()), default=None)
    for row in reversed(rows):
        last = clocks.get(row) or last
        filled[row] = last
    return dict(reversed(filled.items()))
