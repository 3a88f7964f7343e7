"""How long to wait: what the service asks for, and what politeness asks for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LAST_YEAR = 9999

LONGEST = 3600.0
"""No Retry-After is believed beyond this many seconds."""


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Read a Retry-After header: how many seconds to wait, from 0 to `LONGEST`.

    Takes whole seconds, fractions, an HTTP date, and several of them (then the longest counts).
    Whatever cannot be read is None; this never raises. Source: RFC 9110 §10.2.3, and the other
    forms as observed in the wild.
    """
    if not value:
        return None
    whole = _from_date(value, now or datetime.now(UTC))
    waits = [whole] if whole is not None else [_from_number(part) for part in value.split(",")]
    return _longest(waits)


def http_date(value: str | None) -> datetime | None:
    """Read an HTTP date in any of its forms; None if it is not one. Source: RFC 9110 §5.6.7."""
    if not value:
        return None
    try:
        date = parsedate_to_datetime(value)
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.year < _LAST_YEAR else None  # one can add to it


def backoff(attempt: int, *, random: float, base: float = 0.5, cap: float = 30.0) -> float:
    """Seconds to wait before try `attempt` + 1, spread evenly from 0 to a doubling limit.

    Args:
        attempt: How many tries have failed, from 1.
        random: From 0 to 1; full jitter, applied after the cap so that no herd forms at it.
        base: The limit after the first failure, in seconds.
        cap: The highest limit, in seconds.
    """
    return random * min(cap, base * 2.0 ** min(attempt - 1, 30))


def _longest(waits: Iterable[float | None]) -> float | None:
    known = [wait for wait in waits if wait is not None]
    return max(known) if known else None


def _from_number(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    # min(max(nan, 0), cap) would keep the NaN
    return min(max(seconds, 0.0), LONGEST) if math.isfinite(seconds) else None


def _from_date(text: str, now: datetime) -> float | None:
    date = http_date(text)
    return None if date is None else min(max((date - now).total_seconds(), 0.0), LONGEST)
