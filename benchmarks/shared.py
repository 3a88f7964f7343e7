"""Eight processes that share a quota over Redis, and a pull of a city within one quota."""

from __future__ import annotations

import math
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import coredis

from benchmarks.measure import Ratio
from benchmarks.servers import sandbox
from seeclickfix_async import AsyncClient, Limiter, RedisLimiter, Report
from seeclickfix_async.pull import pull

_LIMIT = 20
_PER = 3.0
_PROCESSES = 8
_CALLS = 50
_IDEAL = (_PROCESSES * _CALLS / _LIMIT - 1) * _PER
_CITY_PER = 9.0  # the service's is 60; in less, the time of twenty responses would dominate


@contextmanager
def _redis() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    program = shutil.which("redis-server")
    assert program, "This needs a redis-server (Debian's package redis-server)."
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert any("Ready to accept" in line for line in server.stdout)
        yield port
        server.terminate()


async def _work(url: str, port: str) -> None:
    """Wait for a line on stdin, send the requests, and print the end time and their number."""
    sent: list[int] = []

    async def request() -> None:
        sent.append((await client.request("GET", "/profile")).requests)

    async with coredis.Redis(port=int(port)) as redis:
        limiter = RedisLimiter(redis, _LIMIT, per=_PER)
        async with AsyncClient(base_url=url, limiter=limiter) as client:
            print("ready", flush=True)
            await anyio.to_thread.run_sync(sys.stdin.readline)
            async with anyio.create_task_group() as tasks:
                for _ in range(_CALLS):
                    tasks.start_soon(request)
    print(time.time(), sum(sent))


def _run_processes(url: str, port: int) -> tuple[float, int]:
    """Return the seconds until the last process was done, and the number of requests sent."""
    command = [sys.executable, "-m", "benchmarks.shared", url, str(port)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes: list[Any] = [
        subprocess.Popen(command, text=True, **pipes) for _ in range(_PROCESSES)
    ]
    assert all(process.stdout.readline() == "ready\n" for process in processes)
    start = time.time()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate()[0].split() for process in processes]
    return max(float(done) for done, _ in outputs) - start, sum(int(sent) for _, sent in outputs)


class _CountingLimiter(Limiter):
    """A limiter that counts how often the service refused a request."""

    refused = 0

    async def hold(self, seconds: float) -> None:
        """Count the refusal, and wait as usual."""
        self.refused += 1
        await super().hold(seconds)


async def _pull_city(url: str, to: str) -> tuple[Report, int]:
    limiter = _CountingLimiter(_LIMIT, per=_CITY_PER)
    async with AsyncClient(base_url=url, limiter=limiter) as client:
        return await pull(client, to=to), limiter.refused


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    for window in ("fixed", "sliding", "bucket"):
        options = ("--limit", str(_LIMIT), "--window", window, "--per")
        with _redis() as port, sandbox(*options, str(_PER)) as url:
            seconds, sent = _run_processes(url, port)
        yield Ratio(f"8 processes, {window} window / ideal time", seconds / _IDEAL, 1 / 0.95)
        yield Ratio("their 429s", sent - _PROCESSES * _CALLS, 0, "")
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
