"""Endpoints that the service's apps request, whose real responses are not recorded.

The forms are assumed: that of API v2 for notices, and JSON:API for API v3.
"""

from __future__ import annotations

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._gateway import Gateway, Handler
from seeclickfix_async.sandbox._listing import paginate


@attrs.define(eq=False)
class UnverifiedRoutes:
    """The endpoints for notices and bulletin boards."""

    gateway: Gateway

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers by method and complete path."""
        return {
            ("GET", "/api/v2/profile/notices"): self.notices,
            ("GET", "/api/v3/bulletin_boards"): self.bulletin_boards,
        }

    async def notices(self, request: Request) -> Response:
        """`GET /profile/notices`."""
        self.gateway.require_user(request)
        rows = [{"id": 1 + number, "message": f"Notice {1 + number}"} for number in range(3)]
        page = paginate(rows, request.url, dict(request.query_params))
        body = responses.collection("notices", list(page.rows), page.pagination)
        return responses.cacheable(request, body)

    async def bulletin_boards(self, request: Request) -> Response:
        """`GET /api/v3/bulletin_boards`."""
        if "filter[point]" not in request.query_params:
            return responses.point_missing()
        board = {"id": "1", "type": "bulletin_boards", "attributes": {"title": "Example City"}}
        return responses.cacheable(request, {"data": [board]})
