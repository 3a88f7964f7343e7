"""The tools that read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo
from typing import Annotated, Literal

import attrs
from pydantic import Field

from seeclickfix_async._api.query import IssueFilters
from seeclickfix_async._core.time_zone import parse_zone
from seeclickfix_async._core.validation import parse_identifier
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.mcp._budget import Budget
from seeclickfix_async.mcp._counting import Period, count_categories, count_periods
from seeclickfix_async.mcp._filters import (
    After,
    Before,
    Box,
    Filters,
    Lat,
    Lng,
    Place,
    Radius,
    RequestTypeId,
    Statuses,
)
from seeclickfix_async.mcp._results import Counts, IssuePage, IssueView, RequestTypes
from seeclickfix_async.mcp._texts import find_names
from seeclickfix_async.mcp._views import LONG, SHORT, show_comment, show_request_type, summarize

_COMMENTS = 20  # of a page
_REQUEST_TYPES = 200  # in one result
_COUNTS = 200

_UNKNOWN_PLACE = (
    "An unknown place has no issues, either. Is it the name in the web addresses of SeeClickFix, "
    "such as new-haven?"
)

IssueId = Annotated[int, Field(description="The number of the issue.", ge=1)]
Limit = Annotated[int, Field(description="Issues per page.", ge=1, le=50)]
Cursor = Annotated[str | None, Field(description="The cursor of the page before.")]


@attrs.frozen
class Reading:
    """The tools that read, on a client.

    Attributes:
        begin: Begins a call, and returns its budget.
    """

    begin: Callable[[], Budget]

    async def search_issues(
        self,
        *,
        text: Annotated[
            str | None, Field(description="Words to find; needs place, lat with lng, or box.")
        ] = None,
        place: Place = None,
        lat: Lat = None,
        lng: Lng = None,
        radius_m: Radius = None,
        box: Box = None,
        status: Statuses = None,
        after: After = None,
        before: Before = None,
        request_type_id: RequestTypeId = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> IssuePage:
        """Search issues (reports of residents to their city), newest first, in pages."""
        chosen = Filters(place, lat, lng, radius_m, box, status, after, before, request_type_id)
        filters: IssueFilters = {**chosen.to_issue_filters(), "search": text}
        number = _parse_cursor(cursor, 1)
        page = await self.begin().client.issues.list(page=number, per_page=limit, **filters)
        notes = []
        if not page.entries and place is not None:
            notes.append(_UNKNOWN_PLACE)
        if page.rejected:
            notes.append(f"{len(page.rejected)} issues of this page could not be read.")
        return IssuePage(
            issues=[summarize(issue, find_names(issue), SHORT) for issue in page],
            total=page.entries,
            more=page.next_page is not None,
            cursor=None if page.next_page is None else str(page.next_page),
            note=" ".join(notes) or None,
        )

    async def show_issue(self, id: IssueId, cursor: Cursor = None) -> IssueView:
        """Show an issue with its whole description and its comments, in pages of 20."""
        start = _parse_cursor(cursor, 0)
        budget = self.begin()
        issue = await budget.client.issues.get(id, details=True)
        comments = issue.comments
        if comments is None:
            comments = await budget.client.issues.comments(id)
        names = find_names(issue, (comment.commenter for comment in comments))
        end = start + _COMMENTS
        return IssueView(
            issue=summarize(issue, names, LONG),
            acknowledged_at=issue.acknowledged_at,
            reopened_at=issue.reopened_at,
            comments=[show_comment(comment, issue, names) for comment in comments[start:end]],
            total_comments=len(comments),
            more=end < len(comments),
            cursor=str(end) if end < len(comments) else None,
        )

    async def list_request_types(
        self,
        lat: Annotated[float, Field(description="Latitude in degrees.")],
        lng: Annotated[float, Field(description="Longitude in degrees.")],
    ) -> RequestTypes:
        """List the request types (categories) in which a problem at a point can be reported."""
        options = await self.begin().client.report_form(lat=lat, lng=lng)
        return RequestTypes(
            request_types=[show_request_type(option) for option in options[:_REQUEST_TYPES]],
            more=len(options) > _REQUEST_TYPES,
        )

    async def count_issues(
        self,
        *,
        by: Literal["category", "period", "category and period"],
        period: Annotated[Period, Field(description="The length of the periods.")] = "month",
        timezone: Annotated[
            str | None,
            Field(description="The time zone of periods, such as America/New_York; else UTC."),
        ] = None,
        place: Place = None,
        lat: Lat = None,
        lng: Lng = None,
        radius_m: Radius = None,
        box: Box = None,
        status: Statuses = None,
        after: After = None,
        before: Before = None,
        request_type_id: RequestTypeId = None,
    ) -> Counts:
        """Count issues by category (at most 1,000), by period of creation (at most 16), or both.

        By period, any number of issues can be counted; it needs `after`.
        """
        zone: tzinfo = parse_zone(timezone) or UTC
        chosen = Filters(place, lat, lng, radius_m, box, status, after, before, request_type_id)
        filters = chosen.to_issue_filters(zone)
        missing = 0
        if by == "period":
            counts = await count_periods(self.begin(), filters, period, zone)
        else:
            shown = None if by == "category" else period
            counts, missing = await count_categories(self.begin(), filters, shown, zone)
        total = sum(count.count for count in counts)
        note = f"{missing} more issues match, which the service did not return." if missing else ""
        if not total and place is not None:
            note = _UNKNOWN_PLACE
        return Counts(
            total=total,
            counts=counts[:_COUNTS],
            more=len(counts) > _COUNTS,
            timezone=str(zone),
            note=note or None,
        )


def _parse_cursor(cursor: str | None, first: int) -> int:
    """Return the position of a cursor.

    Raises:
        InvalidArgumentError: It is not one.
    """
    if cursor is None:
        return first
    number = parse_identifier(cursor)
    if number is None:
        raise InvalidArgumentError("cursor", "must be the cursor of a result of this tool.")
    return number
