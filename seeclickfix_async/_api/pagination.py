"""Listings: results that come in pages."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, NoReturn, SupportsIndex, TypeVar

from seeclickfix_async._api.decoding import Rejected
from seeclickfix_async._api.page import Identified, Page, require_readable, unreadable_error
from seeclickfix_async._core import validation
from seeclickfix_async.errors import (
    BadRequestError,
    NotFoundError,
    TruncatedResultsError,
    ValidationError,
)

T = TypeVar("T", bound=Identified)

# The errors that the service may return for a page that it does not serve (not observed).
UNSERVED_PAGE_ERRORS = (BadRequestError, NotFoundError, ValidationError)


class Pager(Generic[T]):
    """A listing: `await` it for one page, or iterate over all items with `async for`.

    Nothing is sent before that. Each item is returned once, even if rows move to another page
    during the iteration.

    A row that cannot be read is added to `rejected`. If rows were received and none of them can be
    read, DecodeError is raised: after one page if it is awaited, otherwise at the end.
    """

    def __init__(self, fetch: Callable[[int], Awaitable[Page[T]]], start: SupportsIndex) -> None:
        self._fetch = fetch
        self._start = validation.integer_in_range("page", start, 1, 1_000_000)
        self._rejected: list[Rejected] = []

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """The rows that could not be read, each with its page number and its bytes.

        They are those of the last awaited page, or of the last iteration so far.
        """
        return tuple(self._rejected)

    def __await__(self) -> Generator[Any, Any, Page[T]]:
        return self._fetch_first().__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        return _Items(self.pages())

    def pages(self) -> AsyncIterator[Page[T]]:
        """Iterate over pages, from the first one that was requested.

        Raises:
            TruncatedResultsError: The service stopped before the end, as it does after about
                1,000 rows, 500 with details (observed).
            DecodeError: None of the rows can be read.
        """
        self._rejected = []
        return _Pages(self._fetch, self._start, self._rejected)

    async def collect(self, limit: SupportsIndex | None = None) -> list[T]:
        """Return all items, or the first `limit` of them.

        Raises:
            TruncatedResultsError: The service stopped before the end.
            DecodeError: None of the rows can be read.
        """
        most = None if limit is None else validation.integer_in_range("limit", limit, 1, 10**9)
        items: list[T] = []
        async for item in self:
            items.append(item)
            if len(items) == most:
                break
        return items

    if not TYPE_CHECKING:  # type checkers find these mistakes by themselves

        def __iter__(self) -> NoReturn:
            raise TypeError("A listing is not iterable: await it for a page, or use async for.")

        def __getattr__(self, name: str) -> NoReturn:
            message = f"A listing has no {name!r}."
            if hasattr(Page, name):
                message = f"A listing has no {name!r}: await it for a page, which has."
            raise AttributeError(message, name=name, obj=self)

    async def _fetch_first(self) -> Page[T]:
        page = await self._fetch(self._start)
        self._rejected = list(page.rejected)
        return require_readable(page)


class _Pages(Generic[T]):
    """An iterator over pages, by number. Unlike a generator, it need not be closed."""

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
        page = None if self._next is None else await self._fetch_page(self._next)
        if page is None:
            self._next = None
            self._check_end()
            raise StopAsyncIteration
        self._received += page.size
        self._rejected += page.rejected
        self._last = page
        self._next = page.next_page
        if self._next is None and self._may_have_more(page):
            self._next = page.page + 1
        return page

    async def _fetch_page(self, number: int) -> Page[T] | None:
        """Fetch a page; return None if there is none and the service did not announce it."""
        previous = self._last
        is_announced = previous is None or previous.next_page is not None
        try:
            page = await self._fetch(number)
        except UNSERVED_PAGE_ERRORS as error:
            if not is_announced:
                return None
            if number == self._start:
                raise
            raise self._truncated(f"The service refused page {number}.", previous) from error
        if is_announced or _is_new(page, number, previous):
            self._check_page(page, number)
            return page
        return None

    def _may_have_more(self, page: Page[T]) -> bool:
        """Return True if there may be more rows, although the service announces no next page.

        That is so if the page is full and its last row is not the last one by the service's count,
        which can be too low. If the count is right, this costs no request.
        """
        return page.size >= (page.per_page or math.inf) and (page.entries or 0) < self._end_of(page)

    @staticmethod
    def _end_of(page: Page[T]) -> int:
        """Return the number of rows up to and including a page, if all pages are full."""
        return page.page * (page.per_page or 0)

    def _check_page(self, page: Page[T], number: int) -> None:
        """Refuse a page that shows that the service does not serve all rows."""
        previous = self._last
        if page.page != number:
            reason = f"The service returned page {page.page} instead of page {number}."
            raise self._truncated(reason, page)
        if previous is not None and _is_repeated(page, previous):
            raise self._truncated(f"Page {number} is the same as the page before.", page)
        if page.next_page is not None and page.next_page <= number:
            reason = f"Page {number} announces page {page.next_page} as the next one."
            raise self._truncated(reason, page)
        per_page = page.per_page or (None if previous is None else previous.per_page) or 0
        if not page.size and (page.entries or 0) > (number - 1) * per_page:
            raise self._truncated(f"Page {number} is empty before the end.", page)

    def _check_end(self) -> None:
        """After the last page, check that it was the end, and that some row could be read."""
        page = self._last
        if page is None:
            return
        if (page.entries or 0) > self._end_of(page) > 0:
            reason = f"The service ends the listing with page {page.page}, before the last row."
            raise self._truncated(reason, page)
        if self._received and self._received == len(self._rejected):
            raise unreadable_error(self._rejected, page.response)

    def _truncated(self, reason: str, page: Page[T] | None) -> TruncatedResultsError:
        error = TruncatedResultsError(
            reason,
            page=0 if page is None else page.page,
            received=self._received,
            entries=None if page is None else page.entries,
        )
        return error if page is None else page.response.identify(error)


class _Items(Generic[T]):
    """An iterator over the items of pages, each once."""

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


def _is_new(page: Page[Any], number: int, previous: Page[Any] | None) -> bool:
    """Return True for the requested page, if it has rows and does not repeat the previous page."""
    repeated = previous is not None and _ids(page) == _ids(previous)
    return page.page == number and page.size > 0 and not repeated


def _is_repeated(page: Page[Any], previous: Page[Any]) -> bool:
    """Return True for the same rows as before, and for a second empty page that has a next one."""
    if page.items:
        return _ids(page) == _ids(previous)
    return page.size == previous.size == 0 and page.next_page is not None


def _ids(page: Page[Any]) -> list[int | str | None]:
    return [item.id for item in page.items]
