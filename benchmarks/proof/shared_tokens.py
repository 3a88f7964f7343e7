"""A token that eight processes share, by file and by Redis, while some are killed; and many views.

The store is a folder, or a Redis. The provider is a real one, which ends the old refresh token with
the first use of the new one, or at once. In each round it lets the token expire, all processes need
a new one, and one of them is killed. At the end the stored token has to be usable.
"""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import anyio
import coredis

from benchmarks.measure import Ratio
from seeclickfix_async import (
    AsyncClient,
    FileStore,
    Limiter,
    StoredToken,
    TokenEndpoint,
    TokenStore,
    oauth,
)
from seeclickfix_async.errors import AuthenticationError, SeeClickFixError
from seeclickfix_async.oauth import AuthorizationCode
from seeclickfix_async.sandbox import Sandbox, Settings
from seeclickfix_async.tokens import RedisStore
from tests.support.doorkeeper import Doorkeeper, doorkeeper
from tests.support.redis_server import redis_server

_PROCESSES = 8
_ROUNDS = 25
_EXPIRED = 8000  # seconds, more than the lifetime of a token
_LATEST_KILL = 0.3  # seconds after a token expired
_ENDINGS = {"with the first use": 1, "at once": 0}
_PROCESS = """
import sys, anyio
from benchmarks.proof.shared_tokens import use
anyio.run(use, *sys.argv[1:])
"""
_VIEWS = 10_000
_USERS = 100


def ratios() -> Iterator[Ratio]:
    """Yield the lost logins of each provider and store, and the answers to another token."""
    for name, revoked_on_use in _ENDINGS.items():
        with doorkeeper(refresh_revoked_on_use=revoked_on_use) as provider:
            with tempfile.TemporaryDirectory() as folder:
                lost = _share(provider, folder)
            yield Ratio(f"lost logins, file, old token ends {name}", lost, 0, "")
            with redis_server() as port:
                lost = _share(provider, str(port))
            yield Ratio(f"lost logins, Redis, old token ends {name}", lost, 0, "")
    yield Ratio("views of 100 users' tokens", _VIEWS, math.inf, "")
    yield Ratio("  with another user's answer", anyio.run(_count_confused_views), 0, "")


def _share(provider: Doorkeeper, location: str) -> int:
    """Return 1 if the token was lost while processes used it and were killed, otherwise 0."""
    random = Random(location.isdigit())
    provider.reset()
    anyio.run(_log_in, provider, location)
    command = [sys.executable, "-c", _PROCESS, provider.url, location]
    processes = [subprocess.Popen(command) for _ in range(_PROCESSES)]
    try:
        for _ in range(_ROUNDS):
            provider.age(anyio.run(_stored_token, provider, location), _EXPIRED)
            time.sleep(random.uniform(0, _LATEST_KILL))
            number = random.randrange(_PROCESSES)
            processes[number].kill()
            processes[number].wait()
            processes[number] = subprocess.Popen(command)
            time.sleep(random.uniform(0, _LATEST_KILL))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return int(not anyio.run(_is_usable, provider, location))


async def _log_in(provider: Doorkeeper, location: str) -> None:
    flow = oauth.begin(provider.application())
    code = oauth.finish(flow, provider.authorize(flow.url))
    assert isinstance(code, AuthorizationCode)
    async with _opened(provider.application(), location) as (store, endpoint):
        await store.put("me", await endpoint.exchange(code))


async def _stored_token(provider: Doorkeeper, location: str) -> str:
    async with _opened(provider.application(), location) as (store, _):
        token = await store.get("me")
    assert token is not None
    return token.access_token.reveal()


async def _is_usable(provider: Doorkeeper, location: str) -> bool:
    async with (
        _opened(provider.application(), location) as (store, endpoint),
        AsyncClient(base_url=provider.url, limiter=None) as client,
    ):
        source = StoredToken(store, "me", endpoint=endpoint)
        try:
            return await client.with_options(token=source).users.me() is not None
        except SeeClickFixError as error:
            print(f"lost: {error}", flush=True)
            return False


@asynccontextmanager
async def _opened(
    app: oauth.Application, location: str
) -> AsyncGenerator[tuple[TokenStore, TokenEndpoint]]:
    async with AsyncExitStack() as stack:
        store: TokenStore = FileStore(location)
        if location.isdigit():
            redis = await stack.enter_async_context(coredis.Redis(port=int(location)))
            store = RedisStore(redis)
        yield store, await stack.enter_async_context(TokenEndpoint(app, limiter=None))


async def use(url: str, location: str) -> None:
    """Use the stored token until the process is killed.

    Args:
        url: The provider.
        location: The store: a folder, or the port of a Redis.
    """
    app = Doorkeeper(int(url.rpartition(":")[2])).application()
    async with (
        _opened(app, location) as (store, endpoint),
        AsyncClient(base_url=url, limiter=None) as client,
    ):
        view = client.with_options(token=StoredToken(store, "me", endpoint=endpoint))
        while True:
            # After a kill between the response and the store, others see an ended token.
            with contextlib.suppress(AuthenticationError):
                await view.users.me()
            await anyio.sleep(0.02)


async def _count_confused_views() -> int:
    """Request the accounts of many tokens at once, through one client with a cache."""
    sandbox = Sandbox(1, settings=Settings(quota=None))
    tokens = {f"token-{user}": user for user in range(1000, 1000 + _USERS)}
    sandbox.tokens.update(tokens)
    confused = 0
    with sandbox.serve() as url:
        async with AsyncClient(base_url=url, limiter=Limiter(10_000, per=1.0)) as client:

            async def check(token: str, user: int) -> None:
                nonlocal confused
                found = await client.with_options(token=token).users.me()
                confused += found is None or found.id != user

            names = list(tokens.items())
            for start in range(0, _VIEWS, _USERS):
                async with anyio.create_task_group() as group:
                    for number in range(_USERS):
                        group.start_soon(check, *names[(start + 7 * number) % _USERS])
    return confused
