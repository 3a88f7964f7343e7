"""One request's way over the wire and back.

Limiter, gate, auth flow, HTTP library, redirects, status, retry: every request goes this way,
and only this way.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from contextlib import suppress
from urllib.parse import urldefrag, urljoin

import anyio
import attrs
from anyio.lowlevel import checkpoint_if_cancelled

from seeclickfix_async._core import validation
from seeclickfix_async._core.clock import Clock
from seeclickfix_async._core.credentials import parse_origin
from seeclickfix_async._transport.cache import Cache, validators
from seeclickfix_async._transport.httpx_compat import HTTPClient
from seeclickfix_async._transport.limiter import Limiter, RateLimiter, ReturnableSlot, Unlimited
from seeclickfix_async._transport.pool import ClientPool
from seeclickfix_async._transport.request import UNSET, Exchange, Request, RequestOptions, Unset
from seeclickfix_async._transport.response import Response
from seeclickfix_async._transport.retry import UNTOLD, Retry
from seeclickfix_async._transport.status_errors import status_error
from seeclickfix_async.errors import (
    AuthenticationError,
    BlockedError,
    ForeignRedirectError,
    RateLimitedError,
    RedirectLoopError,
    RedirectRefusedError,
    SeeClickFixError,
    StatusError,
)

_logger = logging.getLogger("seeclickfix_async")

_MOST_HOPS = 10
_UNCOUNTED = Unlimited()
_SAFE = frozenset({"GET", "HEAD"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})


class Transport:
    """The connections of a client and of all its views.

    Args:
        site: The service's address; the credential goes to its origin only.
        http: The caller's own HTTP client, which stays the caller's to close.
        limiter: Asked before every request on the wire, redirects and retries too; one of its
            own unless told, and None for no limit.
        retry: Decides about failures, and tells the time.
        user_agent: Sent with every request.
        cache: What the service may confirm instead of sending it again; None keeps nothing.
    """

    def __init__(
        self,
        site: str,
        *,
        http: HTTPClient | None,
        limiter: RateLimiter | Unset | None = UNSET,
        retry: Retry,
        user_agent: str,
        cache: Cache | None = None,
    ) -> None:
        self._origin = parse_origin(site)
        self._root = f"{site}/"
        self._limiter = Limiter() if isinstance(limiter, Unset) else limiter or Unlimited()
        self._retry = retry
        self._clock = retry.clock
        self._cache = cache
        headers = {"User-Agent": user_agent, "Accept": "application/json"}
        self._pool = ClientPool(http, self._origin, headers, self._clock)
        self.is_given: bool = http is not None

    @property
    def rate(self) -> float:
        """Requests a second that the limiter allows in the long run."""
        return self._limiter.rate

    @property
    def clock(self) -> Clock:
        """What tells the time here."""
        return self._clock

    def check(self) -> None:
        """Keep the connections for the running event loop, or refuse what cannot be sent from here.

        Raises:
            ClientStateError: The client is closed, or belongs to another event loop.
        """
        self._pool.check()

    async def aclose(self) -> None:
        """Close the connections, unless the HTTP client is the caller's. Harmless when repeated."""
        await self._pool.aclose()

    async def send(self, request: Request, options: RequestOptions) -> Response:
        """Send a request until it succeeds or nothing more is to be hoped for.

        When it is cancelled, its connection is closed and its slot is given back.

        Raises:
            ClientStateError: The client is closed, or belongs to another event loop.
            StatusError: The service refused; the subclass says how.
            TransportError: No usable answer came back.
        """
        exchange = Exchange(request, options)
        failed_at: float | None = None
        attempt = 1
        while True:
            try:
                return await self._follow(exchange)
            except SeeClickFixError as error:
                if exchange.choosing:
                    raise  # it had tries of its own
                if isinstance(error, AuthenticationError) and await exchange.has_another():
                    continue  # the service did nothing, so that even a write may be sent again
                now = self._clock.now()
                failed_at = now if failed_at is None else failed_at
                wait = self._retry.wait(
                    error, attempt=attempt, elapsed=now - failed_at, safe=request.method in _SAFE
                )
                if wait is None or wait > exchange.patience(error):
                    raise
            await self._clock.wait(anyio.Event(), wait)
            attempt += 1

    async def _follow(self, exchange: Exchange) -> Response:
        """Send, and go on where redirects point to; the last answer is a success."""
        request, url = exchange.request, exchange.request.url
        seen: set[str] = set()
        while True:
            seen.add(url)
            response = await self._exchange(exchange, url)
            target = response.headers.get("location")
            if response.status not in _REDIRECTS or not target:
                break
            if not request.follow:
                raise RedirectRefusedError(
                    "It redirects what must not be sent on.",
                    advice="Check base_url.",
                    route=request.route,
                )
            url = _target(url, target, request.route)
            if url in seen or len(seen) > _MOST_HOPS:
                raise RedirectLoopError(
                    f"It redirects in a circle, or more than {_MOST_HOPS} times.",
                    advice="Check base_url.",
                    route=request.route,
                )
            if request.method not in _SAFE:
                self._allow_again(request, response.status, url)
        unknown = exchange.options.credential is None and not self.is_given
        error = status_error(response, nobody=unknown)
        if error is None:
            return response
        if self.is_foreign(response) and request.into is None:
            raise astray(request.route, response.url) from error
        if not self.is_foreign(response):  # another host's refusal says nothing of our quota
            await self._tell_others(error)
        raise error

    async def _tell_others(self, error: StatusError) -> None:
        if isinstance(error, RateLimitedError):
            await self._limiter.hold(error.retry_after or UNTOLD)
        if isinstance(error, BlockedError):
            await self._limiter.stop(error)

    def is_foreign(self, response: Response) -> bool:
        """Whether redirects led away from the API's origin."""
        return not self._is_own(response.url)

    def _is_own(self, url: str) -> bool:
        """Whether a URL belongs to the API's origin; most of them begin as base_url does."""
        return url.startswith(self._root) or parse_origin(url) == self._origin

    def _allow_again(self, request: Request, status: int, url: str) -> None:
        """A write goes on only with its body, and only to where it was meant for."""
        if not self._is_own(url):
            raise astray(request.route, url)
        if status not in _SAME_METHOD:
            raise RedirectRefusedError(
                f"It answers a write with {status}, which would lose its body.",
                advice="Check base_url.",
                route=request.route,
            )

    async def _exchange(self, exchange: Exchange, url: str) -> Response:
        """One request on the wire and its answer; the one before, when it is confirmed."""
        self._pool.check()
        own = self._is_own(url)
        if own:
            await exchange.choose_credential()
        cache = self._cache
        key = self._key(exchange, url) if own else None
        if cache is None or key is None:
            return await self._send_once(exchange, url, {}, own=own)
        kept = cache.get(key)
        response = await self._send_once(exchange, url, validators(kept), own=own)
        if kept is None or response.status != 304:
            cache.put(key, response)
            return response
        date = response.headers.get("date")  # when it was confirmed (RFC 9111 §4.3.4)
        headers = kept.headers if date is None else {**kept.headers, "date": date}
        return attrs.evolve(response, status=200, headers=headers, content=kept.content)

    def _key(self, exchange: Exchange, url: str) -> Hashable:
        """What tells one answer from another; None for what is not kept.

        The caller's own HTTP client may change its credential and nobody here would know.
        """
        request, options = exchange.request, exchange.options
        unknown = self.is_given and exchange.credential is None
        if request.method != "GET" or request.into or unknown:
            return None
        headers = tuple(sorted(request.headers.items())) if request.headers else ()
        conditional = any(name.lower().startswith("if-") for name, _ in headers)
        return None if conditional else (url, exchange.credential, options.locale, headers)

    async def _send_once(
        self, exchange: Exchange, url: str, more: Mapping[str, str], *, own: bool
    ) -> Response:
        options = exchange.options
        # The quota is the API's; a download leads on to some storage, which has none of it.
        limiter = self._limiter if own or exchange.request.into is None else _UNCOUNTED
        if self.is_given:  # the caller's transport may never look whether it is cancelled
            await checkpoint_if_cancelled()
        async with limiter.slot(max_wait=options.max_wait, background=options.background) as slot:
            exchange.has_left = False
            try:
                return await self._send_in_slot(exchange, url, more, own=own)
            finally:
                if exchange.has_left is False and isinstance(slot, ReturnableSlot):
                    slot.give_back()

    async def _send_in_slot(
        self, exchange: Exchange, url: str, more: Mapping[str, str], *, own: bool
    ) -> Response:
        route = exchange.request.route
        async with self._pool.gate:
            client = await self._pool.acquire()
            exchange.sent += 1
            started = self._clock.now()
            try:
                answer = await client.send(exchange, url, {**exchange.headers, **more}, own=own)
            finally:
                self._pool.release(client)
        status, headers, content = answer
        _logger.debug("%s: %d in %.3f s", route, status, self._clock.now() - started)
        return Response(status, headers, content, url, route, exchange.sent)


def _target(url: str, target: str, route: str) -> str:
    """Where a redirect points to."""
    with suppress(ValueError):  # a bracket that is not closed
        url = urldefrag(urljoin(url, target)).url
        if validation.is_http_url(url):
            return url
    raise RedirectRefusedError("It redirects to what is no address.", route=route)


def astray(route: str, url: str) -> ForeignRedirectError:
    """The error for an answer that is not the API's."""
    scheme, host, port = parse_origin(url)
    origin = f"{scheme}://{host}:{port}"
    return ForeignRedirectError(
        f"It redirects to {origin}, which is not the API: nothing secret was sent there.",
        origin=origin,
        advice="Check base_url, and that no login page stands in between.",
        route=route,
    )
