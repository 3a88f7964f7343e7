"""A token of another application does not sign its owner in (RFC 6749 §10.16)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest

from seeclickfix_async import oauth
from seeclickfix_async.oauth import Token
from tests.support.doorkeeper import Doorkeeper
from tests.support.login_browser import Browser, Provider, visible, visited
from tests.support.login_site import LoginSite

pytestmark = pytest.mark.anyio

_SITE = "http://127.0.0.1:8899"


@pytest.fixture
async def site(provider: Doorkeeper) -> AsyncIterator[LoginSite]:
    site = LoginSite(provider.application("public-app"), kind="implicit")
    async with site.endpoint:
        yield site


def _token_of(provider: Doorkeeper, client_id: str) -> str:
    """Sign user 1 in at an application, which so receives a token."""
    flow = oauth.begin(provider.application(client_id), "implicit")
    token = cast("Token", oauth.finish(flow, provider.authorize(flow.url)))
    return token.access_token.reveal()


async def _bring(site: LoginSite, token: str) -> httpx.Response:
    """Begin a login, and bring a token as the response of the provider."""
    browser = Browser(site, _SITE)
    async with browser.http:
        state = await browser.begin()
        return await browser.post_fragment(state, access_token=token, token_type="Bearer")


@pytest.mark.parametrize("client_id", ["other-app", "confidential-app"])
async def test_a_token_of_another_application_is_refused(
    provider: Doorkeeper, site: LoginSite, client_id: str
) -> None:
    stolen = _token_of(provider, client_id)

    page = await _bring(site, stolen)

    assert page.status_code == 400
    assert "another application" in visible(page)
    assert stolen not in page.text
    assert not site.tokens


async def test_a_token_of_the_own_application_is_accepted(
    provider: Doorkeeper, site: LoginSite
) -> None:
    token = _token_of(provider, "public-app")

    response = await _bring(site, token)

    assert response.status_code == 303
    assert [one.access_token.reveal() for one in site.tokens] == [token]


@pytest.mark.parametrize("token", ["expired", "unknown"])
async def test_a_token_that_is_not_valid_is_refused(
    provider: Doorkeeper, site: LoginSite, token: str
) -> None:
    secret = "x" * 43
    if token == "expired":
        secret = _token_of(provider, "public-app")
        provider.age(secret, 8000)

    page = await _bring(site, secret)

    assert page.status_code == 400
    assert "cannot be read" in visible(page)
    assert not site.tokens


@pytest.mark.parametrize(
    ("provider", "status", "message"),
    [
        (Provider(body={"application": {"uid": "another"}}), 400, "another application"),
        (Provider(body={"application": {"uid": None}}), 400, "another application"),
        (Provider(body={"application": None}), 400, "another application"),
        (Provider(body={"application": {"uid": ["app"]}}), 400, "another application"),
        (Provider(body={"resource_owner_id": 1}), 400, "another application"),
        (Provider(body=b"<html>"), 502, "is not available"),
        (Provider(body=b"[]"), 502, "is not available"),
        (Provider(302), 502, "Signing in failed"),
        (Provider(403, b""), 502, "Signing in failed"),
        (Provider(404, b""), 500, "not set up correctly"),
        (Provider(429, b""), 503, "Many people"),
        (Provider(500, b""), 502, "is not available"),
        (Provider(0), 502, "is not available"),
    ],
)
async def test_without_usable_token_information_no_user_is_signed_in(
    provider: Provider, status: int, message: str
) -> None:
    async with visited(provider, kind="implicit") as (site, browser):
        page = await browser.post_fragment(await browser.begin())

    assert page.status_code == status
    assert message in visible(page)
    assert not site.tokens
