"""Issues: what people reported to their city."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Unpack, overload

import attrs

from seeclickfix_async._api.area import BoundingBox, Near
from seeclickfix_async._api.issue_pages import IssuePages, issues_route
from seeclickfix_async._api.pagination import Page, Pager, require_readable
from seeclickfix_async._api.query import ClockField, IssueFilters, IssueQuery, forbid_filters
from seeclickfix_async._api.reading import read_page, read_written_or_moderated
from seeclickfix_async._api.requestor import CollectionRoute
from seeclickfix_async._core import validation
from seeclickfix_async._crawl.crawl import Crawl
from seeclickfix_async._crawl.planner import PageSize
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
        page: int = 1,
        per_page: int | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Pager[Issue]: ...
    @overload
    def list(
        self,
        *,
        details: Literal[True],
        page: int = 1,
        per_page: int | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Pager[DetailedIssue]: ...
    def list(
        self,
        *,
        details: bool = False,
        page: int = 1,
        per_page: int | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Pager[Any]:
        """List issues, newest first: `await` for one page, `async for` for all of them.

        The service ends a listing after about 1,000 issues, 500 with details (observed): then
        TruncatedResultsError is raised, and `crawl()` is the way to all of them.

        Args:
            details: Bring comments, questions, votes and integrations too.
            page: The page to begin with, from 1.
            per_page: Issues on a page: 20 unless told, 100 at most as documented; the
                service grants less where it likes, and says so in `Page.per_page`.
            **filters: Which issues; see `IssueFilters`. Without a status, archived ones are
                left out (documented), which are most of a city's history.

        Raises:
            InvalidArgumentError: The arguments are wrong or contradict each other.
        """
        query = IssueQuery.of(filters, details=details, per_page=per_page)
        return self._api.pager(issues_route(query), page)

    @overload
    def crawl(
        self,
        *,
        details: Literal[False] = False,
        by: ClockField = "created_at",
        concurrency: int | None = 1,
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
        concurrency: int | None = 1,
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
        concurrency: int | None = 1,
        page_size: PageSize | None = None,
        state: bytes | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Crawl[Any]: ...
    def crawl(
        self,
        *,
        details: bool = False,
        by: ClockField = "created_at",
        concurrency: int | None = 1,
        page_size: PageSize | None = None,
        state: bytes | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Crawl[Any]:
        """Walk over all issues, however many: `async for issue in walk`, then `walk.report`.

        Goes by the clock, oldest first, and is not bound by the service's depth cap. Archived
        issues are included unless `status` says otherwise. What is created after the start is
        left out, so that the walk has an end.

        Args:
            details: Bring comments, questions, votes and integrations too, 20 issues a request.
            by: The clock to go by; `updated_at` for what changed in a period.
            concurrency: How many walk at once, 1 to 32, each through a period of its own; None for
                as many as the quota can keep busy. With more than one, the issues come period
                by period and not in one order. 16 requests at most are under way at once.
            page_size: Issues a request: 100 unless told, 20 with details. `"largest"` asks for
                1,000 and keeps what is granted, which may make a walk ten times cheaper.
            state: Where an earlier walk of the same filters stood: a `Batch.state`.
            **filters: Which issues; see `IssueFilters`. `sort` and `sort_direction` are the
                walk's own.

        Raises:
            InvalidArgumentError: The arguments are wrong or contradict each other.
        """
        forbid_filters(filters, ("sort", "sort_direction"), "a crawl sorts by its own clock.")
        query = IssueQuery.of({"status": "all", **filters}, details=details, per_page=None)
        return Crawl(
            IssuePages(self._api),
            query,
            by=by,
            concurrency=concurrency,
            page_size=page_size,
            state=state,
        )

    def watch(
        self,
        *,
        every: float = 60.0,
        cursor: Mapping[str, Any] | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Watch:
        """Follow what happens: `async for change in watch`, oldest first, each change once.

        Looks at what was updated since the last look, with comments, 20 issues a request; a look
        at which nothing has happened costs one request. Bursts and outages lose nothing. Its
        requests let all others of the quota go first.

        Args:
            every: Seconds between looks.
            cursor: Where an earlier feed stood: its `cursor`. Without one, it begins now.
            **filters: Which issues; see `IssueFilters`. Changes of every status are told, and
                sorting and the clock of updates are the feed's own.

        Raises:
            InvalidArgumentError: The arguments are wrong or contradict each other.
        """
        forbid_filters(filters, _WATCH_FILTERS, "a feed sets this filter itself.")
        background = attrs.evolve(self._api.options, background=True)
        pages = IssuePages(attrs.evolve(self._api, options=background))
        query = IssueQuery.of({"status": "all", **filters}, details=True, per_page=None)
        return Watch(pages, query, every=every, cursor=cursor)

    @overload
    async def get(self, id: int, *, details: Literal[False] = False) -> Issue: ...
    @overload
    async def get(self, id: int, *, details: Literal[True]) -> DetailedIssue: ...
    @overload
    async def get(self, id: int, *, details: bool = False) -> Issue: ...
    async def get(self, id: int, *, details: bool = False) -> Issue:
        """One issue.

        Raises:
            NotFoundError: There is none of this id, or this account may not see it.
        """
        params = [("details", "true")] if details else []
        model = DetailedIssue if details else Issue
        number = validation.positive_id("id", id)
        return await self._api.get_object(model, "/issues/{id}", params=params, id=number)

    async def comments(self, id: int) -> tuple[Comment, ...]:
        """An issue's comments, oldest first; the service does not page them (documented).

        Raises:
            NotFoundError: There is no such issue, or this account may not see it.
        """
        number = validation.positive_id("id", id)
        route = CollectionRoute(Comment, "comments", "/issues/{id}/comments", path={"id": number})
        return await self._api.get_items(route)

    async def create(self, draft: Draft) -> Created | Moderated:
        """Report a problem, once: a report whose answer is lost is not sent again.

        Cancelled while it is under way, the issue may exist.

        Args:
            draft: Made and checked by `RequestType.draft()`. Its photo is streamed, never read
                whole.

        Raises:
            InvalidArgumentError: The category takes reports of signed-in people only, or the
                photo cannot be read; nothing was sent.
            AuthenticationError: Nobody is signed in, or the token is refused.
            ValidationError: The service refuses it; `errors` says what, by question.
            IssueMayExistError: No usable answer came; `find_lost()` finds the issue, if it exists.
        """
        if not isinstance(draft, Draft):
            raise InvalidArgumentError("draft", "must be made by a request type's draft().")
        if not (draft.guests or self._api.signed_in):
            raise InvalidArgumentError("draft", "this category needs a signed-in user.")
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
        return Created(issue, response.headers.get("location"))

    async def find_lost(self, error: IssueMayExistError) -> Page[Issue]:
        """The issues that a report without an answer may have become, the newest first.

        Args:
            error: What `create()` raised, perhaps in another process: it pickles.
        """
        return await self._api.pager(issues_route(IssueQuery(**error.filters)), 1)

    async def duplicates(self, of: Draft | RequestTypeOption) -> tuple[DetailedIssue, ...]:
        """Issues nearby that may be the same problem, nearest first, five at most.

        Args:
            of: A category of the report form, whose own link is followed; or a draft, for the
                same question: open and acknowledged issues of its kind within 90 m (observed).

        Raises:
            InvalidArgumentError: The category has no such link.
        """
        if isinstance(of, Draft):
            return (await self.list(details=True, per_page=5, **_twins(of))).items
        if not isinstance(of, RequestTypeOption) or not of.potential_duplicate_issues_url:
            raise InvalidArgumentError("of", "must be a draft, or a category with such a link.")
        response = await self._api.request("GET", of.potential_duplicate_issues_url)
        return require_readable(read_page(response, DetailedIssue, "issues")).items

    def mine(self, *, page: int = 1) -> Pager[Issue]:
        """List the signed-in user's own issues (observed: `GET /profile/issues`).

        Args:
            page: The page to begin with, from 1.

        Raises:
            AuthenticationError: Nobody is signed in.
        """
        return self._api.pager(CollectionRoute(Issue, "issues", "/profile/issues"), page)


_NEARBY = 0.0008  # degrees, as the service has it in its own links (observed)


def _twins(draft: Draft) -> IssueFilters:
    """The question that the service itself asks for possible duplicates (observed)."""
    lat, lng = draft.lat, draft.lng
    box = BoundingBox(lat - _NEARBY, lng - _NEARBY, lat + _NEARBY, lng + _NEARBY)
    found: IssueFilters = {"area": Near(lat, lng, box), "status": "open,acknowledged"}
    if draft.request_type_id != "other":
        found["request_types"] = (draft.request_type_id,)
    return found
