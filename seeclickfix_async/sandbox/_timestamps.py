"""Timestamps of the service: US Eastern time for every place (observed)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import cache, lru_cache

_STANDARD = timezone(timedelta(hours=-5))
_DAYLIGHT = timezone(timedelta(hours=-4))


@lru_cache(maxsize=20_000)  # those of 5000 issues, which are served again and again
def format_timestamp(timestamp: int) -> str:
    """Format Unix seconds as the service does: to the second, with a numeric offset."""
    starts, ends = _daylight_bounds(datetime.fromtimestamp(timestamp, UTC).year)
    zone = _DAYLIGHT if starts <= timestamp < ends else _STANDARD
    return datetime.fromtimestamp(timestamp, zone).isoformat()


@cache
def _daylight_bounds(year: int) -> tuple[int, int]:
    """Return the bounds of daylight time, computed because zone files may not be installed."""
    second_sunday_of_march = 14 - datetime(year, 3, 1, tzinfo=UTC).weekday()
    first_sunday_of_november = 7 - datetime(year, 11, 1, tzinfo=UTC).weekday()
    return (
        int(datetime(year, 3, second_sunday_of_march, 7, tzinfo=UTC).timestamp()),
        int(datetime(year, 11, first_sunday_of_november, 6, tzinfo=UTC).timestamp()),
    )
