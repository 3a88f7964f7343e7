"""The client: where every call begins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NoReturn, Self, TypedDict, Unpack

import anyio
import attrs

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
    normalize_base_url,
)
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

AccessToken = str | Secret | Token | TokenSource


class ClientOptions(TypedDict, total=False):
    """The options of `AsyncClient`, which explains them."""

    base_url: str
    http: HTTPClient | None
    limiter: RateLimiter | Unset | None
    retry: Retry
    timeout: float
    total_timeout: float | None
    max_wait: float | None
    user_agent: str | None
    contact: str | None
    locale: str | None
    cache: Cache | Unset | None
    clock: Clock


class AsyncClient:
    """A client of the SeeClickFix API v2, on asyncio and trio.

        async with AsyncClient() as client:
            async for issue in client.issues.list(status="open"):
                print(issue.summary)

    Cheap to make, inside or outside an event loop; its connections are opened by the first
    request and belong to that event loop. One client serves any number of tasks. A call that is
    cancelled gives back its connection and its place in the quota.

    Args:
        token: A personal access token, an access token or a Token from OAuth, or a TokenSource
            such as StoredToken, which renews it; none for public reading.
        base_url: The service's address; `https://test.seeclickfix.com` has a replica.
        http: Your own `httpx.AsyncClient` or `httpx2.AsyncClient`, with its proxies, TLS and
            transports. It stays yours to close.
        auth: E-mail and password, for HTTP Basic. Not together with a token.
        limiter: The quota: 20 requests a minute unless told. Hand the same one to every client
            that shares an address; None for no limit, on a server of your own.
        retry: Which failures are tried again, and when.
        timeout: Seconds that connecting, sending and each wait for data may take.
        total_timeout: Seconds that one request may take, from connecting to the last byte of its
            answer or photo; each retry and each redirect has as long. Waiting for the quota does
            not count. None for no bound.
        max_wait: Raise RateLimitedError rather than wait longer than so many seconds for the
            quota.
        user_agent: Your program's name and version, put before the library's in the
            User-Agent, which the service demands.
        contact: An e-mail or URL, for the User-Agent: the service asks for one.
        locale: The language of the service's texts, such as `es`, asked for in Accept-Language.
        cache: What came before, for the service to confirm with a 304 instead of sending it
            again: 16 MB in memory unless told, by credential; None keeps nothing.
        clock: Measures waits: between attempts and looks of a feed, and for the quota if
            `limiter` is not given. Tests can replace it.

    Raises:
        InvalidArgumentError: An argument cannot be used; nothing was sent.
    """

    def __init__(
        self,
        token: AccessToken | None = None,
        *,
        base_url: str = PRODUCTION,
        http: HTTPClient | None = None,
        auth: tuple[str, str] | None = None,
        limiter: RateLimiter | Unset | None = UNSET,
        retry: Retry = DEFAULT_RETRY,
        timeout: float = 30.0,
        total_timeout: float | None = TOTAL_TIMEOUT,
        max_wait: float | None = None,
        user_agent: str | None = None,
        contact: str | None = None,
        locale: str | None = None,
        cache: Cache | Unset | None = UNSET,
        clock: Clock = SYSTEM,
    ) -> None:
        site = normalize_base_url(base_url)
        token = as_secret(token) if isinstance(token, str) else token  # frames are shown, too
        options = RequestOptions(_credential(token, auth), timeout, total_timeout, max_wait, locale)
        transport = Transport(
            site,
            http=http,
            limiter=limiter,
            retry=retry,
            user_agent=build_user_agent(user_agent, contact),
            cache=Cache() if isinstance(cache, Unset) else cache,
            clock=clock,
        )
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
        """A client with the token of the environment variable SEECLICKFIX_TOKEN.

        Args:
            **options: As for `AsyncClient`.

        Raises:
            InvalidArgumentError: The variable is missing or empty.
        """
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            raise InvalidArgumentError(TOKEN_VARIABLE, "set this environment variable to a token.")
        return cls(token, **options)

    def with_options(
        self,
        *,
        token: AccessToken | Unset | None = UNSET,
        timeout: float | Unset = UNSET,
        total_timeout: float | Unset | None = UNSET,
        max_wait: float | Unset | None = UNSET,
        locale: str | Unset | None = UNSET,
        background: bool | Unset = UNSET,
    ) -> AsyncClient:
        """A view of this client with other options, such as one user's token.

        It shares connections, quota and cache, costs next to nothing, and ends with this client;
        closing it closes nothing.

        Args:
            token: Another token; None for nobody.
            timeout: As for `AsyncClient`.
            total_timeout: As for `AsyncClient`.
            max_wait: As for `AsyncClient`.
            locale: As for `AsyncClient`.
            background: Whether its requests let all others of the quota go first, as those of
                pulls and feeds do.

        Raises:
            InvalidArgumentError: An argument cannot be used.
        """
        now = self._api.options
        options = RequestOptions(
            now.credential if isinstance(token, Unset) else _credential(token, None),
            now.timeout if isinstance(timeout, Unset) else timeout,
            now.total_timeout if isinstance(total_timeout, Unset) else total_timeout,
            now.max_wait if isinstance(max_wait, Unset) else max_wait,
            now.locale if isinstance(locale, Unset) else locale,
            now.background if isinstance(background, Unset) else background,
        )
        view = object.__new__(type(self))
        view._bind(attrs.evolve(self._api, options=options), owner=False)
        return view

    async def verify(self) -> User:
        """The account that the token belongs to.

        The one check that tells: the service answers 200 to nobody as well (documented).

        Raises:
            AuthenticationError: The token is refused, or nobody is signed in.
        """
        user = await self.users.me()
        if user is None:
            raise AuthenticationError(
                "You are not signed in.",
                code="not_signed_in",
                advice="Pass a token, from the account's security page or OAuth.",
                status=200,
                route="GET /profile",
            )
        return user

    async def report_form(self, *, lat: float, lng: float) -> tuple[RequestTypeOption, ...]:
        """What can be reported at a point: its categories, the community's among them.

        Officials who are signed in see more of them (documented).

        Args:
            lat: Latitude in degrees.
            lng: Longitude in degrees.

        Raises:
            InvalidArgumentError: The point is none.
        """
        validation.in_range("lat", lat, -90, 90, integer=False)
        validation.in_range("lng", lng, -180, 180, integer=False)
        params = [("lat", str(lat)), ("lng", str(lng))]
        route = CollectionRoute(RequestTypeOption, "request_types", "/issues/new", params)
        return await self._api.get_items(route)

    def open311(self, organization_id: int | None = None) -> Open311:
        """The same service as Open311 GeoReport v2, its recommended way for reading in public.

        Args:
            organization_id: Whose requests, which is not a place's id; None for everybody's,
                where nothing can be reported.
        """
        root = "/open311/v2"
        if organization_id is not None:
            root += f"/{validation.positive_id('organization_id', organization_id)}"
        return Open311(attrs.evolve(self._api, root=root), organization_id)

    def organization(self, id: int) -> OrganizationApi:
        """What the members of an organization see and do; calls fail for others.

        Args:
            id: The account's id, which is not the id of a place.
        """
        return OrganizationApi(self._api, validation.positive_id("id", id))

    async def geocode(self, point: str) -> Any:
        """Where a point is, in the service's own words (documented, but not what it answers).

        Args:
            point: Such as `"41.05,-73.54"` or an address.

        Returns:
            The answer's JSON as plain objects.
        """
        return (
            await self._api.get("/geocode/{point}", point=validation.non_empty_str("point", point))
        ).json()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | float | bool] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Call an endpoint that has no method here, with the same quota, retries and errors.

        Args:
            method: Such as `"GET"`.
            path: Under the API's root, as `/issues`; or a URL that the service gave. The token
                goes to the service's own origin only.
            params: The query.
            json: The body, to be sent as JSON.
            headers: More headers.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
            StatusError: The service refused; the subclass says how.
            TransportError: No usable answer came back.
        """
        return await self._api.request(method, path, params=params, json=json, headers=headers)

    async def aclose(self) -> None:
        """Close the connections that this client opened; calls fail from then on."""
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
            return "<AsyncClient that was refused>"  # in the frames of its error
        who = "nobody" if self._api.options.credential is None else "a credential"
        return f"<AsyncClient for {self._api.site} with {who}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A client holds connections and cannot be pickled. "
            "Make one in each process, and hand on what it answered."
        )


def _credential(
    token: AccessToken | None, auth: tuple[str, str] | None
) -> Credential | RenewableBearer | None:
    if token is not None and auth is not None:
        raise InvalidArgumentError("auth", "give a token or a user name and password, not both.")
    if auth is not None:
        return Basic(*auth)
    if token is None:
        return None
    if isinstance(token, TokenSource):
        return RenewableBearer(token)
    return Bearer(token.access_token if isinstance(token, Token) else token)
