"""The sandbox as an OAuth provider: the code flow of our client, and refused requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from seeclickfix_async import Accounts, AsyncClient, MemoryStore, TokenEndpoint, errors, oauth
from seeclickfix_async.oauth import Application, AuthorizationCode, Flow, Token
from seeclickfix_async.sandbox import CLIENT, TOKEN, Sandbox, Settings

pytestmark = pytest.mark.anyio

_URL = "http://127.0.0.1:3110"
_APP = Application(CLIENT, "http://127.0.0.1:9/callback?tenant=one", base_url=_URL)


class Browser:
    """A browser at a sandbox, and the application whose user signs in with it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app))
        self.endpoint = TokenEndpoint(_APP, http=self.http, limiter=None)
        self.client = AsyncClient(base_url=_URL, http=self.http, limiter=None)

    async def press(self, flow: Flow, button: str = "Authorize") -> str:
        """Press a button of the authorization page; return the URL that it redirects to."""
        page = await self.http.get(flow.url)
        form = {name: values[0] for name, values in parse_qs(urlsplit(flow.url).query).items()}
        assert all(value in page.text.replace("&amp;", "&") for value in form.values())
        response = await self.http.post(f"{_URL}/oauth/authorize", data={**form, "answer": button})
        return str(response.headers["location"])

    async def code(self) -> AuthorizationCode:
        flow = oauth.begin(_APP, scope="public write")
        code = oauth.finish(flow, await self.press(flow))
        assert isinstance(code, AuthorizationCode)
        return code

    async def token(self) -> Token:
        return await self.endpoint.exchange(await self.code())

    async def request(self, path: str = "token", **form: str) -> httpx.Response:
        """Send a form to the provider, without the checks of our client."""
        return await self.http.post(f"{_URL}/oauth/{path}", data={"client_id": CLIENT, **form})


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    browser = Browser(Sandbox(10, settings=Settings(quota=None)))
    async with browser.http:
        yield browser


async def test_the_code_flow_ends_with_a_valid_token_pair(browser: Browser) -> None:
    token = await browser.token()

    user = await browser.client.with_options(token=token).verify()
    assert user.id == 41
    assert (token.expires_in, token.scope) == (7200, ("public", "write"))
    assert token.refresh_token is not None


async def test_a_denial_is_in_the_query_of_the_redirect(browser: Browser) -> None:
    flow = oauth.begin(_APP)
    redirect = await browser.press(flow, "Deny")

    assert "#" not in redirect
    with pytest.raises(errors.AccessDeniedError):
        oauth.finish(flow, redirect)


async def test_accounts_refresh_and_sign_out(browser: Browser) -> None:
    accounts = Accounts(MemoryStore(), browser.endpoint)
    first = await browser.token()
    await accounts.sign_in("user-7", first)
    view = browser.client.with_options(token=accounts.source("user-7"))

    del browser.sandbox.tokens[first.access_token.reveal()]
    assert (await view.verify()).id == 41  # 401, refresh and retry

    with pytest.raises(errors.InvalidGrantError):
        await browser.endpoint.refresh(first)  # the old pair is revoked

    known = dict(browser.sandbox.tokens)
    await accounts.sign_out("user-7")
    ended = known.keys() - browser.sandbox.tokens.keys()
    assert len(ended) == 1
    with pytest.raises(errors.ReauthorizationRequiredError):
        await view.verify()


async def test_a_code_is_valid_for_one_exchange_with_its_verifier(browser: Browser) -> None:
    code = await browser.code()
    params = {
        "grant_type": "authorization_code",
        "code": code.code.reveal(),
        "redirect_uri": code.redirect_uri,
    }
    verifier = code.verifier.reveal() if code.verifier else ""
    attempts = [
        {},
        {"code_verifier": "x" * 43},
        {"code_verifier": verifier, "redirect_uri": "http://127.0.0.1:9/other"},
        {"code_verifier": verifier, "client_id": "other"},
        {"code_verifier": verifier, "client_secret": "made up"},
        {"code_verifier": verifier},  # failed attempts do not consume the code
        {"code_verifier": verifier},
    ]

    responses = [await browser.request(**{**params, **changes}) for changes in attempts]

    assert [(response.status_code, response.json().get("error")) for response in responses] == [
        (400, "invalid_request"),
        (400, "invalid_grant"),
        (400, "invalid_grant"),
        (401, "invalid_client"),
        (401, "invalid_client"),
        (200, None),
        (400, "invalid_grant"),
    ]
    assert {response.headers["cache-control"] for response in responses} == {"no-store"}


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
    ],
)
async def test_the_token_endpoint_refuses_an_invalid_form(
    browser: Browser, form: dict[str, str], error: str
) -> None:
    response = await browser.request(**form)

    assert (response.status_code, response.json()["error"]) == (400, error)
    assert f'error="{error}"' in response.headers["www-authenticate"]


async def test_token_information_has_the_shape_of_the_provider(browser: Browser) -> None:
    flow = oauth.begin(_APP, "implicit", "public write")
    implicit = oauth.finish(flow, await browser.press(flow))
    assert isinstance(implicit, Token)
    for token in (await browser.token(), implicit):
        info = await browser.endpoint.verify(token)
        assert (info.client_id, info.resource_owner_id) == (CLIENT, 41)
        assert (info.scope, info.expires_in) == (("public", "write"), 7200)
        assert info.created_at is not None

    unknown = await browser.http.get(f"{_URL}/oauth/token/info")
    by_query = await browser.http.get(
        f"{_URL}/oauth/token/info", params={"access_token": implicit.access_token.reveal()}
    )
    assert by_query.json()["application"] == {"uid": CLIENT}
    assert (unknown.status_code, unknown.json()["state"]) == (401, "unauthorized")
    assert unknown.json()["error"] == "invalid_token"


async def test_a_personal_token_belongs_to_no_application(browser: Browser) -> None:
    with pytest.raises(errors.ForeignTokenError):
        await browser.endpoint.verify(TOKEN)


async def test_revoking_either_token_revokes_the_pair(browser: Browser) -> None:
    for name in ("access_token", "refresh_token"):
        token = await browser.token()
        before = len(browser.sandbox.tokens)
        secret = getattr(token, name).reveal()
        refused = await browser.request("revoke", token=secret, client_id="other")
        done = [await browser.request("revoke", token=secret) for _ in "ab"]

        assert (refused.status_code, len(browser.sandbox.tokens)) == (403, before - 1)
        assert [(response.status_code, response.json()) for response in done] == [(200, {})] * 2
        with pytest.raises(errors.InvalidGrantError):
            await browser.endpoint.refresh(token)


async def test_a_plain_challenge_and_no_challenge_are_accepted(browser: Browser) -> None:
    params = {
        "client_id": CLIENT,
        "redirect_uri": "https://app.example/callback",
        "response_type": "code",
    }
    statuses = []
    for challenge in ({"code_challenge": "v", "code_challenge_method": "plain"}, {}):
        redirect = await browser.http.get(
            f"{_URL}/oauth/authorize", params={**params, **challenge, "skip_authorization": "1"}
        )
        (code,) = parse_qs(urlsplit(redirect.headers["location"]).query)["code"]
        form = {"grant_type": "authorization_code", "redirect_uri": params["redirect_uri"]}
        verifier = {"code_verifier": challenge["code_challenge"]} if challenge else {}
        statuses.append((await browser.request(**form, code=code, **verifier)).status_code)
    wrong = await browser.http.get(
        f"{_URL}/oauth/authorize", params={**params, "code_challenge": "v"}
    )

    assert statuses == [200, 200]
    assert "code challenge" in wrong.text


async def test_an_invalid_authorization_request_gets_an_error_page(browser: Browser) -> None:
    url = f"{_URL}/oauth/authorize"
    params = {"client_id": CLIENT, "redirect_uri": "http://[x", "response_type": "code"}
    responses = [
        await browser.http.get(url, params=params),
        await browser.http.post(url, data=params),
        await browser.http.post(url, content=b"client_id=\xff"),
    ]

    assert [response.status_code for response in responses] == [200] * 3
    assert ["redirect URI" in response.text for response in responses] == [True, True, False]
    assert all("error has occurred" in response.text for response in responses)
