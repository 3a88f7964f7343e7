"""The token source of a user: a token from a store, renewed before it expires."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

import anyio

from seeclickfix_async._core.duration import Duration, to_seconds
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._core.timestamps import utc_now
from seeclickfix_async._transport.background import BackgroundTask
from seeclickfix_async.errors import (
    DecodeError,
    InvalidGrantError,
    ProviderUnavailableError,
    ReauthorizationRequiredError,
    StatusError,
    TransportError,
)
from seeclickfix_async.oauth._token import LEEWAY, Token
from seeclickfix_async.tokens._endpoint import TokenEndpoint
from seeclickfix_async.tokens._stores.base import TokenStore, validate_key
from seeclickfix_async.tokens._stores.checked import CheckedStore

_logger = logging.getLogger("seeclickfix_async.tokens")

# Errors that do not mean that the token is invalid.
_TRANSIENT_ERRORS = (TransportError, StatusError, ProviderUnavailableError, DecodeError)


class StoredToken:
    """A token source for one user: pass it to `AsyncClient(token=...)` or `with_options`.

        source = StoredToken(store, "user-7", endpoint=endpoint)
        view = client.with_options(token=source)

    The token is read from a store. With an endpoint it is renewed before it expires, and after a
    401. Only one task renews it, also among processes if the store's lock spans processes. A new
    token is stored before it is used, even if the tasks that wait for it are cancelled.

    Share one source among all tasks that act for the user, as `Accounts` does. The tasks may run
    in several threads if these may use the store and the endpoint: they may use `MemoryStore`,
    `FileStore` and a `TokenEndpoint` without `http`.

    Args:
        store: The token store.
        key: The user's key in the store.
        endpoint: The token endpoint that renews the token. Without one, other code has to renew
            it in the store.
        leeway: Seconds or a timedelta before its expiry at which a token is renewed; at most half
            its lifetime.
        now: Returns the current time as an aware datetime; for tests.

    Raises:
        InvalidArgumentError: An argument is invalid.
    """

    def __init__(
        self,
        store: TokenStore,
        key: str,
        *,
        endpoint: TokenEndpoint | None = None,
        leeway: Duration = LEEWAY,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = CheckedStore(store)
        self._key = validate_key(key)
        self._endpoint = endpoint
        self._leeway = to_seconds("leeway", leeway, 0, 86_400)
        self._now = now
        self._token: Token | None = None
        self._forgotten = 0  # times that `forget` was called
        self._renewal: BackgroundTask | None = None
        self._lock = threading.Lock()  # two threads must not start two renewals
        self._refused_refresh_token: Secret | None = None
        # A refresh token and the token that replaced it, while the store does not have that yet.
        self._unsaved: tuple[Secret | None, Token] | None = None

    def __repr__(self) -> str:
        return f"<StoredToken of {self._key!r}>"

    async def current(self) -> Secret:
        """Return the access token to send now.

        Raises:
            ReauthorizationRequiredError: There is no token, or it has expired and cannot be
                renewed.
        """
        token = self._token
        if token is None or self._is_due(token):
            token = await self._renewed_token(None)
        return token.access_token

    def forget(self) -> None:
        """Read the token from the store again at the next request."""
        self._forgotten += 1
        self._token = None

    async def replaced(self, refused: Secret) -> bool:
        """Renew the token that the service refused, unless that is already done.

        Raises:
            ReauthorizationRequiredError: It cannot be renewed.
        """
        if self._token is None or self._token.access_token == refused:
            await self._renewed_token(refused)
        return True

    async def _renewed_token(self, refused: Secret | None) -> Token:
        """Wait for the renewal under way, or start one, and return the new token."""
        while True:
            with self._lock:
                renewal = self._renewal
                joined = renewal is not None and not renewal.is_done
                if renewal is None or renewal.is_done:
                    renewal = self._renewal = BackgroundTask(lambda: self._renew(refused))
            await renewal.wait()
            token = self._token
            if renewal.was_cancelled:
                continue  # the event loop of another thread has ended
            if token is not None and not (joined and token.access_token == refused):
                return token

    async def _renew(self, refused: Secret | None) -> None:
        """Load the stored token, and renew it under the store's lock if it is not usable."""
        forgotten = self._forgotten
        token = await self._load()
        if not self._is_usable(token, refused):
            async with self._store.lock(self._key):
                token = await self._load()  # another process may have renewed it
                if not self._is_usable(token, refused):
                    token = await self._refresh(token, refused)
        if forgotten == self._forgotten:  # otherwise another one may have been stored meanwhile
            self._token = token

    async def _load(self) -> Token:
        token = await self._store.get(self._key)
        if token is None:
            self._token = None
            raise ReauthorizationRequiredError(self._key, "no token is stored.")
        return token

    async def _refresh(self, token: Token, refused: Secret | None) -> Token:
        """Refresh and store a token; if that is not possible now, return it while it is valid."""
        started_at = anyio.current_time()
        valid = token.access_token != refused and not token.expired(self._now(), leeway=0)
        if self._endpoint is None or token.refresh_token is None:
            if valid:
                return token
            raise ReauthorizationRequiredError(
                self._key,
                "the token is no longer valid, and cannot be renewed without a refresh token and "
                "an endpoint.",
            )
        if token.refresh_token == self._refused_refresh_token:
            raise self._reauthorization()
        with self._endpoint.delay_close():
            try:
                new = await self._request_new(self._endpoint, token)
            except InvalidGrantError as error:
                return await self._load_newer(token, error)
            except _TRANSIENT_ERRORS as error:
                if not valid:
                    raise
                _logger.info(
                    "A token is used until it expires: its refresh failed (%s)", error.code
                )
                return token  # the next request tries again
            await self._store.put(self._key, new)
        self._unsaved = None
        seconds = anyio.current_time() - started_at
        reason = "refused" if token.access_token == refused else "expired"
        _logger.debug("A token was refreshed in %.3f s (%s)", seconds, reason)
        if self._endpoint.hook is not None:
            self._endpoint.hook.refreshed(reason, seconds)
        return new

    async def _request_new(self, endpoint: TokenEndpoint, token: Token) -> Token:
        """Request a new token, or return the one that the store failed to save last time."""
        if self._unsaved is None or self._unsaved[0] != token.refresh_token:
            self._unsaved = token.refresh_token, await endpoint.refresh(token)
        return self._unsaved[1]

    async def _load_newer(self, old: Token, error: InvalidGrantError) -> Token:
        """Load the token of another process that refreshed first, after this lock had expired."""
        token = await self._load()
        if token.refresh_token != old.refresh_token:
            return token
        self._refused_refresh_token = old.refresh_token
        refusal = self._reauthorization()
        refusal.request_id = error.request_id
        raise refusal from error

    def _reauthorization(self) -> ReauthorizationRequiredError:
        return ReauthorizationRequiredError(
            self._key,
            "the refresh token was used or revoked, or belongs to another application.",
        )

    def _is_usable(self, token: Token, refused: Secret | None) -> bool:
        return token.access_token != refused and not self._is_due(token)

    def _is_due(self, token: Token) -> bool:
        """Return True if a token has to be renewed; not at the start of a very short lifetime."""
        leeway = min(self._leeway, (token.expires_in or 0) / 2)
        return token.expired(self._now(), leeway=leeway)
