"""Listings end honestly, or loudly."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from seeclickfix_async import AsyncClient, Crawl, Issue
from seeclickfix_async.errors import (
    BadRequestError,
    DecodeError,
    ServerError,
    TruncatedResultsError,
)

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


async def test_a_refused_first_page_is_what_it_is() -> None:
    with pytest.raises(BadRequestError):
        await _drain(_client({1: 400}), [])


# -- the walk by the clock ------------------------------------------------------------------------


def _walked(*answers: Any) -> AsyncClient:
    left = list(answers)

    def serve(_request: httpx.Request) -> httpx.Response:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return (
            httpx.Response(answer) if isinstance(answer, int) else httpx.Response(200, json=answer)
        )

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    return AsyncClient(http=http, limiter=None, base_url="https://city.example")


def _rows(
    *seconds: int, entries: int, per_page: int = 2, first: int = 1, page: int = 1
) -> dict[str, Any]:
    rows = [
        {"id": first + number, "created_at": f"2026-01-01T00:00:{second:02}Z"}
        for number, second in enumerate(seconds)
    ]
    told = {"entries": entries, "page": page, "per_page": per_page}
    return {"issues": rows, "metadata": {"pagination": told}}


async def test_a_walk_that_fails_goes_on_where_it_stood() -> None:
    client = _walked(_rows(1, 2, entries=3), 500, _rows(2, 3, entries=2, first=2))
    walk = client.issues.crawl(page_size=2)
    got: list[int] = []

    with pytest.raises(ServerError):
        await _walk_on(walk, got)
    broken = walk.report
    got.extend([issue.id async for issue in walk])

    assert got == [1, 2, 3]
    assert (broken.complete, walk.report.complete) == (False, True)
    assert walk.report.duplicates == 1


async def _walk_on(walk: Crawl[Issue], got: list[int]) -> None:
    async for issue in walk:
        got.append(issue.id)  # noqa: PERF401  # what came before an error is to be seen


async def test_a_crowded_second_is_read_again_when_rows_vanish_from_it() -> None:
    client = _walked(
        _rows(1, 1, entries=5),
        _rows(1, entries=3, first=4, page=2),  # the third row moved to a page that was read
        _rows(1, 1, entries=3, first=2),
        _rows(1, entries=3, first=4, page=2),
    )
    walk = client.issues.crawl(page_size=2)

    assert [issue.id async for issue in walk] == [1, 2, 4, 3]


async def test_a_walk_counts_again_when_rows_vanished() -> None:
    client = _walked(
        _rows(1, 2, entries=4), _rows(2, 3, entries=2, first=2), _rows(1, entries=3, per_page=1)
    )
    walk = client.issues.crawl(page_size=2)

    assert [issue.id async for issue in walk] == [1, 2, 3]
    assert walk.report.complete
    assert walk.report.expected == 3


async def test_a_walk_that_misses_rows_says_so() -> None:
    client = _walked(
        _rows(1, 2, entries=4), _rows(2, 3, entries=2, first=2), _rows(1, entries=4, per_page=1)
    )
    walk = client.issues.crawl(page_size=2)

    assert [issue.id async for issue in walk] == [1, 2, 3]
    assert walk.report.reasons == ("1 issues that the service counts did not come.",)


async def test_a_walk_sets_a_bad_row_aside_and_says_so() -> None:
    page = _rows(1, 2, entries=2)
    page["issues"][1]["lat"] = {}
    walk = _walked(page).issues.crawl(page_size=2)

    assert [issue.id async for issue in walk] == [1]
    assert walk.report.rejected == 1
    assert walk.report.reasons == ("1 rows could not be read.",)


async def test_a_server_that_ignores_the_clock_is_found_out() -> None:
    client = _walked(_rows(5, 6, entries=9), _rows(1, 2, entries=9, first=7))

    with pytest.raises(TruncatedResultsError, match="before the time"):
        await _exhaust(client)


async def test_a_server_that_gives_no_rows_is_found_out() -> None:
    with pytest.raises(TruncatedResultsError, match="empty page"):
        await _exhaust(_walked(_rows(entries=9)))


async def test_a_server_that_gives_no_clocks_is_found_out() -> None:
    page = json.loads(json.dumps(_rows(1, 2, entries=9)).replace("created_at", "created"))

    with pytest.raises(DecodeError, match="No row tells its time"):
        await _exhaust(_walked(page))


async def test_an_empty_place_is_complete() -> None:
    walk = _walked(_rows(entries=0)).issues.crawl()

    assert [issue async for issue in walk] == []
    assert walk.report.complete
    assert walk.report.requests == 1


async def _exhaust(client: AsyncClient) -> None:
    async for _ in client.issues.crawl(page_size=2):
        pass
