"""One request's way over the wire and back.

Limiter, gate, auth flow, HTTP library, redirects, status, retry: every request goes this way,
and only this way.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Hashable, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import urldefrag, urljoin

import anyio
import attrs
from anyio import to_thread
from anyio.lowlevel import current_token

from seeclickfix_async.credentials import Credential, origin_of
from seeclickfix_async.errors import (
    AuthenticationError,
    BlockedError,
    ClosedClientError,
    EventLoopError,
    ForeignRedirectError,
    RateLimitedError,
    RedirectLoopError,
    RedirectRefusedError,
    ResponseTooLargeError,
    SeeClickFixError,
    StatusError,
)
from seeclickfix_async.refusals import refusal
from seeclickfix_async.response import Response
from seeclickfix_async.secret import forget_frames
from seeclickfix_async.transport import library
from seeclickfix_async.transport.cache import Cache, validators
from seeclickfix_async.transport.clock import Clock
from seeclickfix_async.transport.detached import Flight
from seeclickfix_async.transport.library import HTTPClient
from seeclickfix_async.transport.limiter import Limiter, RateLimiter, Unlimited
from seeclickfix_async.transport.retry import UNTOLD, Retry
from seeclickfix_async.transport.trip import UNSET, Options, Request, Trip, Unset
from seeclickfix_async.transport.upload import Form

_logger = logging.getLogger("seeclickfix_async")

MOST_BYTES = 64 * 2**20
"""The largest answer that is read: a page of 1,000 issues is about 2.5 MB."""

_MOST_HOPS = 10
_SAFE = frozenset({"GET", "HEAD"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})


class Wire:
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
        self._origin = origin_of(site)
        self._root = f"{site}/"
        self._given = http
        self._limiter = Limiter() if isinstance(limiter, Unset) else limiter or Unlimited()
        self._retry = retry
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}
        self._clock = retry.clock
        self._cache = cache
        self._http: Any = None
        self._busy: Counter[Any] = Counter()  # how many requests are under way in which pool
        self._family: Any = None if http is None else library.family_of(http)
        self._opening = anyio.Lock()
        self._gate = anyio.Semaphore(library.IN_FLIGHT, fast_acquire=True)
        self._loop: object = None
        self._closed = False

    @property
    def is_given(self) -> bool:
        """Whether the HTTP client is the caller's, with an auth of its own for all we know."""
        return self._given is not None

    @property
    def rate(self) -> float:
        """Requests a second that the limiter allows in the long run."""
        return self._limiter.rate

    @property
    def clock(self) -> Clock:
        """What tells the time here."""
        return self._clock

    async def aclose(self) -> None:
        """Close the connections, unless the HTTP client is the caller's. Harmless when repeated."""
        self._closed = True
        http, self._http = self._http, None
        if self._given is None:
            for pool in {*self._busy, *filter(None, [http])}:
                await pool.aclose()

    async def send(self, request: Request, options: Options) -> Response:
        """Send a request until it succeeds or nothing more is to be hoped for.

        When it is cancelled, its connection is closed and its slot is given back.

        Raises:
            ClientStateError: The client is closed, or belongs to another event loop.
            StatusError: The service refused; the subclass says how.
            TransportError: No usable answer came back.
        """
        trip = Trip(request, options)
        failed_at: float | None = None
        attempt = 1
        while True:
            try:
                return await self._follow(trip)
            except SeeClickFixError as error:
                if trip.choosing:
                    raise  # it had tries of its own
                if isinstance(error, AuthenticationError) and await trip.has_another():
                    continue  # the service did nothing, so that even a write may be sent again
                now = self._clock.now()
                failed_at = now if failed_at is None else failed_at
                wait = self._retry.wait(
                    error, attempt=attempt, elapsed=now - failed_at, safe=request.method in _SAFE
                )
                if wait is None or wait > trip.patience(error):
                    raise
            await self._clock.wait(anyio.Event(), wait)
            attempt += 1

    async def _follow(self, trip: Trip) -> Response:
        """Send, and go on where redirects point to; the last answer is a success."""
        request, url = trip.request, trip.request.url
        seen: set[str] = set()
        while True:
            seen.add(url)
            response = await self._exchange(trip, url)
            target = response.headers.get("location")
            if response.status not in _REDIRECTS or not target:
                break
            if not request.follow:
                raise RedirectRefusedError(
                    "It redirects what must not be sent on. Check base_url.", route=request.route
                )
            url = _target(url, target, request.route)
            if url in seen or len(seen) > _MOST_HOPS:
                raise RedirectLoopError(
                    f"It redirects in a circle, or more than {_MOST_HOPS} times. Check base_url.",
                    route=request.route,
                )
            if request.method not in _SAFE:
                self._allow_again(request, response.status, url)
        unknown = trip.options.credential is None and self._given is None
        error = refusal(response, nobody=unknown)
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
        return url.startswith(self._root) or origin_of(url) == self._origin

    def _allow_again(self, request: Request, status: int, url: str) -> None:
        """A write goes on only with its body, and only to where it was meant for."""
        if not self._is_own(url):
            raise astray(request.route, url)
        if status not in _SAME_METHOD:
            raise RedirectRefusedError(
                f"It answers a write with {status}, which would lose its body. Check base_url.",
                route=request.route,
            )

    async def _exchange(self, trip: Trip, url: str) -> Response:
        """One request on the wire and its answer; the one before, when it is confirmed."""
        http = await self._open()
        if self._is_own(url):
            await trip.choose_credential()
        cache = self._cache
        key = self._key(trip, url)
        if cache is None or key is None:
            return await self._send_once(http, trip, url, {})
        kept = cache.get(key)
        response = await self._send_once(http, trip, url, validators(kept))
        if kept is None or response.status != 304:
            cache.put(key, response)
            return response
        return attrs.evolve(response, status=200, headers=kept.headers, content=kept.content)

    def _key(self, trip: Trip, url: str) -> Hashable:
        """What tells one answer from another; None for what is not kept.

        The caller's own HTTP client may change its credential and nobody here would know.
        """
        request, options = trip.request, trip.options
        unknown = self._given is not None and trip.credential is None
        if request.method != "GET" or request.into or unknown or not self._is_own(url):
            return None
        headers = tuple(sorted((request.headers or {}).items()))
        own = any(name.lower().startswith("if-") for name, _ in headers)
        return None if own else (url, trip.credential, options.locale, headers)

    async def _send_once(
        self, http: Any, trip: Trip, url: str, more: Mapping[str, str]
    ) -> Response:
        options = trip.options
        slot = self._limiter.slot(max_wait=options.max_wait, background=options.background)
        async with slot, self._gate:
            if self._closed:
                raise ClosedClientError
            trip.sent += 1
            started = self._clock.now()
            self._busy[http] += 1
            try:
                status, headers, content = await self._transfer(http, trip, url, more)
            except BaseException as error:
                forget_frames(error)
                self._abandon(http, error)
                failure = library.failure(self._family, error, route=trip.request.route)
                if failure is None:
                    raise
                raise failure from error
            finally:
                self._leave(http)
        _logger.debug(
            "%s: %d in %.3f s",
            trip.request.route,
            status,
            self._clock.now() - started,
        )
        return Response(status, headers, content, url, trip.request.route, trip.sent)

    def _abandon(self, http: Any, error: BaseException) -> None:
        """Use a pool no more in which a task was cancelled from outside of every cancel scope.

        asyncio can do that, and httpcore then keeps connections that nobody owns until none is
        left. What is under way in that pool goes on to its end.
        """
        cancelled = isinstance(error, anyio.get_cancelled_exc_class())
        inside = anyio.current_effective_deadline() == -math.inf
        if cancelled and not inside and self._given is None and self._http is http:
            self._http = None

    def _leave(self, http: Any) -> None:
        """Close a pool that is used no more, once the last request in it has ended."""
        self._busy[http] -= 1
        if not self._busy[http]:
            del self._busy[http]
            if http is not (self._given or self._http):
                Flight(http.aclose)

    async def _transfer(
        self, http: Any, trip: Trip, url: str, more: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        content = trip.request.content
        headers = {**trip.headers, **more}
        if not isinstance(content, Form):
            return await self._hand_over(http, trip, url, content, headers)
        async with content.open() as form:
            return await self._hand_over(http, trip, url, form, {**headers, **form.headers})

    async def _hand_over(
        self, http: Any, trip: Trip, url: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        request, options = trip.request, trip.options
        outgoing = http.build_request(
            request.method,
            url,
            headers=headers if self._given is None else {**self._headers, **headers},
            content=body,
            timeout=(options.timeout, options.timeout, options.timeout, None),
        )
        # Cookies would carry one user's session into another's requests.
        if "cookie" in outgoing.headers:
            del outgoing.headers["cookie"]
        auth = self._auth(outgoing, url, trip.credential)
        answer = await http.send(outgoing, stream=True, follow_redirects=False, **auth)
        said = dict(answer.headers.items())
        try:
            content = await self._read(answer, said.get("content-length", ""), request)
        finally:
            if not answer.is_closed:
                with anyio.CancelScope(shield=True):
                    await answer.aclose()
        return answer.status_code, said, content

    def _auth(self, outgoing: Any, url: str, credential: Credential | None) -> dict[str, Any]:
        if not self._is_own(url):
            outgoing.headers.pop("Authorization", None)  # a default header of the caller's client
            return {"auth": None}
        if credential is None:
            return {}  # the caller's client may have an auth of its own
        return {"auth": library.auth_class(self._family)(credential, self._origin)}

    async def _read(self, answer: Any, announced: str, request: Request) -> bytes:
        chunks: list[bytes] = []
        size = 0
        into = request.into if 200 <= answer.status_code < 300 else None
        if into is not None:
            await into.begin()
        if announced.isdigit() and int(announced) > MOST_BYTES:
            size = int(announced)
        else:
            async with aclosing(answer.aiter_bytes()) as body:
                async for chunk in body:
                    await into.take(chunk) if into is not None else chunks.append(chunk)
                    size += len(chunk)
                    if size > MOST_BYTES:
                        break
        if size > MOST_BYTES:
            raise ResponseTooLargeError(MOST_BYTES, route=request.route)
        return b"".join(chunks)

    async def _open(self) -> Any:
        """The HTTP client, made at the first request and bound to its event loop."""
        if self._closed:
            raise ClosedClientError
        loop = current_token()
        if self._http is None:
            async with self._opening:
                if self._http is None:
                    http = self._given or await to_thread.run_sync(
                        library.default_client, self._headers
                    )
                    if self._closed:
                        raise ClosedClientError
                    self._http = http
                    self._family = library.family_of(http)
                    self._loop = self._loop or loop
        if loop != self._loop:
            raise EventLoopError
        return self._http


def _target(url: str, target: str, route: str) -> str:
    """Where a redirect points to."""
    try:
        url = urldefrag(urljoin(url, target)).url
        origin_of(url)
    except ValueError:
        raise RedirectRefusedError("It redirects to what is no address.", route=route) from None
    return url


def astray(route: str, url: str) -> ForeignRedirectError:
    """The error for an answer that is not the API's."""
    scheme, host, port = origin_of(url)
    origin = f"{scheme}://{host}:{port}"
    return ForeignRedirectError(
        f"It redirects to {origin}, which is not the API: nothing secret was sent there. "
        "Check base_url, and that no login page stands in between.",
        origin=origin,
        route=route,
    )
