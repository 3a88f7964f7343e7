"""A user's token as a client asks for it: from a store, and renewed when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from seeclickfix_async._core import validation
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._transport.background import BackgroundTask
from seeclickfix_async.errors import (
    DecodeError,
    InvalidGrantError,
    ProviderUnavailableError,
    ReauthorizationRequiredError,
    StatusError,
    TransportError,
)
from seeclickfix_async.oauth._parse import utc_now
from seeclickfix_async.oauth._token import LEEWAY, Token
from seeclickfix_async.tokens._endpoint import TokenEndpoint
from seeclickfix_async.tokens._stores.base import TokenStore, validate_key

# Failures that say nothing about the token.
_PASSING = (TransportError, StatusError, ProviderUnavailableError, DecodeError)


class StoredToken:
    """The token of one user, from a store: what `AsyncClient(token=...)` and `with_options` take.

        source = StoredToken(store, "user-7", endpoint=endpoint)
        view = client.with_options(token=source)

    With an endpoint it is renewed before it ends, and when the service refuses it. However many
    tasks ask, one renews; a new token is kept before it is used; and where the store's lock
    holds across processes, so does this. A task that is cancelled while it waits takes nothing
    with it.

    Share one source among all tasks that act for the user: `Accounts` hands out the same one. The
    tasks may run in several threads, if its store and its endpoint may be used there, as
    `MemoryStore`, `FileStore` and a `TokenEndpoint` without `http` may.

    Args:
        store: Where the token is kept.
        key: The user's key there.
        endpoint: Renews; without one, somebody else has to.
        leeway: Seconds before its end at which a token is renewed; half its life at most.
        now: Tells the time, aware; for tests.

    Raises:
        InvalidArgumentError: An argument cannot be used.
    """

    def __init__(
        self,
        store: TokenStore,
        key: str,
        *,
        endpoint: TokenEndpoint | None = None,
        leeway: float = LEEWAY,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        validation.in_range("leeway", leeway, 0, 86_400, integer=False)
        self._store = store
        self._key = validate_key(key)
        self._endpoint = endpoint
        self._leeway = leeway
        self._now = now
        self._token: Token | None = None
        self._task: BackgroundTask | None = None
        self._lock = threading.Lock()  # two threads must not begin two renewals
        self._dead: Secret | None = None  # a refresh token that the provider does not take
        self._unkept: tuple[Secret | None, Token] | None = None  # renewed, and not in the store yet

    def __repr__(self) -> str:
        return f"<StoredToken of {self._key!r}>"

    async def current(self) -> Secret:
        """The access token to send now.

        Raises:
            ReauthorizationRequiredError: There is none, or it ended and cannot be renewed.
        """
        token = self._token
        if token is None or self._is_due(token):
            token = await self._renewed(None)
        return token.access_token

    def forget(self) -> None:
        """Look into the store again at the next request."""
        self._token = None

    async def replaced(self, refused: Secret) -> bool:
        """Renew the token that the service refused, unless that has been done already.

        Raises:
            ReauthorizationRequiredError: It cannot be renewed.
        """
        if self._token is None or self._token.access_token == refused:
            await self._renewed(refused)
        return True

    async def _renewed(self, refused: Secret | None) -> Token:
        """Join whoever renews already, or begin."""
        while True:
            with self._lock:
                task = self._task
                joined = task is not None and not task.is_done
                if task is None or task.is_done:
                    task = self._task = BackgroundTask(lambda: self._renew(refused))
            await task.wait()
            token = self._token
            if task.was_cancelled:
                continue  # another thread's event loop has ended
            if token is not None and not (joined and token.access_token == refused):
                return token

    async def _renew(self, refused: Secret | None) -> None:
        """Take what is kept if that is good, else renew it while nobody else can."""
        kept = await self._kept()
        if not self._is_good(kept, refused):
            async with self._store.lock(self._key):
                kept = await self._kept()  # somebody else may have been faster
                if not self._is_good(kept, refused):
                    kept = await self._exchanged(kept, refused)
        self._token = kept

    async def _kept(self) -> Token:
        kept = await self._store.get(self._key)
        if kept is None:
            self._token = None
            raise ReauthorizationRequiredError(self._key, "no token is kept for it.")
        return kept

    async def _exchanged(self, kept: Token, refused: Secret | None) -> Token:
        usable = kept.access_token != refused and not kept.expired(self._now(), leeway=0)
        if self._endpoint is None or kept.refresh_token is None:
            if usable:
                return kept  # near its end, but nothing can be done about it
            raise ReauthorizationRequiredError(
                self._key, "its token has ended, and there is nothing to renew it with."
            )
        if kept.refresh_token == self._dead:
            raise self._reauthorization()
        with self._endpoint.held_open():
            try:
                token = await self._refreshed(self._endpoint, kept)
            except InvalidGrantError as error:
                return await self._somebody_elses(kept, error)
            except _PASSING:
                if not usable:
                    raise
                return kept  # the next request tries again
            await self._store.put(self._key, token)
        self._unkept = None
        return token

    async def _refreshed(self, endpoint: TokenEndpoint, kept: Token) -> Token:
        """The new token; the same one again when the store failed to keep it last time."""
        if self._unkept is None or self._unkept[0] != kept.refresh_token:
            self._unkept = kept.refresh_token, await endpoint.refresh(kept)
        return self._unkept[1]

    async def _somebody_elses(self, tried: Token, error: InvalidGrantError) -> Token:
        """A lock that ended by itself may have let somebody in, who renewed first."""
        kept = await self._kept()
        if kept.refresh_token != tried.refresh_token:
            return kept
        self._dead = tried.refresh_token
        raise self._reauthorization() from error

    def _reauthorization(self) -> ReauthorizationRequiredError:
        return ReauthorizationRequiredError(
            self._key, "its refresh token is used up, revoked or another application's."
        )

    def _is_good(self, token: Token, refused: Secret | None) -> bool:
        return token.access_token != refused and not self._is_due(token)

    def _is_due(self, token: Token) -> bool:
        """Whether it is time to renew; a token of a few seconds must not be due from its start."""
        leeway = min(self._leeway, (token.expires_in or 0) / 2)
        return token.expired(self._now(), leeway=leeway)
