"""The client of a Redis server, of coredis or redis-py, and its scripts.

Scripts are all that is used of it: the two libraries have them in common, while their methods for
commands take different arguments.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

from anyio.lowlevel import current_token

from seeclickfix_async._transport.waiter import is_of_asyncio
from seeclickfix_async.errors import ClientStateError, InvalidArgumentError

# redis-py derives the refusal of a password from its class for broken connections.
_REFUSALS = frozenset({"ResponseError", "AuthenticationError", "AuthorizationError"})


class RedisScript(Protocol):
    """A script in Lua."""

    def __call__(self, keys: Any, args: Any, /) -> Awaitable[Any]:
        """Run it, and return its result."""
        ...


class RedisClient(Protocol):
    """The part of a `coredis.Redis` and of a `redis.asyncio.Redis` that is used here."""

    def register_script(self, script: str) -> Any:
        """Return a script that is called with keys and arguments."""
        ...


class RedisScripts:
    """The scripts of one owner, such as a rate limiter, on one client.

    Args:
        redis: The client.
        owner: The owner, for error messages.

    Raises:
        InvalidArgumentError: It is not an async client of coredis or redis-py.
    """

    def __init__(self, redis: RedisClient, owner: str) -> None:
        modules = [cls.__module__ for cls in type(redis).__mro__]
        self._is_redis_py = any(module.startswith("redis.asyncio") for module in modules)
        is_blocking = not self._is_redis_py and any(name.startswith("redis.") for name in modules)
        if is_blocking or isinstance(redis, type) or not hasattr(redis, "register_script"):
            raise InvalidArgumentError(
                "redis", "must be a client: a coredis.Redis or a redis.asyncio.Redis."
            )
        self._redis = redis
        self._owner = owner

    def add(self, script: str) -> RedisScript:
        """Register a script; the server receives it when it is run for the first time."""
        registered: RedisScript = self._redis.register_script(script)
        return registered

    def client_error(self, error: Exception) -> ClientStateError | None:
        """Return our error for an exception if the client cannot be used; None for other reasons.

        The libraries raise no more than a RuntimeError, and redis-py on trio any error.
        """
        if self._is_redis_py and not is_of_asyncio(current_token()):
            return ClientStateError(
                f"The Redis client of {self._owner} is of redis-py, which runs on asyncio only.",
                advice="Pass a coredis.Redis on trio.",
            )
        if not isinstance(error, RuntimeError):
            return None
        if self._is_redis_py:
            problem, library = "is closed, or belongs to another event loop", "redis.asyncio"
        else:
            problem, library = "is not open", "coredis"
        return ClientStateError(
            f"The Redis client of {self._owner} {problem}. Nothing was sent.",
            advice=f"Use both inside `async with {library}.Redis(...) as redis:`.",
        )


def is_refusal(error: Exception) -> bool:
    """Return whether the server has refused a command, and was reached."""
    return any(cls.__name__ in _REFUSALS for cls in type(error).__mro__)
