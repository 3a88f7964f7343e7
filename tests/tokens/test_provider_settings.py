"""Both flows and the token endpoint with other settings of the provider, and in two processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import anyio
import coredis
import pytest

from seeclickfix_async import (
    AsyncClient,
    FileStore,
    MemoryStore,
    StoredToken,
    TokenEndpoint,
    errors,
    oauth,
)
from seeclickfix_async.oauth import AuthorizationCode, Token
from seeclickfix_async.tokens import RedisStore
from tests.support.doorkeeper import Doorkeeper, doorkeeper
from tests.support.redis_server import redis_server
from tests.support.repository import ROOT

pytestmark = pytest.mark.anyio


def finish_login(provider: Doorkeeper, kind: oauth.FlowKind = "code") -> Token | AuthorizationCode:
    flow = oauth.begin(provider.application(), kind)
    return oauth.finish(flow, provider.authorize(flow.url))


async def login_for_token(provider: Doorkeeper, endpoint: TokenEndpoint) -> Token:
    return await endpoint.exchange(cast("AuthorizationCode", finish_login(provider)))


@asynccontextmanager
async def connect(provider: Doorkeeper) -> AsyncIterator[tuple[TokenEndpoint, AsyncClient]]:
    async with (
        TokenEndpoint(provider.application(), limiter=None) as endpoint,
        AsyncClient(base_url=provider.url, limiter=None) as client,
    ):
        yield endpoint, client


@pytest.fixture(scope="module")
def without_expiry_and_pkce() -> Iterator[Doorkeeper]:
    with doorkeeper(expires_in="never", pkce=0) as provider:
        yield provider


async def test_tokens_that_never_expire(without_expiry_and_pkce: Doorkeeper) -> None:
    implicit = cast("Token", finish_login(without_expiry_and_pkce, "implicit"))
    async with connect(without_expiry_and_pkce) as (endpoint, client):
        token = await login_for_token(without_expiry_and_pkce, endpoint)

        assert implicit.expires_at is token.expires_at is None
        assert not token.expired()
        assert (await endpoint.info(token)).expires_in is None
        assert (await endpoint.introspect(token)).expires_at is None
        await endpoint.revoke(token)
        with pytest.raises(errors.AuthenticationError, match="revoked"):
            await client.with_options(token=token).users.me()


async def test_a_provider_without_pkce(without_expiry_and_pkce: Doorkeeper) -> None:
    """It accepts any verifier. A client cannot detect this, and sends one in any case."""
    async with connect(without_expiry_and_pkce) as (endpoint, client):
        token = await login_for_token(without_expiry_and_pkce, endpoint)

        assert await client.with_options(token=token).users.me()


@pytest.fixture(scope="module")
def code_only() -> Iterator[Doorkeeper]:
    """A provider with the code flow only, and without refresh tokens."""
    flows = "authorization_code client_credentials"
    with doorkeeper(grant_flows=flows, refresh_tokens=0) as provider:
        yield provider


async def test_a_provider_without_the_implicit_flow(code_only: Doorkeeper) -> None:
    """This is the provider's default."""
    page = code_only.press(oauth.begin(code_only.application(), "implicit").url)

    assert (page.status, page.location) == (200, None)
    async with connect(code_only) as (endpoint, _):
        assert await login_for_token(code_only, endpoint)


async def test_a_provider_without_refresh_tokens(code_only: Doorkeeper) -> None:
    provider, store = code_only, MemoryStore()
    async with connect(provider) as (endpoint, client):
        token = await login_for_token(provider, endpoint)
        await store.put("me", token)
        view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))

        assert token.refresh_token is None
        assert await view.users.me()
        provider.age(token.access_token.reveal(), 8000)
        with pytest.raises(errors.ReauthorizationRequiredError, match="cannot be renewed"):
            await view.users.me()


@pytest.fixture(scope="module")
def reusing_tokens() -> Iterator[Doorkeeper]:
    with doorkeeper(reuse_access_token=1) as provider:
        yield provider


async def test_a_token_issued_again_has_its_remaining_lifetime(reusing_tokens: Doorkeeper) -> None:
    reusing_tokens.reset()
    first = cast("Token", finish_login(reusing_tokens, "implicit"))
    reusing_tokens.age(first.access_token.reveal(), 1000)
    second = cast("Token", finish_login(reusing_tokens, "implicit"))

    assert first.access_token == second.access_token
    assert second.expires_in is not None
    assert second.expires_in <= 6200
    assert second.expires_at is not None
    assert abs((second.expires_at - second.created_at).total_seconds() - second.expires_in) < 1


async def test_a_code_may_return_a_token_without_a_refresh_token(
    reusing_tokens: Doorkeeper,
) -> None:
    """The provider issues the token of the implicit flow again, which has no refresh token."""
    reusing_tokens.reset()
    implicit = cast("Token", finish_login(reusing_tokens, "implicit"))
    async with connect(reusing_tokens) as (endpoint, _):
        token = await login_for_token(reusing_tokens, endpoint)

    assert token.access_token == implicit.access_token
    assert token.refresh_token is None


@pytest.fixture(scope="module")
def implicit_only() -> Iterator[Doorkeeper]:
    with doorkeeper(grant_flows="implicit") as provider:
        yield provider


async def test_a_provider_with_the_implicit_flow_only(implicit_only: Doorkeeper) -> None:
    page = implicit_only.press(oauth.begin(implicit_only.application()).url)
    code = AuthorizationCode(oauth.generate_pkce().verifier, "https://client.example/callback")

    assert (page.status, page.location) == (200, None)
    assert finish_login(implicit_only, "implicit")
    async with connect(implicit_only) as (endpoint, _):
        with pytest.raises(errors.UnsupportedFlowError):
            await endpoint.exchange(code)


@pytest.fixture(scope="module")
def short_lived() -> Iterator[Doorkeeper]:
    with doorkeeper(expires_in=40) as provider:
        yield provider


async def test_tokens_with_a_lifetime_below_the_leeway(short_lived: Doorkeeper) -> None:
    store = MemoryStore()
    async with connect(short_lived) as (endpoint, client):
        token = await login_for_token(short_lived, endpoint)
        await store.put("me", token)
        view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))

        assert token.expires_in == 40
        assert await view.users.me()
        assert await store.get("me") == token
        short_lived.age(token.access_token.reveal(), 41)
        assert await view.users.me()


@pytest.fixture(scope="module")
def revoking_at_once() -> Iterator[Doorkeeper]:
    with doorkeeper(refresh_revoked_on_use=0) as provider:
        yield provider


async def test_a_refresh_that_revokes_the_old_pair_at_once(revoking_at_once: Doorkeeper) -> None:
    async with connect(revoking_at_once) as (endpoint, client):
        old = await login_for_token(revoking_at_once, endpoint)
        new = await endpoint.refresh(old)

        with pytest.raises(errors.AuthenticationError, match="revoked"):
            await client.with_options(token=old).users.me()
        with pytest.raises(errors.InvalidGrantError):
            await endpoint.refresh(old)
        assert await client.with_options(token=new).users.me()


async def test_many_tasks_do_not_reuse_a_refresh_token(revoking_at_once: Doorkeeper) -> None:
    store = MemoryStore()
    async with connect(revoking_at_once) as (endpoint, client):
        token = await login_for_token(revoking_at_once, endpoint)
        await store.put("me", token)
        revoking_at_once.age(token.access_token.reveal(), 8000)
        view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(view.verify)

        stored = await store.get("me")
        assert stored is not None
        assert await endpoint.refresh(stored)


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    with redis_server() as port:
        yield port


def _use_in_two_processes(provider: Doorkeeper, store_location: str, token: Token) -> list[str]:
    """Use a token in two processes at once, which expires after both have loaded it."""
    command = [
        sys.executable,
        "-m",
        "tests.support.refresh_in_process",
        provider.url,
        store_location,
    ]
    processes = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    provider.age(token.access_token.reveal(), 8000)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return outputs


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the processes use the store
async def test_two_processes_with_a_file_store_do_not_reuse_a_refresh_token(
    revoking_at_once: Doorkeeper, tmp_path: Path
) -> None:
    async with connect(revoking_at_once) as (endpoint, _):
        token = await login_for_token(revoking_at_once, endpoint)
        await FileStore(tmp_path).put("me", token)

        assert _use_in_two_processes(revoking_at_once, str(tmp_path), token) == ["1\n1\n1\n"] * 2

        stored = await FileStore(tmp_path).get("me")
        assert stored is not None
        assert await endpoint.refresh(stored)


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_two_processes_with_a_redis_store_do_not_reuse_a_refresh_token(
    revoking_at_once: Doorkeeper, redis_port: int
) -> None:
    async with connect(revoking_at_once) as (endpoint, _), coredis.Redis(port=redis_port) as redis:
        store = RedisStore(redis)
        token = await login_for_token(revoking_at_once, endpoint)
        await store.put("me", token)

        assert _use_in_two_processes(revoking_at_once, str(redis_port), token) == ["1\n1\n1\n"] * 2

        stored = await store.get("me")
        assert stored is not None
        assert await endpoint.refresh(stored)
