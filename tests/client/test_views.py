"""Views of a client: their options, headers and durations."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.abc import SocketStream
from coredis import Redis

from seeclickfix_async import AsyncClient, Cache, HostLimiter, Limiter, Retry, StoredToken
from seeclickfix_async.errors import InvalidArgumentError, RateLimitedError, ServerError
from seeclickfix_async.oauth import Application, begin
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox import Quota, Settings
from seeclickfix_async.testing import VirtualClock
from seeclickfix_async.tokens import KeyringStore, MemoryStore, RedisStore, TokenEndpoint
from tests.support.raw_servers import raw_server

SITE = "https://city.test"
APP = Application("id", "https://app.example/callback")


class Service:
    """A service that records requests, redirects `/issues/1` to another host, and has ETags.

    Attributes:
        requests: The received requests.
        status: The status of the responses.
    """

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.status = 200
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._respond))

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/api/v2/issues/1":
            return httpx.Response(302, headers={"Location": "https://other.test/issues/1"})
        tenant = request.headers.get("X-Tenant", "")
        return httpx.Response(self.status, json={"id": 7, "summary": tenant})

    def make_client(self, **options: Any) -> AsyncClient:
        options = {"limiter": None, "clock": VirtualClock(), **options}
        return AsyncClient("secret", http=self.http, base_url=SITE, **options)


@pytest.mark.anyio
async def test_a_view_of_a_view_adds_its_headers_to_the_service_alone() -> None:
    service = Service()
    first = service.make_client().with_options(headers={"x-tenant": "a", "X-Trace": "1"})
    view = first.with_options(headers={"X-TENANT": "b"}, locale="es")

    await view.issues.get(7)
    await view.request("GET", "/issues/7", headers={"x-trace": "2"})
    await view.issues.get(1)
    await view.request("GET", "https://other.test/anything")
    await first.issues.get(7)

    here, one_more, to_redirect, redirected, elsewhere, parent = service.requests
    assert [here.headers[name] for name in ("X-Tenant", "X-Trace", "Accept-Language")] == [
        "b",
        "1",
        "es",
    ]
    assert one_more.headers.get_list("X-Trace") == ["2"]
    assert "X-Tenant" in to_redirect.headers
    assert "X-Tenant" not in redirected.headers
    assert "X-Tenant" not in elsewhere.headers
    assert parent.headers["X-Tenant"] == "a"


@pytest.mark.anyio
async def test_a_view_has_its_own_retry_policy() -> None:
    service = Service()
    client = service.make_client()
    service.status = 503
    for view in (client, client.with_options(retry=Retry(attempts=1)).with_options(locale="es")):
        with pytest.raises(ServerError):
            await view.issues.get(7)

    assert len(service.requests) == 4 + 1


@pytest.mark.anyio
async def test_responses_to_other_headers_are_cached_apart() -> None:
    service = Service()
    client = service.make_client(cache=Cache(max_age=timedelta(minutes=1)))
    views = [client, *(client.with_options(headers={"X-Tenant": name}) for name in "ab")]

    summaries = [(await view.issues.get(7)).summary for view in views * 2]

    assert summaries == ["", "a", "b"] * 2
    assert len(service.requests) == 3


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Authorization": "Bearer x"}, "use token="),
        ({"proxy-authorization": "x"}, "HTTP library"),
        ({"COOKIE": "a=b"}, "never sent"),
        ({"Host": "evil.test"}, "HTTP library"),
        ({"Content-Length": "0"}, "HTTP library"),
        ({"Transfer-Encoding": "chunked"}, "HTTP library"),
        ({"If-None-Match": '"a"'}, "use request"),
        ({"X-A": "b\r\nHost: evil.test"}, "not allowed"),
        ({"X-A": ""}, "empty"),
        ({"X-A": 1}, "not allowed"),
        ({"X-A\r\nHost": "b"}, "invalid name"),
        ({"": "b"}, "invalid name"),
        ({"X-A": "b", "x-a": "c"}, "twice"),
        ([("X-A", "b")], "mapping"),
    ],
)
def test_a_header_that_is_not_the_views_to_set_is_refused(headers: Any, reason: str) -> None:
    with pytest.raises(InvalidArgumentError, match=reason) as caught:
        AsyncClient().with_options(headers=headers)

    assert caught.value.argument == "headers"
    assert "evil" not in str(caught.value)


@pytest.mark.anyio
async def test_a_request_cannot_be_sent_to_another_host_by_its_headers() -> None:
    with pytest.raises(InvalidArgumentError, match="Host"):
        await AsyncClient().request("GET", "/issues", headers={"host": "evil.test"})


@pytest.mark.anyio
async def test_a_timeout_takes_seconds_a_timedelta_or_none() -> None:
    service = Service()
    client = service.make_client(timeout=timedelta(seconds=7))
    views = [client, client.with_options(timeout=2), client.with_options(timeout=None)]
    for view in views:
        await view.issues.get(7)

    timeouts = [request.extensions["timeout"]["read"] for request in service.requests]
    assert timeouts == [7, 2, None]


_DURATIONS: dict[str, Callable[[Any], object]] = {
    "timeout": lambda value: AsyncClient(timeout=value),
    "total_timeout": lambda value: AsyncClient(total_timeout=value),
    "max_wait": lambda value: AsyncClient().with_options(max_wait=value),
    "view timeout": lambda value: AsyncClient().with_options(timeout=value),
    "view total_timeout": lambda value: AsyncClient().with_options(total_timeout=value),
    "total": lambda value: Retry(total=value),
    "base": lambda value: Retry(base=value),
    "cap": lambda value: Retry(cap=value),
    "max_age": lambda value: Cache(max_age=value),
    "stale_if_limited": lambda value: Cache(stale_if_limited=value),
    "per": lambda value: Limiter(per=value),
    "host per": lambda value: HostLimiter(per=value),
    "slot max_wait": lambda value: Limiter().slot(max_wait=value),
    "every": lambda value: AsyncClient().issues.watch(every=value),
    "flow max_age": lambda value: begin(APP, max_age=value),
    "leeway": lambda value: StoredToken(MemoryStore(), "a", leeway=value),
    "endpoint timeout": lambda value: TokenEndpoint(APP, timeout=value),
    "endpoint total_timeout": lambda value: TokenEndpoint(APP, total_timeout=value),
    "endpoint max_wait": lambda value: TokenEndpoint(APP, max_wait=value),
    "keyring timeout": lambda value: KeyringStore(timeout=value),
    "lease": lambda value: RedisStore(Redis(port=1), lease=value),
}


@pytest.mark.parametrize("name", _DURATIONS)
def test_every_duration_may_be_a_timedelta(name: str) -> None:
    make = _DURATIONS[name]

    assert make(timedelta(minutes=2)) is not None
    for wrong in (timedelta(seconds=-1), timedelta.max, float("nan"), "60", True):
        with pytest.raises(InvalidArgumentError, match="or a timedelta") as caught:
            make(wrong)
        assert caught.value.argument == name.rpartition(" ")[2]


def test_a_retry_policy_is_a_retry_with_limits() -> None:
    for options in ({"retry": 3}, {"retry": None}):
        with pytest.raises(InvalidArgumentError, match="must be a Retry"):
            AsyncClient().with_options(**options)
    with pytest.raises(InvalidArgumentError, match="or a timedelta"):
        Retry(total=None)  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_a_pull_and_a_sandbox_take_timedeltas(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="wait"):
        await pull(AsyncClient(), to=tmp_path / "a.jsonl", wait=timedelta(seconds=-1))

    assert Quota(per=timedelta(minutes=1)).per == 60
    assert Settings(latency=timedelta(seconds=1)).latency == 1


@pytest.mark.anyio
async def test_a_limit_for_waiting_as_a_timedelta_is_kept() -> None:
    limiter = Limiter(1, per=timedelta(hours=1))
    await limiter.hold(timedelta(minutes=2))

    with pytest.raises(RateLimitedError):
        async with limiter.slot(max_wait=timedelta(minutes=1)):
            pass


def test_a_view_is_small() -> None:
    client = AsyncClient()
    options: dict[str, Any] = {"retry": Retry(attempts=1), "headers": {"X-A": "b"}, "timeout": 3}
    client.with_options(token="t", **options)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        views = [client.with_options(token=f"{i:064}", **options) for i in range(100)]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (after - before) / len(views) < 4_000


@pytest.mark.anyio
async def test_each_response_belongs_to_the_token_of_its_view() -> None:
    """Over shared connections, with a shared cache, and not in the order of the requests."""
    confirmed: list[int] = []

    async def serve(stream: SocketStream) -> None:
        async for request in stream:  # a request in each piece
            (user,) = map(int, re.findall(rb"(?i)authorization: bearer token-(\d+)", request))
            for _ in range(user % 7):
                await anyio.lowlevel.checkpoint()
            etag = re.findall(rb'(?i)if-none-match: "(\d+)"', request)
            body = b"" if etag == [b"%d" % user] else b'{"id": %d, "name": "Ana"}' % user
            confirmed.extend([user] if etag else [])
            head = b'HTTP/1.1 %d x\r\nETag: "%d"\r\n' % (200 if body else 304, user)
            await stream.send(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async with raw_server(serve) as port:
        base_url = f"http://127.0.0.1:{port}"
        async with AsyncClient(base_url=base_url, limiter=None) as client:
            views = {user: client.with_options(token=f"token-{user}") for user in range(1, 201)}
            found: list[tuple[int, int | None]] = []

            async def read(user: int) -> None:
                for _ in range(2):
                    me = await views[user].users.me()
                    found.append((user, None if me is None else me.id))

            async with anyio.create_task_group() as tasks:
                for user in views:
                    tasks.start_soon(read, user)

    assert sorted(found) == [(user, user) for user in views for _ in range(2)]
    assert sorted(confirmed) == sorted(views)
