"""Pages of `GET /issues`."""

from __future__ import annotations

from typing import Any

import attrs

from seeclickfix_async._api.pagination import Page
from seeclickfix_async._api.query import IssueQuery, page_params
from seeclickfix_async._api.requestor import Requestor
from seeclickfix_async._core.clock import Clock
from seeclickfix_async._transport.response import Response
from seeclickfix_async.models import DetailedIssue, Issue


@attrs.frozen
class IssuePages:
    """Requests pages of issues, in two steps where a crawl sends its next request in between."""

    _requestor: Requestor

    @property
    def rate(self) -> float:
        """Requests a second that the quota allows."""
        return self._requestor.wire.rate

    @property
    def clock(self) -> Clock:
        """The clock of the transport."""
        return self._requestor.wire.clock

    async def get(self, query: IssueQuery, number: int = 1) -> Page[Any]:
        """Request a page, and decode it."""
        return self.decode(await self.send(query, number), query, number)

    async def send(self, query: IssueQuery, number: int) -> Response:
        """Request a page."""
        params = [*query.params(), *page_params(number)]
        return await self._requestor.get("/issues", params=params)

    def decode(self, response: Response, query: IssueQuery, number: int) -> Page[Any]:
        """Decode the response to a request that `send` made."""
        model = DetailedIssue if query.details else Issue
        return self._requestor.page(response, model, "issues", number)
