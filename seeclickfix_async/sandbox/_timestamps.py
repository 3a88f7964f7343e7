"""The server's clock: US Eastern time, whatever the place (observed)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import cache

_STANDARD = timezone(timedelta(hours=-5))
_DAYLIGHT = timezone(timedelta(hours=-4))


def format_timestamp(moment: int) -> str:
    """A moment in Unix seconds as the service writes it: whole seconds and a numeric offset."""
    starts, ends = _daylight(datetime.fromtimestamp(moment, UTC).year)
    zone = _DAYLIGHT if starts <= moment < ends else _STANDARD
    return datetime.fromtimestamp(moment, zone).isoformat()


@cache
def _daylight(year: int) -> tuple[int, int]:
    """When daylight time begins and ends: a rule, since a bare machine has no zone files."""
    second_sunday_of_march = 14 - datetime(year, 3, 1, tzinfo=UTC).weekday()
    first_sunday_of_november = 7 - datetime(year, 11, 1, tzinfo=UTC).weekday()
    return (
        int(datetime(year, 3, second_sunday_of_march, 7, tzinfo=UTC).timestamp()),
        int(datetime(year, 11, first_sunday_of_november, 6, tzinfo=UTC).timestamp()),
    )
