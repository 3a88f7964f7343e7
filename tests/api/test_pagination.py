"""Listings end honestly, or loudly."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from seeclickfix_async import AsyncClient
from seeclickfix_async.errors import BadRequestError, DecodeError, TruncatedResultsError

pytestmark = pytest.mark.anyio


def _page(numbers: list[int], **told: Any) -> dict[str, Any]:
    pagination = {"entries": 6, "page": 1, "per_page": 2, "pages": 3, "next_page": None, **told}
    return {
        "issues": [{"id": number} for number in numbers],
        "metadata": {"pagination": pagination},
    }


def _client(pages: dict[int, Any]) -> AsyncClient:
    def serve(request: httpx.Request) -> httpx.Response:
        answer = pages[int(request.url.params.get("page", "1"))]
        return (
            httpx.Response(answer) if isinstance(answer, int) else httpx.Response(200, json=answer)
        )

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    return AsyncClient(http=http, limiter=None, base_url="https://city.example")


_FIRST = _page([1, 2], next_page=2)
_SECOND = _page([3, 4], page=2, next_page=3)
_THIRD = _page([5, 6], page=3)


async def test_a_listing_is_one_page_or_all_items() -> None:
    client = _client({1: _FIRST, 2: _SECOND, 3: _THIRD})
    listing = client.issues.list(per_page=2)

    page = await listing
    assert (page.page, page.per_page, page.pages, page.entries) == (1, 2, 3, 6)
    assert [issue.id for issue in page] == [1, 2]
    assert [issue.id async for issue in listing] == [1, 2, 3, 4, 5, 6]
    assert [len(one) async for one in listing.pages()] == [2, 2, 2]
    assert [issue.id for issue in await listing.collect(3)] == [1, 2, 3]
    assert [issue.id async for issue in client.issues.list(page=2)] == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("pages", "received", "words"),
    [
        ({1: _FIRST, 2: _page([], page=2, next_page=3)}, 2, "empty, before the end"),
        ({1: _FIRST, 2: _page([1, 2], page=2, next_page=3)}, 2, "same as the one before"),
        ({1: _FIRST, 2: _page([3, 4], page=1, next_page=2)}, 2, "answered page 1 for page 2"),
        ({1: _FIRST, 2: _page([3, 4], page=2, next_page=2)}, 2, "names page 2 as its next"),
        ({1: _FIRST, 2: _page([3, 4], page=2, next_page=1)}, 2, "names page 1 as its next"),
        ({1: _FIRST, 2: _page([3, 4], page=2, next_page=None)}, 4, "calls itself the last"),
        ({1: _FIRST, 2: 400}, 2, "refused page 2"),
        ({1: _FIRST, 2: 404}, 2, "refused page 2"),
        ({1: _FIRST, 2: 422}, 2, "refused page 2"),
        ({1: _page([])}, 0, "empty, before the end"),
    ],
)
async def test_nothing_ends_silently(pages: dict[int, Any], received: int, words: str) -> None:
    got: list[int] = []
    with pytest.raises(TruncatedResultsError, match=words) as caught:
        await _drain(_client(pages), got)

    assert len(got) == received == caught.value.received
    assert caught.value.entries == 6


async def _drain(client: AsyncClient, got: list[int]) -> None:
    async for issue in client.issues.list():
        got.append(issue.id)  # noqa: PERF401  # what came before an error is to be seen


async def test_rows_that_vanish_on_the_way_are_an_honest_end() -> None:
    gone = _page([], page=2, entries=2, pages=1)
    got: list[int] = []

    await _drain(_client({1: _FIRST, 2: gone}), got)

    assert got == [1, 2]


async def test_rows_that_shift_come_once() -> None:
    shifted = _page([2, 3], page=2, next_page=3)
    got: list[int] = []

    await _drain(_client({1: _FIRST, 2: shifted, 3: _page([4, 5], page=3)}), got)

    assert got == [1, 2, 3, 4, 5]


_BAD = {"issues": [{"id": "x"}, {"id": None}]}


async def test_a_listing_shows_the_rows_that_it_set_aside() -> None:
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


async def test_a_listing_without_a_readable_row_is_refused_at_its_end() -> None:
    pages = {1: _page([], next_page=2) | _BAD, 2: _page([], page=2, entries=4) | _BAD}
    listing = _client(pages).issues.list()

    with pytest.raises(DecodeError, match="None of 4 rows can be read") as caught:
        await listing.collect()
    assert (caught.value.path, caught.value.route) == ("issues[0].id", "GET /issues")
    assert [row.page for row in listing.rejected] == [1, 1, 2, 2]


async def test_a_page_without_a_readable_row_is_refused_when_it_is_awaited() -> None:
    listing = _client({1: _page([], next_page=2) | _BAD}).issues.list()

    with pytest.raises(DecodeError, match="None of 2 rows can be read"):
        await listing
    assert len(listing.rejected) == 2


async def test_a_page_without_a_readable_row_does_not_end_a_listing() -> None:
    pages = {1: _FIRST, 2: _page([], page=2, next_page=3) | _BAD, 3: _THIRD}

    assert [i.id for i in await _client(pages).issues.list().collect()] == [1, 2, 5, 6]


@pytest.mark.parametrize("entries", [None, 0, 3])
async def test_a_listing_goes_on_after_a_full_page_when_the_count_lags_behind(
    entries: int | None,
) -> None:
    pages = {
        1: _FIRST,
        2: _page([3, 4], page=2, entries=entries),
        3: _page([5], page=3, entries=entries),
    }

    assert [i.id for i in await _client(pages).issues.list().collect()] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "beyond",
    [404, 422, _page([], page=2, entries=1), _page([1, 2], entries=1), _page([1, 2], page=2)],
)
async def test_nothing_after_a_full_page_is_an_honest_end(beyond: Any) -> None:
    pages = {1: _page([1, 2], entries=1), 2: beyond}

    assert [i.id for i in await _client(pages).issues.list().collect()] == [1, 2]


async def test_a_full_last_page_costs_no_request_when_the_count_is_right() -> None:
    client = _client({1: _FIRST, 2: _SECOND, 3: _THIRD})  # there is no page 4

    assert len(await client.issues.list().collect()) == 6


async def test_a_refused_first_page_is_what_it_is() -> None:
    with pytest.raises(BadRequestError):
        await _drain(_client({1: 400}), [])
