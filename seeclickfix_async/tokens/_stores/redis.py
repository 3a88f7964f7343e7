"""Token storage in Redis, for a service on several processes or machines."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import anyio

try:
    from coredis import PureToken, Redis
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "RedisStore requires the 'redis' extra: pip install 'seeclickfix-async[redis]'"
    ) from None

from seeclickfix_async._core.duration import Duration, to_seconds
from seeclickfix_async._transport.background import BackgroundTask
from seeclickfix_async.errors import ClientStateError, SeeClickFixError, TokenStoreError
from seeclickfix_async.oauth._token import Token
from seeclickfix_async.tokens._stores.base import validate_key
from seeclickfix_async.tokens._stores.encoding import decode_token, encode_token

T = TypeVar("T")

_LOCK_INTERVAL = 0.05  # seconds between two attempts to take a lock
_REPLY_TIMEOUT = 10.0  # seconds that a command may take, with the network
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisStore:
    """A store in Redis. Every user with read access to that Redis can read the tokens.

        async with coredis.Redis() as redis:
            store = RedisStore(redis)

    Every method raises ClientStateError if the client is not open, and TokenStoreError if the
    server does not respond within ten seconds or refuses the command.

    Args:
        redis: A coredis client, which runs on asyncio and trio. You have to close it yourself.
        prefix: The prefix of all keys.
        lease: Seconds or a timedelta after which a lock expires, in case its process was killed. It
            has to be longer than a renewal.
    """

    def __init__(
        self, redis: Redis[Any], *, prefix: str = "seeclickfix:token:", lease: Duration = 180.0
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._lease = to_seconds("lease", lease, 1, 86_400)

    def __repr__(self) -> str:
        return f"<RedisStore of {self._prefix!r}>"

    async def get(self, key: str) -> Token | None:
        """Return the stored token of a key, or None.

        Raises:
            TokenStoreError: The stored data is not a token.
        """
        return decode_token(await _run(self._redis.get(self._prefix + validate_key(key))))

    async def put(self, key: str, token: Token) -> None:
        """Store a token; all processes see it when this returns."""
        await _run(self._redis.set(self._prefix + validate_key(key), encode_token(token)))

    async def delete(self, key: str) -> None:
        """Delete a token, if there is one."""
        await _run(self._redis.delete([self._prefix + validate_key(key)]))

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return an exclusive lock for a key, among all processes; it expires after `lease`."""
        return self._locked(f"{self._prefix}{validate_key(key)}:lock")

    @asynccontextmanager
    async def _locked(self, name: str) -> AsyncGenerator[None]:
        """Take a lock, and release it in any case; the lock of coredis survives cancellation."""
        owner, lease = secrets.token_hex(8), int(self._lease * 1000)
        try:
            while not await _run(  # noqa: ASYNC110  # Redis does not notify of expired keys
                self._redis.set(name, owner, condition=PureToken.NX, px=lease)
            ):
                await anyio.sleep(_LOCK_INTERVAL)
            yield
        finally:
            await BackgroundTask(lambda: self._release(name, owner)).wait()

    async def _release(self, name: str, owner: str) -> None:
        await _run(self._redis.eval(_RELEASE, keys=[name], args=[owner]))


async def _run(command: Awaitable[T]) -> T:
    """Run a command; raise ClientStateError or TokenStoreError if it fails.

    These do not refer to the error of coredis, whose traceback, and message in the case of an
    unknown command, contain the token.
    """
    failure: SeeClickFixError
    try:
        with anyio.fail_after(_REPLY_TIMEOUT):
            return await command
    except RuntimeError:  # coredis has no class of its own for a client that is not open
        failure = ClientStateError(
            "The Redis client of the token store is not open. Use the store inside "
            "`async with coredis.Redis(...) as redis:`."
        )
    except Exception as error:  # noqa: BLE001  # coredis raises those of anyio, too
        failure = TokenStoreError(
            "The Redis server of the token store did not respond, or refused the command "
            f"({type(error).__name__}). Check that it is running and not out of memory, and the "
            "permissions of its user."
        )
    raise failure
