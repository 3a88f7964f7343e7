"""The sandbox: a city, its service and its OAuth provider."""

from __future__ import annotations

import math
from collections import deque
from contextlib import AbstractContextManager
from typing import Any, SupportsIndex

from starlette.applications import Starlette

from seeclickfix_async._core.numbers import as_integer
from seeclickfix_async.sandbox._api import api_routes
from seeclickfix_async.sandbox._bounds import check_at_least
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
    """A synthetic city and the service that reports on it.

    Args:
        issues: Number of issues in the city; half a million take 40 MB.
        seed: The same seed makes the same city.
        settings: Behaviour of the service; by default, with the documented quota of 20 a minute.
    """

    def __init__(
        self,
        issues: SupportsIndex = 5000,
        *,
        seed: SupportsIndex = 311,
        settings: Settings | None = None,
    ) -> None:
        count, number = as_integer(issues), as_integer(seed)
        check_at_least("issues", count, 0, integer=True)
        check_at_least("seed", number, -math.inf, integer=True)
        self.city: City = build(count, number)
        self.settings: Settings = settings or Settings()
        self._users = Users()
        self._gateway = Gateway(self.settings, self._users)
        self._overlay = Overlay()
        self._photos = Photos()
        api = api_routes(self.city, self._gateway, self._overlay, self._photos)
        tokens = TokenRoutes(self._users)
        self.app: Any = Starlette(
            routes=[*api, *AuthorizeRoutes(tokens).routes(), *tokens.routes()]
        )

    @property
    def requests(self) -> deque[ReceivedRequest]:
        """The last 10,000 requests, oldest first."""
        return self._gateway.requests

    @property
    def faults(self) -> deque[Fault]:
        """The faults of the next requests, one each; append to it to inject one."""
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

    def serve(
        self, *, host: str = "127.0.0.1", port: SupportsIndex = 0
    ) -> AbstractContextManager[str]:
        """Serve on a real socket, from a thread; the context manager returns the base URL."""
        number = as_integer(port)
        check_at_least("port", number, 0, integer=True)
        return serve(self.app, host=host, port=number)
