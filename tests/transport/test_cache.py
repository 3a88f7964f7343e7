"""The cache: a 304 confirms a cached response, and no account sees the data of another."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from seeclickfix_async import AsyncClient, Cache, Response, Retry, Status
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.sandbox import NEIGHBOUR_TOKEN
from seeclickfix_async.testing import IN_PROCESS_URL, SandboxHarness, VirtualClock

pytestmark = pytest.mark.anyio


class CachingClient:
    """A client with its own cache, and a server that is a function."""

    def __init__(self, serve: Callable[[httpx.Request], httpx.Response], **options: Any) -> None:
        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return serve(request)

        self.requests: list[httpx.Request] = []
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
        defaults = {"base_url": IN_PROCESS_URL, "limiter": None, "http": self.http, **options}
        self.client = AsyncClient(**{"token": "mine", **defaults})

    def sent_headers(self, header: str = "if-none-match") -> list[str | None]:
        return [request.headers.get(header) for request in self.requests]


def _tagged(request: httpx.Request) -> httpx.Response:
    """Serve an issue whose ETag is the request's credential."""
    etag = f'W/"{request.headers.get("authorization")}"'
    if request.headers.get("if-none-match") == etag:
        return httpx.Response(304, headers={"ETag": etag})
    body = {"id": 7, "summary": request.headers.get("authorization")}
    return httpx.Response(200, json=body, headers={"ETag": etag})


async def test_a_repeated_request_is_confirmed_by_304() -> None:
    harness = SandboxHarness(quota=None)

    first = await harness.client.issues.list()
    again = await harness.client.issues.list()

    assert harness.statuses("GET") == [200, 304]
    assert again.items == first.items
    assert again.response.status == 200
    assert again.response.headers["etag"] == first.response.headers["etag"]


async def test_a_changed_response_is_sent_again() -> None:
    harness = SandboxHarness(quota=None)
    number = harness.issue_with_status(Status.OPEN)

    before = await harness.client.issues.get(number)
    await harness.client.issues.close(number, "Mended.")
    after = await harness.client.issues.get(number)

    assert harness.statuses("GET") == [200, 200]
    assert before.status != after.status


async def test_an_account_never_sees_the_response_to_another() -> None:
    caching = CachingClient(_tagged)
    other = caching.client.with_options(token="other")

    seen = [(await client.issues.get(7)).summary for client in (caching.client, other) * 2]

    assert seen == ["Bearer mine", "Bearer other"] * 2
    assert caching.sent_headers() == [None, None, 'W/"Bearer mine"', 'W/"Bearer other"']


async def test_views_of_one_account_share_cached_responses() -> None:
    harness = SandboxHarness(quota=None)
    neighbour = harness.client.with_options(token=NEIGHBOUR_TOKEN)

    for view in (harness.client, harness.client.with_options(timeout=5), neighbour):
        await view.issues.list()

    assert harness.statuses("GET") == [200, 304, 200]


async def test_an_unknown_credential_caches_nothing() -> None:
    caching = CachingClient(_tagged, token=None)

    for credential in ("first", "second"):
        caching.http.headers["Authorization"] = credential
        assert (await caching.client.issues.get(7)).summary == credential

    assert caching.sent_headers() == [None, None]


async def test_each_language_has_its_own_responses() -> None:
    caching = CachingClient(_tagged)
    spanish = caching.client.with_options(locale="es-MX")

    for view in (caching.client, spanish, spanish):
        await view.issues.get(7)

    assert caching.sent_headers() == [None, None, 'W/"Bearer mine"']
    assert caching.sent_headers("accept-language")[1:] == ["es-MX", "es-MX"]


async def test_a_date_is_a_validator_too() -> None:
    dated = httpx.Response(200, json={"id": 7}, headers={"Last-Modified": "Thu, 01 Oct 2026"})
    responses = iter([dated, httpx.Response(304)])
    caching = CachingClient(lambda _request: next(responses))

    assert await caching.client.issues.get(7) == await caching.client.issues.get(7)
    assert caching.sent_headers("if-modified-since") == [None, "Thu, 01 Oct 2026"]


@pytest.mark.parametrize("etag", ['"…"', '"é"', '"a\x01"', "", '"\u2028"'], ids=ascii)
async def test_a_validator_that_cannot_be_sent_is_left_out(etag: str) -> None:
    headers = [(b"ETag", etag.encode()), (b"Last-Modified", b"Thu, 01 Oct 2026")]
    caching = CachingClient(lambda _request: httpx.Response(200, json={"id": 7}, headers=headers))

    for _ in range(2):
        await caching.client.issues.get(7)

    assert caching.sent_headers() == [None, None]
    assert caching.sent_headers("if-modified-since") == [None, "Thu, 01 Oct 2026"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ETag": '"a"', "Cache-Control": "private, no-store"},
        {"ETag": '"a"', "Cache-Control": "Private, No-Store"},
        {"Age": "5"},
    ],
)
async def test_an_uncacheable_response_is_not_cached(headers: dict[str, str]) -> None:
    caching = CachingClient(lambda _request: httpx.Response(200, json={"id": 7}, headers=headers))

    for _ in range(2):
        await caching.client.issues.get(7)

    assert caching.sent_headers() == [None, None]


async def test_writes_and_conditional_requests_bypass_the_cache() -> None:
    caching = CachingClient(_tagged)
    await caching.client.request("GET", "/issues/7")

    await caching.client.request("POST", "/issues/7", json={})
    own = await caching.client.request(
        "GET", "/issues/7", headers={"If-None-Match": 'W/"Bearer mine"'}
    )

    assert caching.sent_headers() == [None, None, 'W/"Bearer mine"']
    assert (own.status, own.content) == (304, b"")


async def test_a_cache_can_be_disabled_or_shared() -> None:
    without = CachingClient(_tagged, cache=None)
    shared = Cache()
    first, second = (CachingClient(_tagged, cache=shared) for _ in "ab")

    for caching in (without, without, first, second):
        await caching.client.issues.get(7)

    assert without.sent_headers() == [None, None]
    assert second.sent_headers() == ['W/"Bearer mine"']
    assert "1 response," in repr(shared)
    assert "mine" not in repr(shared)


def _response(size: int) -> Response:
    return Response(200, {"etag": '"a"'}, bytes(size))


def test_the_size_is_limited_and_the_least_recently_used_is_evicted() -> None:
    cache = Cache(100_000)
    for key in "abcd":
        cache.put(key, _response(24_000))
    cache.get("a")
    cache.put("e", _response(24_000))
    cache.put("f", _response(25_000))
    cache.put("c", _response(10_000))

    assert [key for key in "abcdef" if cache.get(key)] == ["a", "c", "d", "e"]
    assert re.search(r"8[2-5],\d\d\d of 100,000 bytes", repr(cache))
    with pytest.raises(InvalidArgumentError):
        Cache(-1)


@pytest.mark.parametrize("part", ["headers", "url", "key"])
def test_headers_and_keys_count_in_the_size(part: str) -> None:
    cache = Cache(1_000_000)
    tracemalloc.start()
    for number in range(500):
        text = f"{number}" * 10_000
        headers = {"etag": "x"} | ({"x-text": text} if part == "headers" else {})
        key = ("url", None, (("x", text if part == "key" else ""),), number)
        cache.put(key, Response(200, headers, b"", url=text if part == "url" else ""))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1_500_000


def test_small_responses_count_with_their_objects() -> None:
    cache = Cache(1_000_000)
    tracemalloc.start()
    for number in range(20_000):
        cache.put(("u", number), Response(200, {"etag": f"{number}", "date": f"{number}"}, b""))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 3_000_000


def test_a_cache_without_space_keeps_nothing() -> None:
    cache = Cache(0)
    cache.put("a", _response(0))

    assert cache.get("a") is None


def test_an_uncacheable_response_removes_the_cached_one() -> None:
    cache = Cache()
    cache.put("a", _response(5))
    cache.put("a", Response(200, {}, b""))

    assert cache.get("a") is None


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_a_temporary_failure_leaves_the_cached_response(status: int) -> None:
    statuses = iter([200, status])

    def serve(request: httpx.Request) -> httpx.Response:
        failed = next(statuses, 200) == status
        return httpx.Response(status) if failed else _tagged(request)

    retry = Retry(base=0, random=lambda: 0.0)
    caching = CachingClient(serve, retry=retry, clock=VirtualClock())
    for _ in range(2):
        await caching.client.request("GET", "/issues/7")

    assert caching.sent_headers() == [None, 'W/"Bearer mine"', 'W/"Bearer mine"']


@pytest.mark.parametrize("locale", ["", "english language", "e", 7, "es\r\nX: y"])
def test_an_invalid_language_is_refused(locale: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        AsyncClient(locale=locale)

    assert caught.value.argument == "locale"


async def test_a_304_returns_the_cached_response() -> None:
    caching = CachingClient(_tagged)
    pages = [await caching.client.request("GET", "/issues/7") for _ in range(3)]

    assert {json.loads(page.content)["summary"] for page in pages} == {"Bearer mine"}
    assert [page.status for page in pages] == [200] * 3


async def test_a_304_updates_the_date() -> None:
    dates = iter(["Sun, 01 Nov 2026 12:00:00 GMT", "Sun, 01 Nov 2026 12:00:09 GMT"])

    def serve(request: httpx.Request) -> httpx.Response:
        response = _tagged(request)
        response.headers["date"] = next(dates)
        return response

    caching = CachingClient(serve)
    first, again = [await caching.client.request("GET", "/issues/7") for _ in range(2)]

    assert again.content == first.content
    assert [page.date and page.date.second for page in (first, again)] == [0, 9]
