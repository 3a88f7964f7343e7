"""The provider as others set it up, and as several processes meet it."""

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


def finished(provider: Doorkeeper, kind: oauth.FlowKind = "code") -> Token | AuthorizationCode:
    flow = oauth.begin(provider.application(), kind)
    return oauth.finish(flow, provider.authorize(flow.url))


async def exchanged(provider: Doorkeeper, endpoint: TokenEndpoint) -> Token:
    return await endpoint.exchange(cast("AuthorizationCode", finished(provider)))


@asynccontextmanager
async def both(provider: Doorkeeper) -> AsyncIterator[tuple[TokenEndpoint, AsyncClient]]:
    async with (
        TokenEndpoint(provider.application(), limiter=None) as endpoint,
        AsyncClient(base_url=provider.url, limiter=None) as client,
    ):
        yield endpoint, client


@pytest.fixture(scope="module")
def forever() -> Iterator[Doorkeeper]:
    with doorkeeper(expires_in="never") as provider:
        yield provider


async def test_tokens_that_never_expire(forever: Doorkeeper) -> None:
    implicit = cast("Token", finished(forever, "implicit"))
    async with both(forever) as (endpoint, client):
        token = await exchanged(forever, endpoint)

        assert implicit.expires_at is token.expires_at is None
        assert not token.expired()
        assert (await endpoint.info(token)).expires_in is None
        assert (await endpoint.introspect(token)).expires_at is None
        await endpoint.revoke(token)
        with pytest.raises(errors.AuthenticationError, match="revoked"):
            await client.with_options(token=token).users.me()


@pytest.fixture(scope="module")
def without_refresh_tokens() -> Iterator[Doorkeeper]:
    with doorkeeper(refresh_tokens=0) as provider:
        yield provider


async def test_no_refresh_tokens(without_refresh_tokens: Doorkeeper) -> None:
    provider, store = without_refresh_tokens, MemoryStore()
    async with both(provider) as (endpoint, client):
        token = await exchanged(provider, endpoint)
        await store.put("me", token)
        view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))

        assert token.refresh_token is None
        assert await view.users.me()
        provider.age(token.access_token.reveal(), 8000)
        with pytest.raises(errors.ReauthorizationRequiredError, match="cannot be renewed"):
            await view.users.me()


@pytest.fixture(scope="module")
def reusing() -> Iterator[Doorkeeper]:
    with doorkeeper(reuse_access_token=1) as provider:
        yield provider


async def test_tokens_that_are_given_out_again(reusing: Doorkeeper) -> None:
    reusing.reset()
    first = cast("Token", finished(reusing, "implicit"))
    reusing.age(first.access_token.reveal(), 1000)
    second = cast("Token", finished(reusing, "implicit"))

    assert first.access_token == second.access_token
    assert second.expires_in is not None
    assert second.expires_in <= 6200
    assert second.expires_at is not None
    assert abs((second.expires_at - second.created_at).total_seconds() - second.expires_in) < 1


async def test_a_code_may_bring_no_refresh_token(reusing: Doorkeeper) -> None:
    """The provider hands out the implicit flow's token again, which has none."""
    reusing.reset()
    implicit = cast("Token", finished(reusing, "implicit"))
    async with both(reusing) as (endpoint, _):
        token = await exchanged(reusing, endpoint)

    assert token.access_token == implicit.access_token
    assert token.refresh_token is None


@pytest.fixture(scope="module")
def without_pkce() -> Iterator[Doorkeeper]:
    with doorkeeper(pkce=0) as provider:
        yield provider


async def test_a_provider_that_knows_no_pkce(without_pkce: Doorkeeper) -> None:
    """It takes any verifier; a client cannot tell, and loses nothing by sending one."""
    async with both(without_pkce) as (endpoint, client):
        token = await exchanged(without_pkce, endpoint)

        assert await client.with_options(token=token).users.me()


@pytest.fixture(scope="module")
def implicit_only() -> Iterator[Doorkeeper]:
    with doorkeeper(grant_flows="implicit") as provider:
        yield provider


async def test_only_the_implicit_flow(implicit_only: Doorkeeper) -> None:
    page = implicit_only.press(oauth.begin(implicit_only.application()).url)
    code = AuthorizationCode(oauth.generate_pkce().verifier, "https://client.example/callback")

    assert (page.status, page.location) == (200, None)
    assert finished(implicit_only, "implicit")
    async with both(implicit_only) as (endpoint, _):
        with pytest.raises(errors.UnsupportedFlowError):
            await endpoint.exchange(code)


@pytest.fixture(scope="module")
def code_only() -> Iterator[Doorkeeper]:
    with doorkeeper(grant_flows="authorization_code client_credentials") as provider:
        yield provider


async def test_no_implicit_flow(code_only: Doorkeeper) -> None:
    """The provider's own default."""
    page = code_only.press(oauth.begin(code_only.application(), "implicit").url)

    assert (page.status, page.location) == (200, None)
    async with both(code_only) as (endpoint, _):
        assert await exchanged(code_only, endpoint)


@pytest.fixture(scope="module")
def short_lived() -> Iterator[Doorkeeper]:
    with doorkeeper(expires_in=40) as provider:
        yield provider


async def test_tokens_that_live_shorter_than_the_usual_leeway(short_lived: Doorkeeper) -> None:
    store = MemoryStore()
    async with both(short_lived) as (endpoint, client):
        token = await exchanged(short_lived, endpoint)
        await store.put("me", token)
        view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))

        assert token.expires_in == 40
        assert await view.users.me()
        assert await store.get("me") == token
        short_lived.age(token.access_token.reveal(), 41)
        assert await view.users.me()


# -- a provider that ends the old pair at once ----------------------------------------------------


@pytest.fixture(scope="module")
def instant() -> Iterator[Doorkeeper]:
    with doorkeeper(refresh_revoked_on_use=0) as provider:
        yield provider


async def test_the_old_pair_ends_at_once(instant: Doorkeeper) -> None:
    async with both(instant) as (endpoint, client):
        old = await exchanged(instant, endpoint)
        new = await endpoint.refresh(old)

        with pytest.raises(errors.AuthenticationError, match="revoked"):
            await client.with_options(token=old).users.me()
        with pytest.raises(errors.InvalidGrantError):
            await endpoint.refresh(old)
        assert await client.with_options(token=new).users.me()


async def test_many_tasks_burn_no_refresh_token(instant: Doorkeeper) -> None:
    store = MemoryStore()
    async with both(instant) as (endpoint, client):
        token = await exchanged(instant, endpoint)
        await store.put("me", token)
        instant.age(token.access_token.reveal(), 8000)
        view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(view.verify)

        kept = await store.get("me")
        assert kept is not None
        assert await endpoint.refresh(kept)


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    with redis_server() as port:
        yield port


def _use_in_two_processes(provider: Doorkeeper, where: str, token: Token) -> list[str]:
    """Two processes read the same token; it ends; both use it at once."""
    command = [sys.executable, "-m", "tests.support.refresh_in_process", provider.url, where]
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
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return said


async def test_two_processes_burn_no_refresh_token_in_files(
    instant: Doorkeeper, tmp_path: Path
) -> None:
    async with both(instant) as (endpoint, _):
        token = await exchanged(instant, endpoint)
        await FileStore(tmp_path).put("me", token)

        assert _use_in_two_processes(instant, str(tmp_path), token) == ["1\n1\n1\n"] * 2

        kept = await FileStore(tmp_path).get("me")
        assert kept is not None
        assert await endpoint.refresh(kept)


async def test_two_processes_burn_no_refresh_token_in_redis(
    instant: Doorkeeper, redis_port: int
) -> None:
    async with both(instant) as (endpoint, _), coredis.Redis(port=redis_port) as redis:
        store = RedisStore(redis)
        token = await exchanged(instant, endpoint)
        await store.put("me", token)

        assert _use_in_two_processes(instant, str(redis_port), token) == ["1\n1\n1\n"] * 2

        kept = await store.get("me")
        assert kept is not None
        assert await endpoint.refresh(kept)
