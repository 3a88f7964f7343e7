"""The interface of token stores, and the store in memory."""

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
    """A store of tokens by key, such as a user's id.

    Your own implementation may be a table of your database. `lock` has to exclude all processes
    that share the store: if two of them sent the same refresh token, the provider would refuse
    the second, and the user might have to sign in again. A call that is cancelled may be carried
    out, or not; the lock is released in any case.

    Raises:
        TokenStoreError: The store failed, in any method. `StoredToken` and `Accounts` replace each
            other error by it, since the error of a database often quotes values.
    """

    async def get(self, key: str) -> Token | None:
        """Return the stored token of a key, or None."""
        ...

    async def put(self, key: str, token: Token) -> None:
        """Store a token, durably when this returns."""
        ...

    async def delete(self, key: str) -> None:
        """Delete a token, if there is one."""
        ...

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return an exclusive lock for a key; `get`, `put` and `delete` do not take it."""
        ...


def validate_key(key: str) -> str:
    """Return a key unchanged, which must be a string that is not blank."""
    if not isinstance(key, str) or not key.strip():
        raise InvalidArgumentError("key", "must be a non-empty string that identifies the user.")
    return key


class MemoryStore:
    """A store in memory, for all threads and event loops of this process.

    Raises:
        InvalidArgumentError: A key is not a string, or blank.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._queues: WeakValueDictionary[str, WaitQueue] = WeakValueDictionary()
        self._lock = threading.Lock()  # two threads must not create two queues for one key

    async def get(self, key: str) -> Token | None:
        """Return the stored token of a key, or None."""
        return self._tokens.get(validate_key(key))

    async def put(self, key: str, token: Token) -> None:
        """Store a token."""
        self._tokens[validate_key(key)] = token

    async def delete(self, key: str) -> None:
        """Delete a token, if there is one."""
        self._tokens.pop(validate_key(key), None)

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return an exclusive lock for a key, among all tasks and threads of this process."""
        with self._lock:
            return Turn(self._queues.setdefault(validate_key(key), WaitQueue()))

    def __repr__(self) -> str:
        return f"<MemoryStore of {counted(len(self._tokens), 'token')}>"
