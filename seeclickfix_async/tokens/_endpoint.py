"""Requests to the provider's token endpoint, and its revocation and introspection endpoints."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio
import attrs

from seeclickfix_async._core.credentials import Bearer, build_user_agent, header_text
from seeclickfix_async._core.duration import Duration
from seeclickfix_async._core.response import Response
from seeclickfix_async._core.secret import Secret, as_secret, strip_traceback
from seeclickfix_async._core.timestamps import utc_now
from seeclickfix_async._transport.exchange_events import callers_hook
from seeclickfix_async._transport.httpx_compat import HTTPClient
from seeclickfix_async._transport.limiter import Limiter, RateLimiter
from seeclickfix_async._transport.request import UNSET, Request, RequestOptions, Unset
from seeclickfix_async._transport.retry import DEFAULT_RETRY, Retry
from seeclickfix_async._transport.transport import Transport
from seeclickfix_async._transport.waiter import SharedEvent
from seeclickfix_async.errors import (
    ClosedClientError,
    DecodeError,
    EventLoopError,
    ForeignTokenError,
    InvalidArgumentError,
    InvalidGrantError,
    SeeClickFixError,
    StatusError,
    TransportError,
)
from seeclickfix_async.events._on_event import OnEvent
from seeclickfix_async.oauth import _token_requests as token_requests
from seeclickfix_async.oauth._application import Application
from seeclickfix_async.oauth._introspection import (
    Introspection,
    TokenInfo,
    introspection_from_json,
    token_info_from_json,
)
from seeclickfix_async.oauth._parse import AuthorizationCode
from seeclickfix_async.oauth._provider_errors import provider_error
from seeclickfix_async.oauth._token import Token, token_from_json
from seeclickfix_async.oauth._token_requests import Form

if TYPE_CHECKING:
    from seeclickfix_async._transport.event_hook import EventHook

T = TypeVar("T")

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class TokenEndpoint:
    """A client of the provider's token, revocation and introspection endpoints.

        async with TokenEndpoint(app) as endpoint:
            token = await endpoint.exchange(code)

    Secrets are sent in the body of a request to the provider's own site. Redirects are not
    followed, and a request is only retried if it had no effect. Cheap to create, inside or outside
    an event loop, and can be entered again after it was closed. Connections are reused in the
    event loop that first enters or uses the endpoint; in the event loop of another thread, each
    request opens a connection of its own.

    A request that is cancelled after it was sent may take effect: a code is used up, a token is
    refreshed or revoked. The new token is then lost. `StoredToken` stores it even then.

    Args:
        app: The application that requests tokens.
        http: Your own `httpx.AsyncClient` or `httpx2.AsyncClient`. You have to close it yourself.
            It limits the endpoint to one event loop: in another one, EventLoopError is raised.
        limiter: The rate limiter, since these requests count towards the quota: pass the same
            `Limiter` to the `AsyncClient`. By default a limiter of its own; None for no limit.
        retry: The retry policy.
        timeout: Seconds or a timedelta that connecting, sending and each wait for data may take;
            None for no limit.
        total_timeout: Seconds or a timedelta that one request may take, from connecting to the last
            byte of its response; each retry has as long. None for no limit. The lock of a token
            store has to last longer.
        max_wait: Seconds or a timedelta to wait for the rate limiter at most, before
            RateLimitedError is raised; None for no limit.
        user_agent: Your program's name and version.
        contact: An e-mail address or URL, for the User-Agent.
        on_event: A function that receives the events of the endpoint's requests, and
            `TokenRefreshed` of its token sources; see `seeclickfix_async.events`. By default, the
            `on_event` of the client for whose request a token is refreshed.
        now: Returns the current time as an aware datetime; for tests.

    Raises:
        InvalidArgumentError: An argument is invalid; nothing was sent.
    """

    def __init__(
        self,
        app: Application,
        *,
        http: HTTPClient | None = None,
        limiter: RateLimiter | Unset | None = UNSET,
        retry: Retry = DEFAULT_RETRY,
        timeout: Duration | None = 30.0,
        total_timeout: Duration | None = 60.0,
        max_wait: Duration | None = None,
        user_agent: str | None = None,
        contact: str | None = None,
        on_event: OnEvent | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._app = app
        self._now = now
        self._lock = threading.Lock()
        self._renewals = 0  # under way
        self._renewals_done: SharedEvent | None = None  # set by the last one, once aclose() waits
        self._options = RequestOptions(None, timeout, total_timeout, max_wait, retry=retry)
        self._new_transport = functools.partial(
            Transport,
            app.base_url,
            http=http,
            limiter=Limiter() if isinstance(limiter, Unset) else limiter,
            user_agent=build_user_agent(user_agent, contact),
            on_event=on_event,
        )
        self._transport = self._new_transport()

    async def exchange(self, code: AuthorizationCode) -> Token:
        """Exchange a code from `oauth.finish()` for a token (RFC 6749 §4.1.3).

        Raises:
            InvalidGrantError: The code is used, expired or another application's.
            AuthorizationError: The provider refused for another reason.
            DecodeError: The response is not a token.
        """
        return await self._token(token_requests.exchange(code))

    async def refresh(self, token: Token) -> Token:
        """Exchange the refresh token for a new token; store that before you use it (RFC 6749 §6).

        The provider issues a new refresh token each time. Depending on the provider's settings,
        the old pair becomes invalid at once, or when the new one is first used (observed).

        Raises:
            InvalidArgumentError: The token has no refresh token.
            InvalidGrantError: The refresh token is no longer valid: the user has to sign in again.
            AuthorizationError: The provider refused for another reason.
            DecodeError: The response is not a token.
        """
        if token.refresh_token is None:
            raise InvalidArgumentError("token", "has no refresh token; sign in again instead.")
        return await self._token(token_requests.refresh(token.refresh_token), token)

    async def client_credentials(self, scope: str | Iterable[str] = ()) -> Token:
        """Request a token for the application itself, without a user (RFC 6749 §4.4).

        Raises:
            AuthorizationError: The provider refused.
            DecodeError: The response is not a token.
        """
        return await self._token(token_requests.client_credentials(scope))

    async def revoke(self, token: Token) -> None:
        """Revoke a token and its refresh token (RFC 7009); safe to repeat.

        An expired token is refreshed first: otherwise the provider responds with 200, and the
        refresh token remains valid (observed).

        Raises:
            AuthorizationError: The provider refused, such as for another application's token.
        """
        if token.expired(self._now()) and token.refresh_token is not None:
            try:
                token = await self.refresh(token)
            except InvalidGrantError:
                return  # both tokens are invalid already
            # The first use of the new pair ends the old one, even if that use fails (observed).
            with suppress(StatusError, TransportError, DecodeError):
                await self.info(token)
        await self._post(
            self._app.endpoints.revoke, {"token": token.refresh_token or token.access_token}
        )

    async def info(self, token: Token | Secret | str) -> TokenInfo:
        """Return the provider's information about a valid token (observed).

        This counts as a use of the token: the first one ends the pair that was refreshed.

        Raises:
            AuthenticationError: The token is unknown, expired or revoked; the provider does not
                distinguish these.
        """
        token = _access_token(token)
        return _read(await self._request_info(token), token_info_from_json)

    async def verify(self, token: Token | Secret | str) -> TokenInfo:
        """Check that a token was issued to this application, and return its information.

        Without this check, a site that another application's users also sign in to could be
        entered with a token that the other application received (RFC 6749 §10.16). Call it before
        you sign in the owner of any token that a browser, an app or another program brought: one
        of the implicit flow, or one that a visitor sent. A token from `exchange` needs no check.

        Raises:
            ForeignTokenError: The provider names another application, or none.
            AuthenticationError: The token is unknown, expired or revoked.
            NotFoundError: The provider has no token information: use the code flow.
            DecodeError: The response is not token information.
        """
        token = _access_token(token)
        response = await self._request_info(token)
        info = _read(response, token_info_from_json)
        if info.client_id != self._app.client_id:
            raise response.identify(ForeignTokenError())
        return info

    async def introspect(self, token: Token | Secret | str) -> Introspection:
        """Return the state of one of this application's tokens, valid or not (RFC 7662).

        Raises:
            AuthorizationError: The provider refused.
        """
        token = _access_token(token)
        header_text("token", token.reveal())
        response = await self._post(self._app.endpoints.introspect, {"token": token})
        return _read(response, introspection_from_json)

    async def _request_info(self, token: Secret) -> Response:
        path = self._app.endpoints.info
        request = Request("GET", self._app.base_url + path, f"GET {path}", follow=False)
        options = attrs.evolve(self._options, credential=Bearer(token))
        return await self._send(request, options)

    async def _token(self, form: Form, previous: Token | None = None) -> Token:
        response = await self._post(self._app.endpoints.token, form)
        now = self._now()
        return _read(response, functools.partial(token_from_json, now=now, previous=previous))

    async def _post(self, path: str, form: Form) -> Response:
        request = Request(
            "POST",
            self._app.base_url + path,
            f"POST {path}",
            _FORM,
            token_requests.encode_with_credentials(form, self._app),
            follow=False,
            secrets=tuple(
                value
                for value in (*form.values(), self._app.client_secret)
                if isinstance(value, Secret)
            ),
        )
        try:
            return await self._send(request, self._options)
        except SeeClickFixError as error:
            strip_traceback(error)  # its frames contain a redirect, which may repeat the form
            code, description = _error_fields(getattr(error, "body", None))
            if code is None:
                raise
            refusal = provider_error(code, description)
            refusal.requests, refusal.request_id = error.requests, error.request_id
            raise refusal from error

    async def _send(self, request: Request, options: RequestOptions) -> Response:
        """Send a request, on a new connection if the pool belongs to another event loop."""
        try:
            return await self._transport.send(request, options)
        except EventLoopError:  # before anything was sent
            if self._transport.has_callers_client:
                raise
        transport = self._new_transport()
        try:
            return await transport.send(request, options)
        finally:
            with anyio.CancelScope(shield=True):
                await transport.aclose()

    @property
    def hook(self) -> EventHook | None:
        """The hook that receives the events of this endpoint and its token sources."""
        return self._transport.hook or callers_hook.get()

    @contextmanager
    def delay_close(self) -> Generator[None]:
        """Delay `aclose()` until a renewal has stored its new token."""
        with self._lock:
            self._renewals += 1
        try:
            yield
        finally:
            with self._lock:
                self._renewals -= 1
                if not self._renewals and self._renewals_done is not None:
                    self._renewals_done.set()

    async def aclose(self) -> None:
        """Close the connections that this endpoint opened; later calls raise ClosedClientError.

        Waits for renewals under way, whose new tokens would be lost otherwise.
        """
        with self._lock:
            done = self._renewals_done = SharedEvent() if self._renewals else None
        if done is not None:
            await done.wait()
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        try:
            self._transport.check()
        except ClosedClientError:  # it is entered again
            self._transport = self._new_transport()
            self._transport.check()
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await self.aclose()

    def __repr__(self) -> str:
        return f"<TokenEndpoint of {self._app.client_id} at {self._app.base_url}>"


def _read(response: Response, parse: Callable[..., T]) -> T:
    """Parse the JSON of a response.

    Raises:
        DecodeError: It cannot be parsed. The error has no frames, which contain secrets.
    """
    try:
        return parse(response.json(), route=response.route)
    except DecodeError as error:
        strip_traceback(response.identify(error))
        raise


def _access_token(token: Token | Secret | str) -> Secret:
    """Return the access token. Callers rebind their argument, since tracebacks show locals."""
    return token.access_token if isinstance(token, Token) else as_secret(token)


def _error_fields(body: Any) -> tuple[str | None, str]:
    """Return the provider's error code, or None, and its description (RFC 6749 §5.2)."""
    if not isinstance(body, dict) or not isinstance(body.get("error"), str):
        return None, ""
    return body["error"], str(body.get("error_description") or "")
