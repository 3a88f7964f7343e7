"""Issues: what people reported to their city."""

from __future__ import annotations

from typing import Any, Literal, Unpack, overload

import attrs

from seeclickfix_async import checks
from seeclickfix_async.crawl import Crawl
from seeclickfix_async.models import Comment, DetailedIssue, Issue
from seeclickfix_async.paging import Page, Pager
from seeclickfix_async.queries import By, IssueFilters, IssueQuery, page_params
from seeclickfix_async.resources.issue_writes import IssueWrites


@attrs.frozen
class Issues(IssueWrites):
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
        return Pager(lambda number: self._page(query, number), page)

    @overload
    def crawl(
        self,
        *,
        details: Literal[False] = False,
        by: By = "created_at",
        walkers: int = 1,
        per_page: int | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Crawl[Issue]: ...
    @overload
    def crawl(
        self,
        *,
        details: Literal[True],
        by: By = "created_at",
        walkers: int = 1,
        per_page: int | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Crawl[DetailedIssue]: ...
    def crawl(
        self,
        *,
        details: bool = False,
        by: By = "created_at",
        walkers: int = 1,
        per_page: int | None = None,
        **filters: Unpack[IssueFilters],
    ) -> Crawl[Any]:
        """Walk over all issues, however many: `async for issue in walk`, then `walk.report`.

        Goes by the clock, oldest first, and is not bound by the service's depth cap. Archived
        issues are included unless `status` says otherwise. What is created after the start is
        left out, so that the walk has an end.

        Args:
            details: Bring comments, questions, votes and integrations too, 20 issues a request.
            by: The clock to go by; `updated_at` for what changed in a period.
            walkers: How many requests may be under way at once, 1 to 16. With more than one,
                the issues come period by period and not in one order.
            per_page: Issues a request: 100 unless told, 20 with details.
            **filters: Which issues; see `IssueFilters`. `sort` and `sort_direction` are the
                walk's own.

        Raises:
            InvalidArgumentError: The arguments are wrong or contradict each other.
        """
        for own in ("sort", "sort_direction"):
            checks.absent(own, filters.get(own), "a crawl sorts by its own clock.")
        query = IssueQuery.of({"status": "all", **filters}, details=details, per_page=per_page)
        return Crawl(self._page, query, by=by, walkers=walkers)

    @overload
    async def get(self, id: int, *, details: Literal[False] = False) -> Issue: ...
    @overload
    async def get(self, id: int, *, details: Literal[True]) -> DetailedIssue: ...
    async def get(self, id: int, *, details: bool = False) -> Issue:
        """One issue.

        Raises:
            NotFoundError: There is none of this id, or this account may not see it.
        """
        params = [("details", "true")] if details else []
        model = DetailedIssue if details else Issue
        number = checks.identifier("id", id)
        return await self._api.get_object(model, "/issues/{id}", params=params, id=number)

    async def comments(self, id: int) -> tuple[Comment, ...]:
        """An issue's comments, oldest first; the service does not page them (documented).

        Raises:
            NotFoundError: There is no such issue, or this account may not see it.
        """
        number = checks.identifier("id", id)
        page = await self._api.get_page(Comment, "comments", "/issues/{id}/comments", id=number)
        return page.items

    def mine(self, *, page: int = 1) -> Pager[Issue]:
        """List the signed-in user's own issues (observed: `GET /profile/issues`).

        Args:
            page: The page to begin with, from 1.

        Raises:
            AuthenticationError: Nobody is signed in.
        """
        return Pager(self._own_page, page)

    async def _own_page(self, number: int) -> Page[Issue]:
        return await self._api.get_page(
            Issue, "issues", "/profile/issues", number=number, params=page_params(number)
        )

    async def _page(self, query: IssueQuery, number: int) -> Page[Any]:
        return await self._api.get_page(
            DetailedIssue if query.details else Issue,
            "issues",
            "/issues",
            number=number,
            params=[*query.params(), *page_params(number)],
        )
