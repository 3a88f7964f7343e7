"""The rate limiter that processes share, with a real Redis server."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import coredis
import pytest

from seeclickfix_async import AsyncClient, RedisLimiter, Retry
from seeclickfix_async._core.clock import SystemClock
from seeclickfix_async.errors import (
    ClientStateError,
    ConnectionFailedError,
    RateLimitedError,
)
from seeclickfix_async.sandbox import Quota, Sandbox, Settings
from tests.support.forked_processes import start_program
from tests.support.limiters import count_stopped_waiters
from tests.support.redis_server import RedisServer, redis_server

pytestmark = pytest.mark.anyio

_PROCESS = """
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
        processes = [start_program(_PROCESS, url, str(port), "15") for _ in range(3)]
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0, 0]

    assert Counter(seen.status for seen in sandbox.requests) == {200: 45}


class _RecordingClock(SystemClock):
    """The system's clock, which records the waits."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        self.waits.append(seconds)
        await super().wait(event, seconds)


async def test_the_whole_quota_is_used_and_not_exceeded(redis: coredis.Redis[bytes]) -> None:
    clock = _RecordingClock()
    limiter = RedisLimiter(redis, 3, per=0.2, clock=clock)
    started = anyio.current_time()

    for _ in range(7):
        async with limiter.slot():
            pass

    assert anyio.current_time() - started >= 0.4
    assert sum(clock.waits) < 0.8
    assert limiter.rate == pytest.approx(15)


async def test_a_wait_beyond_max_wait_is_refused(redis: coredis.Redis[bytes]) -> None:
    limiter = RedisLimiter(redis, 1, per=3000)

    async with limiter.slot(max_wait=0):
        pass
    with pytest.raises(RateLimitedError) as caught:
        async with limiter.slot(max_wait=1):
            pass

    assert 2900 < (caught.value.retry_after or 0) <= 3000


async def test_requests_at_once_within_the_quota_need_no_max_wait(
    redis: coredis.Redis[bytes],
) -> None:
    limiter = RedisLimiter(redis, 20)
    entered: list[int] = []

    async def request(number: int) -> None:
        async with limiter.slot(max_wait=0):
            entered.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(request, number)

    assert sorted(entered) == list(range(20))


async def test_a_pause_applies_to_all_processes(redis: coredis.Redis[bytes]) -> None:
    one, other = RedisLimiter(redis, 5, per=1), RedisLimiter(redis, 5, per=1)

    await one.hold(4000)
    await other.hold(1)

    with pytest.raises(RateLimitedError) as caught:
        async with other.slot(max_wait=5):
            pass
    assert 3900 < (caught.value.retry_after or 0) <= 4000


async def test_stop_raises_in_all_waiters(redis: coredis.Redis[bytes]) -> None:
    assert await count_stopped_waiters(RedisLimiter(redis, 1, per=30)) == 3


async def test_background_requests_wait_for_the_others(redis: coredis.Redis[bytes]) -> None:
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


async def test_a_cancelled_waiter_uses_no_slot(redis: coredis.Redis[bytes]) -> None:
    limiter = RedisLimiter(redis, 1, per=0.1)

    async with limiter.slot():
        with anyio.move_on_after(0.02):
            async with limiter.slot():
                pass
    async with limiter.slot(max_wait=5):
        pass


_SHUTDOWN = """
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


def test_a_lost_redis_server_is_an_error_before_sending() -> None:
    # In its own process: coredis leaves streams open when its server ends, which causes warnings.
    sandbox = Sandbox(10, settings=Settings(quota=None))
    with redis_server() as port, sandbox.serve() as url:
        command = [sys.executable, "-c", _SHUTDOWN, url, str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert "Redis server of the rate limiter cannot be reached" in done.stdout
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_cancellation_by_asyncio_releases_the_slot(
    redis: coredis.Redis[bytes],
) -> None:
    """At whatever step the task is cancelled, the slot is free after one window."""
    limiter = RedisLimiter(redis, 3, per=0.3)

    for steps in range(40):
        task = asyncio.ensure_future(limiter.slot().__aenter__())
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():  # it had the slot before it could be cancelled
            await redis.flushall()

    with anyio.fail_after(10):
        for _ in range(3):
            async with limiter.slot():
                pass


_N, _PER = 3, 0.12
# Two processes take a slot (small letter) and release their oldest one (capital letter).
_STEPS = "aabABAbB"


class _DataLoss:
    """Two processes, and a server that loses its data in between."""

    def __init__(self, one: coredis.Redis[bytes], other: coredis.Redis[bytes]) -> None:
        limiters = [RedisLimiter(redis, _N, per=_PER) for redis in (one, other)]
        self.limiters = dict(zip("ab", limiters, strict=True))
        self.open: dict[str, list[object]] = {"a": [], "b": []}
        self.started: list[float] = []

    async def run(self, lose: Callable[[], Awaitable[object]], at: int) -> None:
        for number, step in enumerate(_STEPS):
            if number == at:
                await lose()
            await self._do(step)
        async with anyio.create_task_group() as tasks:
            for name in "ab" * _N:
                tasks.start_soon(self._request, name)

        self.started.sort()
        windows = zip(self.started, self.started[_N:], strict=False)
        assert all(later - earlier >= _PER for earlier, later in windows)

    async def _do(self, step: str) -> None:
        if step.islower():
            slot = self.limiters[step].slot()
            await slot.__aenter__()
            self.started.append(time.monotonic())
            self.open[step].append(slot)
        else:
            await self.open[step.lower()].pop(0).__aexit__()  # type: ignore[attr-defined]

    async def _request(self, name: str) -> None:
        async with self.limiters[name].slot():
            self.started.append(time.monotonic())


@pytest.mark.parametrize("at", range(len(_STEPS)))
async def test_no_window_is_overfull_after_a_flush(port: int, at: int) -> None:
    async with (
        coredis.Redis(port=port) as one,
        coredis.Redis(port=port) as other,
    ):
        await one.flushall()
        await _DataLoss(one, other).run(one.flushall, at)


# coredis leaves streams open when its server ends, which causes warnings.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("saved", ["nothing", "an older copy"])
@pytest.mark.parametrize("at", [2, 3, 4, 6])
async def test_no_window_is_overfull_after_a_restart(tmp_path: Path, saved: str, at: int) -> None:
    server = RedisServer(str(tmp_path))

    async def restart() -> None:
        server.kill()
        server.start()

    try:
        async with (
            coredis.Redis(port=server.port) as one,
            coredis.Redis(port=server.port) as other,
        ):
            loss = _DataLoss(one, other)
            if saved == "an older copy":
                await loss._do("a")
                await one.save()
                await loss._do("A")
            await loss.run(restart, at)
    finally:
        server.kill()
    gc.collect()


async def test_flushed_scripts_are_loaded_again(redis: coredis.Redis[bytes]) -> None:
    limiter = RedisLimiter(redis, 3, per=30)

    for _ in range(3):
        await redis.script_flush()
        async with limiter.slot(max_wait=0):
            await redis.script_flush()

    with pytest.raises(RateLimitedError):
        await limiter.slot(max_wait=0).__aenter__()


async def test_the_first_process_does_not_wait(redis: coredis.Redis[bytes]) -> None:
    async with (
        RedisLimiter(redis, 1, per=30).slot(max_wait=0),
        RedisLimiter(redis, 1, per=30, name="another").slot(max_wait=0),
    ):
        pass


async def test_a_pause_survives_a_flush(redis: coredis.Redis[bytes]) -> None:
    limiter = RedisLimiter(redis, 5, per=1)
    await limiter.hold(4000)
    await redis.flushall()

    for _ in range(2):
        with pytest.raises(RateLimitedError) as caught:
            await limiter.slot(max_wait=5).__aenter__()

    assert 3900 < (caught.value.retry_after or 0) <= 4000


async def _run_out_of_memory(redis: coredis.Redis[bytes], limit: int) -> None:
    await redis.config_set({"maxmemory": limit})


async def test_a_full_server_is_an_error_and_uses_no_slot(
    redis: coredis.Redis[bytes],
) -> None:
    limiter = RedisLimiter(redis, 1, per=30)
    await _run_out_of_memory(redis, 1)

    with pytest.raises(ConnectionFailedError, match=r"refuses \(.*OOM.*Check its memory"):
        await limiter.slot(max_wait=0).__aenter__()

    await _run_out_of_memory(redis, 0)
    async with limiter.slot(max_wait=0):
        pass


async def test_a_slot_released_while_the_server_is_full_is_free_after_one_window(
    redis: coredis.Redis[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    limiter = RedisLimiter(redis, 2, per=0.2)
    with caplog.at_level(logging.WARNING):
        async with limiter.slot():
            await _run_out_of_memory(redis, 1)
    await _run_out_of_memory(redis, 0)

    assert "OOM" in caplog.text
    for _ in range(3):  # and not a lease later
        async with limiter.slot(max_wait=0.3):
            pass


async def test_a_returned_slot_is_free_at_once(
    redis: coredis.Redis[bytes],
) -> None:
    limiter = RedisLimiter(redis, 1, per=30)
    served: list[str] = []

    async def request() -> None:
        async with limiter.slot():
            served.append("next")

    async with anyio.create_task_group() as tasks, limiter.slot() as slot:
        tasks.start_soon(request)
        await anyio.wait_all_tasks_blocked()
        slot.give_back()

    assert served == ["next"]


async def test_requests_that_were_not_sent_use_no_slot(
    redis: coredis.Redis[bytes],
) -> None:
    limiter = RedisLimiter(redis, 20, per=60)
    once = Retry(attempts=1)
    async with AsyncClient(base_url="http://127.0.0.1:9", limiter=limiter, retry=once) as client:
        for _ in range(25):
            with pytest.raises(ConnectionFailedError):
                await client.with_options(max_wait=0).issues.get(7)
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(client.issues.get, 7)
            tasks.cancel_scope.cancel()

    with anyio.fail_after(10):
        async with limiter.slot(max_wait=0):
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_broken_connection_loses_no_slot(port: int) -> None:
    async with coredis.Redis(port=port) as redis, coredis.Redis(port=port) as admin:
        await admin.flushall()
        limiter = RedisLimiter(redis, 1, per=0.1)
        for _ in range(5):
            async with limiter.slot(max_wait=1):
                await admin.client_kill(type_=coredis.PureToken.NORMAL, skipme=True)
        async with limiter.slot(max_wait=1):
            pass
    gc.collect()


# coredis opens a connection before it refuses, and leaves its streams open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("state", ["never opened", "closed"])
async def test_a_closed_redis_client_is_refused(port: int, state: str) -> None:
    redis = coredis.Redis(port=port)
    if state == "closed":
        async with redis:
            await redis.ping()

    async with AsyncClient(limiter=RedisLimiter(redis)) as client:
        with pytest.raises(ClientStateError, match="async with coredis"):
            await client.users.me()
    gc.collect()


async def test_the_lease_of_a_slow_request_is_renewed(
    redis: coredis.Redis[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seeclickfix_async._transport.shared_limiter.LEASE", 0.9)
    limiter, other = RedisLimiter(redis, 1, per=0.3), RedisLimiter(redis, 1, per=0.3)

    async with limiter.slot():
        with pytest.raises(RateLimitedError):
            await other.slot(max_wait=2).__aenter__()
    async with other.slot(max_wait=2):
        pass


async def test_the_lease_of_a_process_that_died_expires(
    redis: coredis.Redis[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seeclickfix_async._transport.shared_limiter.LEASE", 0.2)
    limiter, other = RedisLimiter(redis, 1, per=0.2), RedisLimiter(redis, 1, per=0.2)
    monkeypatch.setattr(limiter, "_renew", anyio.lowlevel.checkpoint)

    await limiter.slot().__aenter__()

    async with other.slot(max_wait=5):
        pass


_SET_CLOCK = """
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local score = tonumber(redis.call('ZSCORE', KEYS[1], member))
  if score > 0 then score = score + ARGV[1] elseif score < 0 then score = score - ARGV[1] end
  redis.call('ZADD', KEYS[1], string.format('%.6f', score), member)
end
"""


@pytest.mark.parametrize("state", ["in use", "used", "paused"])
async def test_a_clock_that_is_set_back_delays_requests_only_briefly(
    redis: coredis.Redis[bytes], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """To a server whose clock is set back by an hour, each stored time is an hour later."""
    monkeypatch.setattr("seeclickfix_async._transport.shared_limiter.LEASE", 0.9)
    limiter, other = RedisLimiter(redis, 1, per=0.3), RedisLimiter(redis, 1, per=0.3)
    set_clock = redis.register_script(_SET_CLOCK)

    async with limiter.slot():
        if state == "paused":
            await limiter.hold(0.5)
        if state == "in use":
            await set_clock(["seeclickfix:quota"], [3600])
    if state != "in use":
        await set_clock(["seeclickfix:quota"], [3600])

    started = anyio.current_time()
    async with other.slot(max_wait=5):
        assert anyio.current_time() - started >= 0.2


@pytest.mark.parametrize("member", [b"\xff a 1", b"a - b"])
async def test_an_epoch_that_another_program_wrote_is_replaced(
    redis: coredis.Redis[bytes], member: bytes
) -> None:
    await redis.zadd("seeclickfix:quota", {member: 0})
    limiter = RedisLimiter(redis, 1, per=0.3)

    for _ in range(2):
        async with limiter.slot(max_wait=5):
            pass

    assert member not in await redis.zrange("seeclickfix:quota", 0, -1)


async def test_a_clock_that_is_set_forward_frees_no_slot(port: int) -> None:
    async with coredis.Redis(port=port) as one, coredis.Redis(port=port) as other:
        await one.flushall()
        limiters = [RedisLimiter(redis, 4, per=3) for redis in (one, other)]
        for limiter in limiters * 2:
            async with limiter.slot(max_wait=0):
                pass
        await one.register_script(_SET_CLOCK)(["seeclickfix:quota"], [-3600])

        for limiter in limiters:
            with pytest.raises(RateLimitedError):
                await limiter.slot(max_wait=1).__aenter__()
        async with limiters[1].slot(max_wait=5):
            pass
