"""The offsets of a time zone, which are looked up for a million times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Offsets:
    """The offsets of a time zone; those of a day without a change are computed once."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._by_day: dict[int, int | None] = {}

    def at(self, seconds: int) -> int:
        """Return the offset at a time, in seconds; both are relative to UTC."""
        day = seconds // _DAY
        if day not in self._by_day:
            first, last = self._compute(day * _DAY), self._compute(day * _DAY + _DAY - 1)
            self._by_day[day] = first if first == last else None
        offset = self._by_day[day]
        return self._compute(seconds) if offset is None else offset

    def _compute(self, seconds: int) -> int:
        offset = (_EPOCH + timedelta(seconds=seconds)).astimezone(self._zone).utcoffset()
        return int((offset or timedelta()).total_seconds())
