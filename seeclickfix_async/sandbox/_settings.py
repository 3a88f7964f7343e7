"""The settings of a sandbox."""

from __future__ import annotations

from typing import Literal

import attrs

from seeclickfix_async._core import numbers
from seeclickfix_async.sandbox._bounds import at_least
from seeclickfix_async.sandbox._quota import Quota
from seeclickfix_async.sandbox._timestamps import to_seconds

PastDepth = Literal["empty", "error", "repeat"]


@attrs.frozen(kw_only=True)
class Settings:
    """The behaviour of a sandbox, where that of the real service varies or is unknown.

    Attributes:
        quota: The rate limit; None for no limit.
        depth: Number of rows that page numbers can reach (about 1,000 observed).
        details_depth: The same with `details=true` (about 500 observed).
        beyond: The response past that depth: an `empty` page, an `error`, or a `repeat` of the
            last reachable page. The real one is not recorded.
        most_per_page: The upper limit of `per_page` (100 documented, up to 1,000 observed).
        drift: Number of issues that are reported before each list request, so that pages shift.
        latency: Delay of each response, in seconds or a timedelta.
        moderated: Whether every write goes to a moderator, with 202 (documented).
    """

    quota: Quota | None = attrs.field(factory=Quota)
    depth: int = attrs.field(
        default=1000, converter=numbers.as_integer, validator=at_least(1, integer=True)
    )
    details_depth: int = attrs.field(
        default=500, converter=numbers.as_integer, validator=at_least(1, integer=True)
    )
    beyond: PastDepth = "empty"
    most_per_page: int = attrs.field(
        default=100, converter=numbers.as_integer, validator=at_least(1, integer=True)
    )
    drift: int = attrs.field(
        default=0, converter=numbers.as_integer, validator=at_least(0, integer=True)
    )
    latency: float = attrs.field(default=0.0, converter=to_seconds, validator=at_least(0))
    moderated: bool = False
