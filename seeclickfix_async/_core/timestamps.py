"""The current time, and the first and the last moment that the package computes with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

Now = Callable[[], datetime]
"""Returns the current time; tests can replace it."""


def utc_now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)


def clamp(time: datetime | None) -> datetime:
    """Return a time in UTC, within these moments; the first one if there is none."""
    if time is None or time <= EARLIEST:
        return EARLIEST
    return LATEST if time >= LATEST else time.astimezone(UTC)
