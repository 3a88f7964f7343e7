"""The client, with the resources of the API as its attributes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NoReturn, Self, TypedDict, Unpack

import anyio
import attrs

from seeclickfix_async._api.listing_queries import PointQuery, plain_params
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.clock import SYSTEM, Clock
from seeclickfix_async._core.credentials import (
    PRODUCTION,
    Basic,
    Bearer,
    Credential,
    RenewableBearer,
    TokenSource,
    build_user_agent,
    is_same_site,
    normalize_base_url,
)
from seeclickfix_async._core.error_secrets import hide_arguments
from seeclickfix_async._core.numbers import Id, Number
from seeclickfix_async._core.pasted import refuse_additions
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async._resources.comments import Comments
from seeclickfix_async._resources.emails import Emails
from seeclickfix_async._resources.issues import Issues
from seeclickfix_async._resources.open311 import Open311
from seeclickfix_async._resources.organization import OrganizationApi, Organizations
from seeclickfix_async._resources.photos import Photos
from seeclickfix_async._resources.places import Places
from seeclickfix_async._resources.questions import Questions
from seeclickfix_async._resources.request_types import RequestTypes
from seeclickfix_async._resources.users import Users
from seeclickfix_async._transport.cache import Cache
from seeclickfix_async._transport.httpx_compat import HTTPClient
from seeclickfix_async._transport.limiter import RateLimiter
from seeclickfix_async._transport.request import TOTAL_TIMEOUT, UNSET, RequestOptions, Unset
from seeclickfix_async._transport.response import Response
from seeclickfix_async._transport.retry import DEFAULT_RETRY, Retry
from seeclickfix_async._transport.transport import Transport
from seeclickfix_async.errors import AuthenticationError, InvalidArgumentError
from seeclickfix_async.models import RequestTypeOption, User
from seeclickfix_async.oauth._token import Token

TOKEN_VARIABLE = "SEECLICKFIX_TOKEN"  # noqa: S105  # a name, not a token
SITE_VARIABLE = "SEECLICKFIX_BASE_URL"

AccessToken = str | Secret | Token | TokenSource


class ClientOptions(TypedDict, total=False):
    """The options of `AsyncClient`; see there."""

    base_url: str
    http: HTTPClient | None
    limiter: RateLimiter | Unset | None
    retry: Retry
    timeout: Number
    total_timeout: Number | None
    max_wait: Number | None
    user_agent: str | None
    contact: str | None
    locale: str | None
    cache: Cache | Unset | None
    clock: Clock
    allow_insecure_http: bool


class AsyncClient:
    """A client of the SeeClickFix API v2, on asyncio and trio.

        async with AsyncClient() as client:
            async for issue in client.issues.list(status="open"):
                print(issue.summary)

    A client is cheap to create, inside or outside an event loop. Its connections are opened by the
    first request and belong to that event loop. Any number of tasks can share a client. A cancelled
    call releases its connection and its slot of the rate limiter.

    Args:
        token: A personal access token, an access token or a Token from OAuth, or a TokenSource
            such as StoredToken, which renews the token. None for public data.
        base_url: The service's URL; `https://test.seeclickfix.com` is a replica for tests.
        http: Your own `httpx.AsyncClient` or `httpx2.AsyncClient`, with its proxies, TLS settings
            and transports. It is not closed with this client.
        auth: E-mail address and password for HTTP Basic, instead of a token.
        limiter: The rate limiter; by default 20 requests per minute. Pass the same one to all
            clients that share an IP address; None for no limit, on a server of your own.
        retry: The retry policy.
        timeout: Seconds for connecting, for sending, and for each wait for data.
        total_timeout: Seconds for a request with its redirects, from connecting to the last byte of
            its response or photo. Each retry has this time again. Waiting for the rate limiter does
            not count. None for no limit.
        max_wait: The longest wait for the rate limiter in seconds, instead of which
            RateLimitedError is raised.
        user_agent: Your program's name and version. They precede those of the library in the
            User-Agent header, which the service requires.
        contact: An e-mail address or a URL for the User-Agent header, as the service requests.
        locale: The language of the service's messages, such as `es`, sent as Accept-Language.
        cache: The cache of responses, which the service can confirm with a 304 instead of sending
            them again; by default 16 MB in memory, separate for each credential. None for no cache.
            With `Cache(max_age=)`, it returns them without a request for some time.
        clock: Measures the waits between attempts and between polls of a feed, and those of the
            default rate limiter. Tests can replace it.
        allow_insecure_http: Whether a token or a password may be sent over plain http to another
            machine, in a network of your own. To this machine (127.0.0.0/8, ::1, localhost) it
            always may.

    Raises:
        InvalidArgumentError: An argument is invalid; nothing was sent.
    """

    @hide_arguments
    def __init__(
        self,
        token: AccessToken | None = None,
        *,
        base_url: str = PRODUCTION,
        http: HTTPClient | None = None,
        auth: tuple[str, str] | None = None,
        limiter: RateLimiter | Unset | None = UNSET,
        retry: Retry = DEFAULT_RETRY,
        timeout: Number = 30.0,
        total_timeout: Number | None = TOTAL_TIMEOUT,
        max_wait: Number | None = None,
        user_agent: str | None = None,
        contact: str | None = None,
        locale: str | None = None,
        cache: Cache | Unset | None = UNSET,
        clock: Clock = SYSTEM,
        allow_insecure_http: bool = False,
    ) -> None:
        site = normalize_base_url(base_url)
        options = RequestOptions(_credential(token, auth), timeout, total_timeout, max_wait, locale)
        transport = Transport(
            site,
            http=http,
            limiter=limiter,
            retry=retry,
            user_agent=build_user_agent(user_agent, contact),
            cache=Cache() if isinstance(cache, Unset) else cache,
            clock=clock,
            allow_insecure_http=allow_insecure_http,
        )
        if options.credential is not None:
            transport.check_secure()
        self._bind(Requestor(transport, site, options), owner=True)

    def _bind(self, api: Requestor, *, owner: bool) -> None:
        self._api = api
        self._owner = owner
        self.comments: Comments = Comments(api)
        self.emails: Emails = Emails(api)
        self.issues: Issues = Issues(api)
        self.organizations: Organizations = Organizations(api)
        self.photos: Photos = Photos(api)
        self.places: Places = Places(api)
        self.questions: Questions = Questions(api)
        self.request_types: RequestTypes = RequestTypes(api)
        self.users: Users = Users(api)

    @classmethod
    def from_env(cls, **options: Unpack[ClientOptions]) -> AsyncClient:
        """Return a client with the token in the environment variable SEECLICKFIX_TOKEN.

        The token belongs to the site in SEECLICKFIX_BASE_URL, which is also the default `base_url`.

        Args:
            **options: As for `AsyncClient`.

        Raises:
            InvalidArgumentError: The token is missing or empty, or belongs to another site than
                `base_url`.
        """
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            raise InvalidArgumentError(TOKEN_VARIABLE, "set this environment variable to a token.")
        site = os.environ.get(SITE_VARIABLE, "").strip()
        if site and not is_same_site(options.setdefault("base_url", site), site):
            raise InvalidArgumentError(
                "base_url",
                f"{TOKEN_VARIABLE} belongs to {SITE_VARIABLE}, which is another site. Pass that "
                "site's token to AsyncClient instead.",
            )
        return cls(token, **options)

    @hide_arguments
    def with_options(
        self,
        *,
        token: AccessToken | Unset | None = UNSET,
        timeout: Number | Unset = UNSET,
        total_timeout: Number | Unset | None = UNSET,
        max_wait: Number | Unset | None = UNSET,
        locale: str | Unset | None = UNSET,
        background: bool | Unset = UNSET,
    ) -> AsyncClient:
        """Return a view of this client with other options, such as the token of one user.

        A view is cheap. It shares connections, rate limiter and cache with this client, and is
        closed with it; closing a view has no effect.

        Args:
            token: Another token; None for no token.
            timeout: As for `AsyncClient`.
            total_timeout: As for `AsyncClient`.
            max_wait: As for `AsyncClient`.
            locale: As for `AsyncClient`.
            background: True if its requests are sent only when no others wait for the rate limiter,
                as in pulls and feeds.

        Raises:
            InvalidArgumentError: An argument is invalid.
        """
        current = self._api.options
        credential = current.credential if isinstance(token, Unset) else _credential(token, None)
        if credential is not None:
            self._api.transport.check_secure()
        options = RequestOptions(
            credential,
            current.timeout if isinstance(timeout, Unset) else timeout,
            current.total_timeout if isinstance(total_timeout, Unset) else total_timeout,
            current.max_wait if isinstance(max_wait, Unset) else max_wait,
            current.locale if isinstance(locale, Unset) else locale,
            current.background if isinstance(background, Unset) else background,
        )
        view = object.__new__(type(self))
        view._bind(attrs.evolve(self._api, options=options), owner=False)
        return view

    async def verify(self) -> User:
        """Return the account that the token belongs to.

        Use this to check a token: a status of 200 alone proves nothing, because the service also
        returns it without a token (documented).

        Raises:
            AuthenticationError: There is no token, or the service refuses it.
        """
        user = await Users(self._api.current).me()
        if user is None:
            raise AuthenticationError(
                "You are not signed in.",
                code="not_signed_in",
                advice="Pass a token, from the account's security page or OAuth.",
                status=200,
                route="GET /profile",
            )
        return user

    async def report_form(self, *, lat: Number, lng: Number) -> tuple[RequestTypeOption, ...]:
        """List the request types for reports at a point, including community categories.

        With the token of an official, there are more of them (documented).

        Args:
            lat: Latitude in degrees.
            lng: Longitude in degrees.

        Raises:
            InvalidArgumentError: An argument is out of bounds.
        """
        params = plain_params(PointQuery(lat=lat, lng=lng))
        route = CollectionRoute(RequestTypeOption, "request_types", "/issues/new", params)
        return await self._api.get_items(route)

    def open311(self, organization_id: Id | None = None) -> Open311:
        """Return the Open311 GeoReport v2 API, which the service recommends for public data.

        Args:
            organization_id: The id of an organization, which is not the id of a place. None for all
                organizations, to which requests cannot be sent.

        Raises:
            InvalidArgumentError: The id is invalid.
        """
        root, number = "/open311/v2", None
        if organization_id is not None:
            number = validation.positive_id("organization_id", organization_id)
            root += f"/{number}"
        return Open311(attrs.evolve(self._api, root=root), number)

    def organization(self, id: Id) -> OrganizationApi:
        """Return the API for members of an organization; other accounts have no access.

        Args:
            id: The id of the organization's account, which is not the id of a place.

        Raises:
            InvalidArgumentError: The id is invalid.
        """
        return OrganizationApi(self._api, validation.positive_id("id", id))

    async def geocode(self, point: str) -> Any:
        """Find the location of a point (documented, except for the form of the response).

        Args:
            point: An address, or coordinates such as `"41.05,-73.54"`.

        Returns:
            The JSON of the response as plain objects.
        """
        point = validation.non_empty_str("point", point)
        return (await self._api.get("/geocode/{point}", point=point)).json()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | float | bool] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Call any endpoint, with the same rate limiter, retries and errors as the other methods.

        Args:
            method: An HTTP method, such as `"GET"`.
            path: A path of the API, such as `/issues`, or a URL from a response. Only the service's
                own origin receives the token.
            params: The query parameters.
            json: The body, sent as JSON.
            headers: Additional headers.

        Returns:
            The undecoded response.

        Raises:
            InvalidArgumentError: An argument is invalid; nothing was sent.
            StatusError: The service refused the request; subclasses show the reason.
            TransportError: There is no usable response.
        """
        return await self._api.request(method, path, params=params, json=json, headers=headers)

    @property
    def base_url(self) -> str:
        """The service's address, without a path."""
        return self._api.site

    async def aclose(self) -> None:
        """Close the connections that this client opened; later calls raise ClosedClientError."""
        if self._owner:
            await self._api.transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self.aclose()

    def __repr__(self) -> str:
        if not hasattr(self, "_api"):
            return "<AsyncClient>"  # in tracebacks of `__init__`
        credential = "no credential" if self._api.options.credential is None else "a credential"
        return f"<AsyncClient for {self._api.site} with {credential}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A client has connections and cannot be pickled. "
            "Create one in each process, and pass on the results."
        )


def _credential(
    token: AccessToken | None, auth: tuple[str, str] | None
) -> Credential | RenewableBearer | None:
    if token is not None and auth is not None:
        raise InvalidArgumentError("auth", "cannot be combined with a token.")
    if auth is not None:
        return Basic(*auth)
    if token is None:
        return None
    if isinstance(token, TokenSource):
        return RenewableBearer(token)
    if isinstance(token, Token):
        return Bearer(token.access_token)
    secret = as_secret(token)
    refuse_additions("token", secret.reveal())
    return Bearer(secret)
