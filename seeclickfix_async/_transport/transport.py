"""The path of every request: retries, redirects, cache, rate limiter and connection pool."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import anyio
import attrs
from anyio.lowlevel import checkpoint_if_cancelled

from seeclickfix_async._core.address import is_internal
from seeclickfix_async._core.clock import SYSTEM, Clock, hold
from seeclickfix_async._core.credentials import is_secure, parse_origin
from seeclickfix_async._core.response import Response
from seeclickfix_async._core.secret import strip_traceback
from seeclickfix_async._transport.cache import Cache, confirm, validators
from seeclickfix_async._transport.content import ACCEPTED_CODING
from seeclickfix_async._transport.exchange_events import (
    callers_hook,
    report_ended,
    report_failed,
    report_received,
    report_retry,
    report_sent,
    report_wait,
)
from seeclickfix_async._transport.httpx_compat import HTTPClient
from seeclickfix_async._transport.limiter import Limiter, RateLimiter, ReturnableSlot, Unlimited
from seeclickfix_async._transport.pool import ClientPool
from seeclickfix_async._transport.redirects import (
    check_redirected_write,
    internal_redirect_error,
    redirect_url,
)
from seeclickfix_async._transport.request import UNSET, Exchange, Request, RequestOptions, Unset
from seeclickfix_async._transport.retry import pause_after
from seeclickfix_async._transport.status_errors import foreign_redirect_error, status_error
from seeclickfix_async.errors import (
    AuthenticationError,
    BlockedError,
    InvalidArgumentError,
    RateLimitedError,
    RedirectLoopError,
    RedirectRefusedError,
    SeeClickFixError,
)
from seeclickfix_async.events._on_event import OnEvent

if TYPE_CHECKING:
    from seeclickfix_async._transport.event_hook import EventHook

_MAX_REDIRECTS = 10
_UNLIMITED = Unlimited()
_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_call_numbers = itertools.count(1)


class Transport:
    """The connections of a client and of all its views.

    Args:
        site: The service's address; the credential goes to its origin only.
        http: The caller's own HTTP client, which only the caller closes.
        limiter: Entered before each HTTP request, redirects and retries too. A new
            `Limiter` by default; None for no limit.
        user_agent: Sent with every request.
        cache: Responses that the service may confirm instead of sending them again; None for no
            cache.
        clock: Measures waits and idle connections, also those of the default limiter.
        allow_insecure_http: Whether a credential may be sent over plain http to another machine.
        on_event: Receives the events of all requests.

    Raises:
        InvalidArgumentError: The caller's HTTP client has a credential that must not be sent, or
            `on_event` is not a function.
    """

    def __init__(
        self,
        site: str,
        *,
        http: HTTPClient | None,
        limiter: RateLimiter | Unset | None = UNSET,
        user_agent: str,
        cache: Cache | None = None,
        clock: Clock = SYSTEM,
        allow_insecure_http: bool = False,
        on_event: OnEvent | None = None,
    ) -> None:
        self.hook: EventHook | None = None
        if on_event is not None:
            from seeclickfix_async._transport.event_hook import EventHook  # noqa: PLC0415

            self.hook = EventHook(on_event)
        self._origin = parse_origin(site)
        self._may_sign = allow_insecure_http or is_secure(site)
        self._root = f"{site}/"
        self._is_internal = is_internal(site)
        if isinstance(limiter, Unset):
            limiter = Limiter(clock=clock)
        self._limiter = limiter or Unlimited()
        self.clock: Clock = clock
        self._cache = cache
        headers = {
            "User-Agent": user_agent,
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED_CODING,
        }
        self._pool = ClientPool(http, headers, self.clock)
        self.has_callers_client: bool = http is not None
        if http is not None and (http.auth is not None or "authorization" in http.headers):
            self.check_secure()

    @property
    def rate(self) -> float:
        """Requests a second that the limiter allows in the long run."""
        return self._limiter.rate

    def check_secure(self) -> None:
        """Check that a credential may be sent to the service.

        Raises:
            InvalidArgumentError: The connection is not encrypted, and leads to another machine.
        """
        if not self._may_sign:
            raise InvalidArgumentError(
                "base_url",
                "is plain http, over which a token or a password is not sent to another machine.",
                code="insecure_http",
                advice="Use https, or pass allow_insecure_http=True in a network of your own.",
            )

    def check(self) -> None:
        """Bind the connections to the running event loop, or refuse to send from it.

        Raises:
            ClientStateError: The client is closed, or belongs to another event loop.
        """
        self._pool.check()

    async def aclose(self) -> None:
        """Close the connections, unless the HTTP client is the caller's. Harmless when repeated."""
        await self._pool.aclose()

    async def send(self, request: Request, options: RequestOptions) -> Response:
        """Send a request, again where the retry policy allows it, and return a success.

        When it is cancelled, its connection is closed and its slot is released, unless other tasks
        have joined it: with `Cache(max_age=)`, identical reads under way are sent once.

        Raises:
            ClientStateError: The client is closed, or belongs to another event loop.
            StatusError: The service refused; the subclass says how.
            TransportError: No usable response was received.
        """
        exchange, cache = Exchange(request, options), self._cache
        exchange.hook = self.hook or callers_hook.get()
        send = self._send_until_success if exchange.hook is None else self._send_with_events
        if cache is None or not cache.max_age or not options.accepts_older:
            return await send(exchange)
        exchange.is_own = self._is_own(request.url)
        key = self._cache_key(exchange)
        if key is None:
            return await send(exchange)
        key = (self, key, options, request.follow)
        return await cache.reads.join(key, lambda: send(exchange))

    async def _send_with_events(self, exchange: Exchange) -> Response:
        """Send a request of its own, and report that the call has ended; see `send`."""
        outer, began_at = callers_hook.get(), self.clock.now()
        exchange.call = next(_call_numbers)
        callers_hook.set(exchange.hook)
        try:
            response = await self._send_until_success(exchange)
        except BaseException as error:
            report_ended(exchange, error, self.clock.now() - began_at)
            raise
        else:
            report_ended(exchange, None, self.clock.now() - began_at)
            return response
        finally:
            callers_hook.set(outer)

    async def _send_until_success(self, exchange: Exchange) -> Response:
        """Send a request of its own; see `send`."""
        while True:
            try:
                response = await self._follow(exchange)
                await self._check(exchange, response)
            except SeeClickFixError as error:
                error.requests = exchange.requests
                if isinstance(error, RateLimitedError):  # perhaps the limiter's, which knows none
                    error.route = error.route or exchange.request.route
                if exchange.is_renewing:
                    raise
                strip_traceback(error)  # its frames contain redirects, which may repeat the token
                error.request_id = error.request_id or exchange.request_id
                # A request refused with 401 had no effect: even a write may be sent again.
                if isinstance(error, AuthenticationError) and await exchange.renew_token():
                    report_retry(exchange, error, 0.0)
                    continue
                wait = self._wait_before_retry(exchange, error)
                if wait is None:
                    raise
            else:
                return response
            await self.clock.wait(anyio.Event(), wait)

    async def _check(self, exchange: Exchange, response: Response) -> None:
        """Refuse a response that is not a success, and report a used-up quota to the limiter."""
        anonymous = exchange.options.credential is None and not self.has_callers_client
        error = status_error(response, anonymous=anonymous)
        if error is None:
            return
        if exchange.is_own:  # the quota is the API's, not that of another host
            if isinstance(error, RateLimitedError):
                await self._limiter.hold(pause_after(error))
            if isinstance(error, BlockedError):
                await self._limiter.stop(error)
        elif exchange.request.into is None:
            raise foreign_redirect_error(response.url, response.route, response.secrets) from error
        raise error

    def _wait_before_retry(self, exchange: Exchange, error: SeeClickFixError) -> float | None:
        """Return the seconds until the next attempt, or None if there must not be one."""
        now = self.clock.now()
        if exchange.failed_at is None:
            exchange.failed_at = now
        status = getattr(error, "status", None)
        wait = exchange.options.retry.wait(
            error,
            attempt=exchange.attempt,
            elapsed=now - exchange.failed_at,
            safe=exchange.request.is_safe,
            repeated=status in exchange.failures,
        )
        exchange.failures += (status,)
        if wait is None or wait > exchange.longest_wait(error):
            return None
        report_retry(exchange, error, wait)
        exchange.attempt += 1
        return wait

    async def _follow(self, exchange: Exchange) -> Response:
        """Send the request, and again to where redirects point; return the last response."""
        request = exchange.request
        exchange.seconds_left = exchange.options.total_timeout
        exchange.url, exchange.is_own = request.url, self._is_own(request.url)
        seen = {request.url}
        while True:
            response = await self._send(exchange)
            location = response.headers.get("location")
            if response.status not in _REDIRECT_STATUSES or not location:
                return response
            if not request.follow:
                raise RedirectRefusedError(
                    "The service redirects a request that must not be sent to another URL.",
                    advice="Check base_url.",
                    route=request.route,
                )
            exchange.seconds_left = exchange.deadline - anyio.current_time()
            url = redirect_url(exchange, location)
            if url in seen or len(seen) > _MAX_REDIRECTS:
                raise RedirectLoopError(
                    f"The service redirects in a circle, or more than {_MAX_REDIRECTS} times.",
                    advice="Check base_url.",
                    route=request.route,
                )
            seen.add(url)
            exchange.url, exchange.is_own = url, self._is_own(url)
            if is_internal(url) and not self._is_internal:
                raise internal_redirect_error(exchange)
            if not request.is_safe:
                check_redirected_write(exchange, response.status)

    def _is_own(self, url: str) -> bool:
        """Return whether a URL belongs to the API's origin; most begin with the base URL."""
        return url.startswith(self._root) or parse_origin(url) == self._origin

    async def _send(self, exchange: Exchange) -> Response:
        """Send the request once, unless the cache has a response that need not be confirmed."""
        self._pool.check()
        if exchange.is_own and exchange.renewable is not None:
            await exchange.choose_token(exchange.renewable)
        cache = self._cache
        key = None if cache is None else self._cache_key(exchange)
        if cache is not None and key is not None:
            return await self._send_cacheable(exchange, cache, key)
        exchange.validators = {}
        try:
            return await self._send_in_slot(exchange, exchange.options.max_wait)
        finally:
            if cache is not None and not exchange.request.is_safe:
                cache.note_write(exchange.credential, self.clock.now())

    async def _send_cacheable(self, exchange: Exchange, cache: Cache, key: Hashable) -> Response:
        """Return a cached response if that is allowed without a request; otherwise send it.

        If the quota is used up, the limits for the age are wider.
        """
        cached, older = cache.get(key), None
        if cached is not None and exchange.options.accepts_older:
            now, credential = self.clock.now(), exchange.credential
            fresh = cache.use_unconfirmed(cached, credential, cache.max_age, now)
            if fresh is not None:
                return attrs.evolve(fresh, requests=exchange.requests)
            older = cache.use_unconfirmed(cached, credential, cache.stale_if_limited, now)
        exchange.validators = validators(cached)
        try:
            max_wait = exchange.options.max_wait if older is None else 0.0
            response = await self._send_in_slot(exchange, max_wait)
            if older is not None and response.status == 429:
                await self._check(exchange, response)
        except RateLimitedError:
            if older is None:
                raise
            return attrs.evolve(older, requests=exchange.requests)
        if cached is not None and response.status == 304:
            response = confirm(cached, response)
            if not cache.returns_unconfirmed:
                return response
        if cache.returns_unconfirmed:
            response = attrs.evolve(response, sent_at=exchange.sent_at)
        cache.put(key, response)
        return response

    def _cache_key(self, exchange: Exchange) -> Hashable:
        """Return the cache key, or None if the response must not be cached.

        An unknown credential is a reason: the caller's own HTTP client may change its own.
        """
        request, options = exchange.request, exchange.options
        unknown = self.has_callers_client and exchange.credential is None
        if not exchange.is_own or request.method != "GET" or request.into or unknown:
            return None
        headers = tuple(sorted(request.headers.items())) if request.headers else ()
        if headers and any(name.lower().startswith("if-") for name, _ in headers):
            return None  # the caller has its own copy to confirm
        return exchange.url, exchange.credential, options.locale, options.headers, headers

    async def _send_in_slot(self, exchange: Exchange, max_wait: float | None) -> Response:
        """Wait for a slot of the limiter and a client of the pool, and send the request on it."""
        options = exchange.options
        # A download may come from a storage service, which does not count in the API's quota.
        limiter = self._limiter if exchange.is_own or exchange.request.into is None else _UNLIMITED
        await checkpoint_if_cancelled()  # the transport of a caller's client may never do that
        exchange.response_headers = {}
        queued_at = 0.0 if exchange.hook is None else self.clock.now()
        entering: Any = limiter.slot(max_wait=max_wait, background=options.background)
        if hasattr(entering, "on_wait"):  # see `RateLimiter.slot`
            entering.on_wait = functools.partial(report_wait, exchange)
        async with entering as slot:
            if exchange.hook is not None:
                exchange.waited = self.clock.now() - queued_at
            exchange.was_sent = False
            exchange.requests += 1
            try:
                client = await self._pool.acquire()
                exchange.sent_at = self.clock.now()
                report_sent(exchange)
                try:
                    with hold(self.clock):
                        response = await client.send(exchange)
                except BaseException as error:
                    report_failed(exchange, error, self.clock.now() - exchange.sent_at)
                    raise
                finally:
                    self._pool.release(client)
                seconds = self.clock.now() - exchange.sent_at
                report_received(exchange, response.status, seconds)
            finally:
                if exchange.was_sent is False:
                    exchange.requests -= 1
                    if isinstance(slot, ReturnableSlot):
                        slot.give_back()
        return response
