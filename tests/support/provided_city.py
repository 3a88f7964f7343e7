"""A sandbox whose OAuth provider is a real one, on one address as in production."""

from __future__ import annotations

from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from seeclickfix_async.sandbox import Sandbox
from seeclickfix_async.sandbox._users import RESIDENT
from tests.support.doorkeeper import Doorkeeper

_OF_THE_CONNECTION = (b"connection", b"content-length", b"transfer-encoding")


def provided_city(sandbox: Sandbox, provider: Doorkeeper) -> Any:
    """Return the application: it forwards `/oauth` to the provider, and accepts its tokens."""

    async def forward(request: Request) -> Response:
        target = (
            httpx.URL(provider.url)
            .join(request.url.path)
            .copy_with(query=request.scope["query_string"])
        )
        headers = [(k, v) for k, v in request.headers.raw if k not in _OF_THE_CONNECTION]
        async with httpx.AsyncClient(trust_env=False) as http:
            found = await http.request(
                request.method, target, content=await request.body(), headers=headers
            )
        if request.url.path == "/oauth/token" and found.is_success:
            sandbox.tokens[found.json()["access_token"]] = RESIDENT
        response = Response(found.content, found.status_code)
        response.raw_headers += [
            (k.lower(), v) for k, v in found.headers.raw if k.lower() not in _OF_THE_CONNECTION
        ]
        return response

    methods = ["GET", "POST", "DELETE"]
    routes = [Route("/oauth/{rest:path}", forward, methods=methods), Mount("/", sandbox.app)]
    return Starlette(routes=routes)
