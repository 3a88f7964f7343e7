"""Time zones of the IANA database, by name."""

from __future__ import annotations

import difflib
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from seeclickfix_async.errors import InvalidArgumentError

_FORM = (
    'must be the name of a time zone, such as "America/New_York", or a ZoneInfo: a file keeps the '
    "name, so that an update goes on with it."
)


def parse_zone(value: str | tzinfo | None) -> ZoneInfo | None:
    """Return the time zone of a name, or of an object that has one; None without a value.

    A fixed offset has no name, and is no place's time zone: it does not change in spring and
    autumn. The objects of pytz have the name in `zone`.

    Raises:
        InvalidArgumentError: The value has no name, the name is unknown, or this machine has no
            database of time zones, as Windows and small containers.
    """
    if value is None:
        return None
    name: object = value
    if isinstance(value, tzinfo):
        name = "UTC" if value is UTC else getattr(value, "key", getattr(value, "zone", None))
    if not isinstance(name, str):
        raise InvalidArgumentError("timezone", _FORM)
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown, no valid path, or a folder
        known = available_timezones()
    if not known:
        raise InvalidArgumentError(
            "timezone",
            "this machine has no database of time zones. Install one: pip install tzdata",
        )
    similar = difflib.get_close_matches(name, known, 1)
    hint = f"Did you mean {similar[0]!r}?" if similar else 'Use a name such as "America/New_York".'
    raise InvalidArgumentError("timezone", f"{name[:80]!r} is unknown. {hint}")
