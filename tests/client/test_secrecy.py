"""Logs, reprs, errors, tracebacks and pickles contain no secret."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import anyio
import httpx
import pytest

from seeclickfix_async import (
    AsyncClient,
    FileStore,
    MemoryStore,
    Retry,
    StoredToken,
    TokenEndpoint,
    WatchArea,
    errors,
    oauth,
)
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth import AuthorizationCode, Flow, Token
from seeclickfix_async.web import Login
from tests.support.broken_connection import BrokenTransport
from tests.support.canaries import Canaries, format_with_locals
from tests.support.doorkeeper import Doorkeeper

pytestmark = pytest.mark.anyio


@pytest.fixture
def canaries(caplog: pytest.LogCaptureFixture) -> Iterator[Canaries]:
    caplog.set_level(logging.DEBUG)
    canaries = Canaries()
    yield canaries
    records = caplog.get_records("call")
    canaries.output += [str(vars(record)) + record.getMessage() for record in records]
    assert canaries.loggers <= {record.name for record in records}
    assert canaries.found == set()


async def _expect_error(canaries: Canaries, call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(errors.SeeClickFixError) as caught:
        await call()
    canaries.show_error(caught.value)


def _begin(provider: Doorkeeper, canaries: Canaries, kind: oauth.FlowKind) -> tuple[Flow, str]:
    flow = oauth.begin(provider.application(), kind)
    canaries.hide(flow.state, flow.verifier)
    canaries.show(flow, provider.application(), oauth.Pkce(flow.verifier or "v" * 43))
    return flow, provider.authorize(flow.url)


def _new_code(provider: Doorkeeper, canaries: Canaries) -> AuthorizationCode:
    code = cast("AuthorizationCode", oauth.finish(*_begin(provider, canaries, "code")))
    canaries.hide(code.code)
    return code


def _revealed(token: Token) -> str:
    """Return the token as programs pass it that have it as a string."""
    return token.access_token.reveal()


async def test_the_code_flow_shows_no_secret(provider: Doorkeeper, canaries: Canaries) -> None:
    code = _new_code(provider, canaries)
    canaries.show(code)

    async with TokenEndpoint(provider.application(), limiter=None) as endpoint:
        token = await endpoint.exchange(code)
        canaries.hide(token.access_token, token.refresh_token)
        canaries.show(token, endpoint, await endpoint.info(token), await endpoint.introspect(token))
        await _expect_error(canaries, lambda: endpoint.exchange(code))
        await _expect_error(canaries, lambda: endpoint.client_credentials("nonsense"))
        renewed = await endpoint.refresh(token)
        canaries.hide(renewed.access_token, renewed.refresh_token)
        await endpoint.revoke(renewed)
        await _expect_error(canaries, lambda: endpoint.refresh(renewed))
        for check in (endpoint.info, endpoint.verify, endpoint.introspect):
            canaries.hide(Secret("s" * 43))
            await _expect_error(canaries, lambda check=check: check("s" * 43 + " "))  # type: ignore[misc]
        await _expect_error(canaries, lambda: endpoint.info(_revealed(renewed)))
        await _expect_error(canaries, lambda: endpoint.verify(_revealed(renewed)))
        async with TokenEndpoint(provider.application("other-app"), limiter=None) as other:
            newest = await endpoint.exchange(_new_code(provider, canaries))
            canaries.hide(newest.access_token, newest.refresh_token)
            await _expect_error(canaries, lambda: other.verify(_revealed(newest)))


async def test_the_implicit_flow_shows_no_secret(provider: Doorkeeper, canaries: Canaries) -> None:
    flow, redirected = _begin(provider, canaries, "implicit")

    async def finish(url: str) -> object:
        return oauth.finish(flow, url)

    for wrong in (
        f"{redirected}&state=again",
        f"{redirected}x",
        f"https://evil.example/#{redirected}",
    ):
        await _expect_error(canaries, lambda wrong=wrong: finish(wrong))  # type: ignore[misc]
    token = cast("Token", oauth.finish(flow, redirected))
    canaries.hide(token.access_token)
    canaries.show(token)
    await _expect_error(canaries, lambda: finish(redirected))

    async with AsyncClient(token, base_url=provider.url, limiter=None) as client:
        canaries.show(client, await client.verify())
        await _expect_error(canaries, lambda: client.request("POST", "/write"))
        provider.age(token.access_token.reveal(), 8000)
        await _expect_error(canaries, client.verify)


async def test_a_stored_token_shows_no_secret(provider: Doorkeeper, canaries: Canaries) -> None:
    store = MemoryStore()
    flow, redirected = _begin(provider, canaries, "code")
    async with (
        TokenEndpoint(provider.application(), limiter=None) as endpoint,
        AsyncClient(base_url=provider.url, limiter=None) as client,
    ):
        token = await endpoint.exchange(cast("AuthorizationCode", oauth.finish(flow, redirected)))
        canaries.hide(token.access_token, token.refresh_token)
        await store.put("me", token)
        await endpoint.revoke(token)
        source = StoredToken(store, "me", endpoint=endpoint)
        canaries.show(source, store)
        await _expect_error(canaries, client.with_options(token=source).verify)


@pytest.mark.parametrize("sender", ["endpoint", "client"])
async def test_a_broken_connection_shows_no_secret(canaries: Canaries, sender: str) -> None:
    """While a request is sent, the frames of the HTTP library contain its headers and body."""
    token = Token(Secret("a" * 43), "Bearer", None, None, datetime.now(UTC), Secret("r" * 43))
    canaries.hide(token.access_token, token.refresh_token)
    canaries.loggers = set()  # there is no response that could be logged
    retry = Retry(attempts=1)
    app = oauth.Application("app", "https://app.example/", "confidential-secret")
    async with httpx.AsyncClient(transport=BrokenTransport()) as http:
        if sender == "endpoint":
            endpoint = TokenEndpoint(app, http=http, limiter=None, retry=retry)
            await _expect_error(canaries, lambda: endpoint.refresh(token))
        else:
            client = AsyncClient(token, http=http, limiter=None, retry=retry)
            await _expect_error(canaries, client.verify)


def _responding(body: bytes) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _request: httpx.Response(200, content=body))
    )


def _overwrite(folder: Path, content: str) -> None:
    for file in folder.glob("*.json"):
        file.write_text(content)


async def test_unreadable_tokens_show_no_secret(canaries: Canaries, tmp_path: Path) -> None:
    secret = Secret("s" * 43)
    canaries.hide(secret)
    canaries.loggers = set()
    app = oauth.Application("app", "https://app.example/", "confidential-secret")
    token = Token(secret, "Bearer", None, None, datetime.now(UTC), secret)
    invalid = {
        "access_token": secret.reveal(),
        "token_type": "mac",
        "refresh_token": secret.reveal(),
    }
    store = FileStore(tmp_path)
    await store.put("me", token)
    _overwrite(tmp_path, json.dumps(invalid))

    async def make(call: Callable[[], object]) -> object:
        return call()

    async with _responding(json.dumps(invalid).encode()) as http:
        endpoint = TokenEndpoint(app, http=http, limiter=None)
        await _expect_error(canaries, lambda: endpoint.refresh(token))
    await _expect_error(canaries, lambda: store.get("me"))
    for wrong in (
        lambda: Token.from_dict(invalid),
        lambda: Flow.from_dict({"state": secret.reveal()}),
        lambda: AsyncClient(f"{secret.reveal()}\r\n"),
        lambda: AsyncClient(Secret(f"{secret.reveal()}\r\n")),
        lambda: AsyncClient().with_options(token=Secret(f"{secret.reveal()} ")),
    ):
        await _expect_error(canaries, lambda wrong=wrong: make(wrong))  # type: ignore[misc]


_SECRET = "s" * 43
_APP = oauth.Application("app", "https://app.example/callback", "confidential-secret")
_REFUSED_CALLS: list[Callable[[], object]] = [
    lambda: AsyncClient(_SECRET, timeout=-1),
    lambda: AsyncClient(_SECRET, auth=("a", _SECRET)),
    lambda: AsyncClient(auth=("a:b", _SECRET)),
    lambda: AsyncClient(auth=("a", f"{_SECRET}\udce4")),
    lambda: AsyncClient(auth=("a\udce4", _SECRET)),
    lambda: AsyncClient(auth=("a", _SECRET), timeout=-1),
    lambda: AsyncClient().with_options(token=_SECRET, timeout=-1),
    lambda: AsyncClient().with_options(token=f'"{_SECRET}"'),
    lambda: oauth.Application("app", "not a URI", _SECRET),
    lambda: oauth.Application("an id", "https://app.example/callback", _SECRET),
    lambda: oauth.Application("app", "https://app.example/", _SECRET, "http://not.private"),
    lambda: oauth.Application("app", "https://app.example/", f"{_SECRET} "),
    lambda: oauth.Pkce(f"{_SECRET}!"),
    lambda: oauth.parse_callback("?code=x", state=_SECRET, redirect_uri="not a URI"),
    lambda: oauth.parse_callback(
        "?code=x", state=None, redirect_uri="https://app.example/", verifier=f"{_SECRET}!"
    ),
    lambda: oauth.parse_fragment(f"#access_token={_SECRET}&token_type=bearer", state=" "),
    lambda: oauth.parse_fragment(f"#access_token={_SECRET}&token_type=bearer", state=7),  # type: ignore[arg-type]
    lambda: oauth.finish(oauth.begin(_APP), f"?code={_SECRET}&state=x", now=datetime.now),
    lambda: Token(_SECRET, "Bearer", 60, None, datetime(2026, 11, 1), _SECRET),  # noqa: DTZ001
    lambda: oauth.authorize_url("app", "https://app.example/", state=f"{_SECRET}\n"),
    lambda: oauth.authorize_url("an id", "https://app.example/", state=_SECRET),
    lambda: Login(_APP, TokenEndpoint(_APP), secret_key=_SECRET, on_login=None, max_age=0),  # type: ignore[arg-type]
    lambda: Login(_APP, TokenEndpoint(_APP), secret_key=[_SECRET, "x"], on_login=None),  # type: ignore[arg-type]
    lambda: WatchArea(f"{_SECRET}\ud800"),
]


@pytest.mark.parametrize("call", _REFUSED_CALLS)
async def test_refused_arguments_show_no_secret(
    canaries: Canaries, call: Callable[[], object]
) -> None:
    canaries.hide(Secret(_SECRET))
    canaries.loggers = set()

    async def run() -> object:
        return call()

    await _expect_error(canaries, run)


_WRONG_CALLS: list[Callable[[], object]] = [
    lambda: AsyncClient(_SECRET, tiemout=5),  # type: ignore[call-arg]
    lambda: AsyncClient().with_options(token=_SECRET, tiemout=5),  # type: ignore[call-arg]
    lambda: oauth.Application("app", "https://app.example/", secret=_SECRET),  # type: ignore[call-arg]
    lambda: Token(_SECRET),  # type: ignore[call-arg]
    lambda: WatchArea(_SECRET, 7),  # type: ignore[call-arg]
]


@pytest.mark.parametrize("call", _WRONG_CALLS)
def test_a_wrong_name_of_an_argument_shows_no_secret(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError) as caught:
        call()

    assert _SECRET not in "".join(format_with_locals(caught.value))


def test_strings_in_place_of_secrets_are_secrets() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    for shown in (
        Token(_SECRET, "Bearer", 60, None, at, _SECRET),
        AuthorizationCode(_SECRET, "https://app.example/", _SECRET),
        Flow(
            kind="code",
            url="",
            state=_SECRET,
            verifier=_SECRET,
            redirect_uri="https://app.example/",
            created_at=at,
        ),
    ):
        assert _SECRET not in repr(shown)


async def test_an_account_that_is_refused_shows_no_password(canaries: Canaries) -> None:
    canaries.hide(Secret("the-password"))
    canaries.loggers = {"seeclickfix_async"}
    account = {"name": "Ada", "email": "ada@example.org", "password": "the-password"}
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _request: httpx.Response(422, json={"name": "taken"}))
    ) as http:
        users = AsyncClient(_SECRET, http=http, limiter=None).users

        await _expect_error(canaries, lambda: users.register(**account, accept_terms=True))
        await _expect_error(canaries, lambda: users.register(**account, accept_terms=False))
        await _expect_error(canaries, lambda: users.update(**account))


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_timeout_shows_no_secret(canaries: Canaries) -> None:
    token = Token(Secret("a" * 43), "Bearer", None, None, datetime.now(UTC), Secret("r" * 43))
    canaries.hide(token.access_token, token.refresh_token)
    canaries.loggers = set()

    async def hang(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    app = oauth.Application("app", "https://app.example/", "confidential-secret")
    async with httpx.AsyncClient(transport=httpx.MockTransport(hang)) as http:
        endpoint = TokenEndpoint(app, http=http, limiter=None)
        with pytest.raises(TimeoutError) as caught, anyio.fail_after(0.01):
            await endpoint.refresh(token)
    canaries.output += format_with_locals(caught.value)


def test_a_shown_secret_is_found() -> None:
    """Otherwise the other tests would prove nothing."""
    canaries = Canaries()
    flow = oauth.begin(oauth.Application("app", "https://app.example/"))
    canaries.hide(flow.state)

    canaries.show(flow.to_dict())

    assert canaries.found == {flow.state.reveal()}


async def test_a_secret_in_a_frame_is_found(provider: Doorkeeper) -> None:
    canaries = Canaries()
    request = httpx.Request("POST", provider.url, headers={"Authorization": "confidential-secret"})

    with pytest.raises(httpx.WriteError) as caught:
        await BrokenTransport().handle_async_request(request)
    canaries.show_error(caught.value)

    assert canaries.found == {"confidential-secret"}


def test_copies_show_no_secret() -> None:
    token = Token(Secret("a" * 43), "Bearer", None, None, datetime.now(UTC) - timedelta(days=1))

    for copied in (copy.copy(token), copy.deepcopy(token)):
        assert copied == token
        assert "aaaa" not in repr(copied)
    assert b"aaaa" not in pickle.dumps(token)
