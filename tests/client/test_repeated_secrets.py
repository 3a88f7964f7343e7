"""A service that repeats the secrets of a request: no error quotes them."""

from __future__ import annotations

import base64
import json
import pickle
import re
import traceback
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus

import pytest

from seeclickfix_async import AsyncClient, Retry, TokenEndpoint, WatchArea, errors, oauth
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.events import Event
from seeclickfix_async.oauth import AuthorizationCode
from tests.support.canaries import format_with_locals
from tests.support.http_backends import ORIGIN, HTTPBackend
from tests.support.tokens import APP, NOW, make_token

pytestmark = pytest.mark.anyio

_TOKEN = "a+token/with=signs"
_PASSWORD = "a-password"
_ONE_ATTEMPT = Retry(attempts=1)


def _output(error: BaseException) -> str:
    return "\n".join(
        (
            repr(error),
            str(vars(error)),
            "".join(traceback.format_exception(error)),
            repr(pickle.dumps(error)),
        )
    )


def _bodies(secret: str) -> list[Any]:
    return [
        {"error": f"invalid token {secret}"},
        {"errors": {secret: [f"{secret} is bad"], "nested": [{"deep": [secret]}]}},
        {"errors": secret},
        [{"code": 400, "description": f"no: {secret}"}],
        [secret],
        secret,
        {"error": secret, "error_description": f"{secret}!"},
    ]


async def _check(
    backend: HTTPBackend,
    call: Callable[[Any], Awaitable[object]],
    secrets: tuple[str, ...],
    status: int,
) -> None:
    forms = {
        form
        for secret in secrets
        for encoded in (quote(secret, safe=""), quote_plus(secret))
        for form in (secret, encoded, re.sub("%..", lambda escape: escape[0].lower(), encoded))
    }
    for secret in sorted(forms):
        for body in _bodies(secret):
            # Escapes that a search in the bytes would miss.
            content = json.dumps(body).replace("/", "\\/").replace("a", "\\u0061").encode()
            response = backend.response(status, content, x_echo=secret, www_authenticate=secret)
            with pytest.raises(errors.SeeClickFixError) as caught:
                await call(backend.client(backend.scripted(response)))
            output = _output(caught.value)
            assert not [form for form in forms if form in output]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500])
async def test_a_refusal_that_repeats_the_token(backend: HTTPBackend, status: int) -> None:
    async def call(http: Any) -> object:
        client = AsyncClient(_TOKEN, http=http, base_url=ORIGIN, limiter=None, retry=_ONE_ATTEMPT)
        return await client.issues.get(7)

    await _check(backend, call, (_TOKEN,), status)


async def test_a_refusal_that_repeats_the_token_of_a_watch_area(backend: HTTPBackend) -> None:
    calls: list[Callable[[AsyncClient], Awaitable[object]]] = [
        lambda client: client.issues.list(area=WatchArea(_TOKEN)),
        lambda client: client.issues.crawl(area=WatchArea(_TOKEN)).run(_ignore),
        lambda client: client.request("GET", "/issues", params={"watcher_token": _TOKEN}),
        lambda client: client.request("GET", f"/issues?watcher_token={quote(_TOKEN, safe='')}"),
    ]

    for call in calls:

        async def send(http: Any, call: Any = call) -> object:
            client = AsyncClient(http=http, base_url=ORIGIN, limiter=None, retry=_ONE_ATTEMPT)
            return await call(client)

        await _check(backend, send, (_TOKEN,), 422)


async def _ignore(_batch: object) -> None:
    pass


async def test_a_refusal_that_repeats_a_header_of_the_caller(backend: HTTPBackend) -> None:
    async def in_request(http: Any) -> object:
        client = AsyncClient(http=http, base_url=ORIGIN, limiter=None)
        headers = {"authorization": f"Bearer {_TOKEN}"}
        return await client.request("GET", "/issues", headers=headers)

    async def in_client(http: Any) -> object:
        http.headers["Authorization"] = f"Bearer {_TOKEN}"
        return await AsyncClient(http=http, base_url=ORIGIN, limiter=None).issues.get(7)

    for call in (in_request, in_client):
        await _check(backend, call, (_TOKEN,), 422)


async def test_a_refusal_that_repeats_the_password(backend: HTTPBackend) -> None:
    async def call(http: Any) -> object:
        auth = ("me@b.example", _PASSWORD)
        client = AsyncClient(auth=auth, http=http, base_url=ORIGIN, limiter=None)
        return await client.issues.get(7)

    encoded = base64.b64encode(f"me@b.example:{_PASSWORD}".encode()).decode()
    await _check(backend, call, (_PASSWORD, encoded), 401)


async def test_a_refusal_that_repeats_the_password_of_an_account(backend: HTTPBackend) -> None:
    async def register(http: Any) -> object:
        client = AsyncClient(http=http, base_url=ORIGIN, limiter=None)
        return await client.users.register(
            name="Resident", email="me@b.example", password=_PASSWORD, accept_terms=True
        )

    async def update(http: Any) -> object:
        client = AsyncClient(_TOKEN, http=http, base_url=ORIGIN, limiter=None)
        return await client.users.update(password=Secret(_PASSWORD), image=b"\x89PNG\r\n\x1a\n")

    for call in (register, update):
        await _check(backend, call, (_PASSWORD,), 422)


async def test_the_frames_of_an_unreadable_response_do_not_repeat_the_token(
    backend: HTTPBackend,
) -> None:
    shown: list[str] = []
    for body in (
        {"id": [_TOKEN]},
        {"issues": _TOKEN},
        {"issues": [{"id": _TOKEN}]},
        [_TOKEN],
        {"issues": [], "errors": {_TOKEN: [_TOKEN]}},
    ):
        http = backend.client(backend.scripted(backend.response(200, body)))
        client = AsyncClient(_TOKEN, http=http, base_url=ORIGIN, limiter=None)
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda client=client: client.issues.get(7),  # type: ignore[misc]
            lambda client=client: client.issues.list(),  # type: ignore[misc]
            lambda client=client: client.issues.comments(7),  # type: ignore[misc]
            lambda client=client: client.issues.crawl().run(_ignore),  # type: ignore[misc]
            lambda client=client: client.issues.comment(7, "a"),  # type: ignore[misc]
            lambda client=client: client.users.notices(),  # type: ignore[misc]
            lambda client=client: client.users.me(),  # type: ignore[misc]
            lambda client=client: client.open311(5).service(7),  # type: ignore[misc]
        ]
        for call in calls:
            try:
                await call()
            except errors.SeeClickFixError as error:
                shown += format_with_locals(error)

    assert len(shown) > 20
    assert _TOKEN not in "".join(shown)


async def test_a_success_with_errors_that_repeat_the_token(backend: HTTPBackend) -> None:
    for errors_ in (_TOKEN, {_TOKEN: [_TOKEN]}, [{"a": _TOKEN}]):
        body = {"issues": [], "errors": errors_}
        http = backend.client(backend.scripted(backend.response(200, body, x_echo=_TOKEN)))
        client = AsyncClient(_TOKEN, http=http, base_url=ORIGIN, limiter=None)
        for call in (client.issues.list(), client.issues.get(7), client.issues.vote(7)):
            with pytest.raises(errors.ValidationError) as caught:
                await call
            assert _TOKEN not in _output(caught.value)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_redirect_to_a_host_named_after_the_token(
    backend: HTTPBackend, method: str
) -> None:
    token = "token-in-a-host-name"
    away = backend.response(307, location=f"https://{token}.evil.example/?token={token}")
    for last in (backend.response(500, {}), "ConnectError", "ReadError", "ReadTimeout"):
        http = backend.client(backend.scripted(away, last))
        client = AsyncClient(token, http=http, base_url=ORIGIN, limiter=None, retry=_ONE_ATTEMPT)
        with pytest.raises(errors.TransportError) as caught:
            await client.request(method, "/issues")
        error = caught.value
        assert token not in f"{error} {vars(error)}"


@pytest.mark.parametrize("kind", ["token", "header", "client"])
async def test_neither_frames_nor_events_contain_a_redirect_that_repeats_the_token(
    backend: HTTPBackend, kind: str
) -> None:
    token, events = "token-in-a-location", list[Event]()
    ids = {"x_request_id": f"{token}-1"}
    away = backend.response(302, location=f"/api/v2/issues?token={token}", **ids)
    invalid = backend.response(302, location=f"https://{token}.[", **ids)
    host = backend.response(302, location=f"https://{token}.evil.example/", **ids)
    for responses in ((away,), (invalid,), (host,), (away, "ReadError"), (host, "ReadError")):
        headers = {"authorization": f"Bearer {token}"} if kind == "header" else {}
        http = backend.client(backend.scripted(*responses))
        http.headers.update({"Authorization": f"Bearer {token}"} if kind == "client" else {})
        client = AsyncClient(
            token if kind == "token" else None,
            http=http,
            base_url=ORIGIN,
            limiter=None,
            retry=_ONE_ATTEMPT,
            on_event=events.append,
        )
        with pytest.raises(errors.SeeClickFixError) as caught:
            await client.request("GET", "/issues", headers=headers)
        frames = "".join(format_with_locals(caught.value))
        assert token not in f"{caught.value} {frames}"
    assert token not in repr(events)


_CODE = AuthorizationCode(
    Secret("the-code-1"), "https://app.example/callback", Secret("verifier-" * 5)
)


@pytest.mark.parametrize("status", [400, 401, 500])
@pytest.mark.parametrize("kind", ["exchange", "refresh", "revoke", "info", "introspect"])
async def test_the_token_endpoint_that_repeats_its_request(
    backend: HTTPBackend, kind: str, status: int
) -> None:
    token = make_token(0)
    calls: dict[str, Callable[[TokenEndpoint], Awaitable[object]]] = {
        "exchange": lambda endpoint: endpoint.exchange(_CODE),
        "refresh": lambda endpoint: endpoint.refresh(token),
        "revoke": lambda endpoint: endpoint.revoke(token),
        "info": lambda endpoint: endpoint.info("the-access-token"),
        "introspect": lambda endpoint: endpoint.introspect("the-access-token"),
    }

    async def call(http: Any) -> object:
        endpoint = TokenEndpoint(APP, http=http, limiter=None, retry=_ONE_ATTEMPT, now=lambda: NOW)
        return await calls[kind](endpoint)

    backend.requests.clear()
    with pytest.raises(errors.SeeClickFixError):
        await call(backend.client(backend.scripted(backend.response(status, {}))))
    form = parse_qs(backend.requests[0].content.decode())
    names = {"code", "code_verifier", "refresh_token", "token", "client_secret"}
    secrets = {value for name in names & form.keys() for value in form[name]}
    if kind == "info":
        secrets.add("the-access-token")
    assert secrets

    await _check(backend, call, tuple(secrets), status)


@pytest.mark.parametrize("kind", ["code", "implicit"])
def test_a_login_that_repeats_its_state(kind: Any) -> None:
    flow = oauth.begin(APP, kind)
    state = flow.state.reveal() if flow.state else ""
    query = f"state={state}&error=x_{state}&error_description=your+state+{state}+is+bad"

    with pytest.raises(errors.AuthorizationError) as caught:
        oauth.finish(flow, f"{APP.redirect_uri}{'?' if kind == 'code' else '#'}{query}")

    assert state not in _output(caught.value)
