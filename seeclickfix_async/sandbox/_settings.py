"""The settings of a sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol, Self

import attrs

from seeclickfix_async._core import numbers
from seeclickfix_async.sandbox._bounds import at_least
from seeclickfix_async.sandbox._quota import Quota

PastDepth = Literal["empty", "error", "repeat"]
AnonymousProfile = Literal["null_id", "unauthorized"]
RetryAfter = Literal["seconds", "date", "none"]
LimitedBody = Literal["json", "html", "empty"]


class Probed(Protocol):
    """The report of a probe, such as `seeclickfix_async.probe.ProbeReport`."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The values that were found, by the names of the attributes of `Settings`."""
        ...


def _names(values: Iterable[str]) -> frozenset[str]:
    return frozenset(values)


def _in_order(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


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
        most_detailed: The same with `details=true` (20 documented).
        after_inclusive: Whether `after` includes its own second (observed).
        sorts: Which of created_at, updated_at and rating have an effect as `sort` (documented).
        whole_seconds: Whether times have no fraction (observed).
        archived_by_default: Whether a request without `status` returns archived issues, too.
        entries: Whether pages say how many rows there are (observed).
        etags: Whether responses have an ETag, which a 304 confirms (documented).
        dates: Whether responses have a Date.
        anonymous_profile: The response to `GET /profile` without a token: 200 with an id of null
            (documented), or 401.
        retry_after: The form of Retry-After in a 429 (seconds are documented).
        limited_body: The body of a 429 (JSON is documented).
        missing_fields: Paths of fields that are left out, such as `issue.reporter.avatar`; they
            begin with `issue`, `comment` or `request_type`.
        unknown_fields: Paths of fields that are added.
        unknown_statuses: Statuses that some issues have instead of a documented one.
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
    most_detailed: int = attrs.field(
        default=20, converter=numbers.as_integer, validator=at_least(1, integer=True)
    )
    after_inclusive: bool = True
    sorts: frozenset[str] = attrs.field(
        default=frozenset({"created_at", "updated_at", "rating"}), converter=_names
    )
    whole_seconds: bool = True
    archived_by_default: bool = False
    entries: bool = True
    etags: bool = True
    dates: bool = True
    anonymous_profile: AnonymousProfile = "null_id"
    retry_after: RetryAfter = "seconds"
    limited_body: LimitedBody = "json"
    missing_fields: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    unknown_fields: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    unknown_statuses: tuple[str, ...] = attrs.field(default=(), converter=_in_order)
    drift: int = attrs.field(
        default=0, converter=numbers.as_integer, validator=at_least(0, integer=True)
    )
    latency: float = attrs.field(default=0.0, converter=numbers.as_seconds, validator=at_least(0))
    moderated: bool = False

    @classmethod
    def from_probe(cls, report: Probed) -> Self:
        """Return the settings that make a sandbox behave as a probed service does.

        What the probe could not find out is as in the default settings.
        """
        return cls(**report.settings)
