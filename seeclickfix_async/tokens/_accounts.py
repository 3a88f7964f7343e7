"""The users of a service or bot, and their tokens."""

from __future__ import annotations

import threading
from weakref import WeakValueDictionary

from seeclickfix_async.oauth._token import Token
from seeclickfix_async.tokens._endpoint import TokenEndpoint
from seeclickfix_async.tokens._sources import StoredToken
from seeclickfix_async.tokens._stores.base import TokenStore
from seeclickfix_async.tokens._stores.checked import CheckedStore


class Accounts:
    """The users of an application, with one shared token source for each.

        accounts = Accounts(store, endpoint)
        await accounts.sign_in("user-7", token)
        view = client.with_options(token=accounts.source("user-7"))

    All tasks that act for a user share a source, so that only one of them renews the token.
    Several threads may use it if they may use its store and endpoint: see `StoredToken`.

    Args:
        store: The store of the users' tokens.
        endpoint: The token endpoint that renews and revokes them.
    """

    def __init__(self, store: TokenStore, endpoint: TokenEndpoint) -> None:
        self._store = CheckedStore(store)
        self._endpoint = endpoint
        self._sources: WeakValueDictionary[str, StoredToken] = WeakValueDictionary()
        self._lock = threading.Lock()  # two threads must not create two sources for one user

    def source(self, key: str) -> StoredToken:
        """Return the source of a user's token: the same object as long as it is in use."""
        with self._lock:
            source = self._sources.get(key)
            if source is None:
                source = StoredToken(self._store, key, endpoint=self._endpoint)
                self._sources[key] = source
            return source

    async def token(self, key: str) -> Token | None:
        """Return a user's stored token, which may have expired; None if there is none.

        Raises:
            TokenStoreError: The store failed.
        """
        return await self._store.get(key)

    async def sign_in(self, key: str, token: Token) -> None:
        """Store a user's new token.

        Raises:
            TokenStoreError: The store failed.
        """
        async with self._store.lock(key):
            await self._store.put(key, token)
        self.source(key).forget()

    async def sign_out(self, key: str) -> None:
        """Delete a user's token, then revoke it; does nothing if there is no token.

        The token is deleted even if the provider cannot be reached. If this is cancelled after
        that, the token may still be valid at the provider.

        Raises:
            AuthorizationError: The provider refused to revoke the token.
            StatusError: The provider failed, or the quota is used up.
            TransportError: The provider did not respond.
            TokenStoreError: The store failed; nothing was revoked.
        """
        async with self._store.lock(key):
            token = await self._store.get(key)
            await self._store.delete(key)
        self.source(key).forget()
        if token is not None:
            await self._endpoint.revoke(token)
