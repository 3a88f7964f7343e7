"""One quota for many processes, kept by a real Redis server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import anyio
import anyio.lowlevel
import coredis
import pytest

from seeclickfix_async import RedisLimiter
from seeclickfix_async.errors import BlockedError, RateLimitedError
from seeclickfix_async.sandbox import Quota, Sandbox, Settings
from tests.redis_server import redis_server

pytestmark = pytest.mark.anyio

_WORK = """
import sys
import anyio
import anyio.lowlevel
import coredis
from seeclickfix_async import AsyncClient, RedisLimiter

async def main(url, port, calls):
    async with coredis.Redis(port=int(port)) as redis:
        limiter = RedisLimiter(redis, 10, per=0.5)
        async with AsyncClient(base_url=url, limiter=limiter) as client:
            async with anyio.create_task_group() as tasks:
                for _ in range(int(calls)):
                    tasks.start_soon(client.users.me)

anyio.run(main, *sys.argv[1:], backend="trio" if int(sys.argv[2]) % 2 else "asyncio")
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with redis_server() as port:
        yield port


@pytest.fixture
async def redis(port: int) -> AsyncIterator[coredis.Redis[bytes]]:
    async with coredis.Redis(port=port) as opened:
        await opened.flushall()
        yield opened


@pytest.mark.parametrize("window", ["sliding", "bucket"])
def test_many_processes_share_one_quota(window: str, port: int) -> None:
    quota = Quota(10, per=0.5, window=window)  # type: ignore[arg-type]
    sandbox = Sandbox(10, settings=Settings(quota=quota))
    with sandbox.serve() as url:
        command = [sys.executable, "-W", "error", "-c", _WORK, url, str(port), "15"]
        processes = [subprocess.Popen(command) for _ in range(3)]
        assert [process.wait(60) for process in processes] == [0, 0, 0]

    assert Counter(seen.status for seen in sandbox.requests) == {200: 45}


async def test_a_quota_is_used_up_and_no_more(redis: coredis.Redis[bytes]) -> None:
    limiter = RedisLimiter(redis, 3, per=0.2)
    started = anyio.current_time()

    for _ in range(7):
        async with limiter.slot():
            pass

    assert 0.4 <= anyio.current_time() - started < 0.8
    assert limiter.rate == pytest.approx(15)


async def test_a_longer_wait_than_allowed_is_refused(redis: coredis.Redis[bytes]) -> None:
    limiter = RedisLimiter(redis, 1, per=30)

    async with limiter.slot(max_wait=0):
        pass
    with pytest.raises(RateLimitedError) as caught:
        async with limiter.slot(max_wait=1):
            pass

    assert 29 < (caught.value.retry_after or 0) <= 30


async def test_a_hold_is_for_all(redis: coredis.Redis[bytes]) -> None:
    one, other = RedisLimiter(redis, 5, per=1), RedisLimiter(redis, 5, per=1)

    await one.hold(40)
    await other.hold(1)

    with pytest.raises(RateLimitedError) as caught:
        async with other.slot(max_wait=5):
            pass
    assert 39 < (caught.value.retry_after or 0) <= 40


async def test_a_block_fails_what_waits(redis: coredis.Redis[bytes]) -> None:
    limiter = RedisLimiter(redis, 1, per=30)
    failed: list[BlockedError] = []

    async def wait() -> None:
        try:
            async with limiter.slot():
                pass
        except BlockedError as error:
            failed.append(error)

    async with limiter.slot(), anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        await limiter.stop(BlockedError("blocked", status=403))

    assert len(failed) == 3


async def test_who_is_in_the_background_lets_others_go_first(redis: coredis.Redis[bytes]) -> None:
    limiter = RedisLimiter(redis, 1, per=0.1)
    order: list[str] = []

    async def request(name: str, background: bool) -> None:
        async with limiter.slot(background=background):
            order.append(name)

    async with anyio.create_task_group() as tasks, limiter.slot():
        for name, background in (("feed", True), ("pull", True), ("user", False)):
            tasks.start_soon(request, name, background)
            await anyio.wait_all_tasks_blocked()

    assert order == ["user", "feed", "pull"]


async def test_a_cancelled_wait_takes_no_slot_with_it(redis: coredis.Redis[bytes]) -> None:
    limiter = RedisLimiter(redis, 1, per=0.1)

    async with limiter.slot():
        with anyio.move_on_after(0.02):
            async with limiter.slot():
                pass
    async with limiter.slot(max_wait=5):
        pass


_LOSE = """
import contextlib
import sys
import anyio
import anyio.lowlevel
import coredis
from seeclickfix_async import AsyncClient, RedisLimiter
from seeclickfix_async.errors import ConnectionFailedError

async def main(url, port):
    async with coredis.Redis(port=int(port)) as redis:
        async with AsyncClient(base_url=url, limiter=RedisLimiter(redis)) as client:
            await client.users.me()
            with contextlib.suppress(coredis.exceptions.ConnectionError):
                await redis.shutdown()
            try:
                await client.with_options(max_wait=0).users.me()
            except ConnectionFailedError as error:
                print(error)

anyio.run(main, *sys.argv[1:])
"""


def test_a_server_that_is_gone_is_named_before_anything_is_sent() -> None:
    # In a process of its own: coredis leaves streams open when its server goes, and is warned.
    sandbox = Sandbox(10, settings=Settings(quota=None))
    with redis_server() as port, sandbox.serve() as url:
        command = [sys.executable, "-c", _LOSE, url, str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert "The Redis server that keeps the quota does not answer. Nothing was sent" in done.stdout
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_asyncios_own_cancellation_gives_the_slot_back(
    redis: coredis.Redis[bytes],
) -> None:
    """However far the question to the server had come, the slot returns after one window."""
    limiter = RedisLimiter(redis, 3, per=0.3)

    for steps in range(40):
        task = asyncio.ensure_future(limiter.slot().__aenter__())
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():  # it was in before it could be cancelled
            await redis.flushall()

    with anyio.fail_after(10):
        for _ in range(3):
            async with limiter.slot():
                pass
