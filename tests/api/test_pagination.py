"""Listings return all rows, or raise an error."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from seeclickfix_async import AsyncClient
from seeclickfix_async.errors import BadRequestError, DecodeError, TruncatedResultsError

pytestmark = pytest.mark.anyio


def _page(numbers: list[int], **changes: Any) -> dict[str, Any]:
    pagination = {"entries": 6, "page": 1, "per_page": 2, "pages": 3, "next_page": None, **changes}
    return {
        "issues": [{"id": number} for number in numbers],
        "metadata": {"pagination": pagination},
    }


def _client(pages: dict[int, Any]) -> AsyncClient:
    def serve(request: httpx.Request) -> httpx.Response:
        page = pages[int(request.url.params.get("page", "1"))]
        return httpx.Response(page) if isinstance(page, int) else httpx.Response(200, json=page)

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    return AsyncClient(http=http, limiter=None, base_url="https://city.example")


_FIRST = _page([1, 2], next_page=2)
_SECOND = _page([3, 4], page=2, next_page=3)
_THIRD = _page([5, 6], page=3)


async def test_a_listing_that_was_not_awaited_says_so() -> None:
    listing: Any = AsyncClient().issues.list()

    with pytest.raises(TypeError, match="await it for a page, or use async for"):
        list(listing)
    with pytest.raises(AttributeError, match="'items': await it"):
        _ = listing.items
    with pytest.raises(AttributeError, match="no 'colour'"):
        _ = listing.colour


async def test_a_listing_returns_one_page_or_all_items() -> None:
    client = _client({1: _FIRST, 2: _SECOND, 3: _THIRD})
    listing = client.issues.list(per_page=2)

    page = await listing
    assert (page.page, page.per_page, page.pages, page.entries) == (1, 2, 3, 6)
    assert (page[0].id, page[-1].id) == (1, 2)
    assert [issue.id for issue in page] == [1, 2]
    assert [issue.id async for issue in listing] == [1, 2, 3, 4, 5, 6]
    assert [len(page) async for page in listing.pages()] == [2, 2, 2]
    assert [issue.id for issue in await listing.collect(3)] == [1, 2, 3]
    assert [issue.id async for issue in client.issues.list(page=2)] == [3, 4, 5, 6]


async def test_a_negative_count_is_unknown() -> None:
    page = await _client({1: _page([1, 2], entries=-1, per_page=-2, pages=-3)}).issues.list()

    assert (page.per_page, page.pages, page.entries) == (None, None, None)
    assert [issue.id for issue in page] == [1, 2]


@pytest.mark.parametrize(
    ("pages", "received", "message"),
    [
        ({1: _FIRST, 2: _page([], page=2, next_page=3)}, 2, "empty before the end"),
        ({1: _FIRST, 2: _page([1, 2], page=2, next_page=3)}, 2, "same as the page before"),
        (
            {1: _FIRST, 2: _page([3, 4], page=1, next_page=2)},
            2,
            "returned page 1 instead of page 2",
        ),
        ({1: _FIRST, 2: _page([3, 4], page=2, next_page=2)}, 2, "announces page 2 as the next"),
        ({1: _FIRST, 2: _page([3, 4], page=2, next_page=1)}, 2, "announces page 1 as the next"),
        (
            {1: _FIRST, 2: _page([3, 4], page=2, next_page=None)},
            4,
            "ends the listing with page 2, before the last row",
        ),
        ({1: _FIRST, 2: 400}, 2, "refused page 2"),
        ({1: _FIRST, 2: 404}, 2, "refused page 2"),
        ({1: _FIRST, 2: 422}, 2, "refused page 2"),
        ({1: _page([])}, 0, "empty before the end"),
    ],
)
async def test_a_truncated_listing_is_an_error(
    pages: dict[int, Any], received: int, message: str
) -> None:
    ids: list[int] = []
    with pytest.raises(TruncatedResultsError, match=message) as caught:
        await _collect_ids(_client(pages), ids)

    assert len(ids) == received == caught.value.received
    assert caught.value.entries == 6


@pytest.mark.parametrize("entries", [0, None])
async def test_empty_pages_without_an_end_are_an_error(entries: int | None) -> None:
    numbers = range(1, 99)
    pages = {
        number: _page([], page=number, next_page=number + 1, entries=entries) for number in numbers
    }

    with pytest.raises(TruncatedResultsError, match="Page 2 is the same"):
        await _client(pages).issues.list().collect()


async def _collect_ids(client: AsyncClient, ids: list[int]) -> None:
    async for issue in client.issues.list():
        ids.append(issue.id)  # noqa: PERF401  # includes those received before an error


async def test_a_listing_ends_normally_if_the_remaining_rows_were_deleted() -> None:
    emptied = _page([], page=2, entries=2, pages=1)
    ids: list[int] = []

    await _collect_ids(_client({1: _FIRST, 2: emptied}), ids)

    assert ids == [1, 2]


async def test_rows_that_move_to_the_next_page_are_returned_once() -> None:
    shifted = _page([2, 3], page=2, next_page=3)
    ids: list[int] = []

    await _collect_ids(_client({1: _FIRST, 2: shifted, 3: _page([4, 5], page=3)}), ids)

    assert ids == [1, 2, 3, 4, 5]


_UNREADABLE = {"issues": [{"id": "x"}, {"id": None}]}


async def test_a_listing_reports_its_rejected_rows() -> None:
    second = _page([3], page=2, next_page=3)
    second["issues"].append({"id": "x"})
    listing = _client({1: _FIRST, 2: second, 3: _THIRD}).issues.list()

    assert [issue.id async for issue in listing] == [1, 2, 3, 5, 6]
    [row] = listing.rejected
    assert (row.page, row.index, row.path, json.loads(row.raw)) == (
        2,
        1,
        "issues[1].id",
        {"id": "x"},
    )
    assert len(await listing.collect()) == 5
    assert len(listing.rejected) == 1  # of this iteration, not of both
    await listing
    assert not listing.rejected


async def test_a_listing_without_a_readable_row_is_an_error_at_its_end() -> None:
    pages = {1: _page([], next_page=2) | _UNREADABLE, 2: _page([], page=2, entries=4) | _UNREADABLE}
    listing = _client(pages).issues.list()

    with pytest.raises(DecodeError, match="None of 4 rows can be read") as caught:
        await listing.collect()
    assert (caught.value.path, caught.value.route) == ("issues[0].id", "GET /issues")
    assert [row.page for row in listing.rejected] == [1, 1, 2, 2]


async def test_an_awaited_page_without_a_readable_row_is_an_error() -> None:
    listing = _client({1: _page([], next_page=2) | _UNREADABLE}).issues.list()

    with pytest.raises(DecodeError, match="None of 2 rows can be read"):
        await listing
    assert len(listing.rejected) == 2


async def test_a_page_without_a_readable_row_does_not_end_a_listing() -> None:
    pages = {1: _FIRST, 2: _page([], page=2, next_page=3) | _UNREADABLE, 3: _THIRD}

    assert [issue.id for issue in await _client(pages).issues.list().collect()] == [1, 2, 5, 6]


@pytest.mark.parametrize("entries", [None, 0, 3])
async def test_a_listing_continues_after_a_full_page_if_the_count_is_too_low(
    entries: int | None,
) -> None:
    pages = {
        1: _FIRST,
        2: _page([3, 4], page=2, entries=entries),
        3: _page([5], page=3, entries=entries),
    }

    assert [issue.id for issue in await _client(pages).issues.list().collect()] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "next_page",
    [404, 422, _page([], page=2, entries=1), _page([1, 2], entries=1), _page([1, 2], page=2)],
)
async def test_a_listing_ends_normally_if_no_page_follows_a_full_one(next_page: Any) -> None:
    pages = {1: _page([1, 2], entries=1), 2: next_page}

    assert [issue.id for issue in await _client(pages).issues.list().collect()] == [1, 2]


async def test_a_full_last_page_costs_no_request_when_the_count_is_right() -> None:
    client = _client({1: _FIRST, 2: _SECOND, 3: _THIRD})  # there is no page 4

    assert len(await client.issues.list().collect()) == 6


async def test_an_error_of_the_first_page_is_raised_as_it_is() -> None:
    with pytest.raises(BadRequestError):
        await _collect_ids(_client({1: 400}), [])
