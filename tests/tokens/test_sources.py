"""Token sources, which renew tokens while many tasks use them, and the accounts of users."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
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
    StoredToken,
    TokenEndpoint,
    TokenExpiryWarning,
    TokenSource,
    errors,
)
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth import Token
from tests.support.tokens import APP, NO_WAIT, NOW, SITE, make_token

pytestmark = pytest.mark.anyio


class Provider:
    """An API and an OAuth provider that revokes the old tokens at once (observed)."""

    def __init__(self) -> None:
        self.current_number = 0
        self.log: list[str] = []
        self.forms: list[dict[str, list[str]]] = []
        self.may_respond = anyio.Event()
        self.may_respond.set()
        self.revoked: set[str] = set()

    @property
    def renewals(self) -> int:
        return self.log.count("renewed")

    async def serve(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return await self._renew(parse_qs(request.content.decode()))
        if request.url.path == "/oauth/revoke":
            return httpx.Response(200, json={})
        sent = request.headers["authorization"].removeprefix("Bearer ")
        if sent != f"access-{self.current_number}" or sent in self.revoked:
            self.log.append(f"refused {sent}")
            return httpx.Response(401, headers={"WWW-Authenticate": "Bearer"})
        self.log.append(f"served {sent}")
        return httpx.Response(200, json={"id": 7, "comment": request.content.decode() or None})

    async def _renew(self, form: dict[str, list[str]]) -> httpx.Response:
        self.forms.append(form)
        await self.may_respond.wait()
        if form["refresh_token"] != [f"refresh-{self.current_number}"]:
            self.log.append("invalid_grant")
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.current_number += 1
        self.log.append("renewed")
        pair = {
            "access_token": f"access-{self.current_number}",
            "refresh_token": f"refresh-{self.current_number}",
        }
        return httpx.Response(200, json={**pair, "token_type": "Bearer", "expires_in": 7200})


class RecordingStore(MemoryStore):
    """A store that logs each token that is stored."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self._log = log

    async def put(self, key: str, token: Token) -> None:
        await super().put(key, token)
        self._log.append("stored " + token.access_token.reveal())


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def http(provider: Provider) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(provider.serve))


@pytest.fixture
def endpoint(http: httpx.AsyncClient) -> TokenEndpoint:
    return TokenEndpoint(APP, http=http, limiter=None, retry=NO_WAIT, now=lambda: NOW)


@pytest.fixture
def store(provider: Provider) -> RecordingStore:
    return RecordingStore(provider.log)


@pytest.fixture
def source(store: RecordingStore, endpoint: TokenEndpoint) -> StoredToken:
    return StoredToken(store, "me", endpoint=endpoint, now=lambda: NOW)


@pytest.fixture
def client(http: httpx.AsyncClient, source: StoredToken) -> AsyncClient:
    return AsyncClient(source, base_url=SITE, http=http, limiter=None, retry=NO_WAIT)


async def _run_concurrently(times: int, call: Callable[[], Any]) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(times):
            tasks.start_soon(call)


async def test_a_stored_token_is_a_token_source(source: StoredToken) -> None:
    assert isinstance(source, TokenSource)


async def test_concurrent_tasks_renew_an_expired_token_once(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    await store.put("me", make_token(0, age=8000))

    await _run_concurrently(100, client.users.me)

    assert provider.renewals == 1
    assert provider.log.count("served access-1") == 100


async def test_concurrent_401s_renew_the_token_once(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    await store.put("me", make_token(0))
    provider.revoked = {"access-0"}

    await _run_concurrently(100, client.users.me)

    assert provider.renewals == 1
    assert provider.log.count("served access-1") == 100


async def test_a_token_is_renewed_before_it_expires(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    await store.put("me", make_token(0, age=7200 - 30))

    await client.users.me()

    assert [line for line in provider.log if line.startswith("refused")] == []
    assert provider.log[1:] == ["renewed", "stored access-1", "served access-1"]


async def test_a_token_with_a_lifetime_below_the_leeway_is_not_renewed_each_time(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    await store.put("me", make_token(0, lifetime=50.0))

    await _run_concurrently(3, client.users.me)

    assert provider.renewals == 0


async def test_a_new_token_is_stored_before_it_is_used(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    await store.put("me", make_token(0, age=8000))

    await client.users.me()

    assert provider.log.index("stored access-1") < provider.log.index("served access-1")


async def test_a_refused_token_that_was_already_replaced_is_not_renewed_again(
    provider: Provider, store: RecordingStore, source: StoredToken
) -> None:
    await store.put("me", make_token(0))
    first = await source.current()

    assert await source.replaced(first)
    assert await source.replaced(first)

    assert provider.renewals == 1
    assert await source.current() == Secret("access-1")


async def test_a_write_is_repeated_with_its_body_and_the_new_token(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    await store.put("me", make_token(0))
    provider.revoked = {"access-0"}

    response = await client.request("POST", "/issues/7/comments", json={"comment": "Still dark"})

    assert json.loads(response.json()["comment"]) == {"comment": "Still dark"}
    assert provider.log[-4:] == [
        "refused access-0",
        "renewed",
        "stored access-1",
        "served access-1",
    ]


async def test_a_request_is_repeated_once_after_a_401(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    await store.put("me", make_token(0))
    provider.revoked = {"access-0", "access-1"}

    with pytest.raises(errors.AuthenticationError):
        await client.users.me()

    assert provider.log.count("refused access-0") == 1
    assert provider.log.count("refused access-1") == 1


async def test_a_renewal_with_a_limiter_of_one_slot_does_not_deadlock(
    http: httpx.AsyncClient, store: RecordingStore
) -> None:
    limiter = Limiter(1, per=0.01)
    endpoint = TokenEndpoint(APP, http=http, limiter=limiter, now=lambda: NOW)
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: NOW)
    client = AsyncClient(source, base_url=SITE, http=http, limiter=limiter)
    await store.put("me", make_token(0, age=8000))

    with anyio.fail_after(10):
        assert await client.users.me()


async def _until_renewing(provider: Provider) -> None:
    while not provider.forms:
        await anyio.lowlevel.checkpoint()


async def test_a_renewal_survives_the_cancellation_of_one_waiter(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    await store.put("me", make_token(0, age=8000))
    provider.may_respond = anyio.Event()

    async with anyio.create_task_group() as continuing:
        async with anyio.create_task_group() as cancelled:
            cancelled.start_soon(client.users.me)
            await _until_renewing(provider)
            continuing.start_soon(client.users.me)
            await anyio.lowlevel.checkpoint()
            cancelled.cancel_scope.cancel()
        provider.may_respond.set()

    assert provider.renewals == 1
    assert provider.log[-1] == "served access-1"


async def test_a_renewal_is_stored_after_all_waiters_are_cancelled(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    await store.put("me", make_token(0, age=8000))
    provider.may_respond = anyio.Event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.users.me)
        await _until_renewing(provider)
        tasks.cancel_scope.cancel()
    provider.may_respond.set()
    while "stored access-1" not in provider.log:
        await anyio.lowlevel.checkpoint()

    await client.users.me()
    assert provider.renewals == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_renewal_survives_task_cancel_of_asyncio(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    """`asyncio.wait_for` and web frameworks cancel tasks outside every cancel scope."""
    await store.put("me", make_token(0, age=8000))
    provider.may_respond = anyio.Event()
    task = asyncio.ensure_future(client.users.me())
    await _until_renewing(provider)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    provider.may_respond.set()

    await client.users.me()
    assert provider.log[-3:] == ["renewed", "stored access-1", "served access-1"]


async def test_a_refused_refresh_token_is_sent_once(
    provider: Provider, store: RecordingStore, client: AsyncClient
) -> None:
    await store.put("me", make_token(0, age=8000))
    provider.current_number = 5

    for _ in range(3):
        with pytest.raises(errors.ReauthorizationRequiredError) as caught:
            await client.users.me()

    assert caught.value.key == "me"
    assert provider.log.count("invalid_grant") == 1

    await store.put("me", make_token(5))
    assert await client.users.me()


async def test_a_missing_token_requires_reauthorization(client: AsyncClient) -> None:
    with pytest.raises(errors.ReauthorizationRequiredError, match="no token is stored"):
        await client.users.me()


async def test_a_token_without_a_refresh_token_is_used_until_it_expires(
    provider: Provider, http: httpx.AsyncClient, store: RecordingStore
) -> None:
    token = Token(Secret("access-0"), "Bearer", 7200.0, None, NOW - timedelta(seconds=7190))
    await store.put("me", token)
    clock = [NOW]
    source = StoredToken(store, "me", now=lambda: clock[0])
    client = AsyncClient(source, base_url=SITE, http=http, limiter=None)

    assert await client.users.me()
    clock[0] += timedelta(seconds=20)

    with pytest.raises(errors.ReauthorizationRequiredError, match="cannot be renewed"):
        await client.users.me()
    assert provider.renewals == 0


async def test_a_token_that_another_process_renewed_is_loaded_after_a_401(
    provider: Provider, http: httpx.AsyncClient, store: RecordingStore
) -> None:
    await store.put("me", make_token(0))
    source = StoredToken(store, "me", now=lambda: NOW)
    client = AsyncClient(source, base_url=SITE, http=http, limiter=None)
    await client.users.me()

    provider.current_number = 1
    await store.put("me", make_token(1))

    assert await client.users.me()
    assert provider.log[-2:] == ["refused access-0", "served access-1"]


@pytest.mark.parametrize("age", [7200 - 30, 8000])
async def test_a_failed_renewal_raises_only_if_the_token_has_expired(
    store: RecordingStore, age: float
) -> None:
    async def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(503)
        return httpx.Response(200, json={"id": 7})

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(APP, http=http, limiter=None, retry=NO_WAIT, now=lambda: NOW)
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: NOW)
    client = AsyncClient(source, base_url=SITE, http=http, limiter=None, retry=NO_WAIT)
    await store.put("me", make_token(0, age=age))

    if age < 7200:
        assert await client.users.me()
    else:
        with pytest.raises(errors.ServerError):
            await client.users.me()


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(503, json={"error": "temporarily_unavailable"}),
        httpx.Response(200, content=b"<html>"),
    ],
)
async def test_an_invalid_response_to_a_renewal_leaves_the_valid_token_in_use(
    store: RecordingStore, response: httpx.Response
) -> None:
    async def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return response
        return httpx.Response(200, json={"id": 7})

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(APP, http=http, limiter=None, retry=NO_WAIT, now=lambda: NOW)
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: NOW)
    await store.put("me", make_token(0, age=7200 - 30))

    assert await source.current() == Secret("access-0")


async def test_a_renewal_is_not_repeated_if_its_response_is_lost(store: RecordingStore) -> None:
    paths: list[str] = []

    async def serve(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        raise httpx.ReadError("broken")

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(APP, http=http, limiter=None, retry=NO_WAIT, now=lambda: NOW)
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: NOW)
    client = AsyncClient(source, base_url=SITE, http=http, limiter=None, retry=NO_WAIT)
    await store.put("me", make_token(0, age=8000))

    with pytest.raises(errors.AnswerLostError):
        await client.users.me()

    assert paths == ["/oauth/token"]


async def test_a_new_token_that_could_not_be_stored_is_stored_by_the_next_call(
    provider: Provider, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    await store.put("me", make_token(0, age=8000))
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: NOW)

    async def fail(_key: str, _token: Token) -> None:
        raise errors.TokenStoreError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "put", fail)
        with pytest.raises(errors.TokenStoreError):
            await source.current()

    assert await source.current() == Secret("access-1")
    assert provider.renewals == 1
    stored = await store.get("me")
    assert stored is not None
    assert stored.access_token == Secret("access-1")


async def test_a_refused_refresh_token_is_ignored_if_another_process_renewed_first(
    provider: Provider, store: RecordingStore, source: StoredToken
) -> None:
    await store.put("me", make_token(0, age=8000))
    provider.may_respond = anyio.Event()
    provider.current_number = 1

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.current)
        await _until_renewing(provider)
        await store.put("me", make_token(1))  # by another process, whose lock had not expired
        provider.may_respond.set()

    assert provider.log.count("invalid_grant") == 1
    assert await source.current() == Secret("access-1")


async def test_closing_the_endpoint_waits_for_a_renewal(
    provider: Provider, store: RecordingStore, endpoint: TokenEndpoint, client: AsyncClient
) -> None:
    await store.put("me", make_token(0, age=8000))
    provider.may_respond = anyio.Event()

    async with anyio.create_task_group() as closing:
        async with anyio.create_task_group() as cancelled:
            cancelled.start_soon(client.users.me)
            await _until_renewing(provider)
            cancelled.cancel_scope.cancel()
        closing.start_soon(endpoint.aclose)
        await anyio.lowlevel.checkpoint()
        provider.may_respond.set()

    assert provider.log[-1] == "stored access-1"


async def test_no_request_is_sent_for_a_signed_out_user(
    provider: Provider, store: RecordingStore, http: httpx.AsyncClient, endpoint: TokenEndpoint
) -> None:
    accounts = Accounts(store, endpoint)
    client = AsyncClient(base_url=SITE, http=http, limiter=None)
    token = Token(Secret("access-0"), "Bearer", None, None, NOW)
    await accounts.sign_in("me", token)
    view = client.with_options(token=accounts.source("me"))
    await view.users.me()

    await accounts.sign_out("me")
    with pytest.raises(errors.ReauthorizationRequiredError):
        await view.users.me()

    assert provider.log.count("served access-0") == 1


class _SlowStore(MemoryStore):
    """A store whose first result arrives late."""

    def __init__(self) -> None:
        super().__init__()
        self.may_return = anyio.Event()
        self.results = 0

    async def get(self, key: str) -> Token | None:
        token = await super().get(key)
        self.results += 1
        if self.results == 1:
            await self.may_return.wait()
        return token


@pytest.mark.parametrize("signs_in_again", [True, False])
async def test_a_token_that_is_read_during_a_change_is_not_used_afterwards(
    endpoint: TokenEndpoint, *, signs_in_again: bool
) -> None:
    store = _SlowStore()
    await store.put("me", make_token(1, lifetime=None))
    accounts = Accounts(store, endpoint)
    source = accounts.source("me")
    seen: list[Secret] = []

    async def use() -> None:
        try:
            seen.append(await source.current())
        except errors.ReauthorizationRequiredError:
            assert not signs_in_again

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(use)
        await anyio.wait_all_tasks_blocked()
        if signs_in_again:
            await accounts.sign_in("me", make_token(2, lifetime=None))
        else:
            await accounts.sign_out("me")
        store.may_return.set()
    await use()

    assert seen == [Secret("access-2")] * 2 * signs_in_again


async def test_accounts_return_one_source_for_each_user(endpoint: TokenEndpoint) -> None:
    accounts = Accounts(MemoryStore(), endpoint)
    source = accounts.source("me")

    assert accounts.source("me") is source
    assert accounts.source("you") is not source


class PersonalTokens:
    """A source of personal access tokens, which contain their expiry date."""

    def __init__(self) -> None:
        self.number = 1

    async def current(self) -> Secret:
        return Secret(f"me-08/12/2024-01/0{self.number}/2025-xxxxxxxx")

    async def replaced(self, refused: Secret) -> bool:
        return False


async def test_each_expiring_token_of_a_source_warns_once_at_the_callers_line() -> None:
    sent: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["Authorization"])
        return httpx.Response(200, json={"id": 7})

    async def send_requests() -> None:
        source = PersonalTokens()
        async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as http:
            client = AsyncClient(source, base_url=SITE, http=http, limiter=None)
            for source.number in (1, 1, 2, 2):
                await client.issues.get(7)

    with pytest.warns(TokenExpiryWarning) as caught:
        await send_requests()

    assert [warning.filename for warning in caught] == [__file__, __file__]
    assert ["2025-01-01" in str(warning.message) for warning in caught] == [True, False]
    assert [header[-15:-9] for header in sent] == ["1/2025", "1/2025", "2/2025", "2/2025"]
