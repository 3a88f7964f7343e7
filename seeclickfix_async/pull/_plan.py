"""A pull in independent parts, for engines that use many machines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, SupportsIndex, Unpack

import attrs

from seeclickfix_async._api.query import IssueFilters, IssueQuery
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core import validation
from seeclickfix_async.errors import InvalidArgumentError

_SECOND = timedelta(seconds=1)


@attrs.frozen
class Part:
    """A period of a pull, which can be pickled and is independent of the other parts.

    Attributes:
        name: A name such as `part-0007`, for its file.
        filters: The filters for `pull(client, to=..., **part.filters)`.
    """

    name: str
    filters: dict[str, Any] = attrs.field(hash=False)


async def plan(
    client: AsyncClient, *, parts: SupportsIndex = 32, **filters: Unpack[IssueFilters]
) -> tuple[Part, ...]:
    """Split a pull into periods of equal length, with one request.

    The periods begin at `after`, by default with the oldest issue. The last one ends at `before`;
    by default it has no end, so that an update of its part pulls new issues. With both, a second
    plan has the same parts, which continue those of the first. The issues are not spread evenly, so
    make several parts for each worker, and let the engine distribute them.

    Args:
        client: Requests the oldest issue.
        parts: The number of parts, 1 to 10,000. There are fewer if the period has fewer seconds,
            and none without issues.
        **filters: The issues to pull; see `IssueFilters`.

    Raises:
        InvalidArgumentError: The arguments are wrong.
        SeeClickFixError: The request failed permanently.
    """
    count = validation.integer_in_range("parts", parts, 1, 10_000)
    for name in ("sort", "sort_direction", "fields"):
        validation.forbid(name, filters.get(name), "a plan is for whole issues, by creation.")
    query = IssueQuery.from_filters({"status": "all", **filters}, details=False, per_page=1)
    validated: dict[str, Any] = {name: getattr(query, name) for name in filters}
    validated["status"] = query.status
    first: dict[str, Any] = {**validated, "sort": "created_at", "sort_direction": "ASC"}
    oldest = await client.issues.list(per_page=1, **first)
    if not oldest.items:
        return ()
    start = query.after or oldest.items[0].created_at
    if start is None:
        raise InvalidArgumentError("after", "is needed: the oldest issue has no creation time.")
    now = oldest.response.date or datetime.now(UTC).replace(microsecond=0)
    end = query.before or max(now, start + _SECOND)  # the service's clocks may disagree
    starts = _starts(start, end, count)
    periods = zip(starts, [*starts[1:], query.before], strict=True)
    return tuple(
        Part(f"part-{number:04}", {**validated, "after": after, "before": before})
        for number, (after, before) in enumerate(periods)
    )


def _starts(start: datetime, end: datetime, parts: int) -> list[datetime]:
    """Return the starts of adjacent periods of whole seconds from start to end."""
    seconds = max(1, int((end - start).total_seconds()))
    parts = min(parts, seconds)
    return [start + timedelta(seconds=seconds * number // parts) for number in range(parts)]
