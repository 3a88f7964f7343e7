"""A browser without a window, and a provider, for the login of a web application."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from seeclickfix_async.oauth import Application
from tests.support.login_site import KEY, LoginSite

CALLBACK = "https://app.example/callback"
TOKEN = "T" * 20 + "-the-access-token"
CODE = "C" * 20 + "-the-code"
OWN_SITE = {"Sec-Fetch-Site": "same-origin"}


def application(redirect_uri: str = CALLBACK) -> Application:
    return Application("app", redirect_uri, "application-secret")


class Provider:
    """A provider with one response for all requests: by default a token, and its information."""

    def __init__(self, status: int = 200, body: object = None) -> None:
        token = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 7200}
        token |= {"application": {"uid": "app"}}
        self.status = status
        self.content = body if isinstance(body, bytes) else json.dumps(body or token).encode()
        self.requests: list[dict[str, list[str]]] = []

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._respond))

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(parse_qs(request.content.decode()))
        if self.status == 0:
            raise httpx.ConnectError("injected")
        headers = {"Retry-After": "0.001"}
        return httpx.Response(self.status, content=self.content, headers=headers)


class Browser:
    """A browser without a window, which stores cookies."""

    def __init__(self, site: Any, base_url: str = "https://app.example") -> None:
        transport = httpx.ASGITransport(site)
        self.http = httpx.AsyncClient(transport=transport, base_url=base_url)

    async def begin(self, path: str = "/login") -> str:
        """Open the login, and return the state that is sent to the provider."""
        response = await self.http.get(path)
        assert response.status_code == 302
        return parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]

    async def return_with(
        self, state: str, path: str = "/callback", **parameters: str
    ) -> httpx.Response:
        """Open the callback with a state and, by default, a code."""
        query = urlencode({**(parameters or {"code": CODE}), "state": state})
        return await self.http.get(f"{path}?{query}")

    async def post_fragment(self, state: str, **parameters: str) -> httpx.Response:
        """Post a fragment, by default with a token, as the script of the relay page does."""
        token = {"access_token": TOKEN, "token_type": "Bearer"}
        fragment = f"#{urlencode({**(parameters or token), 'state': state})}"
        return await self.http.post("/callback", data={"fragment": fragment}, headers=OWN_SITE)


@asynccontextmanager
async def visited(
    provider: Provider | None = None, redirect_uri: str = CALLBACK, **options: Any
) -> AsyncIterator[tuple[LoginSite, Browser]]:
    """Yield a site, and a browser for it."""
    async with (provider or Provider()).http() as http:
        site = LoginSite(application(redirect_uri), http=http, **options)
        browser = Browser(site)
        async with browser.http:
            yield site, browser


def visible(page: httpx.Response) -> str:
    """Return the visible part of a page, which has no secret anywhere."""
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for secret in (TOKEN, CODE, KEY, "application-secret"):
        assert secret not in page.text
    invisible = re.compile(r"<(script|style).*?</\1>|<[^>]+>", re.DOTALL)
    return " ".join(invisible.sub(" ", page.text).split())


def our_frames(error: BaseException) -> str:
    """Return the local variables of the package's frames, as an error tracker records them."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return str([f.locals for f in shown.stack if "/seeclickfix_async/" in f.filename])
