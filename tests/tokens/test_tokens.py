"""The token endpoint, and tokens that are renewed while many tasks use them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import anyio
import anyio.lowlevel
import httpx
import pytest

from seeclickfix_async import (
    Accounts,
    AsyncClient,
    Limiter,
    MemoryStore,
    Retry,
    StoredToken,
    TokenEndpoint,
    TokenExpiryWarning,
    TokenSource,
    errors,
)
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth import Application, AuthorizationCode, Token

pytestmark = pytest.mark.anyio

_SITE = "https://city.example"
_APP = Application("app", "https://app.example/callback", "the-secret", _SITE)
_NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
_NO_WAIT = Retry(base=0, random=lambda: 0.0)
_CODE = AuthorizationCode(Secret("the-code"), "https://app.example/callback", Secret("v" * 43))


def token_of(number: int, *, age: float = 0.0, lifetime: float | None = 7200.0) -> Token:
    return Token(
        access_token=Secret(f"access-{number}"),
        token_type="Bearer",
        expires_in=lifetime,
        scope=("public",),
        created_at=_NOW - timedelta(seconds=age),
        refresh_token=Secret(f"refresh-{number}"),
    )


class Provider:
    """An API and a provider in one, which ends the old pair at once, as some do (observed)."""

    def __init__(self) -> None:
        self.alive = 0
        self.log: list[str] = []
        self.forms: list[dict[str, list[str]]] = []
        self.answering = anyio.Event()
        self.answering.set()
        self.dead: set[str] = set()

    @property
    def renewals(self) -> int:
        return self.log.count("renewed")

    async def serve(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return await self._renew(parse_qs(request.content.decode()))
        if request.url.path == "/oauth/revoke":
            return httpx.Response(200, json={})
        sent = request.headers["authorization"].removeprefix("Bearer ")
        if sent != f"access-{self.alive}" or sent in self.dead:
            self.log.append(f"refused {sent}")
            return httpx.Response(401, headers={"WWW-Authenticate": "Bearer"})
        self.log.append(f"served {sent}")
        return httpx.Response(200, json={"id": 7, "comment": request.content.decode() or None})

    async def _renew(self, form: dict[str, list[str]]) -> httpx.Response:
        self.forms.append(form)
        await self.answering.wait()
        if form["refresh_token"] != [f"refresh-{self.alive}"]:
            self.log.append("invalid_grant")
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.alive += 1
        self.log.append("renewed")
        answer = {"access_token": f"access-{self.alive}", "refresh_token": f"refresh-{self.alive}"}
        return httpx.Response(200, json={**answer, "token_type": "Bearer", "expires_in": 7200})


class Told(MemoryStore):
    """A store that tells when it keeps something."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self._log = log

    async def put(self, key: str, token: Token) -> None:
        await super().put(key, token)
        self._log.append("kept " + token.access_token.reveal())


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def http(provider: Provider) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(provider.serve))


@pytest.fixture
def endpoint(http: httpx.AsyncClient) -> TokenEndpoint:
    return TokenEndpoint(_APP, http=http, limiter=None, retry=_NO_WAIT, now=lambda: _NOW)


@pytest.fixture
def store(provider: Provider) -> Told:
    return Told(provider.log)


@pytest.fixture
def source(store: Told, endpoint: TokenEndpoint) -> StoredToken:
    return StoredToken(store, "me", endpoint=endpoint, now=lambda: _NOW)


@pytest.fixture
def client(http: httpx.AsyncClient, source: StoredToken) -> AsyncClient:
    return AsyncClient(source, base_url=_SITE, http=http, limiter=None, retry=_NO_WAIT)


async def _at_once(times: int, call: Callable[[], Any]) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(times):
            tasks.start_soon(call)


# -- renewing -------------------------------------------------------------------------------------


async def test_a_token_is_a_token_source(source: StoredToken) -> None:
    assert isinstance(source, TokenSource)


async def test_a_hundred_tasks_renew_an_expired_token_once(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    await store.put("me", token_of(0, age=8000))

    await _at_once(100, client.users.me)

    assert provider.renewals == 1
    assert provider.log.count("served access-1") == 100


async def test_a_hundred_refusals_renew_once(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    await store.put("me", token_of(0))
    provider.dead = {"access-0"}

    await _at_once(100, client.users.me)

    assert provider.renewals == 1
    assert provider.log.count("served access-1") == 100


async def test_a_token_is_renewed_before_it_ends(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    await store.put("me", token_of(0, age=7200 - 30))

    await client.users.me()

    assert [line for line in provider.log if line.startswith("refused")] == []
    assert provider.log[1:] == ["renewed", "kept access-1", "served access-1"]


async def test_a_short_life_is_no_reason_to_renew_each_time(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    await store.put("me", token_of(0, lifetime=50.0))

    await _at_once(3, client.users.me)

    assert provider.renewals == 0


async def test_a_new_pair_is_kept_before_it_is_used(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    await store.put("me", token_of(0, age=8000))

    await client.users.me()

    kept, used = provider.log.index("kept access-1"), provider.log.index("served access-1")
    assert kept < used


async def test_only_the_token_that_failed_is_renewed(
    provider: Provider, store: Told, source: StoredToken
) -> None:
    await store.put("me", token_of(0))
    first = await source.current()

    assert await source.replaced(first)
    assert await source.replaced(first)

    assert provider.renewals == 1
    assert await source.current() == Secret("access-1")


async def test_a_write_is_sent_again_whole_with_the_new_token(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    await store.put("me", token_of(0))
    provider.dead = {"access-0"}

    answer = await client.request("POST", "/issues/7/comments", json={"comment": "Still dark"})

    assert json.loads(answer.json()["comment"]) == {"comment": "Still dark"}
    assert provider.log[-4:] == [
        "refused access-0",
        "renewed",
        "kept access-1",
        "served access-1",
    ]


async def test_a_service_that_refuses_every_token_is_asked_twice(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    await store.put("me", token_of(0))
    provider.dead = {"access-0", "access-1"}

    with pytest.raises(errors.AuthenticationError):
        await client.users.me()

    assert provider.log.count("refused access-0") == 1
    assert provider.log.count("refused access-1") == 1


async def test_a_renewal_needs_no_second_place_in_the_quota(
    http: httpx.AsyncClient, store: Told
) -> None:
    limiter = Limiter(1, per=0.01)
    endpoint = TokenEndpoint(_APP, http=http, limiter=limiter, now=lambda: _NOW)
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: _NOW)
    client = AsyncClient(source, base_url=_SITE, http=http, limiter=limiter)
    await store.put("me", token_of(0, age=8000))

    with anyio.fail_after(10):
        assert await client.users.me()


# -- who leaves takes nothing along ---------------------------------------------------------------


async def _until_asked(provider: Provider) -> None:
    while not provider.forms:
        await anyio.lowlevel.checkpoint()


async def test_a_waiter_that_leaves_takes_nothing_along(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    await store.put("me", token_of(0, age=8000))
    provider.answering = anyio.Event()

    async with anyio.create_task_group() as staying:
        async with anyio.create_task_group() as leaving:
            leaving.start_soon(client.users.me)
            await _until_asked(provider)
            staying.start_soon(client.users.me)
            await anyio.lowlevel.checkpoint()
            leaving.cancel_scope.cancel()
        provider.answering.set()

    assert provider.renewals == 1
    assert provider.log[-1] == "served access-1"


async def test_a_renewal_that_nobody_waits_for_is_kept(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    await store.put("me", token_of(0, age=8000))
    provider.answering = anyio.Event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.users.me)
        await _until_asked(provider)
        tasks.cancel_scope.cancel()
    provider.answering.set()
    while "kept access-1" not in provider.log:
        await anyio.lowlevel.checkpoint()

    await client.users.me()
    assert provider.renewals == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_asyncios_own_cancellation_takes_nothing_along(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    """`asyncio.wait_for` and web frameworks cancel from outside of every cancel scope."""
    await store.put("me", token_of(0, age=8000))
    provider.answering = anyio.Event()
    task = asyncio.ensure_future(client.users.me())
    await _until_asked(provider)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    provider.answering.set()

    await client.users.me()
    assert provider.log[-3:] == ["renewed", "kept access-1", "served access-1"]


# -- when it cannot be renewed --------------------------------------------------------------------


async def test_a_dead_refresh_token_is_tried_once(
    provider: Provider, store: Told, client: AsyncClient
) -> None:
    await store.put("me", token_of(0, age=8000))
    provider.alive = 5

    for _ in range(3):
        with pytest.raises(errors.ReauthorizationRequiredError) as caught:
            await client.users.me()

    assert caught.value.key == "me"
    assert provider.log.count("invalid_grant") == 1

    await store.put("me", token_of(5))
    assert await client.users.me()


async def test_nobody_is_signed_in(client: AsyncClient) -> None:
    with pytest.raises(errors.ReauthorizationRequiredError, match="no token is stored"):
        await client.users.me()


async def test_a_token_without_a_refresh_token_lives_to_its_end(
    provider: Provider, http: httpx.AsyncClient, store: Told
) -> None:
    token = Token(Secret("access-0"), "Bearer", 7200.0, None, _NOW - timedelta(seconds=7190))
    await store.put("me", token)
    clock = [_NOW]
    source = StoredToken(store, "me", now=lambda: clock[0])
    client = AsyncClient(source, base_url=_SITE, http=http, limiter=None)

    assert await client.users.me()
    clock[0] += timedelta(seconds=20)

    with pytest.raises(errors.ReauthorizationRequiredError, match="cannot be renewed"):
        await client.users.me()
    assert provider.renewals == 0


async def test_somebody_else_may_have_renewed_it(
    provider: Provider, http: httpx.AsyncClient, store: Told
) -> None:
    await store.put("me", token_of(0))
    source = StoredToken(store, "me", now=lambda: _NOW)
    client = AsyncClient(source, base_url=_SITE, http=http, limiter=None)
    await client.users.me()

    provider.alive = 1
    await store.put("me", token_of(1))

    assert await client.users.me()
    assert provider.log[-2:] == ["refused access-0", "served access-1"]


@pytest.mark.parametrize("age", [7200 - 30, 8000])
async def test_a_provider_that_is_away_matters_only_at_the_end(store: Told, age: float) -> None:
    async def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(503)
        return httpx.Response(200, json={"id": 7})

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(_APP, http=http, limiter=None, retry=_NO_WAIT, now=lambda: _NOW)
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: _NOW)
    client = AsyncClient(source, base_url=_SITE, http=http, limiter=None, retry=_NO_WAIT)
    await store.put("me", token_of(0, age=age))

    if age < 7200:
        assert await client.users.me()
    else:
        with pytest.raises(errors.ServerError):
            await client.users.me()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503, json={"error": "temporarily_unavailable"}),
        httpx.Response(200, content=b"<html>"),
    ],
)
async def test_a_provider_that_stammers_is_as_good_as_away(
    store: Told, answer: httpx.Response
) -> None:
    async def serve(request: httpx.Request) -> httpx.Response:
        return answer if request.url.path == "/oauth/token" else httpx.Response(200, json={"id": 7})

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(_APP, http=http, limiter=None, retry=_NO_WAIT, now=lambda: _NOW)
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: _NOW)
    await store.put("me", token_of(0, age=7200 - 30))

    assert await source.current() == Secret("access-0")


async def test_a_read_does_not_renew_again_when_the_answer_is_lost(store: Told) -> None:
    asked: list[str] = []

    async def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        raise httpx.ReadError("broke")

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(_APP, http=http, limiter=None, retry=_NO_WAIT, now=lambda: _NOW)
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: _NOW)
    client = AsyncClient(source, base_url=_SITE, http=http, limiter=None, retry=_NO_WAIT)
    await store.put("me", token_of(0, age=8000))

    with pytest.raises(errors.AnswerLostError):
        await client.users.me()

    assert asked == ["/oauth/token"]


async def test_a_pair_that_could_not_be_kept_is_kept_next_time(
    provider: Provider, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    await store.put("me", token_of(0, age=8000))
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: _NOW)

    async def fail(_key: str, _token: Token) -> None:
        raise errors.TokenStoreError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "put", fail)
        with pytest.raises(errors.TokenStoreError):
            await source.current()

    assert await source.current() == Secret("access-1")
    assert provider.renewals == 1
    kept = await store.get("me")
    assert kept is not None
    assert kept.access_token == Secret("access-1")


async def test_a_refusal_counts_only_if_nobody_was_faster(
    provider: Provider, store: Told, source: StoredToken
) -> None:
    await store.put("me", token_of(0, age=8000))
    provider.answering = anyio.Event()
    provider.alive = 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.current)
        await _until_asked(provider)
        await store.put("me", token_of(1))  # by somebody whose lock had not ended by itself
        provider.answering.set()

    assert provider.log.count("invalid_grant") == 1
    assert await source.current() == Secret("access-1")


async def test_closing_the_endpoint_waits_for_a_renewal(
    provider: Provider, store: Told, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    await store.put("me", token_of(0, age=8000))
    provider.answering = anyio.Event()

    async with anyio.create_task_group() as closing:
        async with anyio.create_task_group() as leaving:
            leaving.start_soon(client.users.me)
            await _until_asked(provider)
            leaving.cancel_scope.cancel()
        closing.start_soon(endpoint.aclose)
        await anyio.lowlevel.checkpoint()
        provider.answering.set()

    assert provider.log[-1] == "kept access-1"


async def test_who_signed_out_is_not_acted_for(
    provider: Provider, store: Told, http: httpx.AsyncClient, endpoint: TokenEndpoint
) -> None:
    accounts = Accounts(store, endpoint)
    client = AsyncClient(base_url=_SITE, http=http, limiter=None)
    token = Token(Secret("access-0"), "Bearer", None, None, _NOW)
    await accounts.sign_in("me", token)
    view = client.with_options(token=accounts.source("me"))
    await view.users.me()

    await accounts.sign_out("me")
    with pytest.raises(errors.ReauthorizationRequiredError):
        await view.users.me()

    assert provider.log.count("served access-0") == 1


async def test_a_token_is_revoked_even_if_it_cannot_be_tried(store: Told) -> None:
    asked: list[str] = []

    async def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        match request.url.path:
            case "/oauth/token":
                return httpx.Response(200, json=_GOOD)
            case "/oauth/revoke":
                return httpx.Response(200, json={})
        return httpx.Response(404)

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(_APP, http=http, limiter=None, retry=_NO_WAIT, now=lambda: _NOW)

    await endpoint.revoke(token_of(0, age=8000))

    assert asked == ["/oauth/token", "/oauth/token/info", "/oauth/revoke"]


async def test_accounts_hand_out_one_source_a_user(endpoint: TokenEndpoint) -> None:
    accounts = Accounts(MemoryStore(), endpoint)
    source = accounts.source("me")

    assert accounts.source("me") is source
    assert accounts.source("you") is not source


# -- the token endpoint ---------------------------------------------------------------------------


def _endpoint(answer: httpx.Response | Exception, seen: list[httpx.Request]) -> TokenEndpoint:
    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    return TokenEndpoint(_APP, http=http, limiter=None, retry=_NO_WAIT, now=lambda: _NOW)


_GOOD = {"access_token": "a", "token_type": "bearer", "expires_in": "3600", "scope": "x y"}


async def test_what_is_sent_is_a_form_with_the_secret_in_it() -> None:
    seen: list[httpx.Request] = []

    token = await _endpoint(httpx.Response(200, json=_GOOD), seen).exchange(_CODE)

    assert token == Token(Secret("a"), "bearer", 3600.0, ("x", "y"), _NOW)
    assert str(seen[0].url) == f"{_SITE}/oauth/token"
    assert "authorization" not in seen[0].headers
    assert parse_qs(seen[0].content.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["the-code"],
        "redirect_uri": ["https://app.example/callback"],
        "code_verifier": ["v" * 43],
        "client_id": ["app"],
        "client_secret": ["the-secret"],
    }


async def test_a_refresh_keeps_what_the_answer_leaves_out() -> None:
    answer = httpx.Response(200, json={"access_token": "new", "token_type": "Bearer"})

    token = await _endpoint(answer, []).refresh(token_of(0))

    assert (token.access_token, token.refresh_token) == (Secret("new"), Secret("refresh-0"))
    assert (token.scope, token.expires_in) == (("public",), None)


async def test_what_cannot_be_renewed_is_not_sent() -> None:
    seen: list[httpx.Request] = []
    token = Token(Secret("a"), "Bearer", None, None, _NOW)

    with pytest.raises(errors.InvalidArgumentError, match="no refresh token"):
        await _endpoint(httpx.Response(200), seen).refresh(token)

    assert seen == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"access_token": None}, "access_token"),
        ({"access_token": ""}, "access_token"),
        ({"access_token": "two\r\nlines"}, "access_token"),
        ({"access_token": ["a"]}, "access_token"),
        ({"token_type": "mac"}, "token_type"),
        ({"token_type": None}, "token_type"),
        ({"refresh_token": 7}, "refresh_token"),
        ({"scope": ["x"]}, "scope"),
    ],
)
async def test_an_answer_that_is_no_token_is_refused(change: dict[str, Any], path: str) -> None:
    with pytest.raises(errors.DecodeError) as caught:
        await _endpoint(httpx.Response(200, json=_GOOD | change), []).exchange(_CODE)

    assert caught.value.path == path
    assert caught.value.route == "POST /oauth/token"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"x"', b"\xff"])
async def test_an_answer_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(errors.DecodeError):
        await _endpoint(httpx.Response(200, content=body), []).exchange(_CODE)


@pytest.mark.parametrize("told", [-1, 0, "x", None, True, 10**30, [3600], "nan", "inf"])
async def test_a_lifetime_that_cannot_be_believed_is_none(told: object) -> None:
    answer = httpx.Response(200, json=_GOOD | {"expires_in": told})

    assert (await _endpoint(answer, []).exchange(_CODE)).expires_at is None


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("invalid_grant", 400, errors.InvalidGrantError),
        ("invalid_client", 401, errors.InvalidClientError),
        ("invalid_scope", 400, errors.InvalidScopeError),
        ("unauthorized_client", 403, errors.UnauthorizedClientError),
        ("unsupported_grant_type", 400, errors.UnsupportedFlowError),
        ("temporarily_unavailable", 503, errors.ProviderUnavailableError),
        ("something_new", 400, errors.AuthorizationError),
    ],
)
async def test_the_providers_codes_are_errors(
    code: str, status: int, kind: type[errors.AuthorizationError]
) -> None:
    body = {"error": code, "error_description": "Its own\nwords."}

    with pytest.raises(errors.AuthorizationError) as caught:
        await _endpoint(httpx.Response(status, json=body), []).exchange(_CODE)

    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.description) == (code, "Its own words.")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/elsewhere", "https://evil.example/"])
async def test_no_redirect_is_followed(status: int, target: str) -> None:
    seen: list[httpx.Request] = []
    endpoint = _endpoint(httpx.Response(status, headers={"Location": target}), seen)

    for call in (endpoint.exchange(_CODE), endpoint.info("token")):
        with pytest.raises(errors.RedirectRefusedError):
            await call

    assert {request.url.path for request in seen} == {"/oauth/token", "/oauth/token/info"}


@pytest.mark.parametrize(
    ("answer", "tries"),
    [
        (httpx.ConnectError("no"), 4),
        (httpx.Response(429, headers={"Retry-After": "0"}), 4),
        (httpx.ReadError("broke"), 1),
        (httpx.ReadTimeout("late"), 1),
        (httpx.Response(502), 1),
    ],
)
async def test_only_what_surely_did_nothing_is_sent_again(
    answer: httpx.Response | Exception, tries: int
) -> None:
    seen: list[httpx.Request] = []
    endpoint = _endpoint(answer, seen)

    with pytest.raises(errors.SeeClickFixError):
        await endpoint.exchange(_CODE)

    assert len(seen) == tries


async def test_an_older_provider_is_read_as_well() -> None:
    body = {"resource_owner_id": 1, "scopes": ["public"], "expires_in_seconds": 5}
    endpoint = _endpoint(httpx.Response(200, json=body), [])

    info = await endpoint.info("token")

    assert (info.scope, info.expires_in, info.client_id, info.created_at) == (
        ("public",),
        5.0,
        None,
        None,
    )


async def test_an_introspection_that_never_ends(http: httpx.AsyncClient) -> None:
    told = await _endpoint(
        httpx.Response(200, json={"active": True, "exp": 0, "iat": 1_790_000_000}), []
    ).introspect("token")

    assert told.active
    assert told.expires_at is None
    assert told.issued_at is not None


async def test_an_introspection_that_says_nothing_is_refused() -> None:
    with pytest.raises(errors.DecodeError) as caught:
        await _endpoint(httpx.Response(200, json={"active": "yes"}), []).introspect("token")

    assert caught.value.path == "active"


async def test_a_closed_endpoint_says_so(endpoint: TokenEndpoint) -> None:
    async with endpoint:
        pass

    with pytest.raises(errors.ClosedClientError):
        await endpoint.exchange(_CODE)


class PersonalTokens:
    """A source of personal access tokens, which say when they end."""

    def __init__(self) -> None:
        self.number = 1

    async def current(self) -> Secret:
        return Secret(f"me-08/12/2024-01/0{self.number}/2025-xxxxxxxx")

    async def replaced(self, refused: Secret) -> bool:
        return False


async def test_each_token_of_a_source_warns_once_where_it_is_used() -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["Authorization"])
        return httpx.Response(200, json={"id": 7})

    async def get_issues() -> None:
        source = PersonalTokens()
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            client = AsyncClient(source, base_url=_SITE, http=http, limiter=None)
            for source.number in (1, 1, 2, 2):
                await client.issues.get(7)

    with pytest.warns(TokenExpiryWarning) as caught:
        await get_issues()

    assert [warning.filename for warning in caught] == [__file__, __file__]
    assert ["2025-01-01" in str(warning.message) for warning in caught] == [True, False]
    assert [header[-15:-9] for header in sent] == ["1/2025", "1/2025", "2/2025", "2/2025"]
