"""How a sandbox behaves where the real service is unknown, or can be asked to."""

from __future__ import annotations

from typing import Literal

import attrs

from seeclickfix_async.sandbox._quota import Quota

Beyond = Literal["empty", "error", "repeat"]


@attrs.frozen(kw_only=True)
class Settings:
    """What a sandbox can be told.

    Attributes:
        quota: Counts the requests; None for no limit.
        depth: Rows that can be reached by page numbers (about 1,000 observed).
        details_depth: The same with details (about 500 observed).
        beyond: What lies past that depth: an `empty` page, an `error`, or a `repeat` of the
            last page that can be reached. Which one it is, nobody recorded.
        most_per_page: What `per_page` is clamped to (100 documented, up to 1,000 observed).
        drift: How many issues are reported before each list, so that pages shift.
        latency: Seconds that each answer takes.
        moderated: Whether what is written is held back with 202 (documented).
    """

    quota: Quota | None = attrs.field(factory=Quota)
    depth: int = 1000
    details_depth: int = 500
    beyond: Beyond = "empty"
    most_per_page: int = 100
    drift: int = 0
    latency: float = 0.0
    moderated: bool = False
