"""The users of a service or bot, and their tokens."""

from __future__ import annotations

import threading
from weakref import WeakValueDictionary

from seeclickfix_async.oauth._token import Token
from seeclickfix_async.tokens._endpoint import TokenEndpoint
from seeclickfix_async.tokens._sources import StoredToken
from seeclickfix_async.tokens._stores.base import TokenStore


class Accounts:
    """Hands out one source for each user, so that however many tasks act for one, one renews.

        accounts = Accounts(store, endpoint)
        await accounts.sign_in("user-7", token)
        view = client.with_options(token=accounts.source("user-7"))

    It may be used by several threads, as far as its store and endpoint may: see `StoredToken`.

    Args:
        store: Where the users' tokens are kept.
        endpoint: Renews and revokes them.
    """

    def __init__(self, store: TokenStore, endpoint: TokenEndpoint) -> None:
        self._store = store
        self._endpoint = endpoint
        self._sources: WeakValueDictionary[str, StoredToken] = WeakValueDictionary()
        self._lock = threading.Lock()  # two threads must not make two sources for one user

    def source(self, key: str) -> StoredToken:
        """The source of one user's token, the same for all who ask while anybody uses it."""
        with self._lock:
            found = self._sources.get(key)
            if found is None:
                found = StoredToken(self._store, key, endpoint=self._endpoint)
                self._sources[key] = found
            return found

    async def sign_in(self, key: str, token: Token) -> None:
        """Keep a user's new token."""
        async with self._store.lock(key):
            await self._store.put(key, token)
        self.source(key).forget()

    async def sign_out(self, key: str) -> None:
        """Forget a user's token, then revoke it; harmless when there is none.

        It is forgotten even when the provider cannot be reached.

        Raises:
            AuthorizationError: The provider refused to revoke.
            TransportError: The provider did not answer.
        """
        async with self._store.lock(key):
            token = await self._store.get(key)
            await self._store.delete(key)
        self.source(key).forget()
        if token is not None:
            await self._endpoint.revoke(token)
