"""Conditional requests: a 304 brings back what was, and no account sees another's data."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from seeclickfix_async import AsyncClient, Cache, Response
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.sandbox import NEIGHBOUR_TOKEN
from tests.support.in_process import URL, SandboxHarness

pytestmark = pytest.mark.anyio


class Desk:
    """A server that is a function, and a client with a cache of its own."""

    def __init__(self, serve: Callable[[httpx.Request], httpx.Response], **options: Any) -> None:
        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return serve(request)

        self.requests: list[httpx.Request] = []
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
        given = {"base_url": URL, "limiter": None, "http": self.http, **options}
        self.client = AsyncClient(**{"token": "mine", **given})

    def asked(self, header: str = "if-none-match") -> list[str | None]:
        return [request.headers.get(header) for request in self.requests]


def _tagged(request: httpx.Request) -> httpx.Response:
    """One issue, whose tag is that of who asks."""
    etag = f'W/"{request.headers.get("authorization")}"'
    if request.headers.get("if-none-match") == etag:
        return httpx.Response(304, headers={"ETag": etag})
    body = {"id": 7, "summary": request.headers.get("authorization")}
    return httpx.Response(200, json=body, headers={"ETag": etag})


async def test_the_same_question_costs_a_304() -> None:
    harness = SandboxHarness()

    first = await harness.client.issues.list()
    again = await harness.client.issues.list()

    assert harness.statuses("GET") == [200, 304]
    assert again.items == first.items
    assert again.response.status == 200
    assert again.response.headers["etag"] == first.response.headers["etag"]


async def test_what_has_changed_comes_anew() -> None:
    harness = SandboxHarness()
    number = harness.issue_with_status(0)

    before = await harness.client.issues.get(number)
    await harness.client.issues.close(number, "Mended.")
    after = await harness.client.issues.get(number)

    assert harness.statuses("GET") == [200, 200]
    assert before.status != after.status


async def test_an_account_is_never_shown_what_another_saw() -> None:
    desk = Desk(_tagged)
    other = desk.client.with_options(token="other")

    seen = [(await client.issues.get(7)).summary for client in (desk.client, other) * 2]

    assert seen == ["Bearer mine", "Bearer other"] * 2
    assert desk.asked() == [None, None, 'W/"Bearer mine"', 'W/"Bearer other"']


async def test_views_of_one_account_share_what_they_saw() -> None:
    harness = SandboxHarness()
    neighbour = harness.client.with_options(token=NEIGHBOUR_TOKEN)

    for view in (harness.client, harness.client.with_options(timeout=5), neighbour):
        await view.issues.list()

    assert harness.statuses("GET") == [200, 304, 200]


async def test_a_credential_that_is_not_known_here_keeps_nothing() -> None:
    desk = Desk(_tagged, token=None)

    for who in ("first", "second"):
        desk.http.headers["Authorization"] = who
        assert (await desk.client.issues.get(7)).summary == who

    assert desk.asked() == [None, None]


async def test_a_language_has_answers_of_its_own() -> None:
    desk = Desk(_tagged)
    spanish = desk.client.with_options(locale="es-MX")

    for view in (desk.client, spanish, spanish):
        await view.issues.get(7)

    assert desk.asked() == [None, None, 'W/"Bearer mine"']
    assert desk.asked("accept-language")[1:] == ["es-MX", "es-MX"]


async def test_a_date_is_a_validator_too() -> None:
    dated = httpx.Response(200, json={"id": 7}, headers={"Last-Modified": "Thu, 01 Oct 2026"})
    answers = iter([dated, httpx.Response(304)])
    desk = Desk(lambda _request: next(answers))

    assert await desk.client.issues.get(7) == await desk.client.issues.get(7)
    assert desk.asked("if-modified-since") == [None, "Thu, 01 Oct 2026"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ETag": '"a"', "Cache-Control": "private, no-store"},
        {"ETag": '"a"', "Cache-Control": "Private, No-Store"},
        {"Age": "5"},
    ],
)
async def test_what_is_not_to_be_kept_is_not(headers: dict[str, str]) -> None:
    desk = Desk(lambda _request: httpx.Response(200, json={"id": 7}, headers=headers))

    for _ in range(2):
        await desk.client.issues.get(7)

    assert desk.asked() == [None, None]


async def test_writes_and_ones_own_conditions_pass_by() -> None:
    desk = Desk(_tagged)
    await desk.client.request("GET", "/issues/7")

    await desk.client.request("POST", "/issues/7", json={})
    own = await desk.client.request(
        "GET", "/issues/7", headers={"If-None-Match": 'W/"Bearer mine"'}
    )

    assert desk.asked() == [None, None, 'W/"Bearer mine"']
    assert (own.status, own.content) == (304, b"")


async def test_a_cache_can_be_left_out_or_shared() -> None:
    without = Desk(_tagged, cache=None)
    shared = Cache()
    first, second = (Desk(_tagged, cache=shared) for _ in "ab")

    for desk in (without, without, first, second):
        await desk.client.issues.get(7)

    assert without.asked() == [None, None]
    assert second.asked() == ['W/"Bearer mine"']
    assert "1 answer," in repr(shared)
    assert "mine" not in repr(shared)


def _answer(size: int) -> Response:
    return Response(200, {"etag": '"a"'}, bytes(size))


def test_the_room_is_bounded_and_the_least_used_goes_first() -> None:
    cache = Cache(100)
    for key in "abcd":
        cache.put(key, _answer(25))
    cache.get("a")
    cache.put("e", _answer(25))
    cache.put("f", _answer(26))
    cache.put("c", _answer(10))

    assert [key for key in "abcdef" if cache.get(key)] == ["a", "c", "d", "e"]
    assert "85 of 100 bytes" in repr(cache)
    with pytest.raises(InvalidArgumentError):
        Cache(-1)


def test_an_answer_that_may_not_be_kept_takes_the_place_of_one_that_was() -> None:
    cache = Cache()
    cache.put("a", _answer(5))
    cache.put("a", Response(200, {}, b""))

    assert cache.get("a") is None


@pytest.mark.parametrize("locale", ["", "english language", "e", 7, "es\r\nX: y"])
def test_a_language_that_is_none(locale: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        AsyncClient(locale=locale)

    assert caught.value.argument == "locale"


async def test_what_a_304_brings_back_is_what_came() -> None:
    desk = Desk(_tagged)
    pages = [await desk.client.request("GET", "/issues/7") for _ in range(3)]

    assert {json.loads(page.content)["summary"] for page in pages} == {"Bearer mine"}
    assert [page.status for page in pages] == [200] * 3


async def test_a_304_brings_the_date_on_which_it_came() -> None:
    dates = iter(["Sun, 01 Nov 2026 12:00:00 GMT", "Sun, 01 Nov 2026 12:00:09 GMT"])

    def serve(request: httpx.Request) -> httpx.Response:
        response = _tagged(request)
        response.headers["date"] = next(dates)
        return response

    desk = Desk(serve)
    first, again = [await desk.client.request("GET", "/issues/7") for _ in range(2)]

    assert again.content == first.content
    assert [page.date and page.date.second for page in (first, again)] == [0, 9]
