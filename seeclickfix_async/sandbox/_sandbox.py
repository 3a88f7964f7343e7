"""The sandbox: a city, its service and its OAuth provider."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager
from typing import Any

from starlette.applications import Starlette

from seeclickfix_async.sandbox._api import Endpoints
from seeclickfix_async.sandbox._city import City, build
from seeclickfix_async.sandbox._gateway import Fault, Gateway, ReceivedRequest
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._photos import Photos
from seeclickfix_async.sandbox._routes.authorize import AuthorizeRoutes
from seeclickfix_async.sandbox._routes.token import TokenRoutes
from seeclickfix_async.sandbox._server import serve
from seeclickfix_async.sandbox._settings import Settings
from seeclickfix_async.sandbox._users import Users


class Sandbox:
    """One city and its service.

    Args:
        issues: How many issues the city has; half a million fit in 40 MB.
        seed: The same seed makes the same city.
        settings: How the service behaves; the documented quota of 20 a minute unless told.
    """

    def __init__(
        self, issues: int = 5000, *, seed: int = 311, settings: Settings | None = None
    ) -> None:
        self.city: City = build(issues, seed)
        self.settings: Settings = settings or Settings()
        self._people = Users()
        self._door = Gateway(self.settings, self._people)
        self._ledger = Overlay()
        self._photos = Photos()
        endpoints = Endpoints(self.city, self._door, self._ledger, self._photos)
        grants = TokenRoutes(self._people)
        self.app: Any = Starlette(
            routes=[*endpoints.routes(), *AuthorizeRoutes(grants).routes(), *grants.routes()]
        )

    @property
    def requests(self) -> deque[ReceivedRequest]:
        """The last 10,000 requests, for tests to look at."""
        return self._door.requests

    @property
    def faults(self) -> deque[Fault]:
        """What the next requests are answered instead, one each; append to it as you like."""
        return self._door.faults

    @property
    def flags(self) -> deque[tuple[str, int, str]]:
        """What was flagged last: issue or comment, its id, and why."""
        return self._ledger.flags

    @property
    def tokens(self) -> dict[str, int]:
        """The valid access tokens and whose they are; change it as you like."""
        return self._people.tokens

    @property
    def photos(self) -> dict[str, bytes]:
        """The newest photos that came, by the key in their links."""
        return self._photos.kept

    def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AbstractContextManager[str]:
        """Listen on a real socket while the context lasts; gives the address."""
        return serve(self.app, host=host, port=port)
