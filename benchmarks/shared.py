"""Eight processes with one quota, over Redis or a file, and a pull of a city within a quota."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import anyio
import coredis

from benchmarks.measure import Ratio
from benchmarks.servers import redis, sandbox
from seeclickfix_async import (
    AsyncClient,
    Duration,
    HostLimiter,
    Limiter,
    RateLimiter,
    RedisLimiter,
    Report,
)
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox import Quota, Sandbox, Settings

_LIMIT = 20
_PER = 3.0
_PROCESSES = 8
_CALLS = 50
_KILLS = 20
_IDEAL = (_PROCESSES * _CALLS / _LIMIT - 1) * _PER
_CITY_PER = 9.0  # the service's is 60; in less, the time of twenty responses would dominate


@asynccontextmanager
async def _limiter(store: str) -> AsyncIterator[RateLimiter]:
    """Yield a limiter of the port of a Redis server, or of a folder."""
    if store.isdigit():
        async with coredis.Redis(port=int(store)) as opened:
            yield RedisLimiter(opened, _LIMIT, per=_PER)
    else:
        yield HostLimiter(_LIMIT, per=_PER, folder=store)


async def _work(url: str, store: str) -> None:
    """Wait for a line on stdin, send the requests, and print the end time and their number."""
    sent: list[int] = []

    async def request() -> None:
        sent.append((await client.request("GET", "/profile")).requests)

    async with (
        _limiter(store) as limiter,
        AsyncClient(base_url=url, limiter=limiter) as client,
    ):
        print("ready", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.readline)
        async with anyio.create_task_group() as tasks:
            for _ in range(_CALLS):
                tasks.start_soon(request)
    print(time.time(), sum(sent))


def _start_process(url: str, store: str) -> Any:
    """Start a process, and wait until it can send."""
    command = [sys.executable, "-m", "benchmarks.shared", url, store]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process: Any = subprocess.Popen(command, text=True, **pipes)
    assert process.stdout.readline() == "ready\n"
    return process


def _let_send(process: Any) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


def _run_processes(
    url: str, store: str, meanwhile: Callable[[list[Any]], None] = lambda _processes: None
) -> tuple[float, int]:
    """Return the seconds until the last process was done, and the number of requests sent."""
    processes = [_start_process(url, store) for _ in range(_PROCESSES)]
    start = time.time()
    for process in processes:
        _let_send(process)
    meanwhile(processes)
    outputs = [process.communicate()[0].split() for process in processes]
    return max(float(done) for done, _ in outputs) - start, sum(int(sent) for _, sent in outputs)


class _CountingLimiter(Limiter):
    """A limiter that counts how often the service refused a request."""

    refused = 0

    async def hold(self, seconds: Duration) -> None:
        """Count the refusal, and wait as usual."""
        self.refused += 1
        await super().hold(seconds)


def _run_with_kills(window: Any) -> tuple[float, int]:
    """Return the time in relation to the ideal one through 20 kills, and the number of 429s."""
    random = Random(15)
    sandbox = Sandbox(10, settings=Settings(quota=Quota(_LIMIT, per=_PER, window=window)))

    def kill(processes: list[Any]) -> None:
        """Kill processes at random times, and replace each."""
        for _ in range(_KILLS):
            time.sleep(random.uniform(0, _PER / 2))
            at = random.randrange(_PROCESSES)
            processes[at].kill()
            processes[at].communicate()
            processes[at] = _start_process(url, folder)
            _let_send(processes[at])

    with sandbox.serve() as url, tempfile.TemporaryDirectory() as folder:
        seconds, _ = _run_processes(url, folder, kill)
    refused = sum(request.status == 429 for request in sandbox.requests)
    return seconds / ((len(sandbox.requests) / _LIMIT - 1) * _PER), refused


async def _pull_city(url: str, to: str) -> tuple[Report, int]:
    limiter = _CountingLimiter(_LIMIT, per=_CITY_PER)
    async with AsyncClient(base_url=url, limiter=limiter) as client:
        return await pull(client, to=to), limiter.refused


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    for window in ("fixed", "sliding", "bucket"):
        options = ("--limit", str(_LIMIT), "--window", window, "--per")
        with redis() as port, sandbox(*options, str(_PER)) as url:
            seconds, sent = _run_processes(url, str(port))
        yield Ratio(f"8 processes, {window} window / ideal time", seconds / _IDEAL, 1 / 0.95)
        yield Ratio("their 429s", sent - _PROCESSES * _CALLS, 0, "")
        with sandbox(*options, str(_PER)) as url, tempfile.TemporaryDirectory() as folder:
            seconds, sent = _run_processes(url, folder)
        yield Ratio(f"8 of one machine, {window} window / ideal", seconds / _IDEAL, 1 / 0.95)
        yield Ratio("their 429s", sent - _PROCESSES * _CALLS, 0, "")
        through_kills, refused = _run_with_kills(window)
        yield Ratio(f"the same through {_KILLS} kills / ideal", through_kills, 1 / 0.95)
        yield Ratio("their 429s", refused, 0, "")
        city = (*options, str(_CITY_PER), "--issues", "9500")
        with sandbox(*city) as url, tempfile.TemporaryDirectory() as folder:
            report, refused = anyio.run(_pull_city, url, str(Path(folder) / "city.jsonl"))
        assert report.complete, report
        ideal = (math.ceil(report.minimum / _LIMIT) - 1) * _CITY_PER
        name = f"a city of 95 pages, {window} window / ideal time"
        yield Ratio(name, report.seconds / ideal, 1.02)
        yield Ratio("its 429s", refused, 0, "")


if __name__ == "__main__":
    anyio.run(_work, sys.argv[1], sys.argv[2])
