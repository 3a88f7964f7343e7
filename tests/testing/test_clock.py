"""The virtual clock: quota, retries, feeds, tokens and months take no time, on both event loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio

from seeclickfix_async import (
    AsyncClient,
    ChangeKind,
    Delivery,
    MemoryStore,
    SqliteOutbox,
    StoredToken,
    TokenEndpoint,
)
from seeclickfix_async.oauth import Application
from seeclickfix_async.sandbox import CLIENT, OFFICIAL_TOKEN, Fault
from seeclickfix_async.testing import (
    IN_PROCESS_URL,
    START,
    SandboxHarness,
    VirtualClock,
    kept_the_quota,
)
from tests.support.event_loops import on_alternate_loops

pytestmark = pytest.mark.anyio

_DAY = timedelta(days=1)


async def test_waits_end_in_the_order_of_their_times() -> None:
    clock, ended = VirtualClock(), []

    async def sleep(hours: int) -> None:
        await clock.sleep(timedelta(hours=hours))
        ended.append((hours, clock.utc_now() - START))

    async with anyio.create_task_group() as tasks:
        for hours in (48, 1, 700, 1):
            tasks.start_soon(sleep, hours)

    assert ended == [(hours, timedelta(hours=hours)) for hours in (1, 1, 48, 700)]


async def test_an_event_ends_a_wait_and_stays_unset_after_one() -> None:
    clock, early, late = VirtualClock(), anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clock.wait, early, 3600)
        early.set()
    assert clock.utc_now() == START

    await clock.wait(late, 10)
    assert clock.utc_now() == START + timedelta(seconds=10)
    assert not late.is_set()


async def test_a_cancelled_wait_does_not_move_the_clock() -> None:
    clock = VirtualClock()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await clock.sleep(_DAY)
    await clock.sleep(1)

    assert clock.utc_now() == START + timedelta(seconds=1)


def test_a_clock_goes_on_in_the_next_event_loop(anyio_backend: str) -> None:
    clock = VirtualClock()

    async def leave_while_waiting() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(clock.sleep, _DAY)
            await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    anyio.run(leave_while_waiting, backend=anyio_backend)
    anyio.run(clock.sleep, _DAY, backend=anyio_backend)

    assert clock.utc_now() == START + _DAY


async def test_a_clock_without_jumps_is_moved_by_hand() -> None:
    clock, ended = VirtualClock(jumps=False), []

    async def sleep() -> None:
        await clock.sleep(60)
        ended.append(clock.now())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleep)
        await anyio.wait_all_tasks_blocked()
        clock.advance(59)
        await anyio.wait_all_tasks_blocked()
        assert ended == []
        clock.advance(timedelta(seconds=1))

    assert ended == [1060]


async def test_the_quota_of_concurrent_tasks_is_kept_in_no_time(
    scf_sandbox: SandboxHarness, scf_clock: VirtualClock
) -> None:
    number = scf_sandbox.issue_with_status("open")
    for client in (scf_sandbox.client, AsyncClient(base_url=scf_sandbox.url, clock=scf_clock)):
        async with client, anyio.create_task_group() as tasks:
            for _ in range(45):
                tasks.start_soon(client.issues.get, number)
        scf_clock.advance(60)  # each client has a limiter of its own

    assert scf_sandbox.statuses("GET").count(429) == 0
    kept_the_quota(scf_sandbox)
    assert scf_clock.utc_now() >= START + timedelta(minutes=4)


async def test_a_feed_is_followed_for_a_month(
    scf_sandbox: SandboxHarness, scf_client: AsyncClient, scf_clock: VirtualClock
) -> None:
    official = scf_sandbox.make_client(OFFICIAL_TOKEN)
    number = scf_sandbox.issue_with_status("open")
    feed = scf_client.issues.watch(every=12 * 3600)
    await feed.begin()

    async def work() -> None:
        for day in range(30):
            await scf_clock.sleep(_DAY)
            await official.issues.comment(number, f"Day {day + 1}.")
            scf_sandbox.faults.append(Fault(503), times=day % 3)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        changes = [await anext(feed) for _ in range(30)]

    assert [change.comment and change.comment.comment for change in changes] == [
        f"Day {day + 1}." for day in range(30)
    ]
    assert {change.kind for change in changes} == {ChangeKind.COMMENTED}
    assert [(change.at - START).days for change in changes] == list(range(1, 31))


async def test_a_token_expires_and_is_refreshed(
    scf_sandbox: SandboxHarness, scf_clock: VirtualClock
) -> None:
    app = Application(CLIENT, "http://127.0.0.1:9/callback", base_url=IN_PROCESS_URL)
    store = MemoryStore()
    await store.put("ana", scf_sandbox.sign_in("Ana"))
    http = scf_sandbox.make_http()
    async with TokenEndpoint(app, http=http, now=scf_clock.utc_now) as endpoint:
        source = StoredToken(store, "ana", endpoint=endpoint, now=scf_clock.utc_now)
        client = scf_sandbox.make_client(source)
        seen = []
        for _ in range(3):
            seen.append((await client.verify()).name)
            scf_clock.advance(timedelta(hours=3))

    assert seen == ["Ana"] * 3
    assert scf_sandbox.statuses("GET") == [200] * 3  # refreshed before it was refused


@pytest.mark.parametrize(
    ("anyio_backend", "to_thread"),
    [
        ("asyncio", anyio.to_thread.run_sync),
        ("asyncio", asyncio.to_thread),
        ("trio", anyio.to_thread.run_sync),
        ("trio", trio.to_thread.run_sync),
    ],
)
async def test_work_in_a_thread_keeps_the_clock_from_jumping(
    to_thread: Callable[..., Awaitable[Any]],
) -> None:
    clock, end, times = VirtualClock(), threading.Event(), list[float]()

    async def work() -> None:
        await to_thread(end.wait)
        times.append(clock.now())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clock.sleep, 3600)
        tasks.start_soon(work)
        for _ in range(500):
            await anyio.lowlevel.checkpoint()
        end.set()

    assert times == [1000]
    assert clock.now() == 4600


async def test_a_clock_jumps_during_a_thread_that_is_released() -> None:
    clock, end = VirtualClock(), threading.Event()

    async def work() -> None:
        with clock.release():
            await anyio.to_thread.run_sync(end.wait)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        try:
            with anyio.fail_after(10):
                await clock.sleep(3600)
        finally:
            end.set()

    assert clock.now() == 4600


async def test_a_held_clock_jumps_only_for_the_task_that_holds_it() -> None:
    clock, times = VirtualClock(), list[float]()

    async def sleep() -> None:
        await clock.sleep(60)
        times.append(clock.now())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleep)
        with clock.hold():
            for _ in range(500):
                await anyio.lowlevel.checkpoint()
            assert times == []
            await clock.sleep(30)
            assert clock.now() == 1030

    assert times == [1060]


@on_alternate_loops("over_socket", [False, True])
async def test_hourly_polls_for_a_week_are_all_sent(
    over_socket: bool, scf_sandbox: SandboxHarness, scf_clock: VirtualClock, tmp_path: Path
) -> None:
    client = scf_sandbox.client
    if over_socket:
        client = AsyncClient(base_url=scf_sandbox.url, clock=scf_clock)
        scf_clock.patience = 0
    official = scf_sandbox.make_client(OFFICIAL_TOKEN)
    number, received = scf_sandbox.issue_with_status("open"), list[Delivery]()
    feed = client.issues.watch(every=3600)
    await feed.begin()

    async def send(delivery: Delivery) -> None:
        received.append(delivery)

    async with (
        client,
        SqliteOutbox(tmp_path / "bot.db") as outbox,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(feed.deliver, send, outbox)
        for day in range(6):
            await scf_clock.sleep(_DAY)
            await official.issues.comment(number, f"Day {day}.")
        await scf_clock.sleep(_DAY)
        tasks.cancel_scope.cancel()

    assert len(received) == 6
    assert 165 <= len(scf_sandbox.statuses("GET")) <= 175
