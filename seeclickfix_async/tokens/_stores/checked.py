"""A wrapper of any token store, which keeps the token out of its errors."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from seeclickfix_async.errors import SeeClickFixError, TokenStoreError
from seeclickfix_async.oauth._token import Token
from seeclickfix_async.tokens._stores.base import TokenStore


class CheckedStore:
    """A store that raises a TokenStoreError in place of each foreign error of another store.

    A database's error often quotes the values of its statement, and its traceback has them as
    locals: the error raised here does not refer to it.

    Args:
        store: The other store.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._name = type(store).__qualname__

    async def get(self, key: str) -> Token | None:
        """Return the stored token of a key, or None."""
        found: object = await self._call("get", key)
        if found is None or isinstance(found, Token):
            return found
        kind, found = type(found).__qualname__, None  # tracebacks show locals
        raise TokenStoreError(
            f"{self._name}.get() returned an object of the class {kind}.",
            advice="Return a Token, such as Token.from_dict(...), or None.",
        )

    async def put(self, key: str, token: Token) -> None:
        """Store a token."""
        await self._call("put", key, token)

    async def delete(self, key: str) -> None:
        """Delete a token, if there is one."""
        await self._call("delete", key)

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return an exclusive lock for a key; errors inside its block are raised unchanged."""
        return self._locked(key)

    @asynccontextmanager
    async def _locked(self, key: str) -> AsyncGenerator[None]:
        own: BaseException | None = None
        try:
            async with self._store.lock(key):
                try:
                    yield
                except BaseException as error:
                    own = error
                    raise
        except SeeClickFixError:
            raise
        except Exception as error:
            if error is own:
                raise
            failure = self._failure("lock", error)
        else:
            return
        raise failure

    async def _call(self, method: str, *arguments: object) -> Any:
        try:
            return await getattr(self._store, method)(*arguments)
        except SeeClickFixError:
            raise
        except Exception as error:  # noqa: BLE001  # of any database
            failure = self._failure(method, error)
        raise failure

    def _failure(self, method: str, error: Exception) -> TokenStoreError:
        return TokenStoreError(
            f"The token store failed: {self._name}.{method}() raised {type(error).__qualname__}.",
            advice="Its message is left out, since it may contain the token; log it in the store.",
        )
