"""Tokens in Redis, for a service of many processes and machines."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import anyio

try:
    from coredis import PureToken, Redis
    from coredis.exceptions import RedisError
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "RedisStore needs one more step: pip install 'seeclickfix-async[redis]'"
    ) from None

from seeclickfix_async._core import validation
from seeclickfix_async._transport.background import BackgroundTask
from seeclickfix_async.errors import ClientStateError, TokenStoreError
from seeclickfix_async.oauth._token import Token
from seeclickfix_async.tokens._stores.base import validate_key
from seeclickfix_async.tokens._stores.file import decode_token, encode_token

T = TypeVar("T")

_EVERY = 0.05  # seconds between two tries to get a lock
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisStore:
    """Keeps tokens in Redis. Whoever can read that Redis can read the tokens.

        async with coredis.Redis() as redis:
            store = RedisStore(redis)

    Every method raises ClientStateError if the client is not open, and TokenStoreError if the
    server does not answer or refuses.

    Args:
        redis: A coredis client, which runs on asyncio and trio. It stays yours to close.
        prefix: Put before each key.
        lease: Seconds after which a lock ends whose process died; longer than a renewal takes.
    """

    def __init__(
        self, redis: Redis[Any], *, prefix: str = "seeclickfix:token:", lease: float = 180.0
    ) -> None:
        validation.in_range("lease", lease, 1, 86_400, integer=False)
        self._redis = redis
        self._prefix = prefix
        self._lease = lease

    def __repr__(self) -> str:
        return f"<RedisStore of {self._prefix!r}>"

    async def get(self, key: str) -> Token | None:
        """The token that was put last, or None.

        Raises:
            TokenStoreError: What is kept is no token.
        """
        kept = await _ask(self._redis.get(self._prefix + validate_key(key)))
        return None if kept is None else decode_token(kept)

    async def put(self, key: str, token: Token) -> None:
        """Keep a token; every process sees it when this returns."""
        await _ask(self._redis.set(self._prefix + validate_key(key), encode_token(token)))

    async def delete(self, key: str) -> None:
        """Forget a token; harmless when there is none."""
        await _ask(self._redis.delete([self._prefix + validate_key(key)]))

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Let no other process in; a lock whose process died ends by itself."""
        return self._locked(f"{self._prefix}{validate_key(key)}:lock")

    @asynccontextmanager
    async def _locked(self, name: str) -> AsyncGenerator[None]:
        """Coredis has a lock of its own, which a task that is cancelled leaves behind."""
        mark, lease = secrets.token_hex(8), int(self._lease * 1000)
        try:
            while not await _ask(  # noqa: ASYNC110  # Redis tells nobody
                self._redis.set(name, mark, condition=PureToken.NX, px=lease)
            ):
                await anyio.sleep(_EVERY)
            yield
        finally:
            await BackgroundTask(lambda: self._release(name, mark)).wait()

    async def _release(self, name: str, mark: str) -> None:
        await _ask(self._redis.eval(_RELEASE, keys=[name], args=[mark]))


async def _ask(command: Awaitable[T]) -> T:
    try:
        return await command
    except RuntimeError as error:  # coredis has no class of its own for it
        raise ClientStateError(
            "The Redis client that keeps the tokens is not open. Use the store inside of "
            "`async with coredis.Redis(...) as redis:`."
        ) from error
    except (RedisError, OSError) as error:
        raise TokenStoreError(
            "The Redis server that keeps the tokens does not answer, or refuses "
            f"({type(error).__name__}). Check that it runs, its memory and the permissions of its "
            "user."
        ) from error
