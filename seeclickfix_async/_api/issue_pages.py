"""Pages of `GET /issues`."""

from __future__ import annotations

from typing import Any

import attrs

from seeclickfix_async._api.page import Page
from seeclickfix_async._api.query import IssueQuery
from seeclickfix_async._api.reading import read_page
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core.clock import Clock
from seeclickfix_async._core.response import Response
from seeclickfix_async.models import DetailedIssue, Issue


def issues_route(query: IssueQuery) -> CollectionRoute[Any]:
    """Return the route of a query, with its parameters."""
    return CollectionRoute(_model(query), "issues", "/issues", query.params())


def _model(query: IssueQuery) -> type[Issue]:
    return DetailedIssue if query.details else Issue


@attrs.frozen
class IssuePages:
    """Pages of issues, fetched with `get`, or in two steps to send other requests in between."""

    _requestor: Requestor

    @property
    def site(self) -> str:
        """The service's URL, without a path."""
        return self._requestor.site

    @property
    def rate(self) -> float:
        """The requests per second that the quota allows."""
        return self._requestor.transport.rate

    @property
    def clock(self) -> Clock:
        """The clock of the transport."""
        return self._requestor.transport.clock

    async def get(self, query: IssueQuery, number: int = 1) -> Page[Any]:
        """Request a page and decode it."""
        return await self._requestor.get_page(issues_route(query), number)

    async def send(self, query: IssueQuery, number: int) -> Response:
        """Request a page, to be decoded later with `decode`."""
        return await self._requestor.fetch_page(issues_route(query), number)

    def decode(self, response: Response, query: IssueQuery, number: int) -> Page[Any]:
        """Decode a response that `send` returned."""
        hook = self._requestor.transport.hook
        return read_page(response, _model(query), "issues", number, hook=hook)
