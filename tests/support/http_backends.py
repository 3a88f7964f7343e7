"""httpx and httpx2 with mock transports, and clients that use them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

from seeclickfix_async import AsyncClient
from seeclickfix_async.testing import VirtualClock

TOKEN = "token-for-the-test"
ORIGIN = "https://city.example"
ISSUE = {"id": 7, "summary": "Pothole"}


class HTTPBackend:
    """httpx or httpx2, whose clients send to a function.

    Attributes:
        module: The library.
        requests: The requests that were sent.
    """

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(name)
        self.requests: list[Any] = []

    def client(self, serve: Callable[[Any], Any], **options: Any) -> Any:
        def handle(request: Any) -> Any:
            self.requests.append(request)
            return serve(request)

        return self.module.AsyncClient(transport=self.module.MockTransport(handle), **options)

    def response(self, status: int = 200, body: Any = None, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        raw_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.module.Response(status, content=content, headers=raw_headers)

    def scripted(self, *responses: Any) -> Callable[[Any], Any]:
        """Return a server that serves the responses in order, and the last one again and again.

        An exception is raised; a string is the name of one of the library's.
        """
        remaining = list(responses)

        def serve(_request: Any) -> Any:
            response = remaining.pop(0) if len(remaining) > 1 else remaining[0]
            if isinstance(response, str):
                raise getattr(self.module, response)("made up")
            if isinstance(response, Exception):
                raise response
            return response

        return serve


def make_client(backend: HTTPBackend, *responses: Any, **options: Any) -> AsyncClient:
    http = backend.client(backend.scripted(*responses))
    defaults: dict[str, Any] = {
        "limiter": None,
        "base_url": ORIGIN,
        "clock": VirtualClock(),
    }
    return AsyncClient(TOKEN, http=http, **{**defaults, **options})
