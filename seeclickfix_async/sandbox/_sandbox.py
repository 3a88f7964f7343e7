"""The sandbox: a city, its service and its OAuth provider."""

from __future__ import annotations

import math
from collections import deque
from contextlib import AbstractContextManager
from typing import Any, SupportsIndex

from starlette.applications import Starlette
from starlette.routing import Route

from seeclickfix_async._core.numbers import as_integer
from seeclickfix_async._core.timestamps import Now, utc_now
from seeclickfix_async.sandbox._api import api_routes
from seeclickfix_async.sandbox._bounds import check_at_least
from seeclickfix_async.sandbox._city import City, build
from seeclickfix_async.sandbox._fault_rules import Faults
from seeclickfix_async.sandbox._gateway import Gateway, ReceivedRequest
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._photos import Photos
from seeclickfix_async.sandbox._routes.authorize import AuthorizeRoutes
from seeclickfix_async.sandbox._routes.token import TokenRoutes
from seeclickfix_async.sandbox._serializers import Serializer
from seeclickfix_async.sandbox._server import serve
from seeclickfix_async.sandbox._settings import Settings
from seeclickfix_async.sandbox._users import RESIDENT, Users

_ORIGIN = "https://sandbox.example"


class Sandbox:
    """A synthetic city and the service that reports on it.

    Args:
        issues: Number of issues in the city; half a million take 40 MB.
        seed: The same seed makes the same city.
        settings: Behaviour of the service; by default, with the documented quota of 20 a minute.
        now: Returns the current time as an aware datetime: of new issues and comments, of the Date
            header, and of the expiry of tokens. By default, each write happens a minute after the
            newest issue, and the rest in real time.
    """

    def __init__(
        self,
        issues: SupportsIndex = 5000,
        *,
        seed: SupportsIndex = 311,
        settings: Settings | None = None,
        now: Now | None = None,
    ) -> None:
        count, number = as_integer(issues), as_integer(seed)
        check_at_least("issues", count, 0, integer=True)
        check_at_least("seed", number, -math.inf, integer=True)
        self.city: City = build(count, number)
        self.city.clock = None if now is None else lambda: now().timestamp()
        self.settings: Settings = settings or Settings()
        self._users = Users(now or utc_now)
        self._gateway = Gateway(self.settings, self._users)
        self._overlay = Overlay()
        self._photos = Photos()
        api = api_routes(self.city, self._gateway, self._overlay, self._photos)
        self._token_routes = TokenRoutes(self._users)
        self._authorize_routes = AuthorizeRoutes(self._token_routes)
        oauth = {
            **self._authorize_routes.handlers(),
            **self._token_routes.handlers(),
        }
        spoiled = [
            Route(path, self._gateway.spoil(endpoint), methods=[method])
            for (method, path), endpoint in oauth.items()
        ]
        self.app: Any = Starlette(routes=[*api, *spoiled])

    @property
    def requests(self) -> deque[ReceivedRequest]:
        """The last 10,000 requests, oldest first."""
        return self._gateway.requests

    @property
    def faults(self) -> Faults:
        """The faults of the next requests."""
        return self._gateway.faults

    @property
    def flags(self) -> deque[tuple[str, int, str]]:
        """The last 1,000 flags: `issue` or `comment`, its id, and the message."""
        return self._overlay.flags

    @property
    def tokens(self) -> dict[str, int]:
        """The valid access tokens and their users; it can be changed."""
        return self._users.tokens

    @property
    def photos(self) -> dict[str, bytes]:
        """The newest 32 uploaded photos, by the key in their links."""
        return self._photos.stored

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The issues that were reported through the API, oldest first, as its JSON."""
        serializer = Serializer(self.city, _ORIGIN, self._overlay)
        return [serializer.issue(row) for row in self._overlay.reported()]

    @property
    def comments(self) -> list[dict[str, Any]]:
        """The comments that were written through the API, oldest first, as its JSON."""
        return self._overlay.comments()

    def grant(self, resident: str | SupportsIndex = RESIDENT) -> dict[str, Any]:
        """Sign a resident in; return the response of the token endpoint.

        Args:
            resident: The id of an account, or a name, for which an account is created at first.
        """
        user = self._account(resident)
        return self._token_routes.create_pair("public write", user, renewable=True).as_json()

    def _account(self, resident: str | SupportsIndex) -> int:
        """Return the id of a resident's account; see `grant`."""
        names = self._users.names
        if isinstance(resident, str):
            user = next((user for user, name in names.items() if name == resident), None)
        else:
            user = as_integer(resident)
            check_at_least("resident", user, 1, integer=True)
        if user is None:
            user = self._users.register(str(resident), f"resident{len(names)}@example.com")
        return user

    def serve(
        self, *, host: str = "127.0.0.1", port: SupportsIndex = 0
    ) -> AbstractContextManager[str]:
        """Serve on a real socket, from a thread; the context manager returns the base URL."""
        number = as_integer(port)
        check_at_least("port", number, 0, integer=True)
        return serve(self.app, host=host, port=number, faults=self.faults)
