"""Issues and their comments, for reading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._city import City
from seeclickfix_async.sandbox._gateway import Gateway, Handler, find_row, origin
from seeclickfix_async.sandbox._listing import IssueSelector, paginate
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._serializers import Serializer

_AREAS = {"place_url", "min_lat", "zoom", "watcher_token"}


@attrs.define(eq=False)
class IssueRoutes:
    """The endpoints that read issues."""

    city: City
    gateway: Gateway
    overlay: Overlay
    _selector: IssueSelector = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._selector = IssueSelector(self.city, self.gateway.settings)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers by method and path."""
        return {
            ("GET", "/issues"): self.issues,
            ("GET", "/issues/{id:int}"): self.issue,
            ("GET", "/issues/{id:int}/comments"): self.comments,
            ("GET", "/profile/issues"): self.own_issues,
        }

    async def issues(self, request: Request) -> Response:
        """`GET /issues`."""
        for _ in range(self.gateway.settings.drift):
            self.city.report()
        query = dict(request.query_params)
        if "search" in query and not _AREAS & set(query):
            return Response(status_code=504)  # the real service takes a minute for it (observed)
        settings = self.gateway.settings
        rows = self._selector.select(query)
        detailed = query.get("details") == "true"
        depth = settings.details_depth if detailed else settings.depth
        max_per_page = settings.most_per_page
        if detailed:
            max_per_page = min(max_per_page, settings.most_detailed)
        page = paginate(rows, request.url, query, max_per_page=max_per_page)
        start = (page.pagination["page"] - 1) * page.pagination["per_page"]
        if start >= depth:
            return self._past_depth(request, query, page.pagination, depth)
        items = self._items(request, page.rows[: depth - start], detailed=detailed)
        return self._page_response(request, items, query, page.pagination)

    def _past_depth(
        self, request: Request, query: dict[str, str], pagination: dict[str, Any], depth: int
    ) -> Response:
        beyond = self.gateway.settings.beyond
        if beyond == "error":
            return responses.json_response({"message": "Page out of range."}, 400)
        if beyond == "empty":
            return self._page_response(request, [], query, pagination)
        start = (depth - 1) // pagination["per_page"] * pagination["per_page"]
        rows = self._selector.select(query)[start:depth]
        detailed = query.get("details") == "true"
        items = self._items(request, rows, detailed=detailed)
        return self._page_response(request, items, query, pagination)

    async def issue(self, request: Request) -> Response:
        """`GET /issues/:id`."""
        row = find_row(self.city, request)
        detailed = request.query_params.get("details") == "true"
        return responses.cacheable(request, self._items(request, [row], detailed=detailed)[0])

    async def comments(self, request: Request) -> Response:
        """`GET /issues/:id/comments`: no metadata, no paging (observed)."""
        row = find_row(self.city, request)
        return responses.cacheable(request, {"comments": self._serializer(request).comments(row)})

    async def own_issues(self, request: Request) -> Response:
        """`GET /profile/issues`: the user's own (observed)."""
        user = self.gateway.require_user(request)
        query = dict(request.query_params)
        page = paginate(self.overlay.reported_by(user), request.url, query)
        return self._page_response(request, self._items(request, page.rows), query, page.pagination)

    def _items(
        self, request: Request, rows: Iterable[int], *, detailed: bool = False
    ) -> list[dict[str, Any]]:
        serializer = self._serializer(request)
        return [
            {**serializer.issue(row), **(serializer.details(row) if detailed else {})}
            for row in rows
        ]

    def _page_response(
        self,
        request: Request,
        items: list[dict[str, Any]],
        query: dict[str, str],
        pagination: dict[str, Any],
    ) -> Response:
        body = responses.collection("issues", _select_fields(items, query), pagination)
        return responses.cacheable(request, body)

    def _serializer(self, request: Request) -> Serializer:
        return Serializer(
            self.city, origin(request), self.overlay, self.gateway.current_user(request)
        )


def _select_fields(items: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """Leave out the fields that `fields[issue]` does not list, except `url` (observed)."""
    if "fields[issue]" not in query:
        return items
    selected = {*query["fields[issue]"].split(","), "url"}
    return [{name: row[name] for name in row if name in selected} for row in items]
