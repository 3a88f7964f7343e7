"""Issues as everybody reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as answers
from seeclickfix_async.sandbox._city import City
from seeclickfix_async.sandbox._gateway import Gateway, Handler, origin
from seeclickfix_async.sandbox._listing import Listing, window
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._serializers import Serializer

_MOST_DETAILED = 20  # documented
_AREAS = {"place_url", "min_lat", "zoom", "watcher_token"}


@attrs.define(eq=False)
class IssueRoutes:
    """Lists issues, and shows them one by one."""

    city: City
    door: Gateway
    ledger: Overlay
    _listing: Listing = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._listing = Listing(self.city)

    def table(self) -> dict[tuple[str, str], Handler]:
        """The routes."""
        return {
            ("GET", "/issues"): self.issues,
            ("GET", "/issues/{id:int}"): self.issue,
            ("GET", "/issues/{id:int}/comments"): self.comments,
            ("GET", "/profile/issues"): self.mine,
        }

    async def issues(self, request: Request) -> Response:
        """`GET /issues`."""
        for _ in range(self.door.settings.drift):
            self.city.report()
        query = dict(request.query_params)
        if "search" in query and not _AREAS & set(query):
            return Response(status_code=504)  # the real one hangs for a minute (observed)
        settings = self.door.settings
        rows = self._listing.select(query)
        detailed = query.get("details") == "true"
        depth = settings.details_depth if detailed else settings.depth
        most = min(_MOST_DETAILED, settings.most_per_page) if detailed else 0
        url = str(request.url.replace(query=""))
        page = window(rows, url, query, most=most or settings.most_per_page)
        start = (page.pagination["page"] - 1) * page.pagination["per_page"]
        if start >= depth:
            return self._beyond(request, query, page.pagination, depth)
        items = self._items(request, page.rows[: depth - start], detailed=detailed)
        return self._listed(request, items, query, page.pagination)

    def _beyond(
        self, request: Request, query: dict[str, str], pagination: dict[str, Any], depth: int
    ) -> Response:
        beyond = self.door.settings.beyond
        if beyond == "error":
            return answers.answer({"message": "Page out of range."}, 400)
        if beyond == "empty":
            return self._listed(request, [], query, pagination)
        last = str(depth // pagination["per_page"])
        rows = self._listing.select(query)
        page = window(rows, str(request.url), {**query, "page": last}, most=pagination["per_page"])
        return self._listed(request, self._items(request, page.rows), query, pagination)

    async def issue(self, request: Request) -> Response:
        """`GET /issues/:id`."""
        row = self.city.row_of(request.path_params["id"])
        if row is None:
            return answers.no_such_thing()
        detailed = request.query_params.get("details") == "true"
        return answers.fresh(request, self._items(request, [row], detailed=detailed)[0])

    async def comments(self, request: Request) -> Response:
        """`GET /issues/:id/comments`: no metadata, no paging (observed)."""
        row = self.city.row_of(request.path_params["id"])
        if row is None:
            return answers.no_such_thing()
        return answers.fresh(request, {"comments": self._rows(request).comments(row)})

    async def mine(self, request: Request) -> Response:
        """`GET /profile/issues`: the user's own (observed)."""
        user = self.door.signed_in(request)
        query = dict(request.query_params)
        url = str(request.url.replace(query=""))
        page = window(self.ledger.reported_by(user), url, query, most=100)
        return self._listed(request, self._items(request, page.rows), query, page.pagination)

    def _items(
        self, request: Request, rows: Iterable[int], *, detailed: bool = False
    ) -> list[dict[str, Any]]:
        make = self._rows(request)
        return [{**make.issue(row), **(make.details(row) if detailed else {})} for row in rows]

    def _listed(
        self,
        request: Request,
        items: list[dict[str, Any]],
        query: dict[str, str],
        pagination: dict[str, Any],
    ) -> Response:
        body = answers.collection("issues", _sparse(items, query), pagination)
        return answers.fresh(request, body)

    def _rows(self, request: Request) -> Serializer:
        return Serializer(self.city, origin(request), self.ledger, self.door.user(request))


def _sparse(items: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """Only the fields that were asked for; `url` always comes (observed)."""
    if "fields[issue]" not in query:
        return items
    wanted = {*query["fields[issue]"].split(","), "url"}
    return [{name: row[name] for name in row if name in wanted} for row in items]
