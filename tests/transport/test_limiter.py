"""The rate limiter: no window of the server has too many requests, whatever the network does."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeclickfix_async import Limiter
from seeclickfix_async.errors import InvalidArgumentError, RateLimitedError
from seeclickfix_async.sandbox import Quota
from seeclickfix_async.testing import VirtualClock
from tests.support.event_loops import on_alternate_loops
from tests.support.limiters import count_stopped_waiters

pytestmark = pytest.mark.anyio

_PER = 60.0


async def _run_all(*calls: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run these calls concurrently."""
    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(call)


@pytest.mark.parametrize("jitter", [0.0, 0.3, 3.0, 40.0])
@on_alternate_loops("seed", range(5))
@pytest.mark.exhaustive
async def test_no_kind_of_window_refuses_a_request(jitter: float, seed: int) -> None:
    clock, random = VirtualClock(), Random(seed)
    limiter = Limiter(20, per=_PER, clock=clock)
    quotas = [
        Quota(20, per=_PER, window=window, clock=clock.now)
        for window in ("fixed", "sliding", "bucket")
    ]

    async def request() -> None:
        async with limiter.slot():
            await clock.sleep(random.uniform(0, jitter))
            for quota in quotas:
                quota.take()
            await clock.sleep(random.uniform(0, jitter))

    await _run_all(*[request] * 100)

    assert {quota.window: quota.refused for quota in quotas} == {
        "fixed": 0,
        "sliding": 0,
        "bucket": 0,
    }


async def test_the_whole_quota_is_used() -> None:
    clock = VirtualClock()
    limiter = Limiter(20, per=_PER, clock=clock)
    started: list[float] = []

    async def request() -> None:
        async with limiter.slot():
            started.append(clock.now() - 1000)

    await _run_all(*[request] * 200)

    assert started == [_PER * window for window in range(10) for _ in range(20)]


async def test_first_come_first_served() -> None:
    clock = VirtualClock()
    limiter = Limiter(2, per=_PER, clock=clock)
    served: list[int] = []

    async def request(number: int) -> None:
        async with limiter.slot():
            served.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(9):
            tasks.start_soon(request, number)
            # One after the other, or the event loop would choose the order of arrival.
            await anyio.lowlevel.checkpoint()

    assert sorted(served) == list(range(9))
    assert [number // 2 for number in served] == sorted(number // 2 for number in served)


async def test_a_cancelled_waiter_uses_no_slot() -> None:
    clock = VirtualClock()
    limiter = Limiter(1, per=_PER, clock=clock)
    served: list[str] = []

    async def request(name: str) -> None:
        async with limiter.slot():
            served.append(name)

    async with limiter.slot(), anyio.create_task_group() as tasks:
        for name in ("leaves", "stays"):
            tasks.start_soon(request, name)
            await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    await _run_all(lambda: request("next"), lambda: request("last"))

    assert sorted(served) == ["last", "next"]
    assert clock.now() == 1000 + 2 * _PER


async def test_cancelling_the_first_waiter_wakes_the_next() -> None:
    clock = VirtualClock(jumps=False)
    limiter = Limiter(1, per=_PER, clock=clock)
    served: list[str] = []

    async def request(name: str) -> None:
        async with limiter.slot():
            served.append(name)

    async with anyio.create_task_group() as around:
        async with limiter.slot():
            pass
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as first:
                first.start_soon(request, "head")
                await anyio.wait_all_tasks_blocked()
                around.start_soon(request, "next")
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
        clock.advance(_PER)

    assert served == ["next"]


@pytest.mark.parametrize(("ahead", "wait"), [(0, 60.0), (2, 60.0), (3, 120.0), (8, 180.0)])
async def test_a_wait_beyond_max_wait_is_refused_at_once(ahead: int, wait: float) -> None:
    clock = VirtualClock(jumps=False)
    limiter = Limiter(3, per=_PER, clock=clock)
    async with anyio.create_task_group() as tasks:
        for _ in range(3 + ahead):
            tasks.start_soon(_use_slot, limiter)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(RateLimitedError, match="Nothing was sent") as caught:
            await _use_slot(limiter, max_wait=wait - 1)
        tasks.cancel_scope.cancel()

    assert caught.value.retry_after == wait
    assert caught.value.status is None
    assert clock.now() == 1000


async def _use_slot(limiter: Limiter, max_wait: float | None = None) -> None:
    async with limiter.slot(max_wait=max_wait):
        pass


async def test_a_wait_within_max_wait_is_waited() -> None:
    clock = VirtualClock()
    limiter = Limiter(1, per=_PER, clock=clock)
    await _use_slot(limiter)

    await _run_all(lambda: _use_slot(limiter, max_wait=60))

    assert clock.now() == 1060


async def test_a_shorter_pause_does_not_shorten_a_longer_one() -> None:
    clock = VirtualClock()
    limiter = Limiter(5, per=_PER, clock=clock)
    await limiter.hold(30)
    await limiter.hold(10)

    await _run_all(lambda: _use_slot(limiter))

    assert clock.now() == 1030


async def test_a_pause_refuses_waiters_that_may_not_wait_so_long() -> None:
    clock = VirtualClock(jumps=False)
    limiter = Limiter(1, per=_PER, clock=clock)
    caught: list[RateLimitedError] = []

    async def impatient() -> None:
        try:
            await _use_slot(limiter, max_wait=200)
        except RateLimitedError as error:
            caught.append(error)

    await _use_slot(limiter)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(impatient)
        tasks.start_soon(impatient)
        await anyio.wait_all_tasks_blocked()
        await limiter.hold(600)

    assert [error.retry_after for error in caught] == [600, 600]


async def test_stop_raises_in_all_waiters() -> None:
    assert await count_stopped_waiters(Limiter(1, per=_PER, clock=VirtualClock(jumps=False))) == 3


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": True}, "limit"),
        ({"per": 0}, "per"),
        ({"per": -1}, "per"),
    ],
)
async def test_an_empty_quota_is_refused(options: dict[str, float], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Limiter(**options)  # type: ignore[arg-type]

    assert caught.value.argument == argument


@given(
    seed=st.integers(0, 2**32),
    limit=st.integers(1, 7),
    jitter=st.floats(0, 200),
    cancelled=st.floats(0, 0.6),
)
@settings(max_examples=40)
@pytest.mark.exhaustive
def test_any_schedule_respects_the_quota(
    seed: int, limit: int, jitter: float, cancelled: float
) -> None:
    anyio.run(_schedule, seed, limit, jitter, cancelled)


async def _schedule(seed: int, limit: int, jitter: float, cancelled: float) -> None:
    clock, random = VirtualClock(), Random(seed)
    limiter = Limiter(limit, per=_PER, clock=clock)
    arrivals: list[float] = []

    async def request() -> None:
        await clock.sleep(random.uniform(0, 3 * _PER))
        with anyio.CancelScope() as scope:
            leaves = random.random() < cancelled
            async with limiter.slot():
                if leaves:
                    scope.cancel()
                await clock.sleep(random.uniform(0, jitter))
                arrivals.append(clock.now())
                await clock.sleep(random.uniform(0, jitter))

    await _run_all(*[request] * 40)

    arrivals.sort()
    windows = zip(arrivals, arrivals[limit:], strict=False)
    assert all(later - earlier >= _PER - 1e-6 for earlier, later in windows)


async def test_background_requests_wait_for_the_others() -> None:
    clock = VirtualClock(jumps=False)
    limiter = Limiter(1, per=_PER, clock=clock)
    order: list[str] = []

    async def request(name: str, background: bool) -> None:
        async with limiter.slot(background=background):
            order.append(name)

    async with anyio.create_task_group() as tasks:
        async with limiter.slot():
            for name, background in (("feed", True), ("pull", True), ("user", False)):
                tasks.start_soon(request, name, background)
                await anyio.wait_all_tasks_blocked()
        while len(order) < 3:
            await anyio.wait_all_tasks_blocked()
            clock.advance(_PER)

    assert order == ["user", "feed", "pull"]
