"""Many threads that do the same at once, each in an event loop of its own."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio


def run_in_threads(
    work: Callable[[int], Awaitable[Any]], backend: str, *, count: int = 12
) -> list[Any]:
    """Run `work(number)` in each thread; returns what it returned or raised. None may hang."""
    together = threading.Barrier(count)
    outcomes: list[Any] = [None] * count

    async def begin(number: int) -> Any:
        return await work(number)

    def run(number: int) -> None:
        together.wait()
        try:
            outcomes[number] = anyio.run(begin, number, backend=backend)
        except Exception as error:  # noqa: BLE001  # the test looks at it
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(at,), daemon=True) for at in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return outcomes
