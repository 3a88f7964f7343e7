"""Delays before a retry: the Retry-After header, and exponential backoff."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_FIRST_YEAR, _LAST_YEAR = 2008, 9998  # the service was founded in 2008

MAX_RETRY_AFTER = 3600.0
"""Upper limit of a Retry-After header, in seconds; longer delays are cut to it."""


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Return the delay of a Retry-After header in seconds, from 0 to `MAX_RETRY_AFTER`.

    Accepts integers, fractions, an HTTP date, and a list of numbers, of which the largest counts.
    Returns None for an invalid header and never raises. Source: RFC 9110 §10.2.3; fractions and
    lists observed.
    """
    if not value:
        return None
    date = parse_http_date(value)
    if date is not None:
        return _limit((date - (now or datetime.now(UTC))).total_seconds())
    delays = (_parse_seconds(part) for part in value.split(","))
    return max((delay for delay in delays if delay is not None), default=None)


def parse_http_date(value: str | None) -> datetime | None:
    """Parse an HTTP date in any of its forms; return None if it is invalid or before 2008.

    A server whose clock was reset sends 1970, and a date near the year 9999 leaves callers no
    space to add a period. Source: RFC 9110 §5.6.7.
    """
    if not value:
        return None
    try:
        date = parsedate_to_datetime(value)
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if _FIRST_YEAR <= date.year <= _LAST_YEAR else None


def backoff(attempt: int, *, random: float, base: float = 0.5, cap: float = 30.0) -> float:
    """Return the delay after a failed attempt in seconds: exponential, with full jitter.

    Args:
        attempt: The number of failed attempts, from 1.
        random: A random number from 0 to 1. It multiplies the capped delay, so that clients that
            have reached the cap do not all retry at the same time.
        base: The maximum delay after the first failure, in seconds.
        cap: The upper limit of the maximum delay, in seconds.
    """
    return random * min(cap, base * 2.0 ** min(attempt - 1, 30))


def _parse_seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return _limit(seconds) if math.isfinite(seconds) else None


def _limit(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
