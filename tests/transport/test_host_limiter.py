"""The rate limiter that the processes of one machine share through a file."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from filelock import lock_descriptor

from seeclickfix_async import AsyncClient, HostLimiter, Retry
from seeclickfix_async._transport import slot_log
from seeclickfix_async._transport.host_limiter import _LOCK_TIMEOUT
from seeclickfix_async._transport.shared_limiter import LEASE
from seeclickfix_async.errors import (
    ClientStateError,
    ConnectionFailedError,
    RateLimitedError,
)
from seeclickfix_async.sandbox import Quota, Sandbox, Settings
from seeclickfix_async.testing import VirtualClock
from tests.support.forked_processes import start_program
from tests.support.limiters import count_stopped_waiters
from tests.support.threads import run_in_threads

pytestmark = pytest.mark.anyio

_PER = 60.0


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def _file(cache: Path) -> Path:
    (file,) = (cache / "seeclickfix-async" / "quota").iterdir()
    return file


async def _use(limiter: HostLimiter, **options: Any) -> None:
    async with limiter.slot(**options):
        pass


async def _count_free(limiter: HostLimiter) -> int:
    """Take all slots that are free now, and return their number."""
    count = 0
    try:
        while True:
            await _use(limiter, max_wait=0)
            count += 1
    except RateLimitedError:
        return count


async def test_two_limiters_share_one_quota() -> None:
    one, other = HostLimiter(3), HostLimiter(3)

    await _use(one, max_wait=0)
    await _use(other, max_wait=0)

    assert await _count_free(one) == 1
    with pytest.raises(RateLimitedError, match="Nothing was sent") as caught:
        await _use(other, max_wait=5)
    assert 59 < (caught.value.retry_after or 0) <= 60
    assert repr(one) == "HostLimiter(3, per=60.0)"


async def test_each_origin_has_its_own_quota() -> None:
    await _use(HostLimiter(1, base_url="https://city.example"), max_wait=0)
    await _use(HostLimiter(1, base_url="https://city.example:8443"), max_wait=0)

    with pytest.raises(RateLimitedError):
        await _use(HostLimiter(1, base_url="https://City.example:443/api/v2"), max_wait=0)


_PROCESS = """
import sys
import anyio
from seeclickfix_async import AsyncClient, HostLimiter

async def main(url, calls):
    limiter = HostLimiter(10, per=0.5, base_url=url)
    async with AsyncClient(base_url=url, limiter=limiter) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(int(calls)):
                tasks.start_soon(client.users.me)

anyio.run(main, *sys.argv[2:], backend=sys.argv[1])
"""


@pytest.mark.parametrize("window", ["fixed", "sliding", "bucket"])
def test_many_processes_share_one_quota(window: Any) -> None:
    sandbox = Sandbox(10, settings=Settings(quota=Quota(10, per=0.5, window=window)))
    with sandbox.serve() as url:
        processes = [
            start_program(_PROCESS, backend, url, "15")
            for backend in ("asyncio", "trio", "asyncio")
        ]
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0, 0]

    assert Counter(seen.status for seen in sandbox.requests) == {200: 45}


async def test_a_process_that_starts_later_gets_no_fresh_burst() -> None:
    sandbox = Sandbox(10, settings=Settings(quota=Quota(10, per=30)))
    with sandbox.serve() as url:
        first = HostLimiter(10, per=30, base_url=url)
        async with AsyncClient(base_url=url, limiter=first, max_wait=0) as client:
            for _ in range(10):
                await client.users.me()
        later = HostLimiter(10, per=30, base_url=url)
        async with AsyncClient(base_url=url, limiter=later, max_wait=0) as client:
            with pytest.raises(RateLimitedError):
                await client.users.me()

    assert len(sandbox.requests) == 10


async def test_the_whole_quota_is_used_and_not_exceeded() -> None:
    limiters = [HostLimiter(3, per=0.2) for _ in "ab"]
    started: list[float] = []

    async def request(limiter: HostLimiter) -> None:
        async with limiter.slot():
            started.append(time.monotonic())

    async with anyio.create_task_group() as tasks:
        for number in range(14):
            tasks.start_soon(request, limiters[number % 2])

    assert 0.8 <= started[-1] - started[0] < 1.3
    windows = zip(started, started[3:], strict=False)
    assert all(later - earlier >= 0.2 for earlier, later in windows)


class _Queue:
    """Processes that wait for one slot, each behind those that came before."""

    def __init__(self) -> None:
        self.order: list[str] = []

    async def wait(self, limiter: HostLimiter, name: str, *, background: bool = False) -> None:
        async with limiter.slot(background=background) as slot:
            self.order.append(name)
            slot.give_back()


async def _until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def test_processes_are_served_in_the_order_of_their_arrival() -> None:
    queue, limiters = _Queue(), [HostLimiter(1, per=0.1) for _ in range(4)]

    async with anyio.create_task_group() as tasks, limiters[0].slot():
        for limiter, name in zip(limiters[1:], "abc", strict=True):
            tasks.start_soon(queue.wait, limiter, name)
            await _until(lambda limiter=limiter: limiter.wait > 0)  # type: ignore[misc]

    assert queue.order == ["a", "b", "c"]


async def test_background_requests_wait_for_those_of_other_processes() -> None:
    queue, limiters = _Queue(), [HostLimiter(1, per=0.1) for _ in range(4)]
    arrivals = (("feed", True), ("pull", True), ("user", False))

    async with anyio.create_task_group() as tasks, limiters[0].slot():
        for limiter, (name, background) in zip(limiters[1:], arrivals, strict=True):
            tasks.start_soon(_wait_in, queue, limiter, name, background)
            await _until(lambda limiter=limiter: limiter.wait > 0)  # type: ignore[misc]

    assert queue.order == ["user", "feed", "pull"]


async def _wait_in(queue: _Queue, limiter: HostLimiter, name: str, background: bool) -> None:
    await queue.wait(limiter, name, background=background)


async def test_a_pause_applies_to_all_processes() -> None:
    one, other = HostLimiter(5), HostLimiter(5)

    await one.hold(4000)
    await other.hold(1)

    with pytest.raises(RateLimitedError) as caught:
        await _use(HostLimiter(5), max_wait=5)
    assert 3990 < (caught.value.retry_after or 0) <= 4000


async def test_a_429_pauses_the_other_processes() -> None:
    sandbox = Sandbox(10, settings=Settings(quota=Quota(1, per=30)))
    with sandbox.serve() as url:
        once = Retry(attempts=1)
        limiter = HostLimiter(20, base_url=url)
        async with AsyncClient(base_url=url, limiter=limiter, retry=once) as client:
            await client.users.me()
            with pytest.raises(RateLimitedError):
                await client.users.me()

        with pytest.raises(RateLimitedError) as caught:
            await _use(HostLimiter(20, base_url=url), max_wait=1)

    assert 20 < (caught.value.retry_after or 0) <= 31


async def test_stop_raises_in_all_waiters() -> None:
    assert await count_stopped_waiters(HostLimiter(1)) == 3


async def test_a_cancelled_waiter_uses_no_slot_and_delays_no_other() -> None:
    limiter, other = HostLimiter(1, per=0.3), HostLimiter(1, per=0.3)

    async with anyio.create_task_group() as tasks:
        await _use(limiter)
        tasks.start_soon(_use, limiter)
        await _until(lambda: limiter._log.waiters)
        tasks.cancel_scope.cancel()
    await _until(lambda: not (limiter._unused or limiter._log.waiters))
    await _use(other, max_wait=0.5)  # less than the time after which a waiter is forgotten


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_cancellation_by_asyncio_releases_the_slot() -> None:
    """At whatever step the task is cancelled, the slot is free after one window."""
    limiter = HostLimiter(30, per=0.3)

    for steps in range(60):
        task = asyncio.ensure_future(limiter.slot().__aenter__())
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        (entered,) = await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():  # it had the slot before it could be cancelled
            entered.give_back()  # type: ignore[union-attr]
            await entered.__aexit__()  # type: ignore[union-attr]

    with anyio.fail_after(10):
        for _ in range(30):
            await _use(limiter)


async def test_a_returned_slot_is_free_at_once() -> None:
    limiter = HostLimiter(1)
    async with limiter.slot() as slot:
        slot.give_back()

    await _use(HostLimiter(1), max_wait=0)


async def test_requests_that_were_not_sent_use_no_slot() -> None:
    limiter = HostLimiter(20, base_url="http://127.0.0.1:9")
    once = Retry(attempts=1)
    async with AsyncClient(base_url="http://127.0.0.1:9", limiter=limiter, retry=once) as client:
        for _ in range(25):
            with pytest.raises(ConnectionFailedError):
                await client.with_options(max_wait=0).issues.get(7)

    assert await _count_free(limiter) == 20


async def test_requests_at_once_within_the_quota_need_no_max_wait() -> None:
    limiter = HostLimiter(20)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(partial(_use, limiter, max_wait=0))

    assert await _count_free(limiter) == 0


async def test_the_wait_and_the_estimate_come_from_the_log() -> None:
    clock = VirtualClock()
    limiter, other = HostLimiter(2, clock=clock), HostLimiter(2, clock=clock)
    assert (limiter.wait, limiter.estimate(2), limiter.estimate(3)) == (0, 0, 60)

    await _use(other)
    clock.advance(13)
    await _use(limiter)

    assert [limiter.estimate(requests) for requests in (0, 1, 2, 3)] == [0, 47, 60, 107]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_use, limiter)
        await _until(lambda: limiter.wait > 0)
        assert limiter.wait == 47
        tasks.cancel_scope.cancel()


# Crashes


_TAKE_AND_HANG = """
import sys
import anyio
from seeclickfix_async import HostLimiter

async def main():
    async with HostLimiter(1, per=float(sys.argv[1])).slot():
        print("taken", flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


def _start_and_kill(per: float) -> None:
    command = [sys.executable, "-c", _TAKE_AND_HANG, str(per)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        process.kill()


async def test_the_slot_of_a_killed_process_is_free_after_one_window() -> None:
    _start_and_kill(0.5)
    limiter = HostLimiter(1, per=0.5)

    with pytest.raises(RateLimitedError):
        await _use(limiter, max_wait=0)
    await _use(limiter, max_wait=0.6)


def test_a_killed_process_whose_parent_does_not_know_it_is_noticed() -> None:
    command = [sys.executable, "-c", _TAKE_AND_HANG, "0.5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        process.kill()
        process.stdout.read()  # to its end

        anyio.run(_use_within, HostLimiter(1, per=0.5), 5)


_TAKE_FAST = """
import os
import sys
import time
import anyio
from seeclickfix_async import HostLimiter

async def main(log):
    limiter = HostLimiter(5, per=0.1)

    async def work():
        while True:
            async with limiter.slot():
                os.write(log, f"{time.monotonic()}\\n".encode())
                await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(work)

anyio.run(main, os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND), backend=sys.argv[1])
"""


def test_kills_at_random_times_leave_a_sound_file_and_no_lost_slot(
    cache: Path, tmp_path: Path
) -> None:
    random, log = Random(15), tmp_path / "log"
    log.touch()

    def start(number: int) -> BaseProcess:
        return start_program(_TAKE_FAST, ("asyncio", "trio")[number % 2], str(log))

    processes = [start(number) for number in range(3)]
    for number in range(25):
        seen = log.stat().st_size
        while log.stat().st_size == seen:  # somebody goes on
            time.sleep(0.001)
        time.sleep(random.random() * 0.1)
        at = random.randrange(3)
        processes[at].kill()
        processes[at].join()
        processes[at] = start(number)
    for process in processes:
        process.kill()
        process.join()

    content = _file(cache).read_bytes()
    assert slot_log._decode(content) is not None
    started = sorted(float(line) for line in log.read_text().split())
    windows = zip(started, started[5:], strict=False)
    assert all(later - earlier >= 0.1 for earlier, later in windows)
    anyio.run(_use_soon, 5)


async def _use_soon(count: int) -> None:
    with anyio.fail_after(5):
        for _ in range(count):
            await _use(HostLimiter(5, per=0.1))


@pytest.mark.parametrize(
    "content", [b"\0" * 300, b"{}", b"\xff", b"00000000 {}\n", b"[" * 100_000, b"x" * 1000]
)
async def test_a_damaged_file_counts_as_full_for_one_window(cache: Path, content: bytes) -> None:
    clock = VirtualClock()
    await _use(HostLimiter(3, clock=clock))
    _file(cache).write_bytes(content)

    with pytest.raises(RateLimitedError) as caught:
        await _use(HostLimiter(3, clock=clock), max_wait=5)
    assert caught.value.retry_after == _PER

    clock.advance(_PER)
    assert await _count_free(HostLimiter(3, clock=clock)) == 3


@pytest.mark.parametrize("is_in_use", [True, False])
async def test_a_running_process_restores_a_file_that_was_removed(
    cache: Path, is_in_use: bool
) -> None:
    limiter = HostLimiter(2)
    async with limiter.slot():
        if is_in_use:
            _file(cache).unlink()
            await limiter.hold(0)
            assert await _count_free(HostLimiter(2)) == 1
    if not is_in_use:
        _file(cache).unlink()
        await limiter.hold(0)
        assert await _count_free(HostLimiter(2)) == 1


async def test_after_a_restart_of_the_machine_only_recent_requests_count(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots = iter("abb")
    monkeypatch.setattr("seeclickfix_async._core.machine.boot_id", lambda: next(boots))
    clock = VirtualClock()  # starts at 1000
    limiter = HostLimiter(2, clock=clock)
    await _use(limiter)
    clock.advance(20)
    await _use(limiter)

    clock._now = 30.0  # half a minute after the restart, the first one is 50 seconds old at least
    free = await _count_free(HostLimiter(2, clock=clock))
    clock._now = 40.0
    assert (free, await _count_free(HostLimiter(2, clock=clock))) == (0, 1)


@pytest.mark.parametrize("boot", ["", "same"])
async def test_a_clock_that_is_behind_is_noticed(
    monkeypatch: pytest.MonkeyPatch, boot: str
) -> None:
    monkeypatch.setattr("seeclickfix_async._core.machine.boot_id", lambda: boot)
    clock = VirtualClock()
    await _use(HostLimiter(1, clock=clock))

    clock._now = 10.0

    with pytest.raises(RateLimitedError) as caught:
        await _use(HostLimiter(1, clock=clock), max_wait=5)
    assert (caught.value.retry_after or 0) <= _PER


@pytest.mark.parametrize("wall_clock", [0.0, 4e9])
async def test_the_wall_clock_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, wall_clock: float
) -> None:
    await _use(HostLimiter(1, per=30))
    monkeypatch.setattr(time, "time", lambda: wall_clock)

    with pytest.raises(RateLimitedError) as caught:
        await _use(HostLimiter(1, per=30), max_wait=1)

    assert 25 < (caught.value.retry_after or 0) <= 30


async def test_the_lease_of_a_slow_request_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seeclickfix_async._transport.shared_limiter.LEASE", 0.4)
    limiter, other = HostLimiter(1, per=0.2), HostLimiter(1, per=0.2)

    async with limiter.slot():
        with pytest.raises(RateLimitedError):
            await _use_within(other, 1.5)
    await _use_within(other, 1.5)


async def _use_within(limiter: HostLimiter, seconds: float) -> None:
    try:
        with anyio.fail_after(seconds):
            await _use(limiter)
    except TimeoutError:
        raise RateLimitedError("", retry_after=None) from None


async def test_a_lease_ends_if_its_process_id_was_used_again() -> None:
    clock = VirtualClock()
    await HostLimiter(1, clock=clock).slot().__aenter__()  # this process runs on without it

    clock.advance(_PER + LEASE - 1)
    with pytest.raises(RateLimitedError):
        await _use(HostLimiter(1, clock=clock), max_wait=0)
    clock.advance(1)
    await _use(HostLimiter(1, clock=clock), max_wait=0)


# Processes, threads and event loops


async def _count_in_child(limiter: HostLimiter) -> int:
    return await _count_free(limiter)


def _run_child(limiter: HostLimiter | None, results: Any) -> None:
    results.put(anyio.run(_count_in_child, limiter or HostLimiter(3)))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_share_the_quota(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    limiter, results = HostLimiter(3), context.Queue()
    anyio.run(_use, limiter)

    child = context.Process(
        target=_run_child, args=(limiter if method == "fork" else None, results)
    )
    child.start()
    taken = results.get(timeout=30)
    child.join(30)

    assert taken == 2
    assert anyio.run(_count_free, limiter) == 0


def test_threads_and_event_loops_share_one_limiter(anyio_backend: str) -> None:
    limiter = HostLimiter(20)

    async def count(number: int) -> int:
        return await _count_free(limiter)

    assert sum(run_in_threads(count, anyio_backend)) == 20


async def test_busy_threads_do_not_block_it() -> None:
    """A function in a thread may wait for a request, as in a web framework."""
    limiter = HostLimiter()
    most = int(anyio.to_thread.current_default_thread_limiter().total_tokens)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for _ in range(most):
                work = partial(anyio.from_thread.run, _use_and_return, limiter)
                tasks.start_soon(anyio.to_thread.run_sync, work)


async def _use_and_return(limiter: HostLimiter) -> None:
    async with limiter.slot() as slot:
        slot.give_back()


def test_a_slot_that_an_event_loop_left_in_use_is_free_after_one_window() -> None:
    limiter = HostLimiter(1, per=0.2)

    async def leave_open() -> None:
        await limiter.slot().__aenter__()

    thread = threading.Thread(target=asyncio.run, args=(leave_open(),))
    thread.start()
    thread.join()

    anyio.run(_use_soon_with, limiter)


async def _use_soon_with(limiter: HostLimiter) -> None:
    with anyio.fail_after(5):
        await _use(limiter)


# The file


async def test_only_the_owner_can_read_the_file(cache: Path) -> None:
    await _use(HostLimiter())

    file = _file(cache)
    assert [path.stat().st_mode & 0o777 for path in (file, file.parent)] == [0o600, 0o700]


async def test_the_cache_folder_is_the_platforms(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(cache / "home"))

    await _use(HostLimiter())
    await _use(HostLimiter(folder=cache / "elsewhere"))

    assert len(list((cache / "home/.cache/seeclickfix-async/quota").iterdir())) == 1
    assert len(list((cache / "elsewhere").iterdir())) == 1


def _make_writable(folder: Path, file: Path) -> None:
    folder.chmod(0o777)


def _make_file_writable(folder: Path, file: Path) -> None:
    file.chmod(0o666)


def _replace_by_link(folder: Path, file: Path) -> None:
    target = file.rename(folder.parent / "target")
    file.symlink_to(target)


def _replace_folder_by_link(folder: Path, file: Path) -> None:
    folder.symlink_to(folder.rename(folder.parent / "target"))


def _replace_by_pipe(folder: Path, file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def _replace_by_folder(folder: Path, file: Path) -> None:
    file.unlink()
    file.mkdir()


def _replace_folder_by_file(folder: Path, file: Path) -> None:
    file.unlink()
    folder.rmdir()
    folder.touch()


@pytest.mark.skipif(os.name != "posix", reason="Modes and links of POSIX.")
@pytest.mark.parametrize(
    "damage",
    [
        _make_writable,
        _make_file_writable,
        _replace_by_link,
        _replace_folder_by_link,
        _replace_by_pipe,
        _replace_by_folder,
        _replace_folder_by_file,
    ],
)
async def test_an_unsafe_file_is_an_error_before_sending(
    cache: Path, damage: Callable[[Path, Path], None]
) -> None:
    limiter = HostLimiter()
    await limiter.check()
    file = _file(cache)
    damage(file.parent, file)

    with pytest.raises(ClientStateError, match=r"file in .* cannot be used"):
        await _use(limiter)
    with pytest.raises(ClientStateError, match="pass another folder"):
        await limiter.check()


async def test_a_file_of_another_user_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await HostLimiter().check()
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)

    with pytest.raises(ClientStateError, match="belongs to another user"):
        await _use(HostLimiter())


async def test_a_full_disk_after_the_request_loses_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = HostLimiter(2)
    folder = cache / "seeclickfix-async" / "quota"
    async with limiter.slot():
        folder.rename(cache / "away")
        folder.touch()

    assert "cannot be used" in caplog.text
    folder.unlink()
    assert await _count_free(limiter) == 1


async def test_a_process_that_is_stopped_with_the_lock_is_an_error(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _LOCK_TIMEOUT == 10
    monkeypatch.setattr("seeclickfix_async._transport.host_limiter._LOCK_TIMEOUT", 0.05)
    limiter = HostLimiter()
    await limiter.check()

    with _file(cache).open("r+b") as file:
        lock_descriptor(file.fileno())
        with pytest.raises(ClientStateError, match="another process"):
            await _use(limiter)

    await _use(limiter)


def test_a_stopped_process_delays_the_others_only_briefly() -> None:
    command = [sys.executable, "-c", _TAKE_AND_HANG, "0.2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(RateLimitedError):  # its request may be under way
                anyio.run(lambda: _use_within(HostLimiter(1, per=0.2), 1))
        finally:
            process.kill()
