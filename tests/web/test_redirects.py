"""The responses of the application: redirects, the next path, the logout."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from seeclickfix_async.oauth import Token
from seeclickfix_async.web._security import as_own_path
from tests.support.login_browser import (
    OWN_SITE,
    visited,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [302, 303, 307, 308])
async def test_a_redirect_does_not_repeat_the_form(status: int) -> None:
    async def welcome(request: Request, token: Token, next: str) -> Response:
        return RedirectResponse(next, status)

    async with visited(kind="implicit", on_login=welcome) as (_, browser):
        response = await browser.post_fragment(await browser.begin())

    assert response.status_code in (302, 303)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_logout_requires_a_post() -> None:
    async with visited() as (site, browser):
        response = await browser.http.post("/logout", headers=OWN_SITE)

        assert (response.status_code, site.logouts) == (303, 1)
        await browser.http.get("/logout")
        assert site.logouts == 1


async def test_there_is_no_logout_route_without_on_logout() -> None:
    async with visited(on_logout=None) as (site, browser):
        response = await browser.http.post("/logout", headers=OWN_SITE)

        assert response.status_code == 405
        assert len(site.login.routes()) == 2


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
        "/" + "\u6f22" * 120,  # nine characters each when encoded
        "/" + "%" * 1001,
    ],
)
async def test_a_next_path_of_another_site_is_replaced_by_the_root(wanted: str) -> None:
    async with visited() as (_, browser):
        state = await browser.begin(f"/login?next={quote(wanted)}")
        response = await browser.return_with(state)

    assert response.headers["Location"] == "/"


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
async def test_a_next_path_of_the_same_site_is_kept(wanted: str, location: str) -> None:
    async with visited() as (_, browser):
        state = await browser.begin(f"/login?next={quote(wanted)}")
        response = await browser.return_with(state)

    assert response.headers["Location"] == location


@given(st.text() | st.text(alphabet="/\\.:?#%@ a\t\n"))
def test_any_next_path_stays_on_the_site(wanted: str) -> None:
    path = as_own_path(wanted)
    target = urlsplit(urljoin("https://app.example/callback", path))

    assert (target.scheme, target.netloc) == ("https", "app.example")
    assert re.fullmatch(r"/(?!/)[!-\[\]-~]*", path)
