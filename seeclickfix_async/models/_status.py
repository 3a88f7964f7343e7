"""The status of an issue."""

from __future__ import annotations

from seeclickfix_async.models._open_enum import OpenEnum


class Status(OpenEnum):
    """The status of an issue, in lower case: `Status.OPEN == "open"`.

    The service returns `Open` and accepts `open`; both are `Status.OPEN` here. An unknown status
    becomes a `Status` that equals its lower-case string.
    Source: API page "Issues"; capitals observed.
    """

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    ARCHIVED = "archived"


# Register the capitalised forms: calling `_missing_` takes a third of the time to decode a page.
Status._value2member_map_.update({status.value.title(): status for status in Status})
