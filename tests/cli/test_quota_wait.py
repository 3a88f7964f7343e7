"""Commands share one quota, and say how long they wait for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from rich.progress import Task, TaskID

from seeclickfix_async import HostLimiter, Limiter
from seeclickfix_async._cli.quota_wait import QuotaColumn, QuotaWait
from seeclickfix_async.sandbox import Fault, Sandbox, Settings
from seeclickfix_async.testing import VirtualClock
from tests.support.command_line import run_cli

_SCF = (sys.executable, "-W", "error", "-m", "seeclickfix_async._cli")


async def _use_up(url: str) -> None:
    limiter = HostLimiter(base_url=url)
    for _ in range(20):
        async with limiter.slot(max_wait=0):
            pass


@contextmanager
def _started(*arguments: str, url: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "SEECLICKFIX_BASE_URL": url, "SEECLICKFIX_TOKEN": "example"}
    with subprocess.Popen(
        (*_SCF, *arguments),
        cwd=cwd,
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.write("a-token\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    "command", [("show", "20000001"), ("pull", "city.db"), ("whoami",), ("login", "--token")]
)
def test_a_command_waits_for_the_requests_of_another_and_says_so(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    sandbox = Sandbox(10, settings=Settings(quota=None))
    with sandbox.serve() as url:
        anyio.run(_use_up, url)
        with _started(*command, url=url, cwd=tmp_path) as process:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "waiting" in line)

    assert line.startswith(("scf: waiting 5", "scf: waiting 60"))
    assert line.endswith(" s for the quota\n")
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("status", "reason"),
    [(429, "the quota is used up, perhaps by other programs"), (503, "service failed")],
)
def test_a_command_says_that_it_waits_to_try_again(
    status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seeclickfix_async._cli.quota_wait._LEAST_WAIT", 0.5)
    sandbox = Sandbox(10, settings=Settings(quota=None))
    sandbox.faults.append(Fault(status, retry_after=1))
    with sandbox.serve() as url:
        done = run_cli(url, "show", str(sandbox.city.id_of(1)))

    assert done.returncode == 0
    assert done.stderr.startswith("scf: waiting ")
    assert f"s to try again: {reason}" in " ".join(done.stderr.split())


def test_a_second_command_gets_no_fresh_burst(tmp_path: Path) -> None:
    sandbox = Sandbox(10, settings=Settings(quota=None))

    with sandbox.serve() as url:
        for number in range(3):
            assert run_cli(url, "show", str(sandbox.city.id_of(number))).returncode == 0
        limiter = HostLimiter(base_url=url)
        anyio.run(limiter.check)

    assert len(limiter._log.slots) == len(sandbox.requests) >= 3


def test_without_a_place_for_the_file_a_command_works_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    sandbox = Sandbox(10, settings=Settings(quota=None))
    with sandbox.serve() as url:
        done = run_cli(url, "show", str(sandbox.city.id_of(1)))

    assert done.returncode == 0
    assert "cannot be used: Not a directory" in " ".join(done.stderr.split())
    assert "Run one command at a time" in " ".join(done.stderr.split())


def _wait_for_quota(clock: VirtualClock) -> QuotaWait:
    return QuotaWait(Limiter(20, clock=clock))


async def _fill(limiter: HostLimiter | Limiter | None) -> None:
    assert limiter is not None
    for _ in range(20):
        async with limiter.slot(max_wait=0):
            pass


@pytest.mark.anyio
async def test_the_bar_shows_the_time_left_by_the_limiter() -> None:
    clock = VirtualClock(jumps=False)
    wait = _wait_for_quota(clock)
    column = QuotaColumn(wait)
    column.rows_per_request = 100
    task = Task(TaskID(0), "city.db", 5000, 3000, _get_time=clock.now)
    assert column.render(task).plain == "0:00:00"  # of 20 requests

    await _fill(wait.limiter)
    clock.advance(13)

    assert column.render(task).plain == "0:00:47"
    task.completed = 2900
    assert column.render(task).plain == "0:01:47"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_fill_later, wait.limiter)
        await anyio.wait_all_tasks_blocked()
        assert column.render(task).plain == "0:01:47 waiting 47 s for the quota"
        tasks.cancel_scope.cancel()
    task.total = None
    assert column.render(task).plain == "-:--:--"


async def _fill_later(limiter: HostLimiter | Limiter | None) -> None:
    assert limiter is not None
    async with limiter.slot():
        pass


@pytest.mark.anyio
async def test_a_long_wait_is_printed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []
    monkeypatch.setattr("seeclickfix_async._cli.quota_wait.notes.print", printed.append)
    clock = VirtualClock(jumps=False)
    wait = _wait_for_quota(clock)
    await _fill(wait.limiter)

    async with anyio.create_task_group() as tasks:
        wait.print_line(clock.now())  # nothing waits
        tasks.start_soon(_fill_later, wait.limiter)
        await anyio.wait_all_tasks_blocked()
        for _ in range(50):
            wait.print_line(clock.now())
            clock.advance(1)
        wait.is_in_bar = True
        clock.advance(-50)
        wait.print_line(clock.now() + 1000)
        tasks.cancel_scope.cancel()

    assert printed == ["scf: waiting 60 s for the quota"]
