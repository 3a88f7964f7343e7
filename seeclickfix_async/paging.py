"""Results that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any, Generic, Protocol, TypeVar

import attrs

from seeclickfix_async import checks
from seeclickfix_async.decoding import Rejected, Rows, raw_rows
from seeclickfix_async.errors import (
    BadRequestError,
    NotFoundError,
    TruncatedResultsError,
    ValidationError,
)
from seeclickfix_async.response import Response


class Identified(Protocol):
    """Something with an id of its own."""

    @property
    def id(self) -> int | str | None:
        """What the service tells it from others by."""
        ...


T = TypeVar("T", bound=Identified)
T_co = TypeVar("T_co", bound=Identified, covariant=True)

# What the service may answer to a page that it does not serve; which one it is, nobody recorded.
BEYOND = (BadRequestError, NotFoundError, ValidationError)


@attrs.frozen
class Page(Generic[T_co]):
    """One page of results.

    Attributes:
        items: The rows that could be read.
        page: The number of this page, from 1.
        per_page: Rows on a full page, as granted by the service: it clamps what was asked for.
        pages: How many pages the service promises; it may serve fewer.
        entries: How many rows the service promises in all.
        next_page: The number of the next page, None on the last one.
        rejected: The rows that could not be read, with their bytes.
        response: The answer as it came.
        key: The name of the list in the answer.
    """

    items: tuple[T_co, ...]
    page: int
    per_page: int | None
    pages: int | None
    entries: int | None
    next_page: int | None
    rejected: tuple[Rejected, ...] = attrs.field(repr=False)
    response: Response = attrs.field(repr=False)
    key: str = attrs.field(repr=False)

    @classmethod
    def of(cls, rows: Rows[T_co], number: int, key: str, response: Response) -> Page[T_co]:
        """The page that an answer holds; a collection without paging is one page."""
        told = rows.pagination
        return cls(
            items=rows.items,
            page=told.page or number,
            per_page=told.per_page,
            pages=told.pages,
            entries=told.entries,
            next_page=told.next_page,
            rejected=rows.rejected,
            response=response,
            key=key,
        )

    @property
    def raw(self) -> tuple[dict[str, Any], ...]:
        """The items as plain objects, with the fields that the models do not know.

        Decoded anew at each call.
        """
        unread = {row.index for row in self.rejected}
        rows = raw_rows(self.response, self.key)
        return tuple(row for index, row in enumerate(rows) if index not in unread)

    @property
    def size(self) -> int:
        """How many rows came, readable or not."""
        return len(self.items) + len(self.rejected)

    def __iter__(self) -> Iterator[T_co]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class Pager(Generic[T]):
    """A listing: `await` it for one page, `async for` over it for all items.

    Nothing is sent before that. Items are given once, even when rows shift from one page to
    the next while they are read.
    """

    def __init__(self, fetch: Callable[[int], Awaitable[Page[T]]], start: int) -> None:
        checks.number("page", start, 1, 1_000_000, whole=True)
        self._fetch = fetch
        self._start = start

    def __await__(self) -> Generator[Any, Any, Page[T]]:
        return self._fetch(self._start).__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        return _Items(self.pages())

    def pages(self) -> AsyncIterator[Page[T]]:
        """Iterate over whole pages, from the first one asked for.

        Raises:
            TruncatedResultsError: The service stopped before the end, as it does after about
                1,000 rows, 500 with details (observed).
        """
        return _Pages(self._fetch, self._start)

    async def collect(self, limit: int | None = None) -> list[T]:
        """All items as a list, or the first `limit` of them."""
        if limit is not None:
            checks.number("limit", limit, 1, 10**9, whole=True)
        items: list[T] = []
        async for item in self:
            items.append(item)
            if len(items) == limit:
                break
        return items


class _Pages(Generic[T]):
    """Walks by page number. A class and no generator: nothing is left open when it is dropped."""

    def __init__(self, fetch: Callable[[int], Awaitable[Page[T]]], start: int) -> None:
        self._fetch = fetch
        self._start = start
        self._next: int | None = start
        self._last: Page[T] | None = None
        self._received = 0

    def __aiter__(self) -> _Pages[T]:
        return self

    async def __anext__(self) -> Page[T]:
        if self._next is None:
            self._check_end()
            raise StopAsyncIteration
        number = self._next
        try:
            page = await self._fetch(number)
        except BEYOND as error:
            if number == self._start:
                raise
            raise self._truncated(f"The service refused page {number}.", self._last) from error
        self._check(page, number)
        self._received += page.size
        self._last = page
        self._next = page.next_page
        return page

    def _check(self, page: Page[T], number: int) -> None:
        """Refuse what is no honest end and no honest next page."""
        before = self._last
        if page.page != number:
            raise self._truncated(f"The service answered page {page.page} for page {number}.", page)
        if before is not None and page.items and _ids(page) == _ids(before):
            raise self._truncated(f"Page {number} is the same as the one before it.", page)
        if page.next_page is not None and page.next_page <= number:
            raise self._truncated(f"Page {number} names page {page.next_page} as its next.", page)
        per_page = page.per_page or (None if before is None else before.per_page) or 0
        if not page.size and (page.entries or 0) > (number - 1) * per_page:
            raise self._truncated(f"Page {number} is empty, before the end.", page)

    def _check_end(self) -> None:
        """The last page was given out; was it the last one?"""
        page = self._last
        if page is not None and (page.entries or 0) > page.page * (page.per_page or 0) > 0:
            raise self._truncated(f"Page {page.page} calls itself the last one.", page)

    def _truncated(self, reason: str, page: Page[T] | None) -> TruncatedResultsError:
        return TruncatedResultsError(
            reason,
            page=0 if page is None else page.page,
            received=self._received,
            entries=None if page is None else page.entries,
        )


class _Items(Generic[T]):
    """The items of pages, each once."""

    def __init__(self, pages: AsyncIterator[Page[T]]) -> None:
        self._pages = pages
        self._items: Iterator[T] = iter(())
        self._seen: set[int | str | None] = set()

    def __aiter__(self) -> _Items[T]:
        return self

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                if item.id is None:
                    return item
                if item.id not in self._seen:
                    self._seen.add(item.id)
                    return item
            self._items = iter((await self._pages.__anext__()).items)


def _ids(page: Page[Any]) -> list[int | str | None]:
    return [item.id for item in page.items]
