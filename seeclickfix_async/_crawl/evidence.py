"""The page of one request, and what it proves."""

from __future__ import annotations

import hashlib
from datetime import datetime

import attrs

from seeclickfix_async._api.page import Page
from seeclickfix_async._api.query import ClockField, IssueQuery
from seeclickfix_async.models import Issue
from seeclickfix_async.models._common import Int64

RowKey = Int64
"""The key of a row: its id, or a negative digest of its bytes if it cannot be read."""


@attrs.frozen
class PageRequest:
    """The request of one page."""

    query: IssueQuery
    number: int = 1

    @property
    def per_page(self) -> int:
        """The requested page size."""
        return self.query.per_page or 0

    @property
    def offset(self) -> int:
        """The number of rows before the page, if the page size is granted."""
        return (self.number - 1) * self.per_page


@attrs.frozen
class Evidence:
    """A page and what it shows.

    Attributes:
        request: The request.
        page: The response.
        timestamps: The rows in their order, each with its timestamp; a row without one has that of
            the next row.
        last: The second of the last row; None if no row has a timestamp.
        may_have_more: Whether there may be more rows: it is a full page, or the next page or the
            count says so.
    """

    request: PageRequest
    page: Page[Issue]
    timestamps: dict[RowKey, datetime | None]
    last: datetime | None
    may_have_more: bool

    @classmethod
    def from_page(
        cls, request: PageRequest, page: Page[Issue], by: ClockField, *, counts: bool = True
    ) -> Evidence:
        """Read the evidence of a page.

        Args:
            request: The request.
            page: The response.
            by: The clock that the rows are sorted by.
            counts: Whether the count may show that there are more rows after those of the page. In
                a listing that grows all the time, a count that is too high would never end it.
        """
        timestamps: dict[RowKey, datetime | None] = {
            issue.id: getattr(issue, by) for issue in page.items
        }
        if page.rejected or None in timestamps.values():
            timestamps = _fill(timestamps, _row_keys(page))
        last = max(filter(None, timestamps.values()), default=None)
        counts = counts or not page.size
        more = _is_full_or_continued(request, page) or (counts and _counts_more(request, page))
        return cls(request, page, timestamps, last and last.replace(microsecond=0), more)

    @property
    def offset(self) -> int:
        """The number of rows before the page."""
        return _offset(self.request, self.page)

    @property
    def rows(self) -> list[RowKey]:
        """The keys of the rows, in their order."""
        return list(self.timestamps)

    @property
    def rows_of_last_second(self) -> int:
        """The number of rows of the last second."""
        last = self.last
        return sum(at >= last for at in self.timestamps.values() if at) if last else 0


def _size(request: PageRequest, page: Page[Issue]) -> int:
    """Return the number of rows of a full page."""
    granted = page.per_page or 0
    return granted if granted > 0 else request.per_page


def _is_full_or_continued(request: PageRequest, page: Page[Issue]) -> bool:
    return page.size >= _size(request, page) or page.next_page is not None


def _offset(request: PageRequest, page: Page[Issue]) -> int:
    return (request.number - 1) * _size(request, page)


def _counts_more(request: PageRequest, page: Page[Issue]) -> bool:
    return (page.entries or 0) > _offset(request, page) + page.size


def _row_keys(page: Page[Issue]) -> list[RowKey]:
    keys: list[RowKey] = [issue.id for issue in page.items]
    for row in page.rejected:
        digest = hashlib.sha256(row.raw).digest()[:7]
        keys.insert(row.index, -1 - int.from_bytes(digest))
    return keys


def _fill(
    timestamps: dict[RowKey, datetime | None], rows: list[RowKey]
) -> dict[RowKey, datetime | None]:
    """Return the timestamps of all rows, in their order; a missing one is that of the next row."""
    filled: dict[RowKey, datetime | None] = {}
    last = max(filter(None, timestamps.values()), default=None)
    for row in reversed(rows):
        last = timestamps.get(row) or last
        filled[row] = last
    return dict(reversed(filled.items()))
