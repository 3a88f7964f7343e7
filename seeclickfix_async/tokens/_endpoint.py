"""The provider's token endpoint, and its neighbours."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Self

import anyio
import attrs

from seeclickfix_async._core.credentials import Bearer, build_user_agent
from seeclickfix_async._core.secret import Secret, as_secret, strip_traceback
from seeclickfix_async._transport.httpx_compat import HTTPClient
from seeclickfix_async._transport.limiter import Limiter, RateLimiter
from seeclickfix_async._transport.request import UNSET, Request, RequestOptions, Unset
from seeclickfix_async._transport.response import Response
from seeclickfix_async._transport.retry import DEFAULT_RETRY, Retry
from seeclickfix_async._transport.transport import Transport
from seeclickfix_async._transport.waiter import SharedEvent
from seeclickfix_async.errors import (
    DecodeError,
    EventLoopError,
    InvalidArgumentError,
    InvalidGrantError,
    StatusError,
    TransportError,
)
from seeclickfix_async.oauth import _token_requests as grants
from seeclickfix_async.oauth._application import Application
from seeclickfix_async.oauth._introspection import (
    Introspection,
    TokenInfo,
    introspection_from_json,
    token_info_from_json,
)
from seeclickfix_async.oauth._parse import AuthorizationCode, utc_now
from seeclickfix_async.oauth._provider_errors import provider_error
from seeclickfix_async.oauth._token import Token, token_from_json
from seeclickfix_async.oauth._token_requests import Form

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class TokenEndpoint:
    """What an application asks the provider for, beside the browser's back.

        async with TokenEndpoint(app) as endpoint:
            token = await endpoint.exchange(code)

    Secrets go into the body of a request to the provider's own site, redirects are not
    followed, and a request is sent again only when it surely did nothing. Cheap to make, inside or
    outside an event loop. Its connections are kept for the event loop that it is entered or used
    in first; in another thread's, each request has a connection of its own.

    Args:
        app: The application that asks.
        http: Your own `httpx.AsyncClient` or `httpx2.AsyncClient`. It stays yours to close, and
            ties the endpoint to one event loop: in another one, EventLoopError is raised.
        limiter: The quota, which these requests count in: hand the same `Limiter` to the
            `AsyncClient` and to this. One of its own unless told; None for no limit.
        retry: Which failures are tried again, and when.
        timeout: Seconds that connecting, sending and each wait for data may take.
        total_timeout: Seconds that one request may take, from connecting to the last byte of its
            answer; None for no bound. A store's lock should last longer.
        max_wait: Raise RateLimitedError rather than wait longer than so many seconds for the
            quota.
        user_agent: Your program's name and version.
        contact: An e-mail or URL, for the User-Agent.
        now: Tells the time, aware; for tests.

    Raises:
        InvalidArgumentError: An argument cannot be used; nothing was sent.
    """

    def __init__(
        self,
        app: Application,
        *,
        http: HTTPClient | None = None,
        limiter: RateLimiter | Unset | None = UNSET,
        retry: Retry = DEFAULT_RETRY,
        timeout: float = 30.0,
        total_timeout: float | None = 60.0,
        max_wait: float | None = None,
        user_agent: str | None = None,
        contact: str | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._app = app
        self._now = now
        self._lock = threading.Lock()
        self._holders = 0
        self._last_holder: SharedEvent | None = None
        self._options = RequestOptions(None, timeout, total_timeout, max_wait)
        self._new_wire = functools.partial(
            Transport,
            app.base_url,
            http=http,
            limiter=Limiter() if isinstance(limiter, Unset) else limiter,
            retry=retry,
            user_agent=build_user_agent(user_agent, contact),
        )
        self._wire = self._new_wire()

    async def exchange(self, code: AuthorizationCode) -> Token:
        """The token for a code that `oauth.finish()` gave (RFC 6749 §4.1.3).

        Raises:
            InvalidGrantError: The code is used up, expired, or another application's.
            AuthorizationError: The provider refused for another reason.
            DecodeError: The answer is no token.
        """
        return await self._token(grants.exchange(code))

    async def refresh(self, token: Token) -> Token:
        """A new token for one that ends; keep it before you use it (RFC 6749 §6).

        The provider gives a new refresh token each time. The old pair ends with the first use
        of the new one, or at once, as the provider is set up (observed).

        Raises:
            InvalidArgumentError: The token has nothing to be renewed with.
            InvalidGrantError: The refresh token is dead: the person has to sign in again.
            AuthorizationError: The provider refused for another reason.
            DecodeError: The answer is no token.
        """
        if token.refresh_token is None:
            raise InvalidArgumentError("token", "has no refresh token; sign in again instead.")
        return await self._token(grants.refresh(token.refresh_token), token)

    async def client_credentials(self, scope: str | Iterable[str] = ()) -> Token:
        """A token for the application itself, which acts for nobody (RFC 6749 §4.4).

        Raises:
            AuthorizationError: The provider refused.
            DecodeError: The answer is no token.
        """
        return await self._token(grants.client_credentials(scope))

    async def revoke(self, token: Token) -> None:
        """End a token and what could renew it (RFC 7009); harmless when repeated.

        A token that has expired is renewed first: otherwise the provider answers 200 and leaves
        the refresh token alive (observed).

        Raises:
            AuthorizationError: The provider refused, such as for a token of another application.
        """
        if token.expired(self._now()) and token.refresh_token is not None:
            try:
                token = await self.refresh(token)
            except InvalidGrantError:
                return  # dead already
            # The old pair ends with the first use of the new one, even one that fails (observed).
            with suppress(StatusError, TransportError, DecodeError):
                await self.info(token)
        await self._post(
            self._app.endpoints.revoke, {"token": token.refresh_token or token.access_token}
        )

    async def info(self, token: Token | Secret | str) -> TokenInfo:
        """What the provider says of a token that works (observed).

        With the token endpoint's rotation, asking counts as the token's first use.

        Raises:
            AuthenticationError: The token is unknown, expired or revoked: which, is not told.
        """
        access = token.access_token if isinstance(token, Token) else as_secret(token)
        path = self._app.endpoints.info
        request = Request("GET", self._app.base_url + path, f"GET {path}", follow=False)
        options = attrs.evolve(self._options, credential=Bearer(access))
        response = await self._send(request, options)
        return token_info_from_json(response.json(), route=response.route)

    async def introspect(self, token: Token | Secret | str) -> Introspection:
        """What the provider says of a token of this application, dead or alive (RFC 7662).

        Raises:
            AuthorizationError: The provider refused.
        """
        access = token.access_token if isinstance(token, Token) else as_secret(token)
        response = await self._post(self._app.endpoints.introspect, {"token": access})
        return introspection_from_json(response.json(), route=response.route)

    async def _token(self, form: Form, previous: Token | None = None) -> Token:
        response = await self._post(self._app.endpoints.token, form)
        try:
            return token_from_json(
                response.json(), now=self._now(), route=response.route, previous=previous
            )
        except DecodeError as error:
            strip_traceback(error)
            raise

    async def _post(self, path: str, form: Form) -> Response:
        request = Request(
            "POST",
            self._app.base_url + path,
            f"POST {path}",
            _FORM,
            grants.encode_with_credentials(form, self._app),
            follow=False,
        )
        try:
            return await self._send(request, self._options)
        except StatusError as error:
            code, words = _told(error.body)
            if code is None:
                raise
            raise provider_error(code, words) from error

    async def _send(self, request: Request, options: RequestOptions) -> Response:
        """Send it on the connections that are kept, or in another thread on one of its own."""
        try:
            return await self._wire.send(request, options)
        except EventLoopError:  # before anything was sent
            if self._wire.has_callers_client:
                raise
        wire = self._new_wire()
        try:
            return await wire.send(request, options)
        finally:
            with anyio.CancelScope(shield=True):
                await wire.aclose()

    @contextmanager
    def held_open(self) -> Generator[None]:
        """Let no `aclose()` come between a renewal and its being kept."""
        with self._lock:
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders and self._last_holder is not None:
                    self._last_holder.set()

    async def aclose(self) -> None:
        """Close the connections that this endpoint opened; calls fail from then on.

        Waits for renewals under way, which would be lost otherwise.
        """
        with self._lock:
            last_holder = self._last_holder = SharedEvent() if self._holders else None
        if last_holder is not None:
            await last_holder.wait()
        await self._wire.aclose()

    async def __aenter__(self) -> Self:
        self._wire.check()
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await self.aclose()

    def __repr__(self) -> str:
        return f"<TokenEndpoint of {self._app.client_id} at {self._app.base_url}>"


def _told(body: Any) -> tuple[str | None, str]:
    """The provider's error code and words (RFC 6749 §5.2), if the answer has them."""
    if not isinstance(body, dict) or not isinstance(body.get("error"), str):
        return None, ""
    return body["error"], str(body.get("error_description") or "")
