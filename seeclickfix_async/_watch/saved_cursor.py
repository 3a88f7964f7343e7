"""The forms in which cursors are saved as JSON."""

from __future__ import annotations

from datetime import datetime

import attrs

from seeclickfix_async._core.timestamps import EARLIEST, LATEST
from seeclickfix_async.errors import InvalidArgumentError


@attrs.frozen
class SavedCursor:
    since: datetime
    now: datetime
    remembered: datetime
    after: datetime
    seen: dict[datetime, str]
    reread_from: datetime = EARLIEST
    reread_until: datetime = EARLIEST


@attrs.frozen
class EarlySavedCursor:
    """A cursor of an early version, with keys instead of digests."""

    since: datetime
    floor: datetime
    seen: dict[str, datetime] = attrs.field(factory=dict)
    first: bool = True


def check_times(*times: datetime) -> None:
    """Refuse times without a time zone, or in years where arithmetic is impossible."""
    for time in times:
        if time.utcoffset() is None:
            raise InvalidArgumentError("cursor", "has a time without a time zone.")
        if not EARLIEST <= time <= LATEST:
            raise InvalidArgumentError(
                "cursor", "has a time before 1970 or after 2100; begin without a cursor."
            )
