"""Threads that run the same work at once, each in an event loop of its own."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio


def run_in_threads(
    work: Callable[[int], Awaitable[Any]], backend: str, *, count: int = 12
) -> list[Any]:
    """Run `work(number)` in each thread; return its results or exceptions, by number.

    A thread that takes more than a minute fails the test.
    """
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    async def begin(number: int) -> Any:
        return await work(number)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = anyio.run(begin, number, backend=backend)
        except Exception as error:  # noqa: BLE001  # the test checks it
            results[number] = error

    threads = [threading.Thread(target=run, args=(at,), daemon=True) for at in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "A thread hangs."
    return results
