"""The pages for a failed login, and the secrets that they must not contain."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from seeclickfix_async import errors
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.oauth import Token
from tests.support.login_browser import (
    CODE,
    TOKEN,
    Provider,
    application,
    our_frames,
    visible,
    visited,
)
from tests.support.login_site import LoginSite

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("access_denied", 403, "You denied access, and nothing has changed."),
        ("invalid_scope", 500, "not set up correctly"),
        ("unauthorized_client", 500, "not set up correctly"),
        ("unsupported_response_type", 500, "not set up correctly"),
        ("server_error", 502, "is not available"),
        ("temporarily_unavailable", 502, "is not available"),
        ("<script>alert(1)</script>", 502, "Signing in failed"),
    ],
)
@pytest.mark.parametrize("kind", ["code", "implicit"])
async def test_the_page_for_a_refusal(kind: str, code: str, status: int, message: str) -> None:
    async with visited(kind=kind) as (site, browser):
        state = await browser.begin("/login?next=/a%2526b%22c")
        send = browser.return_with if kind == "code" else browser.post_fragment
        page = await send(state, error=code, error_description="<b>Description</b>")

    assert page.status_code == status
    assert message in visible(page)
    assert state not in page.text
    assert "Description" not in page.text
    assert "alert" not in page.text
    assert 'href="login?next=/a%2526b%2522c"' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "Max-Age=0" in page.headers["Set-Cookie"]
    assert not site.tokens


@pytest.mark.parametrize(
    ("provider", "status", "message"),
    [
        (Provider(400, {"error": "invalid_grant"}), 400, "no longer accepts"),
        (Provider(401, {"error": "invalid_client"}), 500, "not set up correctly"),
        (Provider(400, {"error": "invented"}), 502, "Signing in failed"),
        (Provider(500, b""), 502, "is not available"),
        (Provider(200, b"<html>"), 502, "is not available"),
        (Provider(200, {"token_type": "Bearer"}), 502, "is not available"),
        (Provider(0), 502, "is not available"),
    ],
)
async def test_the_page_for_a_failed_exchange(
    provider: Provider, status: int, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with visited(provider) as (site, browser):
        page = await browser.return_with(await browser.begin())

    assert page.status_code == status
    assert message in visible(page)
    assert not site.tokens
    (record,) = [r for r in caplog.records if r.message.startswith("A login failed")]
    assert (record.levelno == logging.ERROR) == (status >= 500)
    assert CODE not in caplog.text.replace("code=" + CODE, "")  # httpx's own record of our request


@pytest.mark.parametrize("query", ["", "?", "?code=x", "?state=x", "?code=x&code=y", "?%ff=%zz"])
async def test_the_page_for_an_invalid_response(query: str) -> None:
    async with visited() as (_, browser):
        await browser.begin()
        page = await browser.http.get(f"/callback{query}")

        assert page.status_code == 400
        assert 'href="login"' in page.text
        assert len(browser.http.cookies) == 1


@given(query=st.binary(max_size=200), cookie=st.binary(max_size=100))
def test_any_callback_request_gets_a_page(query: bytes, cookie: bytes) -> None:
    site = LoginSite(application())
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/callback",
        "query_string": query,
        "headers": [(b"cookie", cookie)],
    }

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    anyio.run(site, scope, receive, send)

    assert sent[0]["status"] == 400


async def test_on_error_replaces_the_page() -> None:
    received: list[SeeClickFixError] = []

    async def on_error(request: Request, error: SeeClickFixError) -> Response:
        received.append(error)
        return PlainTextResponse("sorry", 418)

    async with visited(on_error=on_error) as (_, browser):
        response = await browser.return_with(await browser.begin(), error="access_denied")

        assert (response.status_code, response.text) == (418, "sorry")
        assert isinstance(received[0], errors.AccessDeniedError)
        assert response.headers["Cache-Control"] == "no-store"
        assert not browser.http.cookies


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ConnectionFailedError("injected"), 502),
        (errors.RateLimitedError("injected"), 503),
        (errors.AuthenticationError("injected"), 502),
        (errors.ClosedClientError(), 500),
        (errors.TokenStoreError("injected"), 500),
    ],
)
async def test_the_page_for_an_error_of_the_application(
    error: SeeClickFixError, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(request: Request, token: Token, next: str) -> Response:
        raise error

    async with visited(on_login=fail) as (_, browser):
        page = await browser.return_with(await browser.begin())

    assert page.status_code == status
    assert visible(page)
    (record,) = [r for r in caplog.records if r.message.startswith("A login failed")]
    assert record.levelname == ("WARNING" if status == 503 else "ERROR")


@pytest.mark.parametrize("kind", ["code", "implicit"])
async def test_a_traceback_of_the_application_has_no_secret_in_our_frames(kind: str) -> None:
    async def fail(request: Request, token: Token, next: str) -> Response:
        raise LookupError("injected")

    async with visited(kind=kind, on_login=fail) as (_, browser):
        state = await browser.begin()
        with pytest.raises(LookupError) as caught:
            await (browser.return_with(state) if kind == "code" else browser.post_fragment(state))

    ours = our_frames(caught.value)
    assert "redirected" in ours
    for secret in (CODE, TOKEN, state, "application-secret"):
        assert secret not in ours


@pytest.mark.parametrize("parameters", [{"code": CODE}, {"error": CODE}, {"code": f"{CODE}%"}])
async def test_a_failure_has_no_secret_in_its_frames(parameters: dict[str, str]) -> None:
    received: list[SeeClickFixError] = []

    async def on_error(request: Request, error: SeeClickFixError) -> Response:
        received.append(error)
        return PlainTextResponse("sorry")

    async with visited(on_error=on_error) as (_, browser):
        state = await browser.begin()
        browser.http.cookies.clear()
        await browser.return_with(state, **parameters)

    ours = our_frames(received[0])
    assert "redirected" in ours
    assert CODE not in ours
    assert state not in ours
