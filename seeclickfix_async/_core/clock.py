"""Time, as something that tests can replace."""

from __future__ import annotations

import time
from typing import Protocol

import anyio


class Clock(Protocol):
    """What tells the time and lets it pass."""

    def now(self) -> float:
        """Seconds since any start, never going back."""
        ...

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Return when the event is set or so many seconds have passed, whichever is first."""
        ...


class SystemClock:
    """The machine's own, which is the same for every event loop."""

    def now(self) -> float:
        """Seconds since some start."""
        return time.monotonic()

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Wait, letting other tasks run."""
        with anyio.move_on_after(seconds):
            await event.wait()


SYSTEM = SystemClock()
