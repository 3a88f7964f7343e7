"""Listings end honestly, or loudly."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from seeclickfix_async import AsyncClient
from seeclickfix_async.errors import (
    BadRequestError,
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
