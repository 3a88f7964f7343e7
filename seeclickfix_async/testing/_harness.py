"""A sandbox with a virtual clock, its clients, and signed-in residents."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, SupportsIndex, Unpack
from urllib.parse import parse_qsl, urlsplit

import attrs

from seeclickfix_async._api.client_options import AccessToken, ClientOptions
from seeclickfix_async._client import AsyncClient
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Status
from seeclickfix_async.oauth import Token
from seeclickfix_async.oauth._token import token_from_json
from seeclickfix_async.sandbox import TOKEN, Quota, Sandbox, Settings
from seeclickfix_async.sandbox._city import STATUSES
from seeclickfix_async.sandbox._routes.authorize import find_error
from seeclickfix_async.testing._clock import VirtualClock
from seeclickfix_async.testing._in_process import transport_class

IN_PROCESS_URL = "https://city.test"
"""The base URL of clients in the same process."""

_PATIENCE = 0.01
"""Real seconds that data of other clients may be on their way without the clock's moving."""

_DOCUMENTED_QUOTA = Quota()


class SandboxHarness(Sandbox):
    """A sandbox for tests: the fixture `scf_sandbox`, and the same without pytest.

        with SandboxHarness() as sandbox:
            bot = Bot(AsyncClient(TOKEN, base_url=sandbox.url, clock=sandbox.clock))

    Its time is that of `clock`, which moves only when a task waits for it or `clock.advance` is
    called: new issues, the Date header, the quota and the expiry of tokens follow it. Creating one
    takes milliseconds; its socket is opened when `url` is used first.

    Args:
        issues: Number of issues in the city.
        seed: The same seed makes the same city.
        clock: The clock; by default, a new one.
        quota: The rate limit, of 20 requests in a minute by default; None for no limit, for which
            the clients in the same process have no limiter.
        **settings: Other settings of the sandbox: see `Settings`.
    """

    def __init__(
        self,
        issues: SupportsIndex = 300,
        *,
        seed: SupportsIndex = 311,
        clock: VirtualClock | None = None,
        quota: Quota | None = _DOCUMENTED_QUOTA,
        **settings: Any,
    ) -> None:
        self.clock: VirtualClock = clock or VirtualClock()
        if quota is not None:
            quota = attrs.evolve(quota, clock=self.clock.now)
        super().__init__(
            issues,
            seed=seed,
            settings=Settings(quota=quota, **settings),
            now=self.clock.utc_now,
        )
        self.app: Any = self._hold_clock(self.app)
        self._exits = ExitStack()
        self._url: str | None = None
        self._client: AsyncClient | None = None

    @property
    def url(self) -> str:
        """The base URL on a real socket of this machine, which is opened at first."""
        if self._url is None:
            self._url = self._exits.enter_context(self.serve())
            self.clock.patience = _PATIENCE
        return self._url

    @property
    def client(self) -> AsyncClient:
        """A client in the same process, signed in as a resident, whose waits take no time."""
        if self._client is None:
            self._client = self.make_client(TOKEN)
        return self._client

    def make_client(
        self, token: AccessToken | None = None, **options: Unpack[ClientOptions]
    ) -> AsyncClient:
        """Return another client in the same process.

        Args:
            token: Its access token, such as one of `sign_in`; None for public data.
            **options: As for `AsyncClient`.
        """
        options.setdefault("base_url", IN_PROCESS_URL)
        options.setdefault("clock", self.clock)
        if "http" not in options:
            options["http"] = self.make_http()
        if self.settings.quota is None:
            options.setdefault("limiter", None)
        return AsyncClient(token, **options)

    def make_http(self, library: str = "httpx") -> Any:
        """Return an HTTP client that sends to this sandbox in the same process.

        It is the `http=` of an AsyncClient or a TokenEndpoint.

        Args:
            library: `httpx` or `httpx2`.
        """
        transport = transport_class(library)(self, self.clock)
        return importlib.import_module(library).AsyncClient(transport=transport)

    def sign_in(self, resident: str | SupportsIndex = "Ana Resident") -> Token:
        """Sign a resident in, as an application does with OAuth; return the tokens.

        The access token expires after two hours of `clock`; the refresh token does not.

        Args:
            resident: A name, for which an account is created at first, or the id of an account.
        """
        return token_from_json(self.grant(resident), now=self.clock.utc_now())

    def authorize(
        self, url: str, resident: str | SupportsIndex = "Ana Resident", *, deny: bool = False
    ) -> str:
        """Sign in on the authorization page; return the URL that it redirects the browser to.

            flow = oauth.begin(app, now=clock.utc_now)
            code = oauth.finish(flow, sandbox.authorize(flow.url), now=clock.utc_now)
            token = await endpoint.exchange(code)

        Args:
            url: The address of the page, from `oauth.begin` or the redirect of a login route. The
                application is `CLIENT`, without a secret. Its redirect URIs are all with https, and
                those of this machine with http.
            resident: Who signs in: a name, for which an account is created at first, or the id of
                an account.
            deny: Whether the resident refuses.

        Raises:
            InvalidArgumentError: The page would show an error instead.
        """
        page = urlsplit(url)
        if page.path != "/oauth/authorize":
            raise InvalidArgumentError("url", "is not the address of an authorization page.")
        query = dict(parse_qsl(page.query, keep_blank_values=True))
        if error := find_error(query):
            raise InvalidArgumentError("url", f"leads to an error page: {error}")
        return self._authorize_routes.decide(query, self._account(resident), deny=deny)

    def issue_with_status(self, status: Status | str) -> int:
        """Return the id of an issue with this status.

        Raises:
            LookupError: There is none in the city.
        """
        city, code = self.city, STATUSES.index(Status(status).value.title())
        for row in range(len(city)):
            if city.status[row] == code:
                return city.id_of(row)
        raise LookupError(f"The city has no {status} issue. Pass a larger number of issues.")

    def statuses(self, method: str) -> list[int]:
        """Return the statuses of the responses to all requests with this method, in order."""
        return [request.status for request in self.requests if request.method == method]

    def _hold_clock(self, app: Any) -> Any:
        async def holding(scope: Any, receive: Any, send: Any) -> None:
            with self.clock.hold():
                await app(scope, receive, send)

        return holding

    def close(self) -> None:
        """Close the socket."""
        self._exits.close()
        self._url = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
