"""Issues: the reports of people to their city."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, SupportsIndex, Unpack, overload

import attrs

from seeclickfix_async._api.area import BoundingBox, Near
from seeclickfix_async._api.issue_pages import IssuePages, issues_route
from seeclickfix_async._api.page import Page, require_readable
from seeclickfix_async._api.pagination import Pager
from seeclickfix_async._api.query import ClockField, IssueFilters, IssueQuery, forbid_filters
from seeclickfix_async._api.reading import read_page, read_written_or_moderated
from seeclickfix_async._api.requestor import CollectionRoute
from seeclickfix_async._core import validation
from seeclickfix_async._core.duration import Duration
from seeclickfix_async._core.numbers import Id
from seeclickfix_async._crawl.crawl import Crawl
from seeclickfix_async._crawl.limits import PageSize
from seeclickfix_async._resources.issue_actions import IssueActions
from seeclickfix_async._resources.uncertain_report import uncertain_report
from seeclickfix_async._transport.multipart import Attachment
from seeclickfix_async._watch.watch import Watch
from seeclickfix_async.errors import InvalidArgumentError, IssueMayExistError
from seeclickfix_async.models import (
    Comment,
    Created,
    DetailedIssue,
    Draft,
    Issue,
    Moderated,
    RequestTypeOption,
)
from seeclickfix_async.models._returned import with_response

_WATCH_FILTERS = (
    "sort",
    "sort_direction",
    "status",
    "fields",
    "updated_at_after",
    "updated_at_before",
)
"""The filters that a feed sets itself."""


@attrs.frozen
class Issues(IssueActions):
    """`client.issues`. Source: API page "Issues"."""

    @overload
    def list(
        self,
        *,
        details: Literal[False] = False,
        page: SupportsIndex = 1,
        per_page: SupportsIndex | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Pager[Issue]: ...
    @overload
    def list(
        self,
        *,
        details: Literal[True],
        page: SupportsIndex = 1,
        per_page: SupportsIndex | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Pager[DetailedIssue]: ...
    def list(
        self,
        *,
        details: bool = False,
        page: SupportsIndex = 1,
        per_page: SupportsIndex | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Pager[Any]:
        """List issues, newest first: `await` for one page, `async for` for all of them.

        The service ends a listing after about 1,000 issues, or 500 with details (observed). Then
        TruncatedResultsError is raised; use `crawl()` to get all issues.

        Args:
            details: Include comments, questions, votes and integrations.
            page: The first page, from 1.
            per_page: Issues per page: by default 20, at most 100 (documented). The service may
                grant less; see `Page.per_page`.
            **filters: See `IssueFilters`. By default, the service omits archived issues
                (documented), which are most of a city's history.

        Raises:
            InvalidArgumentError: Arguments are invalid or contradict each other.
        """
        query = IssueQuery.from_filters(filters, details=details, per_page=per_page)
        return self._api.pager(issues_route(query), page)

    @overload
    def crawl(
        self,
        *,
        details: Literal[False] = False,
        by: ClockField = "created_at",
        concurrency: SupportsIndex | None = 1,
        page_size: PageSize | None = None,
        state: bytes | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Crawl[Issue]: ...
    @overload
    def crawl(
        self,
        *,
        details: Literal[True],
        by: ClockField = "created_at",
        concurrency: SupportsIndex | None = 1,
        page_size: PageSize | None = None,
        state: bytes | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Crawl[DetailedIssue]: ...
    @overload
    def crawl(
        self,
        *,
        details: bool = False,
        by: ClockField = "created_at",
        concurrency: SupportsIndex | None = 1,
        page_size: PageSize | None = None,
        state: bytes | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Crawl[Any]: ...
    def crawl(
        self,
        *,
        details: bool = False,
        by: ClockField = "created_at",
        concurrency: SupportsIndex | None = 1,
        page_size: PageSize | None = None,
        state: bytes | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Crawl[Any]:
        """Crawl all issues: `async for issue in crawl`, then read `crawl.report`.

        A crawl reads the issues by their times, oldest first, and is not subject to the service's
        depth cap. It includes archived issues, unless `status` excludes them. Issues that are
        created after the start are left out, so that the crawl has an end.

        Args:
            details: Include comments, questions, votes and integrations, at 20 issues per request.
            by: The time to crawl by; `updated_at` for the issues that changed in a period.
            concurrency: The number of workers, 1 to 32, each with its own period; None for as many
                as the quota can keep busy, with at most 3,200 issues in all of their pages. With
                several, the issues of different periods are interleaved. At most 16 requests are
                pending at once.
            page_size: Issues per request: by default 100, or 20 with details. `"largest"` requests
                1,000 and accepts what the service grants, which can save nine of ten requests.
            state: A `Batch.state` of an earlier crawl with the same filters, to resume it.
            **filters: See `IssueFilters`. The crawl sets `sort` and `sort_direction` itself.

        Raises:
            InvalidArgumentError: Arguments are invalid or contradict each other.
        """
        forbid_filters(
            filters, ("sort", "sort_direction"), "cannot be set: a crawl sorts by its own clock."
        )
        query = IssueQuery.from_filters(
            {"status": "all", **filters}, details=details, per_page=None
        )
        return Crawl(
            IssuePages(self._api.current),
            query,
            by=by,
            concurrency=concurrency,
            page_size=page_size,
            state=state,
        )

    def watch(
        self,
        *,
        every: Duration = 60.0,
        cursor: Mapping[str, Any] | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Watch:
        """Follow changes: `async for change in watch`, oldest first, each change once.

        Each poll requests the issues that were updated since the last one, with comments, at 20
        issues per request; a poll without changes costs one request. Bursts and outages lose no
        change. In the rate limiter, requests of a feed wait until all others have been sent.

        Args:
            every: Seconds between polls, or a timedelta.
            cursor: The `cursor` of an earlier feed, to continue it; by default, begin now.
            **filters: See `IssueFilters`. A feed covers all statuses, and sets the sorting and the
                period of updates itself.

        Raises:
            InvalidArgumentError: Arguments are invalid or contradict each other.
        """
        forbid_filters(filters, _WATCH_FILTERS, "cannot be set: a feed sets this filter itself.")
        background = attrs.evolve(self._api.options, background=True)
        pages = IssuePages(attrs.evolve(self._api, options=background))
        query = IssueQuery.from_filters({"status": "all", **filters}, details=True, per_page=None)
        return Watch(pages, query, every=every, cursor=cursor)

    @overload
    async def get(self, id: Id, *, details: Literal[False] = False) -> Issue: ...
    @overload
    async def get(self, id: Id, *, details: Literal[True]) -> DetailedIssue: ...
    @overload
    async def get(self, id: Id, *, details: bool = False) -> Issue: ...
    async def get(self, id: Id, *, details: bool = False) -> Issue:
        """Return an issue, with comments, questions, votes and integrations if `details` is True.

        Raises:
            NotFoundError: There is no such issue, or the account may not see it.
        """
        params = [("details", "true")] if details else []
        model = DetailedIssue if details else Issue
        number = validation.positive_id("id", id)
        return await self._api.get_object(model, "/issues/{id}", params=params, id=number)

    async def comments(self, id: Id) -> tuple[Comment, ...]:
        """List the comments of an issue, oldest first, without pages (documented).

        Raises:
            NotFoundError: There is no such issue, or the account may not see it.
        """
        number = validation.positive_id("id", id)
        route = CollectionRoute(Comment, "comments", "/issues/{id}/comments", path={"id": number})
        return await self._api.get_items(route)

    async def create(self, draft: Draft) -> Created | Moderated:
        """Report a problem. The report is not sent again if it may have been received.

        After a cancellation, the issue may exist.

        Args:
            draft: A report from `RequestType.draft()`, which validated it. Its photo is streamed.

        Raises:
            InvalidArgumentError: The request type accepts reports of signed-in users only, or the
                photo cannot be read; nothing was sent.
            AuthenticationError: There is no token, or the service refuses it.
            ValidationError: The service refuses the report; `errors` has the reasons, by question.
            IssueMayExistError: There is no usable response; `find_lost()` finds the issue, if it
                exists.
        """
        if not isinstance(draft, Draft):
            raise InvalidArgumentError("draft", "must be a Draft, made by RequestType.draft().")
        if not (draft.guests or self._api.signed_in):
            raise InvalidArgumentError(
                "draft", "its request type accepts reports of signed-in users only; pass a token."
            )
        request_type = None if draft.request_type_id == "other" else draft.request_type_id
        attachment = None
        if draft.image is not None:
            attachment = Attachment(f"answers[{draft.image_field}]", draft.image)
        with uncertain_report(
            "POST /issues", lat=draft.lat, lng=draft.lng, request_type=request_type
        ):
            response = await self._api.write("POST", "/issues", draft.body(), attachment=attachment)
            issue = read_written_or_moderated(response, Issue)
        if isinstance(issue, Moderated):
            return issue
        return with_response(Created(issue, response.headers.get("location")), response)

    async def find_lost(self, error: IssueMayExistError) -> Page[Issue]:
        """List the issues that may be the result of a report without a response, newest first.

        Args:
            error: The error that `create()` raised. It can be pickled for another process.
        """
        return await self._api.current.pager(issues_route(IssueQuery(**error.filters)), 1)

    async def duplicates(self, of: Draft | RequestTypeOption) -> tuple[DetailedIssue, ...]:
        """List at most five issues nearby that may be about the same problem, nearest first.

        Args:
            of: A request type of the report form, whose own link is followed; or a draft, for the
                same query: its open and acknowledged issues within 90 m (observed).

        Raises:
            InvalidArgumentError: The request type has no such link.
        """
        if isinstance(of, Draft):
            return (await self.list(details=True, per_page=5, **_duplicate_filters(of))).items
        if not isinstance(of, RequestTypeOption) or not of.potential_duplicate_issues_url:
            raise InvalidArgumentError(
                "of", "must be a Draft, or a RequestTypeOption with a link to duplicates."
            )
        response = await self._api.request("GET", of.potential_duplicate_issues_url)
        page = read_page(response, DetailedIssue, "issues", hook=self._api.transport.hook)
        return require_readable(page).items

    def mine(self, *, page: SupportsIndex = 1) -> Pager[Issue]:
        """List the signed-in user's own issues (observed: `GET /profile/issues`).

        Args:
            page: The first page, from 1.

        Raises:
            AuthenticationError: There is no token, or the service refuses it.
        """
        return self._api.pager(CollectionRoute(Issue, "issues", "/profile/issues"), page)


_NEARBY = 0.0008  # degrees, as in the service's own links (observed)


def _duplicate_filters(draft: Draft) -> IssueFilters:
    """Return the filters of the service's own links to possible duplicates (observed)."""
    lat, lng = draft.lat, draft.lng
    box = BoundingBox(lat - _NEARBY, lng - _NEARBY, lat + _NEARBY, lng + _NEARBY)
    filters: IssueFilters = {"area": Near(lat, lng, box), "status": "open,acknowledged"}
    if draft.request_type_id != "other":
        filters["request_types"] = (draft.request_type_id,)
    return filters
