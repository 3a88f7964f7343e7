"""The login of a web application, without a browser: what goes over the wire."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

import anyio
import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from seeclickfix_async import errors
from seeclickfix_async.errors import InvalidArgumentError, SeeClickFixError
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.web import Login
from seeclickfix_async.web import _pending_login as cookies
from seeclickfix_async.web import _security as guards
from tests.support.login_site import KEY, LoginSite

pytestmark = pytest.mark.anyio

_CALLBACK = "https://app.example/callback"
_TOKEN = "T" * 20 + "-the-access-token"
_CODE = "C" * 20 + "-the-code"
_OWN = {"Sec-Fetch-Site": "same-origin"}


def application(redirect_uri: str = _CALLBACK) -> Application:
    return Application("app", redirect_uri, "application-secret")


class Provider:
    """A token endpoint that answers everything alike."""

    def __init__(self, status: int = 200, body: object = None) -> None:
        good = {"access_token": _TOKEN, "token_type": "Bearer", "expires_in": 7200}
        self.status = status
        self.content = body if isinstance(body, bytes) else json.dumps(body or good).encode()
        self.asked: list[dict[str, list[str]]] = []

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(parse_qs(request.content.decode()))
        if self.status == 0:
            raise httpx.ConnectError("made up")
        return httpx.Response(self.status, content=self.content)


class Browser:
    """A browser without a window: it keeps cookies, and is sent where it is told."""

    def __init__(self, site: Any, base_url: str = "https://app.example") -> None:
        transport = httpx.ASGITransport(site)
        self.http = httpx.AsyncClient(transport=transport, base_url=base_url)

    async def begin(self, path: str = "/login") -> str:
        """Go to the login; gives the state that the provider is sent."""
        answer = await self.http.get(path)
        assert answer.status_code == 302
        return parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]

    async def authorize(self, state: str, path: str = "/callback", **answer: str) -> httpx.Response:
        """With a code, unless it is told to bring something else."""
        query = urlencode({**(answer or {"code": _CODE}), "state": state})
        return await self.http.get(f"{path}?{query}")

    async def relay(self, state: str, **answer: str) -> httpx.Response:
        """What the relay page's script does with the fragment of the implicit flow."""
        good = {"access_token": _TOKEN, "token_type": "Bearer", "state": state}
        fragment = f"#{urlencode({**(answer or good), 'state': state})}"
        return await self.http.post("/callback", data={"answer": fragment}, headers=_OWN)


@asynccontextmanager
async def visited(
    provider: Provider | None = None, redirect_uri: str = _CALLBACK, **options: Any
) -> AsyncIterator[tuple[LoginSite, Browser]]:
    """A site and a browser that visits it."""
    async with (provider or Provider()).http() as http:
        site = LoginSite(application(redirect_uri), http=http, **options)
        browser = Browser(site)
        async with browser.http:
            yield site, browser


def words(page: httpx.Response) -> str:
    """What a person reads, which is never a secret."""
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for secret in (_TOKEN, _CODE, KEY, "application-secret"):
        assert secret not in page.text
    unseen = re.compile(r"<(script|style).*?</\1>|<[^>]+>", re.DOTALL)
    return " ".join(unseen.sub(" ", page.text).split())


# -- the code flow --------------------------------------------------------------------------------


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
async def test_a_login_ends_with_the_token_and_where_to_go(framework: type[Starlette]) -> None:
    provider = Provider()
    async with visited(provider, scope="public write", framework=framework) as (site, browser):
        state = await browser.begin("/login?next=/issues/7%3Fpage%3D2")
        answer = await browser.authorize(state)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/issues/7?page=2")
    assert [token.access_token.reveal() for token in site.tokens] == [_TOKEN]
    (asked,) = provider.asked
    assert asked["code"] == [_CODE]
    assert asked["redirect_uri"] == [_CALLBACK]
    assert len(asked["code_verifier"][0]) == 43


async def test_the_cookie_is_for_one_browser_one_login_and_a_short_time() -> None:
    async with visited() as (_, browser):
        first = (await browser.http.get("/login")).headers["Set-Cookie"]
        second = (await browser.http.get("/login")).headers["Set-Cookie"]
        state = await browser.begin()

        assert "; ".join(sorted(first.split("; ")[1:])) == (
            "HttpOnly; Max-Age=600; Path=/; SameSite=lax; Secure"
        )
        assert re.match(r"__Host-scf-login-[0-9a-f]{16}=", first)
        assert first.partition("=")[0] != second.partition("=")[0]
        assert len(first) < 1000
        assert state not in str(browser.http.cookies)


async def test_plain_http_on_this_machine_has_a_plain_cookie() -> None:
    async with visited(redirect_uri="http://127.0.0.1:8899/callback") as (_, browser):
        cookie = (await browser.http.get("/login")).headers["Set-Cookie"]

    assert cookie.startswith("scf-login-")
    assert "Secure" not in cookie
    assert "HttpOnly" in cookie


async def test_the_cookie_goes_with_the_answer() -> None:
    async with visited() as (_, browser):
        state = await browser.begin()
        answer = await browser.authorize(state)

        assert "Max-Age=0" in answer.headers["Set-Cookie"]
        assert "Secure" in answer.headers["Set-Cookie"]
        assert not browser.http.cookies


async def test_two_tabs_do_not_hinder_each_other() -> None:
    async with visited() as (site, browser):
        one, two = await browser.begin("/login?next=/1"), await browser.begin("/login?next=/2")
        answers = [await browser.authorize(state) for state in (one, two)]

    assert [answer.headers["Location"] for answer in answers] == ["/1", "/2"]
    assert len(site.tokens) == 2


async def test_many_tabs_do_not_fill_the_header() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)

    def passing() -> datetime:
        nonlocal now
        now += timedelta(seconds=1)
        return now

    async with visited(now=passing) as (_, browser):
        states = [await browser.begin() for _ in range(20)]

        assert len(browser.http.cookies) == 8
        assert (await browser.authorize(states[0])).status_code == 400
        assert (await browser.authorize(states[-1])).status_code == 303
        assert (await browser.authorize(states[-8])).status_code == 303


async def test_another_browser_cannot_finish_a_login() -> None:
    async with visited() as (site, browser), Browser(site).http as http:
        state = await browser.begin()
        answer = await http.get(f"/callback?code={_CODE}&state={state}")

        assert answer.status_code == 400
        assert "began in another browser" in words(answer)
        assert (await browser.authorize(state)).status_code == 303


async def test_an_answer_works_once_even_with_a_saved_cookie() -> None:
    provider = Provider()
    async with visited(provider) as (site, browser):
        state = await browser.begin()
        saved = dict(browser.http.cookies)
        await browser.authorize(state)
        again = await browser.authorize(state)
        browser.http.cookies.update(saved)
        saved_again = await browser.authorize(state)

    assert "is over" in words(again)
    assert "finished before" in words(saved_again)
    assert (again.status_code, saved_again.status_code) == (400, 400)
    assert len(site.tokens) == len(provider.asked) == 1


async def test_what_was_used_is_remembered_only_as_long_as_it_could_work() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    async with visited(now=lambda: now) as (site, browser):
        used = site.login._cookies._used._until  # memory has no public face
        for minutes in range(30):
            now = datetime(2026, 11, 1, 0, minutes, tzinfo=UTC)
            await browser.authorize(await browser.begin())

    assert len(site.tokens) == 30
    assert len(used) == 10


async def test_what_was_used_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cookies, "_MOST_USED", 3)
    async with visited() as (site, browser):
        for _ in range(9):
            await browser.authorize(await browser.begin())

        assert len(site.login._cookies._used._until) == 3  # memory has no public face


async def test_a_late_answer_is_too_late() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    async with visited(now=lambda: now, max_age=60) as (site, browser):
        state = await browser.begin()
        now += timedelta(seconds=61)
        answer = await browser.authorize(state)

    assert answer.status_code == 400
    assert "took too long" in words(answer)
    assert not site.tokens


@pytest.mark.parametrize("forge", [lambda text: text[:-1] + "x" * 2, lambda _: "e30.nothing"])
async def test_a_forged_cookie_is_none(forge: Callable[[str], str]) -> None:
    async with visited() as (site, browser):
        state = await browser.begin()
        ((name, value),) = browser.http.cookies.items()
        browser.http.cookies.set(name, forge(value), domain="app.example")
        answer = await browser.authorize(state)

    assert answer.status_code == 400
    assert not site.tokens


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        (KEY, ["new" * 20, KEY], 303),
        (["new" * 20, KEY], "new" * 20, 303),
        (KEY, "new" * 20, 400),
    ],
)
async def test_keys_can_be_changed(before: Any, after: Any, status: int) -> None:
    async with (
        visited(secret_key=before) as (_, old),
        visited(secret_key=after) as (_, new),
    ):
        state = await old.begin()
        new.http.cookies.update(old.http.cookies)

        assert (await new.authorize(state)).status_code == status


async def test_a_login_of_one_purpose_is_none_of_another() -> None:
    elsewhere = "https://app.example/elsewhere/callback"
    async with visited() as (_, one), visited(redirect_uri=elsewhere) as (site, other):
        state = await one.begin()
        other.http.cookies.update(one.http.cookies)

        assert (await other.authorize(state)).status_code == 400
        assert not site.tokens


async def test_it_works_mounted_and_behind_a_proxy() -> None:
    address = "https://app.example/auth/seeclickfix"
    async with visited(redirect_uri=address, mount="/auth") as (site, _):
        behind = Browser(site, "http://10.0.0.7:8000")
        async with behind.http:
            answer = await behind.http.get("/auth/login")
            state = parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
            behind.http.headers["Cookie"] = cookie  # the proxy's side is https, this one is not
            answer = await behind.authorize(state, "/auth/seeclickfix")

    assert answer.status_code == 303


# -- the implicit flow ----------------------------------------------------------------------------


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
async def test_the_implicit_flow_comes_by_way_of_the_relay_page(
    framework: type[Starlette],
) -> None:
    provider = Provider()
    async with visited(provider, kind="implicit", framework=framework) as (site, browser):
        state = await browser.begin("/login?next=/map")
        page = await browser.http.get("/callback")
        answer = await browser.relay(state)

    assert (page.status_code, len(site.tokens)) == (200, 1)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/map")
    assert site.tokens[0].access_token.reveal() == _TOKEN
    assert not provider.asked


async def test_the_relay_page_leaves_nobody_room() -> None:
    async with visited(kind="implicit") as (_, browser):
        page = await browser.http.get("/callback")
        again = await browser.http.get("/callback")

    nonce = re.findall(r'nonce="([^"]+)"', page.text)
    assert len(set(nonce)) == 1
    assert nonce[0] not in again.text
    assert page.headers["Content-Security-Policy"] == (
        f"default-src 'none'; script-src 'nonce-{nonce[0]}'; style-src 'nonce-{nonce[0]}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"https?:|//|src=|<link|<img", page.text.replace("<!doctype html>", ""))
    assert page.text.index("<script") < page.text.index("<style") < page.text.index("<body")


async def test_an_error_may_come_in_the_query_too() -> None:
    async with visited(kind="implicit") as (_, browser):
        state = await browser.begin()
        answer = await browser.authorize(state, error="unsupported_response_type")

    assert answer.status_code == 500
    assert "not set up correctly" in words(answer)


async def test_a_token_in_the_query_is_never_taken() -> None:
    """Proxies and servers have it in their logs by then."""
    good = {"access_token": _TOKEN, "token_type": "Bearer"}
    async with visited(kind="implicit") as (site, browser):
        state = await browser.begin()
        await browser.authorize(state, **good)
        answer = await browser.authorize(state, **good, error="x")

    assert answer.status_code == 400
    assert not site.tokens


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
        ({"Origin": "https://app.example"}, 303),
        ({"Origin": "https://APP.example:443"}, 303),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://app.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://app.example"}, 403),
        ({"Origin": "https://app.example:444"}, 403),
        ({"Origin": "https://app.example:port"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_only_the_own_site_posts(headers: dict[str, str], status: int) -> None:
    async with visited(kind="implicit") as (site, browser):
        state = await browser.begin()
        good = {"access_token": _TOKEN, "token_type": "Bearer", "state": state}
        form = {"answer": f"#{urlencode(good)}"}
        answer = await browser.http.post("/callback", data=form, headers=headers)
        goodbye = await browser.http.post("/logout", headers=headers)

    assert (answer.status_code, goodbye.status_code) == (status, status)
    assert len(site.tokens) == site.logouts == (status == 303)
    if status == 403:
        assert "Another site" in words(answer)


# httpx leaves a generator of its own open when the form is not read to its end, and trio says so.
@pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning")
async def test_what_is_posted_has_a_bound() -> None:
    async with visited(kind="implicit") as (_, browser):
        state = await browser.begin()
        fits = "answer=" + "x" * (guards.LARGEST_FORM - 7)

        assert (await browser.http.post("/callback", content=fits, headers=_OWN)).status_code == 400
        answer = await browser.http.post("/callback", content=f"{fits}x", headers=_OWN)

        assert answer.status_code == 413
        assert "too much" in words(answer)
        assert (await browser.relay(state)).status_code == 303


@pytest.mark.parametrize(
    "body",
    [b"", b"answer", b"answer=", b"other=%23access_token%3Dx", b"answer=a&answer=b", b"\xff=\xfe"],
)
async def test_a_form_that_is_not_the_relay_pages(body: bytes) -> None:
    async with visited(kind="implicit") as (_, browser):
        answer = await browser.http.post("/callback", content=body, headers=_OWN)

    assert answer.status_code == 400
    assert "cannot be read" in words(answer)


async def test_the_code_flow_takes_no_form() -> None:
    async with visited() as (_, browser):
        assert (await browser.relay(await browser.begin())).status_code == 405


# -- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("access_denied", 403, "You chose not to give access, and nothing has changed."),
        ("invalid_scope", 500, "not set up correctly"),
        ("unauthorized_client", 500, "not set up correctly"),
        ("unsupported_response_type", 500, "not set up correctly"),
        ("server_error", 502, "does not answer"),
        ("temporarily_unavailable", 502, "does not answer"),
        ("<script>alert(1)</script>", 502, "did not work"),
    ],
)
@pytest.mark.parametrize("kind", ["code", "implicit"])
async def test_a_refusal_is_told_in_plain_words(
    kind: str, code: str, status: int, said: str
) -> None:
    async with visited(kind=kind) as (site, browser):
        state = await browser.begin("/login?next=/a%2526b%22c")
        bring = browser.authorize if kind == "code" else browser.relay
        page = await bring(state, error=code, error_description="<b>Words</b>")

    assert page.status_code == status
    assert said in words(page)
    assert state not in page.text
    assert "Words" not in page.text
    assert "alert" not in page.text
    assert 'href="login?next=/a%2526b%2522c"' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "Max-Age=0" in page.headers["Set-Cookie"]
    assert not site.tokens


@pytest.mark.parametrize(
    ("provider", "status", "said"),
    [
        (Provider(400, {"error": "invalid_grant"}), 400, "no longer accepts"),
        (Provider(401, {"error": "invalid_client"}), 500, "not set up correctly"),
        (Provider(400, {"error": "invented"}), 502, "did not work"),
        (Provider(500, b""), 502, "does not answer"),
        (Provider(200, b"<html>"), 502, "does not answer"),
        (Provider(200, {"token_type": "Bearer"}), 502, "does not answer"),
        (Provider(0), 502, "does not answer"),
    ],
)
async def test_an_exchange_that_fails_is_told_in_plain_words(
    provider: Provider, status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with visited(provider) as (site, browser):
        page = await browser.authorize(await browser.begin())

    assert page.status_code == status
    assert said in words(page)
    assert not site.tokens
    (record,) = [r for r in caplog.records if r.message.startswith("A login ended")]
    assert (record.levelno == logging.ERROR) == (status >= 500)
    assert _CODE not in caplog.text.replace(
        "code=" + _CODE, ""
    )  # httpx's own record of our request


@pytest.mark.parametrize("query", ["", "?", "?code=x", "?state=x", "?code=x&code=y", "?%ff=%zz"])
async def test_an_answer_that_is_none(query: str) -> None:
    async with visited() as (_, browser):
        await browser.begin()
        page = await browser.http.get(f"/callback{query}")

        assert page.status_code == 400
        assert 'href="login"' in page.text
        assert len(browser.http.cookies) == 1


@given(query=st.binary(max_size=200), cookie=st.binary(max_size=100))
def test_any_bytes_at_all_end_on_a_page(query: bytes, cookie: bytes) -> None:
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


async def test_the_application_may_tell_of_failures_itself() -> None:
    told: list[SeeClickFixError] = []

    async def tell(request: Request, error: SeeClickFixError) -> Response:
        told.append(error)
        return PlainTextResponse("sorry", 418)

    async with visited(on_error=tell) as (_, browser):
        answer = await browser.authorize(await browser.begin(), error="access_denied")

        assert (answer.status_code, answer.text) == (418, "sorry")
        assert isinstance(told[0], errors.AccessDeniedError)
        assert answer.headers["Cache-Control"] == "no-store"
        assert not browser.http.cookies


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ConnectionFailedError("made up"), 502),
        (errors.RateLimitedError("made up"), 503),
        (errors.AuthenticationError("made up"), 502),
        (errors.ClosedClientError(), 500),
    ],
)
async def test_what_the_application_meets_at_the_service_is_told_too(
    error: SeeClickFixError, status: int
) -> None:
    async def meets(request: Request, token: Token, next: str) -> Response:
        raise error

    async with visited(on_login=meets) as (_, browser):
        page = await browser.authorize(await browser.begin())

    assert page.status_code == status
    assert words(page)


@pytest.mark.parametrize("kind", ["code", "implicit"])
async def test_a_mistake_of_the_applications_shows_no_secret_in_our_frames(kind: str) -> None:
    async def stumble(request: Request, token: Token, next: str) -> Response:
        raise LookupError("made up")

    async with visited(kind=kind, on_login=stumble) as (_, browser):
        state = await browser.begin()
        with pytest.raises(LookupError) as caught:
            await (browser.authorize(state) if kind == "code" else browser.relay(state))

    ours = our_frames(caught.value)
    assert "kept" in ours
    for secret in (_CODE, _TOKEN, state, "application-secret"):
        assert secret not in ours


@pytest.mark.parametrize("answer", [{"code": _CODE}, {"error": _CODE}, {"code": f"{_CODE}%"}])
async def test_a_failure_shows_no_secret_in_its_frames(answer: dict[str, str]) -> None:
    told: list[SeeClickFixError] = []

    async def tell(request: Request, error: SeeClickFixError) -> Response:
        told.append(error)
        return PlainTextResponse("sorry")

    async with visited(on_error=tell) as (_, browser):
        state = await browser.begin()
        browser.http.cookies.clear()
        await browser.authorize(state, **answer)

    ours = our_frames(told[0])
    assert "answer" in ours
    assert _CODE not in ours
    assert state not in ours


def our_frames(error: BaseException) -> str:
    """The locals of the package's frames, as an error tracker shows them."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return str([f.locals for f in shown.stack if "/seeclickfix_async/" in f.filename])


# -- what the application answers -----------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 303, 307, 308])
async def test_no_redirect_sends_the_form_on(status: int) -> None:
    async def welcome(request: Request, token: Token, next: str) -> Response:
        return RedirectResponse(next, status)

    async with visited(kind="implicit", on_login=welcome) as (_, browser):
        answer = await browser.relay(await browser.begin())

    assert answer.status_code in (302, 303)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_the_logout_is_a_form_of_the_own_site() -> None:
    async with visited() as (site, browser):
        answer = await browser.http.post("/logout", headers=_OWN)

        assert (answer.status_code, site.logouts) == (303, 1)
        await browser.http.get("/logout")
        assert site.logouts == 1


async def test_without_a_logout_there_is_none() -> None:
    async with visited(on_logout=None) as (site, browser):
        answer = await browser.http.post("/logout", headers=_OWN)

        assert answer.status_code == 405
        assert [route.path for route in site.login.routes()] == ["/login", "/callback"]


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/a/..//evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/\t/evil.example\\",
        "",
        "/" + "x" * 1000,
    ],
)
async def test_next_that_leads_elsewhere_is_the_root(wanted: str) -> None:
    async with visited() as (_, browser):
        state = await browser.begin(f"/login?next={quote(wanted)}")
        answer = await browser.authorize(state)

    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/", "/"),
        ("/issues/7?a=b&c=https://x.example//y#part", "/issues/7?a=b&c=https://x.example//y#part"),
        ("/café au lait", "/caf%C3%A9%20au%20lait"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a\r\nSet-Cookie: x", "/a%0D%0ASet-Cookie:%20x"),
    ],
)
async def test_next_stays_what_it_was(wanted: str, location: str) -> None:
    async with visited() as (_, browser):
        state = await browser.begin(f"/login?next={quote(wanted)}")
        answer = await browser.authorize(state)

    assert answer.headers["Location"] == location


@given(st.text() | st.text(alphabet="/\\.:?#%@ a\t\n"))
def test_next_never_leaves_the_site(wanted: str) -> None:
    path = guards.own_path(wanted)
    there = urlsplit(urljoin("https://app.example/callback", path))

    assert (there.scheme, there.netloc) == ("https", "app.example")
    assert re.fullmatch(r"/(?!/)[!-\[\]-~]*", path)


# -- making one -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"secret_key": "short"}, "secret_key"),
        ({"secret_key": []}, "secret_key"),
        ({"secret_key": [KEY, "short"]}, "secret_key"),
        ({"secret_key": None}, "secret_key"),
        ({"secret_key": b"k" * 40}, "secret_key"),
        ({"kind": "token"}, "kind"),
        ({"scope": "a,b"}, "scope"),
        ({"max_age": 0}, "max_age"),
        ({"redirect_uri": "https://app.example"}, "app"),
        ({"redirect_uri": "https://app.example/callback/"}, "app"),
        ({"redirect_uri": "https://app.example/{callback}"}, "app"),
        ({"redirect_uri": "https://app.example/login"}, "app"),
        ({"redirect_uri": "org.example.app:/callback"}, "app"),
        ({"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}, "app"),
    ],
)
def test_a_login_that_cannot_be(options: dict[str, Any], argument: str) -> None:
    app = application(options.pop("redirect_uri", _CALLBACK))

    with pytest.raises(InvalidArgumentError) as caught:
        LoginSite(app, **options)

    assert caught.value.argument == argument
    assert "short" not in str(caught.value)


@pytest.mark.parametrize("absent", ["starlette", "itsdangerous"])
def test_without_its_extra_it_says_what_is_missing(absent: str) -> None:
    program = f"import sys; sys.modules[{absent!r}] = None; import seeclickfix_async.web"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: seeclickfix_async.web needs one more step: "
        "pip install 'seeclickfix-async[web]'"
    )


def test_a_login_shows_nothing_of_itself() -> None:
    login = LoginSite(application()).login

    assert isinstance(login, Login)
    assert KEY not in repr(login)
