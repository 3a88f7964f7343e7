"""A web application with `web.Login`, as users of the package write one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from seeclickfix_async import TokenEndpoint
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.web import Login
from tests.support.tokens import NO_WAIT

KEY = "k" * 32 + "-the-signing-key"


class LoginSite:
    """The application.

    Attributes:
        tokens: The tokens of all logins.
        requests: The method, path and query of all requests.
        logouts: Number of logouts.
    """

    def __init__(
        self,
        app: Application,
        *,
        http: Any = None,
        mount: str = "",
        framework: type[Starlette] = Starlette,
        **options: Any,
    ) -> None:
        self.tokens: list[Token] = []
        self.requests: list[str] = []
        self.logouts = 0
        self.endpoint = TokenEndpoint(app, http=http, limiter=None, retry=NO_WAIT)
        defaults = {"secret_key": KEY, "on_login": self.on_login, "on_logout": self.on_logout}
        self.login = Login(app, self.endpoint, **{**defaults, **options})
        routes = self.login.routes()
        if mount:
            routes = [Mount(mount, routes=routes)]
        routes.append(Route("/{rest:path}", self.home))
        self.starlette = framework(routes=routes, lifespan=self.lifespan)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            query = scope["query_string"].decode("latin-1")
            self.requests.append(f"{scope['method']} {scope['path']}?{query}")
        await self.starlette(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self.endpoint:
            yield

    async def on_login(self, request: Request, token: Token, next: str) -> Response:
        self.tokens.append(token)
        return RedirectResponse(next)

    async def on_logout(self, request: Request) -> Response:
        self.logouts += 1
        return RedirectResponse("/")

    async def home(self, request: Request) -> Response:
        return PlainTextResponse(f"{request.method} {request.url.path}: {len(self.tokens)} logins")
