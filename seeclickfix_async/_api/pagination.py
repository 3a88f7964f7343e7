"""Results that come in pages."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs

from seeclickfix_async._api.decoding import Rejected, decode_plain
from seeclickfix_async._core import validation
from seeclickfix_async._transport.response import Response
from seeclickfix_async.errors import (
    BadRequestError,
    DecodeError,
    NotFoundError,
    TruncatedResultsError,
    ValidationError,
)
from seeclickfix_async.errors._counting import counted


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

    @property
    def raw(self) -> tuple[dict[str, Any], ...]:
        """The items as plain objects, with the fields that the models do not know.

        Decoded anew at each call.
        """
        return decode_plain(self.response, self.key, {row.index for row in self.rejected})

    @property
    def size(self) -> int:
        """How many rows came, readable or not."""
        return len(self.items) + len(self.rejected)

    def __iter__(self) -> Iterator[T_co]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def require_readable(page: Page[T]) -> Page[T]:
    """Return the page, unless it has rows and none of them can be read.

    Raises:
        DecodeError: It would look like a page without results.
    """
    if page.rejected and not page.items:
        raise _unreadable(page.rejected, page.response)
    return page


def _unreadable(rejected: Sequence[Rejected], response: Response) -> DecodeError:
    first = rejected[0]
    reason = f"None of {counted(len(rejected), 'row')} can be read; of the first: {first.reason}"
    return DecodeError(reason, path=first.path, route=response.route)


class Pager(Generic[T]):
    """A listing: `await` it for one page, `async for` over it for all items.

    Nothing is sent before that. Items are given once, even when rows shift from one page to
    the next while they are read.

    A row that cannot be read is set aside in `rejected`. When rows came and none of them can be
    read, DecodeError is raised: for one page at once, for all items at the end.
    """

    def __init__(self, fetch: Callable[[int], Awaitable[Page[T]]], start: int) -> None:
        validation.in_range("page", start, 1, 1_000_000, integer=True)
        self._fetch = fetch
        self._start = start
        self._rejected: list[Rejected] = []

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """The rows that could not be read yet, each with its page and its bytes.

        Those of the last page that was awaited, or of all pages since the last iteration began.
        """
        return tuple(self._rejected)

    def __await__(self) -> Generator[Any, Any, Page[T]]:
        return self._first().__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        return _Items(self.pages())

    def pages(self) -> AsyncIterator[Page[T]]:
        """Iterate over whole pages, from the first one asked for.

        Raises:
            TruncatedResultsError: The service stopped before the end, as it does after about
                1,000 rows, 500 with details (observed).
            DecodeError: None of the rows can be read.
        """
        self._rejected = []
        return _Pages(self._fetch, self._start, self._rejected)

    async def collect(self, limit: int | None = None) -> list[T]:
        """All items as a list, or the first `limit` of them."""
        if limit is not None:
            validation.in_range("limit", limit, 1, 10**9, integer=True)
        items: list[T] = []
        async for item in self:
            items.append(item)
            if len(items) == limit:
                break
        return items

    async def _first(self) -> Page[T]:
        page = await self._fetch(self._start)
        self._rejected = list(page.rejected)
        return require_readable(page)


class _Pages(Generic[T]):
    """Walks by page number. A class and no generator: nothing is left open when it is dropped."""

    def __init__(
        self, fetch: Callable[[int], Awaitable[Page[T]]], start: int, rejected: list[Rejected]
    ) -> None:
        self._fetch = fetch
        self._start = start
        self._rejected = rejected
        self._next: int | None = start
        self._last: Page[T] | None = None
        self._received = 0

    def __aiter__(self) -> _Pages[T]:
        return self

    async def __anext__(self) -> Page[T]:
        page = None if self._next is None else await self._read(self._next)
        if page is None:
            self._next = None
            self._check_end()
            raise StopAsyncIteration
        self._received += page.size
        self._rejected += page.rejected
        self._last = page
        self._next = page.next_page
        if self._next is None and self._may_go_on(page):
            self._next = page.page + 1
        return page

    async def _read(self, number: int) -> Page[T] | None:
        """The page of this number; None if it is not there, and was not promised."""
        before = self._last
        is_promised = before is None or before.next_page is not None
        try:
            page = await self._fetch(number)
        except BEYOND as error:
            if not is_promised:
                return None
            if number == self._start:
                raise
            raise self._truncated(f"The service refused page {number}.", before) from error
        if is_promised or _is_new(page, number, before):
            self._check(page, number)
            return page
        return None

    def _may_go_on(self, page: Page[T]) -> bool:
        """Whether there may be more, although the service names no next page.

        It may where the page is full and the count does not say that this was the last row: a
        count can lag behind. That costs no request where the count is right.
        """
        return page.size >= (page.per_page or math.inf) and (page.entries or 0) < self._total(page)

    @staticmethod
    def _total(page: Page[T]) -> int:
        """How many rows there are up to the end of a page."""
        return page.page * (page.per_page or 0)

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
        """The last page was given out; was it the last one, and was there something to read?"""
        page = self._last
        if page is None:
            return
        if (page.entries or 0) > self._total(page) > 0:
            raise self._truncated(f"Page {page.page} calls itself the last one.", page)
        if self._received and self._received == len(self._rejected):
            raise _unreadable(self._rejected, page.response)

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


def _is_new(page: Page[Any], number: int, before: Page[Any] | None) -> bool:
    """Whether it is the page that was asked for, with rows, and not the one before once more."""
    repeated = before is not None and _ids(page) == _ids(before)
    return page.page == number and page.size > 0 and not repeated


def _ids(page: Page[Any]) -> list[int | str | None]:
    return [item.id for item in page.items]
