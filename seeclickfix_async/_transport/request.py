"""A request, its options, and its exchange, which is its state while it is being sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs

from seeclickfix_async._core import validation
from seeclickfix_async._core.credentials import Bearer, Credential, RenewableBearer
from seeclickfix_async._core.duration import as_seconds_or_none, validate_seconds
from seeclickfix_async._core.quoting import parse_request_id
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._transport.download import BodyWriter
from seeclickfix_async._transport.multipart import MultipartForm
from seeclickfix_async._transport.retry import DEFAULT_RETRY, Retry
from seeclickfix_async.errors import InvalidArgumentError, RateLimitedError, SeeClickFixError

if TYPE_CHECKING:
    from seeclickfix_async._transport.event_hook import EventHook


class Unset:
    """The type of `UNSET`, the default of arguments for which None has a meaning."""

    def __repr__(self) -> str:
        return "<unset>"


UNSET: Final = Unset()

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

TOTAL_TIMEOUT = 300.0
"""Seconds for one attempt, as in aiohttp. A page of 1,000 issues then needs 8 kB a second."""


@attrs.frozen
class Request:
    """A request to be sent.

    Attributes:
        method: In capitals.
        url: Absolute, with its query.
        route: Method and route template, for errors and logs: without query or personal data.
        headers: Headers in addition to the client's own.
        content: The body; a form is opened again for each attempt.
        follow: Whether redirects are followed; a secret in the body must not be sent on.
        secrets: The secrets in the content, which no error may quote from the response.
        into: Receives the body of a successful response, from any origin: a download is not a
            response of the API.
    """

    method: str
    url: str = attrs.field(repr=False)
    route: str
    headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    content: bytes | MultipartForm | None = attrs.field(default=None, repr=False)
    follow: bool = True
    secrets: tuple[Secret, ...] = attrs.field(default=(), repr=False)
    into: BodyWriter | None = attrs.field(default=None, repr=False)

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing at the service (RFC 9110 section 9.2.1)."""
        return self.method in {"GET", "HEAD"}


def _validate_retry(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, Retry):
        raise InvalidArgumentError(attribute.name, "must be a Retry.")


@attrs.frozen
class RequestOptions:
    """The options in which views of one client can differ; times are in seconds.

    Attributes:
        background: Whether other requests have priority. Like `is_current`, it disables unconfirmed
            responses of the cache.
        is_current: Whether a cached response must be confirmed: a crawl of old pages could miss
            issues, and still report that it is complete.
        retry: Whether and when a request is sent again.
        headers: Headers of all requests to the API's own origin, by name.
    """

    credential: Credential | RenewableBearer | None = None
    timeout: float | None = attrs.field(
        default=30.0,
        converter=as_seconds_or_none,
        validator=validate_seconds(0.001, 3_600, or_none=True),
    )
    total_timeout: float | None = attrs.field(
        default=TOTAL_TIMEOUT,
        converter=as_seconds_or_none,
        validator=validate_seconds(0.001, 86_400, or_none=True),
    )
    max_wait: float | None = attrs.field(
        default=None,
        converter=as_seconds_or_none,
        validator=validate_seconds(0, 86_400, or_none=True),
    )
    locale: str | None = attrs.field(default=None, validator=validation.validate_language_tag)
    background: bool = False
    is_current: bool = False
    retry: Retry = attrs.field(default=DEFAULT_RETRY, validator=_validate_retry)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)

    @property
    def accepts_older(self) -> bool:
        """Whether an unconfirmed response of the cache is accepted."""
        return not (self.background or self.is_current)


class Exchange:
    """The state of a request while it is being sent, through redirects and retries.

    Attributes:
        request: The request.
        options: The options that it is sent with.
        url: The URL that it is sent to now; a redirect changes it.
        is_own: Whether `url` belongs to the API's origin. Only there the credential is sent, the
            quota counts, and a response is cached.
        renewable: The credential of a token source, if the options have one.
        credential: The credential to send now.
        validators: Headers by which the service can confirm a cached response.
        attempt: The number of the current attempt, from 1; redirects belong to their attempt.
        deadline: When `total_timeout` ends the request that was sent last, by the event loop's
            clock.
        failed_at: When the first attempt failed, by the transport's clock.
        failures: The status of each attempt that failed; None without a response.
        requests: How many requests were sent, redirects and retries included.
        seconds_left: How much of `total_timeout` is left for the rest of the attempt, which its
            redirects share; None for no limit.
        sent_at: When the request was sent last, by the transport's clock.
        peer: The host and port that a connection was opened to, which may be a proxy's; None if the
            connection was open before, or is unknown.
        was_sent: Whether a byte was sent in the current slot of the limiter; None if unknown.
        is_renewing: Whether the token source is being awaited. An error of it is not an error of
            the request, and its own retries are spent.
        hook: Receives the events of the call; None if there is none.
        call: The number of the call in its events.
        waited: Seconds that the request waited for the rate limiter; only if there is a hook.
        response_headers: The headers of the response to the request that was sent last; empty
            until they are received.
        callers_secrets: The secrets that a header of the caller, or the caller's HTTP client, has
            added to requests.
    """

    __slots__ = (
        "_is_renewed",
        "attempt",
        "call",
        "callers_secrets",
        "credential",
        "deadline",
        "failed_at",
        "failures",
        "hook",
        "is_own",
        "is_renewing",
        "options",
        "peer",
        "renewable",
        "request",
        "requests",
        "response_headers",
        "seconds_left",
        "sent_at",
        "url",
        "validators",
        "waited",
        "was_sent",
    )

    def __init__(self, request: Request, options: RequestOptions) -> None:
        self.request: Request = request
        self.options: RequestOptions = options
        self.url: str = request.url
        self.is_own: bool = False
        self.renewable: RenewableBearer | None = None
        self.credential: Credential | None = None
        if isinstance(options.credential, RenewableBearer):
            self.renewable = options.credential
        else:
            self.credential = options.credential
        self.validators: Mapping[str, str] = {}
        self.attempt: int = 1
        self.seconds_left: float | None = None
        self.deadline: float = math.inf
        self.failed_at: float | None = None
        self.failures: tuple[int | None, ...] = ()
        self.requests: int = 0
        self.sent_at: float = 0.0
        self.peer: tuple[str, int] | None = None
        self.was_sent: bool | None = False
        self.is_renewing: bool = False
        self.hook: EventHook | None = None
        self.call: int = 0
        self.waited: float = 0.0
        self.response_headers: Mapping[str, str] = _NO_HEADERS
        self.callers_secrets: tuple[Secret, ...] = ()
        self._is_renewed = False

    async def choose_token(self, renewable: RenewableBearer) -> None:
        """Set the credential to the current token of the source, which may renew it first."""
        self.is_renewing = True
        self.credential = await renewable.current()
        self.is_renewing = False

    async def renew_token(self) -> bool:
        """After a 401, let the token source renew its token once; return whether it could."""
        renewable, refused = self.renewable, self.credential
        if self._is_renewed or renewable is None or not isinstance(refused, Bearer):
            return False
        self._is_renewed = True
        return await renewable.source.replaced(refused.token)

    @property
    def request_id(self) -> str:
        """The service's id of the request that was sent last, or an empty string."""
        return parse_request_id(self.response_headers, self.secrets)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of this request, in addition to those that the client always sends.

        A redirect to another origin takes none of the caller's own along.
        """
        locale = self.options.locale
        headers = {} if locale is None else {"Accept-Language": locale}
        own_headers = self.request.headers or {}
        if not self.is_own and self.url != self.request.url:
            own_headers = {name: own_headers[name] for name in own_headers if name == "Accept"}
        if self.is_own:
            headers.update(self.options.headers)
        headers.update(own_headers)
        headers.update(self.validators)
        return headers

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets of this request, which no error may quote from the response."""
        own = () if self.credential is None else self.credential.secrets
        return own + self.request.secrets + self.callers_secrets

    def longest_wait(self, error: SeeClickFixError) -> float:
        """Return the longest wait before the next attempt, in seconds: `max_wait` after a 429."""
        longest = self.options.max_wait
        return longest if isinstance(error, RateLimitedError) and longest is not None else math.inf
