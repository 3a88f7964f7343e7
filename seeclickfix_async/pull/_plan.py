"""A pull in independent parts, for engines that run over many machines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Unpack

import attrs

from seeclickfix_async._api.query import IssueFilters, IssueQuery
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core import validation
from seeclickfix_async.errors import InvalidArgumentError

_SECOND = timedelta(seconds=1)


@attrs.frozen
class Part:
    """One period of a pull; it can be pickled, and needs nothing of the others.

    Attributes:
        name: Such as `part-007`, for its file.
        filters: For `pull(client, to=..., **part.filters)`.
    """

    name: str
    filters: dict[str, Any] = attrs.field(hash=False)


async def plan(
    client: AsyncClient, *, parts: int = 32, **filters: Unpack[IssueFilters]
) -> tuple[Part, ...]:
    """Split a pull into periods of the same length, at the price of one request.

    The last one ends at the present of the service's clock, unless `before` says otherwise.

    Nobody knows how the issues are spread; so make several parts for each worker, and let the
    engine hand them out.

    Args:
        client: Asks the service when the oldest issue was created.
        parts: How many, from 1 to 10,000; fewer when there are fewer seconds, none when there
            are no issues.
        **filters: Which issues; see `IssueFilters`.

    Raises:
        InvalidArgumentError: The arguments are wrong.
        SeeClickFixError: The request failed for good.
    """
    validation.in_range("parts", parts, 1, 10_000, integer=True)
    for own in ("sort", "sort_direction", "fields"):
        validation.forbid(own, filters.get(own), "a plan is of whole issues, by their creation.")
    query = IssueQuery.of({"status": "all", **filters}, details=False, per_page=1)
    given: dict[str, Any] = {name: getattr(query, name) for name in filters}
    given["status"] = query.status
    first: dict[str, Any] = {**given, "sort": "created_at", "sort_direction": "ASC"}
    oldest = await client.issues.list(per_page=1, **first)
    if not oldest.items:
        return ()
    start = oldest.items[0].created_at
    if start is None:
        raise InvalidArgumentError("after", "the oldest issue tells no time; say when to begin.")
    now = oldest.response.date or datetime.now(UTC).replace(microsecond=0)
    end = query.before or max(now, start + _SECOND)  # a service whose own clocks disagree
    bounds = _bounds(start, end, parts)
    return tuple(
        Part(f"part-{number:04}", {**given, "after": after, "before": before})
        for number, (after, before) in enumerate(bounds)
    )


def _bounds(start: datetime, end: datetime, parts: int) -> list[tuple[datetime, datetime]]:
    """Periods of whole seconds that meet, from the first moment to the last."""
    seconds = max(1, int((end - start).total_seconds()))
    parts = min(parts, seconds)
    marks = [start + timedelta(seconds=seconds * number // parts) for number in range(parts)]
    return list(zip(marks, [*marks[1:], end], strict=True))
