"""Other processes, forked from one that has imported the package, which takes half a second."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import anyio

from seeclickfix_async import AsyncClient
from seeclickfix_async.pull import _parquet, pull

_LAZILY_IMPORTED = ("anyio._backends._asyncio", "anyio._backends._trio", "coredis", "httpx")


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *_LAZILY_IMPORTED])
    return context


def start_program(program: str, *arguments: str) -> BaseProcess:
    """Start a program of Python, as `python -W error -c` does."""
    process = _context().Process(target=_run_program, args=(program, arguments, {**os.environ}))
    process.start()
    return process


def _run_program(program: str, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    warnings.simplefilter("error")
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    exec(program, {"__name__": "__main__"})


def kill_pull(
    is_time: Callable[[], bool], url: str, to: Path, *, after: float = 0.0, **options: Any
) -> None:
    """Begin or continue a pull, and kill its process `after` seconds after `is_time`."""
    process = _context().Process(target=_run, args=(url, to, options))
    process.start()
    while not is_time() and process.is_alive():
        time.sleep(0.001)
    time.sleep(after)
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL, "It ended before it was killed."
    process.close()


def _run(url: str, to: Path, options: dict[str, Any]) -> None:
    warnings.simplefilter("error")
    _parquet._MAX_PENDING = 150  # so that a small city fills parts

    async def main() -> None:
        async with AsyncClient(base_url=url, limiter=None) as client:
            await pull(client, to=to, **options)

    anyio.run(main)
