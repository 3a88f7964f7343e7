"""The cache answers without asking, where it may; no write is hidden and no account mixed up."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
import pytest

from seeclickfix_async import AsyncClient, Cache, Limiter, Response, Retry
from seeclickfix_async.errors import (
    AnswerLostError,
    InvalidArgumentError,
    NotFoundError,
    RateLimitedError,
    ServerError,
)
from seeclickfix_async.sandbox import NEIGHBOUR_TOKEN
from seeclickfix_async.testing import IN_PROCESS_URL, SandboxHarness, VirtualClock

pytestmark = pytest.mark.anyio

Serve = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Site:
    """A server of numbered responses, with a client whose cache answers for a minute.

    Attributes:
        served: The requests, as method and path.
        opened: While it is not set, no response is sent.
        status: The status of the responses.
        cancelled: How many requests were cancelled.
    """

    def __init__(self, *, token: str | None = "mine", **options: Any) -> None:
        ages = ("max_age", "stale_if_limited")
        self.cache = Cache(**{name: options.pop(name, 0.0) for name in ages})
        self.clock: VirtualClock = options.pop("clock", None) or VirtualClock()
        self.served: list[str] = []
        self.opened = anyio.Event()
        self.opened.set()
        self.status = 200
        self.cancelled = 0
        transport = httpx.MockTransport(self._serve)
        defaults = {
            "base_url": IN_PROCESS_URL,
            "limiter": None,
            "http": httpx.AsyncClient(transport=transport),
            "cache": self.cache,
            "clock": self.clock,
            "retry": Retry(attempts=1),
        }
        self.client = AsyncClient(token, **{**defaults, **options})

    async def _serve(self, request: httpx.Request) -> httpx.Response:
        self.served.append(f"{request.method} {request.url.path}")
        number = len(self.served)
        try:
            await self.opened.wait()
        except BaseException:
            self.cancelled += 1
            raise
        if self.status == -1:
            raise httpx.ReadError("made up", request=request)
        body = {"id": number, "summary": request.headers.get("authorization")}
        return httpx.Response(self.status, json=body, headers={"Retry-After": "5"})

    async def number(self, client: AsyncClient | None = None, path: str = "/issues/7") -> int:
        """Request a path, and return the number of the response."""
        response = await (client or self.client).request("GET", path)
        return int(json.loads(response.content)["id"])


async def test_a_response_is_returned_for_max_age_without_a_request() -> None:
    site = Site(max_age=60)

    first = await site.client.request("GET", "/issues/7")
    site.clock.advance(59)
    again = await site.client.request("GET", "/issues/7")
    site.clock.advance(1)
    later = await site.client.request("GET", "/issues/7")

    assert [response.age for response in (first, again, later)] == [0, 59, 0]
    assert [response.requests for response in (first, again, later)] == [1, 0, 1]
    assert again.content == first.content != later.content
    assert len(site.served) == 2


async def test_a_reader_cannot_change_the_response_of_the_next() -> None:
    site = Site(max_age=60)
    site.opened = anyio.Event()
    responses: list[Response] = []

    async def read() -> None:
        responses.append(await site.client.request("GET", "/issues/7"))

    async with anyio.create_task_group() as tasks:
        for _ in range(2):  # of one request
            tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        site.opened.set()
    for _ in range(2):  # from the cache
        await read()

    assert len(site.served) == 1
    for response in responses:
        assert "x-mine" not in response.headers
        response.headers["x-mine"] = "changed"  # type: ignore[index]


async def test_a_page_shows_the_age_of_its_response() -> None:
    harness = SandboxHarness(quota=None)
    clock = VirtualClock()
    client = AsyncClient(
        base_url=IN_PROCESS_URL,
        token=NEIGHBOUR_TOKEN,
        http=harness.make_http(),
        limiter=None,
        cache=Cache(max_age=60),
        clock=clock,
    )

    await client.places.near(lat=41.05, lng=-73.54)
    clock.advance(30)
    page = await client.places.near(lat=41.05, lng=-73.54)

    assert page.response.age == 30
    assert len(harness.requests) == 1


async def test_a_304_makes_a_response_new_again() -> None:
    harness, clock = SandboxHarness(quota=None), VirtualClock()
    http = harness.make_http()
    client = AsyncClient(
        NEIGHBOUR_TOKEN,
        base_url=IN_PROCESS_URL,
        http=http,
        limiter=None,
        cache=Cache(max_age=60),
        clock=clock,
    )

    for seconds in (0, 61, 30, 31):
        clock.advance(seconds)
        await client.issues.list()

    assert harness.statuses("GET") == [200, 304, 304]


async def test_by_default_each_response_is_confirmed() -> None:
    site = Site()

    assert [await site.number() for _ in range(3)] == [1, 2, 3]


async def test_an_account_never_gets_the_response_to_another() -> None:
    site = Site(max_age=60)
    views = [site.client, site.client.with_options(token="other")]

    seen = [(await view.issues.get(7)).summary for view in views * 2]

    assert seen == ["Bearer mine", "Bearer other"] * 2
    assert len(site.served) == 2


async def test_an_unknown_credential_is_always_asked() -> None:
    site = Site(max_age=60, token=None)

    assert [await site.number() for _ in range(3)] == [1, 2, 3]


async def test_no_store_and_errors_are_not_kept() -> None:
    site = Site(max_age=60)
    site.status = 404
    for _ in range(2):
        with pytest.raises(NotFoundError):
            await site.number()
    site.status = 200

    assert [await site.number() for _ in range(2)] == [3, 3]


@pytest.mark.parametrize("status", [200, 404, 503, -1])
async def test_after_a_write_its_account_reads_anew(status: int) -> None:
    """Also after a failed one, which the service may have carried out."""
    site = Site(max_age=60, stale_if_limited=600, limiter=Limiter(9, clock=VirtualClock()))
    other = site.client.with_options(token="other")
    await site.number()
    await site.number(other)
    site.clock.advance(1)

    site.status = status
    try:
        await site.client.request("POST", "/issues/8/comments", json={})
    except (NotFoundError, ServerError, AnswerLostError):
        assert status != 200
    site.status = 200
    site.clock.advance(1)

    assert await site.number() == 4
    assert await site.number(other) == 2
    site.clock.advance(1)
    assert await site.number() == 4


async def test_a_read_that_began_before_a_write_is_not_kept_nor_joined() -> None:
    site = Site(max_age=60)
    numbers: list[int] = []

    async def read() -> None:
        numbers.append(await site.number())

    async with anyio.create_task_group() as tasks:
        site.opened = anyio.Event()
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        held, site.opened = site.opened, anyio.Event()
        site.opened.set()
        site.clock.advance(1)
        await site.client.request("POST", "/issues/7/close", json={})
        site.clock.advance(1)
        await read()
        held.set()

    assert numbers == [3, 1]
    site.clock.advance(1)
    assert await site.number() == 4  # the older response was stored last, and is not used


async def test_clients_share_a_write_through_their_cache() -> None:
    site = Site(max_age=60)
    http = httpx.AsyncClient(transport=httpx.MockTransport(site._serve))
    second = AsyncClient(
        "mine", base_url=IN_PROCESS_URL, http=http, limiter=None, cache=site.cache, clock=site.clock
    )
    assert (await site.number(), await site.number(second)) == (1, 1)
    site.clock.advance(1)

    await second.request("PUT", "/issues/7", json={})
    site.clock.advance(1)

    assert await site.number() == 3


async def test_crawls_feeds_and_checks_of_a_token_always_ask() -> None:
    harness = SandboxHarness(quota=None)
    http = harness.make_http()
    options: dict[str, Any] = {
        "base_url": IN_PROCESS_URL,
        "limiter": None,
        "cache": Cache(max_age=600),
    }
    client = AsyncClient(NEIGHBOUR_TOKEN, http=http, **options)

    async def count(call: Callable[[], Awaitable[object]]) -> int:
        before = len(harness.requests)
        await call()
        return len(harness.requests) - before

    crawl = lambda: client.issues.crawl().estimate()  # noqa: E731
    background = client.with_options(background=True)
    for call in (client.verify, crawl, background.users.me):
        assert [await count(call), await count(call)] == [1, 1]
    assert [await count(client.users.me), await count(client.users.me)] == [0, 0]


# Reads at once


async def test_identical_reads_under_way_are_sent_once() -> None:
    site = Site(max_age=60)
    site.opened = anyio.Event()
    responses: list[Response] = []

    async def read(client: AsyncClient) -> None:
        responses.append(await client.request("GET", "/issues/7"))

    async with anyio.create_task_group() as tasks:
        for token in ("mine", "other") * 50:
            tasks.start_soon(read, site.client.with_options(token=token))
        await anyio.wait_all_tasks_blocked()
        site.opened.set()

    assert len(site.served) == 2
    assert len({response.content for response in responses}) == 2
    assert sum(response.requests for response in responses) == 2


async def test_without_max_age_each_read_is_sent() -> None:
    site = Site(stale_if_limited=60)
    site.opened = anyio.Event()

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(site.number)
        await anyio.wait_all_tasks_blocked()
        site.opened.set()

    assert len(site.served) == 5


async def test_reads_with_other_options_are_not_joined() -> None:
    """A request that may not wait must not wait for one that may."""
    site = Site(max_age=60)
    site.opened = anyio.Event()
    views = [
        site.client,
        site.client.with_options(max_wait=0),
        site.client.with_options(locale="es"),
    ]

    async with anyio.create_task_group() as tasks:
        for view in views:
            tasks.start_soon(site.number, view)
        await anyio.wait_all_tasks_blocked()
        site.opened.set()

    assert len(site.served) == 3


@pytest.mark.parametrize("leaves", [0, 1, 2])
async def test_a_waiter_that_is_cancelled_does_not_cancel_the_others(leaves: int) -> None:
    site = Site(max_age=60)
    site.opened = anyio.Event()
    numbers: list[int] = []
    scopes = [anyio.CancelScope() for _ in range(3)]

    async def read(scope: anyio.CancelScope) -> None:
        with scope:
            numbers.append(await site.number())

    async with anyio.create_task_group() as tasks:
        for scope in scopes:
            tasks.start_soon(read, scope)
            await anyio.wait_all_tasks_blocked()
        scopes[leaves].cancel()
        await anyio.wait_all_tasks_blocked()
        site.opened.set()

    assert (numbers, site.cancelled) == ([1, 1], 0)


async def test_the_last_waiter_that_is_cancelled_cancels_the_request() -> None:
    site = Site(max_age=60, limiter=Limiter(1, clock=VirtualClock()))
    site.opened = anyio.Event()

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(site.number)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert (len(site.served), site.cancelled) == (1, 1)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_cancellation_by_asyncio_is_the_same() -> None:
    site = Site(max_age=60)
    site.opened = anyio.Event()
    tasks = [asyncio.ensure_future(site.number()) for _ in range(3)]
    await anyio.wait_all_tasks_blocked()

    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    assert site.cancelled == 0
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks[1:], return_exceptions=True)

    assert site.cancelled == 1
    site.opened.set()
    assert await site.number() == 2


async def test_an_error_is_raised_in_all_waiters_with_own_tracebacks() -> None:
    site = Site(max_age=60)
    site.opened, site.status = anyio.Event(), 404
    errors: list[NotFoundError] = []

    async def first() -> None:
        await site.number()

    async def second() -> None:
        await site.number()

    async def collect(read: Callable[[], Awaitable[None]]) -> None:
        try:
            await read()
        except NotFoundError as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(collect, first)
        tasks.start_soon(collect, second)
        await anyio.wait_all_tasks_blocked()
        site.opened.set()

    assert len(site.served) == 1
    assert errors[0] is not errors[1]
    for name in ("headers", "body"):
        assert getattr(errors[0], name) == getattr(errors[1], name)
        assert getattr(errors[0], name) is not getattr(errors[1], name)
    assert sorted(_caller(error) for error in errors) == ["first", "second"]


def _caller(error: Exception) -> str:
    names = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
    (name,) = names & {"first", "second"}
    return name


async def test_retries_are_shared_too() -> None:
    site = Site(max_age=60, retry=Retry(attempts=3))
    site.opened, site.status = anyio.Event(), 503

    async def read() -> None:
        with pytest.raises(ServerError):
            await site.number()

    async with anyio.create_task_group() as readers:
        for _ in range(9):
            readers.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        site.opened.set()

    assert len(site.served) == 3


# A quota that is used up


async def test_an_older_response_is_returned_instead_of_waiting() -> None:
    clock = VirtualClock()
    site = Site(stale_if_limited=600, limiter=Limiter(1, clock=clock), clock=clock)
    assert await site.number() == 1
    clock.advance(20)

    response = await site.client.request("GET", "/issues/7")

    assert (response.age, response.requests, len(site.served)) == (20, 0, 1)
    clock.advance(40)
    assert await site.number() == 2  # there is a slot again


async def test_a_failure_in_between_leaves_the_older_response() -> None:
    clock = VirtualClock()
    limiter = Limiter(2, clock=clock)
    site = Site(stale_if_limited=600, limiter=limiter, clock=clock, retry=Retry(attempts=1))
    await site.number()
    site.status = 503
    with pytest.raises(ServerError):
        await site.number()
    site.status = 200
    clock.advance(20)

    response = await site.client.request("GET", "/issues/7")

    assert (response.age, response.requests) == (20, 0)


async def test_without_an_older_response_the_quota_is_waited_for() -> None:
    clock = VirtualClock()
    limiter = Limiter(1, per=100, clock=clock)
    site = Site(stale_if_limited=50, limiter=limiter, clock=clock, max_wait=0)
    assert await site.number() == 1
    clock.advance(50)

    with pytest.raises(RateLimitedError):  # it is too old
        await site.number()
    with pytest.raises(RateLimitedError):  # and another one
        await site.number(path="/issues/8")


async def test_after_an_own_write_no_older_response_is_returned() -> None:
    clock = VirtualClock()
    site = Site(stale_if_limited=600, limiter=Limiter(2, clock=clock), clock=clock, max_wait=0)
    await site.number()
    clock.advance(1)
    await site.client.request("POST", "/issues/7/vote")

    with pytest.raises(RateLimitedError):
        await site.number()


async def test_a_429_returns_the_older_response_and_pauses_the_limiter() -> None:
    clock = VirtualClock()
    limiter = Limiter(20, clock=clock)
    site = Site(stale_if_limited=600, limiter=limiter, clock=clock)
    await site.number()
    clock.advance(20)
    site.status = 429

    response = await site.client.request("GET", "/issues/7")

    assert (response.age, response.requests, len(site.served)) == (20, 1, 2)
    assert limiter.estimate(1) == 5


@pytest.mark.parametrize("name", ["max_age", "stale_if_limited"])
@pytest.mark.parametrize("value", [-1, float("nan"), 1e9, True, "60"])
def test_an_invalid_age_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Cache(**{name: value})

    assert caught.value.argument == name


def test_the_record_of_writes_does_not_grow() -> None:
    cache = Cache(max_age=10)
    for number in range(1000):
        cache.note_write(f"credential {number}", float(number))

    assert len(cache._written_at) <= 12
