"""The sandbox as a provider: our own client's code flow against it, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from seeclickfix_async import Accounts, AsyncClient, MemoryStore, TokenEndpoint, errors, oauth
from seeclickfix_async.oauth import Application, AuthorizationCode, Flow, Token
from seeclickfix_async.sandbox import CLIENT, Sandbox, Settings

pytestmark = pytest.mark.anyio

_URL = "http://127.0.0.1:3110"
_APP = Application(CLIENT, "http://127.0.0.1:9/callback?tenant=one", base_url=_URL)


class Browser:
    """Somebody who signs in at a sandbox, and the applications that he comes back to."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app))
        self.endpoint = TokenEndpoint(_APP, http=self.http, limiter=None)
        self.client = AsyncClient(base_url=_URL, http=self.http, limiter=None)

    async def answer(self, flow: Flow, button: str = "Authorize") -> str:
        """Press a button of the page; gives where that leads to."""
        page = await self.http.get(flow.url)
        form = {name: values[0] for name, values in parse_qs(urlsplit(flow.url).query).items()}
        assert all(value in page.text.replace("&amp;", "&") for value in form.values())
        back = await self.http.post(f"{_URL}/oauth/authorize", data={**form, "answer": button})
        return str(back.headers["location"])

    async def code(self) -> AuthorizationCode:
        flow = oauth.begin(_APP, scope="public write")
        code = oauth.finish(flow, await self.answer(flow))
        assert isinstance(code, AuthorizationCode)
        return code

    async def token(self) -> Token:
        return await self.endpoint.exchange(await self.code())

    async def ask(self, path: str = "token", **form: str) -> httpx.Response:
        """What an application asks that is not as careful as ours."""
        return await self.http.post(f"{_URL}/oauth/{path}", data={"client_id": CLIENT, **form})


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    browser = Browser(Sandbox(10, settings=Settings(quota=None)))
    async with browser.http:
        yield browser


async def test_the_code_flow_ends_with_a_pair_that_works(browser: Browser) -> None:
    token = await browser.token()

    user = await browser.client.with_options(token=token).verify()
    assert user.id == 41
    assert (token.expires_in, token.scope) == (7200, ("public", "write"))
    assert token.refresh_token is not None


async def test_a_denial_comes_back_in_the_query(browser: Browser) -> None:
    flow = oauth.begin(_APP)
    back = await browser.answer(flow, "Deny")

    assert "#" not in back
    with pytest.raises(errors.AccessDeniedError):
        oauth.finish(flow, back)


async def test_accounts_renew_and_sign_out(browser: Browser) -> None:
    """What a service does, without any provider."""
    accounts = Accounts(MemoryStore(), browser.endpoint)
    first = await browser.token()
    await accounts.sign_in("user-7", first)
    view = browser.client.with_options(token=accounts.source("user-7"))

    del browser.sandbox.tokens[first.access_token.reveal()]
    assert (await view.verify()).id == 41  # 401, renewed, and asked again

    with pytest.raises(errors.InvalidGrantError):
        await browser.endpoint.refresh(first)  # the old pair has ended

    known = dict(browser.sandbox.tokens)
    await accounts.sign_out("user-7")
    ended = known.keys() - browser.sandbox.tokens.keys()
    assert len(ended) == 1
    with pytest.raises(errors.ReauthorizationRequiredError):
        await view.verify()


async def test_a_code_is_good_for_one_exchange_with_its_verifier(browser: Browser) -> None:
    code = await browser.code()
    asked = {
        "grant_type": "authorization_code",
        "code": code.code.reveal(),
        "redirect_uri": code.redirect_uri,
    }
    verifier = code.verifier.reveal() if code.verifier else ""
    tries = [
        {},
        {"code_verifier": "x" * 43},
        {"code_verifier": verifier, "redirect_uri": "http://127.0.0.1:9/other"},
        {"code_verifier": verifier, "client_id": "other"},
        {"code_verifier": verifier, "client_secret": "made up"},
        {"code_verifier": verifier},  # a try that fails burns nothing
        {"code_verifier": verifier},
    ]

    said = [await browser.ask(**{**asked, **one}) for one in tries]

    assert [(answer.status_code, answer.json().get("error")) for answer in said] == [
        (400, "invalid_request"),
        (400, "invalid_grant"),
        (400, "invalid_grant"),
        (401, "invalid_client"),
        (401, "invalid_client"),
        (200, None),
        (400, "invalid_grant"),
    ]
    assert {answer.headers["cache-control"] for answer in said} == {"no-store"}


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
async def test_what_the_token_endpoint_refuses(
    browser: Browser, form: dict[str, str], error: str
) -> None:
    answer = await browser.ask(**form)

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert f'error="{error}"' in answer.headers["www-authenticate"]


async def test_a_pair_ends_as_a_whole_whichever_half_is_revoked(browser: Browser) -> None:
    for half in ("access_token", "refresh_token"):
        token = await browser.token()
        before = len(browser.sandbox.tokens)
        secret = getattr(token, half).reveal()
        refused = await browser.ask("revoke", token=secret, client_id="other")
        done = [await browser.ask("revoke", token=secret) for _ in "ab"]

        assert (refused.status_code, len(browser.sandbox.tokens)) == (403, before - 1)
        assert [(answer.status_code, answer.json()) for answer in done] == [(200, {})] * 2
        with pytest.raises(errors.InvalidGrantError):
            await browser.endpoint.refresh(token)


async def test_a_plain_challenge_and_none_at_all_are_taken(browser: Browser) -> None:
    asked = {
        "client_id": CLIENT,
        "redirect_uri": "https://app.example/callback",
        "response_type": "code",
    }
    told = []
    for more in ({"code_challenge": "v", "code_challenge_method": "plain"}, {}):
        back = await browser.http.get(
            f"{_URL}/oauth/authorize", params={**asked, **more, "skip_authorization": "1"}
        )
        (code,) = parse_qs(urlsplit(back.headers["location"]).query)["code"]
        form = {"grant_type": "authorization_code", "redirect_uri": asked["redirect_uri"]}
        verifier = {"code_verifier": more["code_challenge"]} if more else {}
        told.append((await browser.ask(**form, code=code, **verifier)).status_code)
    wrong = await browser.http.get(
        f"{_URL}/oauth/authorize", params={**asked, "code_challenge": "v"}
    )

    assert told == [200, 200]
    assert "code challenge" in wrong.text


async def test_a_request_that_makes_no_sense_is_told_so(browser: Browser) -> None:
    url = f"{_URL}/oauth/authorize"
    asked = {"client_id": CLIENT, "redirect_uri": "http://[x", "response_type": "code"}
    answers = [
        await browser.http.get(url, params=asked),
        await browser.http.post(url, data=asked),
        await browser.http.post(url, content=b"client_id=\xff"),
    ]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert ["redirect URI" in answer.text for answer in answers] == [True, True, False]
    assert all("error has occurred" in answer.text for answer in answers)
