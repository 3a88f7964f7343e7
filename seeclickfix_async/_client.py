"""The client, with the resources of the API as its attributes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NoReturn, Self, Unpack

import anyio
import attrs

from seeclickfix_async._api.client_options import (
    AccessToken,
    ClientOptions,
    parse_credential,
)
from seeclickfix_async._api.headers import check_view_headers
from seeclickfix_async._api.requestor import Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.clock import SYSTEM, Clock
from seeclickfix_async._core.credentials import (
    PRODUCTION,
    build_user_agent,
    is_same_site,
    normalize_base_url,
)
from seeclickfix_async._core.duration import Duration
from seeclickfix_async._core.error_secrets import hide_arguments
from seeclickfix_async._core.numbers import Id
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._core.variables import SITE_VARIABLE, TOKEN_VARIABLE
from seeclickfix_async._resources.bulletin_boards import BulletinBoards
from seeclickfix_async._resources.client_calls import ClientCalls
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
from seeclickfix_async._transport.retry import DEFAULT_RETRY, Retry
from seeclickfix_async._transport.transport import Transport
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.events._on_event import OnEvent


class AsyncClient(ClientCalls):
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
        timeout: Seconds or a timedelta for connecting, for sending, and for each wait for data.
            None for no limit but `total_timeout`.
        total_timeout: Seconds or a timedelta for a request with its redirects, from connecting to
            the last byte of its response or photo. Each retry has this time again. Waiting for the
            rate limiter does not count. None for no limit.
        max_wait: The longest wait for the rate limiter, in seconds or a timedelta, instead of
            which RateLimitedError is raised. None for no limit.
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
        on_event: A function that receives each event of this client and its views: requests,
            responses, waits, retries; see `seeclickfix_async.events`. An error that it raises is
            logged once, and does not affect requests.

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
        timeout: Duration | None = 30.0,
        total_timeout: Duration | None = TOTAL_TIMEOUT,
        max_wait: Duration | None = None,
        user_agent: str | None = None,
        contact: str | None = None,
        locale: str | None = None,
        cache: Cache | Unset | None = UNSET,
        clock: Clock = SYSTEM,
        allow_insecure_http: bool = False,
        on_event: OnEvent | None = None,
    ) -> None:
        site = normalize_base_url(base_url)
        options = RequestOptions(
            parse_credential(token, auth), timeout, total_timeout, max_wait, locale, retry=retry
        )
        transport = Transport(
            site,
            http=http,
            limiter=limiter,
            user_agent=build_user_agent(user_agent, contact),
            cache=Cache() if isinstance(cache, Unset) else cache,
            clock=clock,
            allow_insecure_http=allow_insecure_http,
            on_event=on_event,
        )
        if options.credential is not None:
            transport.check_secure()
        self._bind(Requestor(transport, site, options), owner=True)

    def _bind(self, api: Requestor, *, owner: bool) -> None:
        self._api = api
        self._owner = owner
        self.bulletin_boards: BulletinBoards = BulletinBoards(api)
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
    def from_env(
        cls, *, token: Unset | None = UNSET, **options: Unpack[ClientOptions]
    ) -> AsyncClient:
        """Return a client of the site and the token in the environment.

        The token in SEECLICKFIX_TOKEN belongs to the site in SEECLICKFIX_BASE_URL, which is also
        the default `base_url`. Without that variable, it is sent to `base_url`.

        Args:
            token: None for a client without a token, of the site in the environment: for public
                data, or for views with the tokens of users.
            **options: As for `AsyncClient`.

        Raises:
            InvalidArgumentError: A variable is invalid, the token is missing or empty, or it
                belongs to another site than `base_url`.
        """
        secret = None
        if token is UNSET:
            secret = Secret(os.environ.get(TOKEN_VARIABLE, "").strip())
            if not secret.reveal():
                raise InvalidArgumentError(
                    TOKEN_VARIABLE,
                    "set this environment variable to a token.",
                    advice="For public data, pass token=None.",
                )
        elif token is not None:
            raise InvalidArgumentError("token", "must be None. Pass yours to AsyncClient.")
        site = os.environ.get(SITE_VARIABLE, "").strip()
        variables = {"token": TOKEN_VARIABLE}
        if site and "base_url" not in options:
            options["base_url"] = site
            variables["base_url"] = SITE_VARIABLE
        elif site and secret and not is_same_site(options.get("base_url", site), site):
            raise InvalidArgumentError(
                "base_url",
                f"{TOKEN_VARIABLE} belongs to {SITE_VARIABLE}, which is another site. Pass that "
                "site's token to AsyncClient instead.",
            )
        try:
            return cls(secret, **options)
        except InvalidArgumentError as error:
            if error.argument not in variables:
                raise
            name = variables[error.argument]
            raise InvalidArgumentError(
                name, error.reason, code=error.code, advice=error.advice
            ) from None

    @hide_arguments
    def with_options(
        self,
        *,
        token: AccessToken | Unset | None = UNSET,
        timeout: Duration | Unset | None = UNSET,
        total_timeout: Duration | Unset | None = UNSET,
        max_wait: Duration | Unset | None = UNSET,
        locale: str | Unset | None = UNSET,
        background: bool | Unset = UNSET,
        retry: Retry | Unset = UNSET,
        headers: Mapping[str, str] | Unset = UNSET,
    ) -> AsyncClient:
        """Return a view of this client with other options, such as the token of one user.

        A view is cheap. It shares connections, rate limiter, cache and `on_event` with this client,
        and is closed with it; closing a view has no effect.

        Args:
            token: Another token; None for no token.
            timeout: As for `AsyncClient`.
            total_timeout: As for `AsyncClient`.
            max_wait: As for `AsyncClient`.
            locale: As for `AsyncClient`.
            background: True if its requests are sent only when no others wait for the rate limiter,
                as in pulls and feeds.
            retry: As for `AsyncClient`; `Retry(attempts=1)` for no retries.
            headers: Headers of all requests to the service, added to those of this view. They do
                not follow redirects to other hosts. Responses to other headers are cached apart.

        Raises:
            InvalidArgumentError: An argument is invalid.
        """
        changes: dict[str, Any] = {
            "timeout": timeout,
            "total_timeout": total_timeout,
            "max_wait": max_wait,
            "locale": locale,
            "background": background,
            "retry": retry,
        }
        changes = {name: value for name, value in changes.items() if value is not UNSET}
        current = self._api.options
        if not isinstance(token, Unset):
            changes["credential"] = parse_credential(token, None)
        if changes.get("credential", current.credential) is not None:
            self._api.transport.check_secure()
        if not isinstance(headers, Unset):
            merged = {**dict(current.headers), **check_view_headers(headers)}
            changes["headers"] = tuple(sorted(merged.items()))
        options = attrs.evolve(current, **changes)
        view = object.__new__(type(self))
        view._bind(attrs.evolve(self._api, options=options), owner=False)
        return view

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

    @property
    def base_url(self) -> str:
        """The service's address, without a path."""
        return self._api.site

    @property
    def is_view(self) -> bool:
        """True if `with_options` returned it: closing it has no effect."""
        return not self._owner

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
