"""Where an issue stands."""

from __future__ import annotations

from seeclickfix_async.models._open_enum import OpenEnum


class Status(OpenEnum):
    """The status of an issue, in lower case: `Status.OPEN == "open"`.

    The service writes `Open` and reads `open`; both are `Status.OPEN` here. A status that is
    not in this list yet is kept as it is, as a member without a name.
    Source: API page "Issues"; capitals observed.
    """

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    ARCHIVED = "archived"


# The decoder looks here before it calls `_missing_`, which costs a third of a page's time.
Status._value2member_map_.update({status.value.title(): status for status in Status})
