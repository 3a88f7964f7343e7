"""Eight processes on one quota over Redis, and a whole city on the quota of one."""

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
_CITY_PER = 9.0  # the service's is 60: what twenty answers take is a large share of a short one


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
    """Begin when told, with all others, and print when it was done and what was sent."""
    sent: list[int] = []

    async def ask() -> None:
        sent.append((await client.request("GET", "/profile")).requests)

    async with coredis.Redis(port=int(port)) as redis:
        limiter = RedisLimiter(redis, _LIMIT, per=_PER)
        async with AsyncClient(base_url=url, limiter=limiter) as client:
            print("ready", flush=True)
            await anyio.to_thread.run_sync(sys.stdin.readline)
            async with anyio.create_task_group() as tasks:
                for _ in range(_CALLS):
                    tasks.start_soon(ask)
    print(time.time(), sum(sent))


def _together(url: str, port: int) -> tuple[float, int]:
    """Seconds until the last process was done, and requests on the wire."""
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
    told = [process.communicate()[0].split() for process in processes]
    return max(float(done) for done, _ in told) - start, sum(int(sent) for _, sent in told)


class _Counting(Limiter):
    """Counts how often the service refused."""

    refused = 0

    async def hold(self, seconds: float) -> None:
        """Count it, and wait as usual."""
        self.refused += 1
        await super().hold(seconds)


async def _city(url: str, to: str) -> tuple[Report, int]:
    limiter = _Counting(_LIMIT, per=_CITY_PER)
    async with AsyncClient(base_url=url, limiter=limiter) as client:
        return await pull(client, to=to), limiter.refused


def ratios() -> Iterator[Ratio]:
    """Measure."""
    for window in ("fixed", "sliding", "bucket"):
        options = ("--limit", str(_LIMIT), "--window", window, "--per")
        with _redis() as port, sandbox(*options, str(_PER)) as url:
            seconds, sent = _together(url, port)
        yield Ratio(f"8 processes, {window} window / ideal time", seconds / _IDEAL, 1 / 0.95)
        yield Ratio("their 429s", sent - _PROCESSES * _CALLS, 0, "")
        city = (*options, str(_CITY_PER), "--issues", "9500")
        with sandbox(*city) as url, tempfile.TemporaryDirectory() as folder:
            report, refused = anyio.run(_city, url, str(Path(folder) / "city.jsonl"))
        assert report.complete, report
        ideal = (math.ceil(report.minimum / _LIMIT) - 1) * _CITY_PER
        name = f"a city of 95 pages, {window} window / ideal time"
        yield Ratio(name, report.seconds / ideal, 1.02)
        yield Ratio("its 429s", refused, 0, "")


if __name__ == "__main__":
    anyio.run(_work, sys.argv[1], sys.argv[2])
