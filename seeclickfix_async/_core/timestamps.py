"""The first and the last moment that the package computes with."""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def clamp(time: datetime | None) -> datetime:
    """Return a time in UTC, within these moments; the first one if there is none."""
    if time is None or time <= EARLIEST:
        return EARLIEST
    return LATEST if time >= LATEST else time.astimezone(UTC)
