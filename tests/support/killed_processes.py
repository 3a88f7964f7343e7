"""Pulls in other processes, which a test kills."""

from __future__ import annotations

import multiprocessing
import signal
import time
import warnings
from collections.abc import Callable
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import anyio

from seeclickfix_async import AsyncClient
from seeclickfix_async.pull import _parquet, pull


@cache
def _context() -> ForkServerContext:
    """Fork from a process that imported this module, which takes half a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


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
