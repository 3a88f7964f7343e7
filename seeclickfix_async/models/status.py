"""Where an issue stands."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The status of an issue, in lower case: `Status.OPEN == "open"`.

    The service writes `Open` and reads `open`; both are `Status.OPEN` here. A status that is
    not in this list yet is kept as it is, as a member without a name.
    Source: API page "Issues"; capitals observed.
    """

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    ARCHIVED = "archived"

    @classmethod
    def _missing_(cls, value: object) -> Status | None:
        if not isinstance(value, str):
            return None
        text = value.lower()
        known = cls._value2member_map_.get(text)
        if isinstance(known, Status):
            return known
        # Not registered as a member: what a server sends must not grow this class.
        stranger = str.__new__(cls, text)
        stranger._name_ = text.upper()
        stranger._value_ = text
        return stranger


# The decoder looks here before it calls `_missing_`, which costs a third of a page's time.
Status._value2member_map_.update({status.value.title(): status for status in Status})
