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


async def _work(url: str, port: str, start: str) -> None:
    """Begin at a moment, with all others, and print when it was done and what was sent."""
    sent: list[int] = []

    async def ask() -> None:
        sent.append((await client.request("GET", "/profile")).requests)

    async with coredis.Redis(port=int(port)) as redis:
        limiter = RedisLimiter(redis, _LIMIT, per=_PER)
        async with AsyncClient(base_url=url, limiter=limiter) as client:
            await anyio.sleep(float(start) - time.time())
            async with anyio.create_task_group() as tasks:
                for _ in range(_CALLS):
                    tasks.start_soon(ask)
    print(time.time(), sum(sent))


def _together(url: str, port: int) -> tuple[float, int]:
    """Seconds until the last process was done, and requests on the wire."""
    start = time.time() + 6
    command = [sys.executable, "-m", "benchmarks.shared", url, str(port), str(start)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(_PROCESSES)
    ]
    told = [process.communicate()[0].split() for process in processes]
    return max(float(done) for done, _ in told) - start, sum(int(sent) for _, sent in told)


async def _city(url: str, to: str) -> Report:
    async with AsyncClient(base_url=url, limiter=Limiter(_LIMIT, per=_PER)) as client:
        return await pull(client, to=to)


def ratios() -> Iterator[Ratio]:
    """Measure."""
    for window in ("fixed", "sliding", "bucket"):
        options = ("--limit", str(_LIMIT), "--per", str(_PER), "--window", window)
        with _redis() as port, sandbox(*options) as url:
            seconds, sent = _together(url, port)
        yield Ratio(f"8 processes, {window} window / ideal time", seconds / _IDEAL, 1 / 0.95)
        yield Ratio("their 429s", sent - _PROCESSES * _CALLS, 0, "")
        with sandbox(*options, "--issues", "9500") as url, tempfile.TemporaryDirectory() as folder:
            report = anyio.run(_city, url, str(Path(folder) / "city.jsonl"))
        assert report.complete, report
        ideal = (math.ceil(report.minimum / _LIMIT) - 1) * _PER
        name = f"a city of 95 pages, {window} window / ideal time"
        yield Ratio(name, report.seconds / ideal, 1.02)


if __name__ == "__main__":
    anyio.run(_work, sys.argv[1], sys.argv[2], sys.argv[3])
