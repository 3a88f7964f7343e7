"""The implicit flow of a login: the relay page and its form."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

from seeclickfix_async.web._security import MAX_FORM
from tests.support.login_browser import (
    OWN_SITE,
    TOKEN,
    Provider,
    visible,
    visited,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
async def test_the_implicit_flow_with_the_relay_page(
    framework: type[Starlette],
) -> None:
    provider = Provider()
    async with visited(provider, kind="implicit", framework=framework) as (site, browser):
        state = await browser.begin("/login?next=/map")
        page = await browser.http.get("/callback")
        response = await browser.post_fragment(state)

    assert (page.status_code, len(site.tokens)) == (200, 1)
    assert (response.status_code, response.headers["Location"]) == (303, "/map")
    assert site.tokens[0].access_token.reveal() == TOKEN
    assert len(provider.requests) == 1


async def test_the_headers_of_the_relay_page() -> None:
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


async def test_an_error_may_be_in_the_query() -> None:
    async with visited(kind="implicit") as (_, browser):
        state = await browser.begin()
        response = await browser.return_with(state, error="unsupported_response_type")

    assert response.status_code == 500
    assert "not set up correctly" in visible(response)


async def test_a_token_in_the_query_is_refused() -> None:
    """Proxies and servers may have logged it."""
    token = {"access_token": TOKEN, "token_type": "Bearer"}
    async with visited(kind="implicit") as (site, browser):
        state = await browser.begin()
        await browser.return_with(state, **token)
        response = await browser.return_with(state, **token, error="x")

    assert response.status_code == 400
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
async def test_posts_of_other_sites_are_refused(headers: dict[str, str], status: int) -> None:
    async with visited(kind="implicit") as (site, browser):
        state = await browser.begin()
        token = {"access_token": TOKEN, "token_type": "Bearer", "state": state}
        form = {"fragment": f"#{urlencode(token)}"}
        response = await browser.http.post("/callback", data=form, headers=headers)
        logout = await browser.http.post("/logout", headers=headers)

    assert (response.status_code, logout.status_code) == (status, status)
    assert len(site.tokens) == site.logouts == (status == 303)
    if status == 403:
        assert "Another site" in visible(response)


# httpx does not close its generator when the form is not read to the end, and trio warns of it.
@pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning")
async def test_the_size_of_a_form_is_limited() -> None:
    async with visited(kind="implicit") as (_, browser):
        state = await browser.begin()
        fits = "fragment=".ljust(MAX_FORM, "x")

        largest = await browser.http.post("/callback", content=fits, headers=OWN_SITE)
        response = await browser.http.post("/callback", content=f"{fits}x", headers=OWN_SITE)

        assert (largest.status_code, response.status_code) == (400, 413)
        assert "too large" in visible(response)
        assert (await browser.post_fragment(state)).status_code == 303


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"fragment",
        b"fragment=",
        b"other=%23access_token%3Dx",
        b"fragment=a&fragment=b",
        b"\xff=\xfe",
    ],
)
async def test_another_form_is_refused(body: bytes) -> None:
    async with visited(kind="implicit") as (_, browser):
        response = await browser.http.post("/callback", content=body, headers=OWN_SITE)

    assert response.status_code == 400
    assert "cannot be read" in visible(response)


async def test_the_code_flow_accepts_no_form() -> None:
    async with visited() as (_, browser):
        assert (await browser.post_fragment(await browser.begin())).status_code == 405
