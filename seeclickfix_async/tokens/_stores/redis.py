"""Token storage in Redis, for a service on several processes or machines."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio

from seeclickfix_async._core.duration import Duration, to_seconds
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._transport.background import BackgroundTask
from seeclickfix_async._transport.redis_client import RedisClient, RedisScript, RedisScripts
from seeclickfix_async.errors import SeeClickFixError, TokenStoreError
from seeclickfix_async.oauth._token import Token
from seeclickfix_async.tokens._stores.base import validate_key
from seeclickfix_async.tokens._stores.encoding import decode_token, encode_token

_LOCK_INTERVAL = 0.05  # seconds between two attempts to take a lock
_REPLY_TIMEOUT = 10.0  # seconds that a command may take, with the network
_GET = "return redis.call('GET', KEYS[1])"
_PUT = "return redis.call('SET', KEYS[1], ARGV[1])"
_DELETE = "return redis.call('DEL', KEYS[1])"
# Also if the caller has the lock: the client's library may repeat a command.
_LOCK = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return redis.call('GET', KEYS[1]) == ARGV[1]
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisStore:
    """A store in Redis. Every user with read access to that Redis can read the tokens.

        async with coredis.Redis() as redis:
            store = RedisStore(redis)

    Args:
        redis: A `coredis.Redis`, which runs on asyncio and trio, or on asyncio a
            `redis.asyncio.Redis`. You have to close it yourself.
        prefix: The prefix of all keys.
        lease: Seconds or a timedelta after which a lock expires, in case its process was killed. It
            has to be longer than a renewal.

    Raises:
        InvalidArgumentError: An argument is invalid, such as a blocking `redis.Redis`.
        ClientStateError: A method was called while the client is not open.
        TokenStoreError: The server does not respond within ten seconds, or refuses the command.
    """

    def __init__(
        self, redis: RedisClient, *, prefix: str = "seeclickfix:token:", lease: Duration = 180.0
    ) -> None:
        self._scripts = RedisScripts(redis, "the token store")
        add = self._scripts.add
        self._get, self._put, self._delete = add(_GET), add(_PUT), add(_DELETE)
        self._lock, self._release_lock = add(_LOCK), add(_RELEASE)
        self._prefix = prefix
        self._lease = to_seconds("lease", lease, 1, 86_400)

    def __repr__(self) -> str:
        return f"<RedisStore of {self._prefix!r}>"

    async def get(self, key: str) -> Token | None:
        """Return the stored token of a key, or None.

        Raises:
            TokenStoreError: The stored data is not a token.
        """
        return decode_token(await self._run(self._get, self._token_name(key)))

    async def put(self, key: str, token: Token) -> None:
        """Store a token; all processes see it when this returns."""
        await self._run(self._put, self._token_name(key), Secret(encode_token(token)))

    async def delete(self, key: str) -> None:
        """Delete a token, if there is one."""
        await self._run(self._delete, self._token_name(key))

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return an exclusive lock for a key, among all processes; it expires after `lease`."""
        return self._locked(f"{self._prefix}{validate_key(key)}:lock")

    def _token_name(self, key: str) -> str:
        """Return the name of a token; no key makes it the name of another key's lock."""
        return f"{self._prefix}{validate_key(key)}:token"

    @asynccontextmanager
    async def _locked(self, name: str) -> AsyncGenerator[None]:
        """Take a lock, and release it in any case; the lock of coredis survives cancellation."""
        owner, lease = secrets.token_hex(8), int(self._lease * 1000)
        try:
            # Redis does not notify of expired keys.
            while not await self._run(self._lock, name, owner, lease):  # noqa: ASYNC110
                await anyio.sleep(_LOCK_INTERVAL)
            yield
        finally:
            await BackgroundTask(lambda: self._release(name, owner)).wait()

    async def _release(self, name: str, owner: str) -> None:
        await self._run(self._release_lock, name, owner)

    async def _run(self, script: RedisScript, key: str, *arguments: str | int | Secret) -> Any:
        """Run a script; raise ClientStateError or TokenStoreError if it fails.

        These do not refer to the error of the library, whose traceback, and message in the case
        of an unknown command, contain the token.
        """
        failure: SeeClickFixError
        try:
            with anyio.fail_after(_REPLY_TIMEOUT):
                return await script([key], [_plain(one) for one in arguments])
        except Exception as error:  # noqa: BLE001  # coredis raises those of anyio, too
            failure = self._scripts.client_error(error) or TokenStoreError(
                "The Redis server of the token store did not respond, or refused the command "
                f"({type(error).__name__}). Check that it is running and not out of memory, and "
                "the permissions of its user."
            )
        raise failure


def _plain(argument: str | int | Secret) -> str | int:
    return argument.reveal() if isinstance(argument, Secret) else argument
