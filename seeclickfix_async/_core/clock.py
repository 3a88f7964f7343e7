"""The clock, which tests can replace."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import anyio


class Clock(Protocol):
    """A monotonic clock that tests can replace."""

    def now(self) -> float:
        """Return the seconds since an arbitrary start."""
        ...

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Wait until the event is set, for `seconds` at most."""
        ...


class SystemClock:
    """The system's monotonic clock, which all event loops share."""

    def now(self) -> float:
        """Return the seconds since an arbitrary start."""
        return time.monotonic()

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Wait until the event is set, for `seconds` at most."""
        with anyio.move_on_after(seconds):
            await event.wait()


SYSTEM = SystemClock()


def hold(clock: Clock) -> AbstractContextManager[object]:
    """Keep a clock that jumps from jumping in a context; other clocks have no method `hold`."""
    own: AbstractContextManager[object] = getattr(clock, "hold", nullcontext)()
    return own
