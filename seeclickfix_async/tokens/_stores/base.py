"""Where tokens are kept, each under its user's key."""

from __future__ import annotations

import threading
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from weakref import WeakValueDictionary

from seeclickfix_async._transport.wait_queue import Turn, WaitQueue
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.oauth._token import Token


class TokenStore(Protocol):
    """Keeps tokens by key: a user's id, or whatever tells your users apart.

    One of your own may be a table of your database. `lock` must hold across all processes that
    share the store, or two of them renew with the same refresh token, and burn it.
    """

    async def get(self, key: str) -> Token | None:
        """The token that was put last, or None."""
        ...

    async def put(self, key: str, token: Token) -> None:
        """Keep a token; it is safe when this returns."""
        ...

    async def delete(self, key: str) -> None:
        """Forget a token; harmless when there is none."""
        ...

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Let nobody else in who locks the same key; `get` and `put` do not ask for it."""
        ...


def validate_key(key: str) -> str:
    """Refuse what tells no user from another."""
    if not isinstance(key, str) or not key.strip():
        raise InvalidArgumentError("key", "must be a text that tells users apart, not empty.")
    return key


class MemoryStore:
    """Keeps tokens as long as the process lives, for all threads and their event loops."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._queues: WeakValueDictionary[str, WaitQueue] = WeakValueDictionary()
        self._lock = threading.Lock()  # two threads must not make two queues for one key

    async def get(self, key: str) -> Token | None:
        """The token that was put last, or None."""
        return self._tokens.get(validate_key(key))

    async def put(self, key: str, token: Token) -> None:
        """Keep a token."""
        self._tokens[validate_key(key)] = token

    async def delete(self, key: str) -> None:
        """Forget a token; harmless when there is none."""
        self._tokens.pop(validate_key(key), None)

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Let no other task of this process in, whatever its thread."""
        with self._lock:
            return Turn(self._queues.setdefault(validate_key(key), WaitQueue()))

    def __repr__(self) -> str:
        return f"<MemoryStore of {counted(len(self._tokens), 'token')}>"
