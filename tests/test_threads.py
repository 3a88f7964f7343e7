"""What may be shared by threads that have an event loop each: it works, or is refused at once."""

from __future__ import annotations

import time

import anyio
import anyio.lowlevel
import pytest

from seeclickfix_async import AsyncClient, Limiter, errors
from seeclickfix_async.sandbox import Sandbox, Settings

from .threads import run_in_threads

_LIMIT, _PER = 5, 0.1


@pytest.mark.parametrize("turn", range(3))
def test_threads_share_one_limiter(anyio_backend: str, turn: int) -> None:
    limiter = Limiter(_LIMIT, per=_PER)
    started: list[float] = []

    async def work(number: int) -> None:
        async with anyio.create_task_group() as tasks:
            for background in (False, True):
                tasks.start_soon(request, background)
        with anyio.move_on_after(_PER * (number % 3) / 2):  # some leave the queue
            await request(background=False)

    async def request(background: bool) -> None:
        async with limiter.slot(background=background):
            started.append(time.monotonic())

    assert run_in_threads(work, anyio_backend) == [None] * 12

    assert len(started) >= 24
    started.sort()
    windows = zip(started, started[_LIMIT:], strict=False)
    assert all(later - earlier >= _PER for earlier, later in windows)


def test_a_hold_reaches_the_waiters_of_all_threads(anyio_backend: str) -> None:
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


def test_a_client_serves_one_thread_and_refuses_the_others_at_once(
    anyio_backend: str, city_url: str
) -> None:
    client = AsyncClient(base_url=city_url, limiter=None)

    async def work(_number: int) -> None:
        await client.users.me()

    outcomes = run_in_threads(work, anyio_backend)

    assert outcomes.count(None) == 1
    assert sum(isinstance(error, errors.EventLoopError) for error in outcomes) == 11
