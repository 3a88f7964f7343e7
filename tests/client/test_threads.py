"""Objects shared by threads with an event loop each: they work, or are refused at once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import parse_qs

import anyio
import anyio.lowlevel
import coredis
import httpx
import pytest

from seeclickfix_async import (
    Accounts,
    AsyncClient,
    Cache,
    Limiter,
    MemoryStore,
    RedisLimiter,
    StoredToken,
    TokenEndpoint,
    errors,
)
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.redis_server import redis_server
from tests.support.threads import run_in_threads

_LIMIT, _PER = 5, 0.1


@pytest.mark.parametrize("repetition", range(3))
def test_threads_share_one_limiter(anyio_backend: str, repetition: int) -> None:
    limiter = Limiter(_LIMIT, per=_PER)
    started: list[float] = []

    async def work(number: int) -> None:
        async with anyio.create_task_group() as tasks:
            for background in (False, True):
                tasks.start_soon(request, background)
        with anyio.move_on_after(_PER * (number % 3) / 2):  # some are cancelled while they wait
            await request(background=False)

    async def request(background: bool) -> None:
        async with limiter.slot(background=background):
            started.append(time.monotonic())

    assert run_in_threads(work, anyio_backend) == [None] * 12

    assert len(started) >= 24
    started.sort()
    windows = zip(started, started[_LIMIT:], strict=False)
    assert all(later - earlier >= _PER for earlier, later in windows)


def test_a_hold_applies_to_waiting_tasks_of_all_threads(anyio_backend: str) -> None:
    limiter = Limiter(1, per=3600)

    async def work(number: int) -> None:
        if number:
            async with limiter.slot(max_wait=50_000):
                raise AssertionError
        while len(limiter._queue) < 11:
            await anyio.lowlevel.checkpoint()
        await limiter.hold(80_000)

    anyio.run(limiter.slot().__aenter__)

    first, *others = run_in_threads(work, anyio_backend)

    assert first is None
    assert {type(error) for error in others} == {errors.RateLimitedError}


def test_clients_in_threads_share_one_limiter(anyio_backend: str) -> None:
    sandbox = Sandbox(10, settings=Settings(quota=None))
    limiter = Limiter(_LIMIT, per=_PER)
    with sandbox.serve() as url:

        async def work(_number: int) -> None:
            async with AsyncClient(base_url=url, limiter=limiter) as client:
                await client.users.me()

        assert run_in_threads(work, anyio_backend) == [None] * 12

    assert len(sandbox.requests) == 12


def test_a_client_works_in_one_thread_and_refuses_others_at_once(
    anyio_backend: str, city_url: str
) -> None:
    client = AsyncClient(base_url=city_url, limiter=None)
    barrier = threading.Barrier(12)

    async def work(_number: int) -> Exception | None:
        try:
            await client.users.me()
        except errors.ClientStateError as error:
            barrier.wait()
            return error
        await anyio.to_thread.run_sync(barrier.wait)
        await client.aclose()
        return None

    outcomes = run_in_threads(work, anyio_backend)

    assert outcomes.count(None) == 1
    assert sum(isinstance(error, errors.EventLoopError) for error in outcomes) == 11


class _Provider(ThreadingHTTPServer):
    """A token endpoint that accepts each refresh token once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.current = 0
        self.refused = 0

    @property
    def app(self) -> Application:
        return Application(
            "app", "https://app.example/", "x", f"http://127.0.0.1:{self.server_port}"
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Provider

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        with self.server.lock:
            is_good = form["refresh_token"] == [f"refresh-{self.server.current}"]
            self.server.current += is_good
            self.server.refused += not is_good
            body = _token_response(self.server.current) if is_good else {"error": "invalid_grant"}
        content = json.dumps(body).encode()
        self.send_response(200 if is_good else 400)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _token_response(number: int, *, age: float = 0) -> dict[str, object]:
    return {
        "access_token": f"access-{number}",
        "refresh_token": f"refresh-{number}",
        "token_type": "Bearer",
        "expires_in": 7200,
        "created_at": int(time.time() - age),
    }


@pytest.fixture
def provider() -> Iterator[_Provider]:
    with _Provider() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _expired(number: int = 0) -> Token:
    return Token.from_dict(_token_response(number, age=9000))


@pytest.mark.parametrize("shared", ["source", "accounts", "endpoint", "store"])
@pytest.mark.parametrize("repetition", range(2))
def test_threads_renew_a_token_once(
    anyio_backend: str, provider: _Provider, shared: str, repetition: int
) -> None:
    store, endpoint = MemoryStore(), TokenEndpoint(provider.app, limiter=None)
    accounts = Accounts(store, endpoint)
    source = StoredToken(store, "me", endpoint=endpoint)
    anyio.run(store.put, "me", _expired())
    entered, barrier = threading.Event(), threading.Barrier(12)

    async def work(number: int) -> str:
        if number == 0:  # one thread opens the connections
            async with endpoint:
                entered.set()
                return await use()
        await anyio.to_thread.run_sync(entered.wait)
        return await use()

    async def use() -> str:
        async with TokenEndpoint(provider.app, limiter=None) as other:
            sources = {
                "source": source,
                "accounts": accounts.source("me"),
                "endpoint": StoredToken(store, "me", endpoint=endpoint),
                "store": StoredToken(store, "me", endpoint=other),
            }
            token = await sources[shared].current()
            if token.reveal() == "access-1":  # all report it at once, and one renews it
                await sources[shared].replaced(token)
            await anyio.to_thread.run_sync(barrier.wait)
            return (await sources[shared].current()).reveal()

    outcomes = run_in_threads(work, anyio_backend)

    assert set(outcomes) == {"access-2"}
    assert (provider.current, provider.refused) == (2, 0)
    stored = anyio.run(store.get, "me")
    assert stored is not None
    assert stored.access_token.reveal() == "access-2"


class _StuckStore(MemoryStore):
    """A store whose first `get` never returns."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()

    async def get(self, key: str) -> Token | None:
        if not self.entered.is_set():
            self.entered.set()
            await anyio.sleep_forever()
        return await super().get(key)


def test_when_an_event_loop_ends_another_renews_the_token(provider: _Provider) -> None:
    """Only asyncio ends during the renewal; trio completes it first."""
    store, endpoint = _StuckStore(), TokenEndpoint(provider.app, limiter=None)
    source = StoredToken(store, "me", endpoint=endpoint)
    anyio.run(store.put, "me", _expired())
    barrier = threading.Barrier(12)

    async def work(number: int) -> str | None:
        if number:
            await anyio.to_thread.run_sync(barrier.wait)
            return (await source.current()).reveal()
        endpoint._transport.check()  # binds the endpoint to this event loop
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(source.current)
            await anyio.to_thread.run_sync(store.entered.wait)
            await anyio.to_thread.run_sync(barrier.wait)
            tasks.cancel_scope.cancel()
        return None

    assert run_in_threads(work, "asyncio") == [None] + ["access-1"] * 11
    assert (provider.current, provider.refused) == (1, 0)


def test_a_callers_http_client_ties_an_endpoint_to_one_thread(anyio_backend: str) -> None:
    http = httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=_token_response(1)))
    )
    endpoint = TokenEndpoint(Application("a", "https://a.example/"), http=http, limiter=None)

    async def work(_number: int) -> str:
        return (await endpoint.refresh(_expired())).access_token.reveal()

    outcomes = run_in_threads(work, anyio_backend)

    assert outcomes.count("access-1") == 1
    assert sum(isinstance(error, errors.EventLoopError) for error in outcomes) == 11


def test_closing_an_endpoint_waits_for_the_renewals_of_other_threads(anyio_backend: str) -> None:
    endpoint = TokenEndpoint(Application("a", "https://a.example/"), limiter=None)
    inside, barrier = threading.Event(), threading.Barrier(12)
    done: list[int] = []

    async def work(number: int) -> None:
        if number == 0:
            await anyio.to_thread.run_sync(barrier.wait)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(endpoint.aclose)
                await anyio.wait_all_tasks_blocked()
                inside.set()
            assert len(done) == 11
            return
        with endpoint.delay_close():
            await anyio.to_thread.run_sync(barrier.wait)
            await anyio.to_thread.run_sync(inside.wait)
            done.append(number)

    assert run_in_threads(work, anyio_backend) == [None] * 12


def test_a_memory_store_locks_across_threads(anyio_backend: str) -> None:
    store = MemoryStore()
    inside, max_inside, entered = 0, 0, 0

    async def enter(seconds: float) -> None:
        nonlocal inside, max_inside, entered
        with anyio.move_on_after(seconds):
            async with store.lock("me"):
                inside, entered = inside + 1, entered + 1
                max_inside = max(max_inside, inside)
                try:
                    await anyio.lowlevel.checkpoint()
                finally:
                    inside -= 1

    async def work(number: int) -> None:
        async with anyio.create_task_group() as tasks:
            for task in range(20):
                tasks.start_soon(enter, 0.0001 if (number + task) % 5 == 0 else 60)

    assert run_in_threads(work, anyio_backend) == [None] * 12

    assert (inside, max_inside) == (0, 1)
    assert entered >= 12 * 16
    assert len(store._queues) == 0


def test_threads_share_one_cache(anyio_backend: str) -> None:
    sandbox = Sandbox(50, settings=Settings(quota=None))
    cache = Cache(30_000)
    with sandbox.serve() as url:

        async def work(number: int) -> None:
            async with AsyncClient(base_url=url, limiter=None, cache=cache) as client:
                page = await client.issues.list(status="all")
                for issue in Random(number).choices(page.items, k=40):
                    assert (await client.issues.get(issue.id)).id == issue.id

        assert run_in_threads(work, anyio_backend) == [None] * 12

    assert cache._size == sum(size for _, size in cache._responses.values())
    assert cache._size <= 30_000


def test_a_redis_limiter_works_in_one_thread_and_refuses_others_at_once(
    anyio_backend: str,
) -> None:
    with redis_server() as port:
        barrier = threading.Barrier(12)
        shared: list[RedisLimiter] = []

        async def work(number: int) -> Exception | None:
            async with coredis.Redis(port=port) as redis:
                if number == 0:
                    shared.append(RedisLimiter(redis))
                await anyio.to_thread.run_sync(barrier.wait)
                try:
                    async with shared[0].slot(), RedisLimiter(redis).slot():
                        return None
                except errors.ClientStateError as error:
                    return error
                finally:  # no loop ends before all have tried
                    await anyio.to_thread.run_sync(barrier.wait)

        outcomes = run_in_threads(work, anyio_backend)

    refused = [error for error in outcomes if error is not None]
    assert len(refused) == 11  # the limiter belongs to the thread that used it first
    assert {type(error) for error in refused} == {errors.EventLoopError}
    assert "Create one in each event loop" in str(refused[0])
