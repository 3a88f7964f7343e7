"""Counts of issues by category and period."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from seeclickfix_async._api.query import IssueFilters, IssueQuery
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.mcp._budget import Budget
from seeclickfix_async.mcp._results import Count
from seeclickfix_async.mcp._views import label
from seeclickfix_async.models import Issue

Period = Literal["day", "week", "month", "year"]

MAX_PERIODS = 16
"""The periods of one count, each of which takes a request: the quota is 20 in a minute."""

MAX_ISSUES = 1000
"""The issues that are read to count them by category: the service ends a listing there."""

_PER_PAGE = 100
_COMMUNITY = "Post to Neighbors"  # the service's name for issues without a request type


async def count_periods(
    budget: Budget, filters: IssueFilters, period: Period, zone: tzinfo
) -> list[Count]:
    """Return the number of issues in each period, with a request for each.

    Raises:
        InvalidArgumentError: There is no start, it is in the future, or there are too many periods.
    """
    IssueQuery.from_filters(filters, details=False, per_page=1)  # before times are computed with
    after, before = filters.get("after"), filters.get("before")
    if after is None:
        raise InvalidArgumentError("after", "is needed, for the first period.")
    bounds = list(_bounds(after, before or datetime.now(UTC), period, zone))
    if not bounds:
        raise InvalidArgumentError("after", "must be in the past.")
    counts: list[Count] = []
    for start, end in bounds:
        in_period: IssueFilters = {**filters, "after": start, "before": end}
        page = await budget.client.issues.list(per_page=1, **in_period)
        if page.entries is None:
            raise page.response.decode_error("It has no number of issues.")
        counts.append(Count(period=_name(start, period, zone), count=page.entries))
    return counts


async def count_categories(
    budget: Budget, filters: IssueFilters, period: Period | None, zone: tzinfo
) -> tuple[list[Count], int]:
    """Return the number of issues of each category, most first, in each period if one is given.

    Returns:
        The counts, and the number of issues that the service did not return.

    Raises:
        InvalidArgumentError: There are too many issues to read.
    """
    found: dict[int, Issue] = {}
    filters = {**filters, "fields": ("created_at", "request_type")}
    number: int | None = 1
    expected = 0
    while number is not None:
        page = await budget.client.issues.list(page=number, per_page=_PER_PAGE, **filters)
        is_repeated = found.keys() >= {issue.id for issue in page}  # or empty
        found |= {issue.id: issue for issue in page}
        expected = max(expected, page.entries or 0, len(found))
        if expected > MAX_ISSUES:
            raise InvalidArgumentError(
                "after",
                f"{expected:,} issues match, and at most {MAX_ISSUES:,} can be counted by "
                "category. Use a shorter period, a smaller area or a request_type_id.",
            )
        number = None if is_repeated else page.next_page
    groups = Counter(_group(issue, period, zone) for issue in found.values())
    counts = [
        Count(category=category, request_type_id=id_, period=name, count=count)
        for (category, id_, name), count in groups.most_common()
    ]
    return counts, max(0, expected - len(found))


def _group(issue: Issue, period: Period | None, zone: tzinfo) -> tuple[str, int | None, str | None]:
    type_ = issue.request_type
    category = (None if type_ is None else label(type_.title)) or _COMMUNITY
    id_ = type_.id if type_ is not None and isinstance(type_.id, int) else None
    created = issue.created_at
    name = None if period is None or created is None else _name(created, period, zone)
    return category, id_, name


def _bounds(
    after: datetime, before: datetime, period: Period, zone: tzinfo
) -> Iterator[tuple[datetime, datetime]]:
    start = after
    for _ in range(MAX_PERIODS):
        if start >= before:
            return
        end = min(_next_start(start, period, zone), before)
        yield start, end
        start = end
    if start < before:
        raise InvalidArgumentError(
            "period",
            f"there are more than {MAX_PERIODS} of these. Use longer ones, or a shorter time.",
        )


def _next_start(time: datetime, period: Period, zone: tzinfo) -> datetime:
    """Return the start of the period after the one that holds a time, in UTC."""
    local = time.astimezone(zone)
    day = datetime(local.year, local.month, local.day, tzinfo=zone)
    match period:
        case "day":
            following = day + timedelta(days=1)
        case "week":
            following = day + timedelta(days=7 - day.weekday())
        case "month":
            following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        case "year":
            following = day.replace(year=day.year + 1, month=1, day=1)
    return following.astimezone(UTC)


def _name(time: datetime, period: Period, zone: tzinfo) -> str:
    local = time.astimezone(zone)
    match period:
        case "day":
            return f"{local:%Y-%m-%d}"
        case "week":
            year, week, _ = local.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{local:%Y-%m}"
        case "year":
            return f"{local:%Y}"
