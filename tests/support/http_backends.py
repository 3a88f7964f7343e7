"""Both HTTP libraries, with servers that are functions, and clients of ours upon them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

from seeclickfix_async import AsyncClient, Retry

TOKEN = "token-for-the-test"
ORIGIN = "https://city.example"
ISSUE = {"id": 7, "summary": "Pothole"}
_NO_WAIT = Retry(base=0, random=lambda: 0.0)


class Family:
    """httpx or httpx2, with a server that is a function."""

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(name)
        self.requests: list[Any] = []

    def client(self, serve: Callable[[Any], Any], **options: Any) -> Any:
        def handle(request: Any) -> Any:
            self.requests.append(request)
            return serve(request)

        return self.module.AsyncClient(transport=self.module.MockTransport(handle), **options)

    def answer(self, status: int = 200, body: Any = None, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.module.Response(status, content=content, headers=named)

    def scripted(self, *answers: Any) -> Callable[[Any], Any]:
        """Answers one after the other; the last one for ever. An exception is raised."""
        left = list(answers)

        def serve(_request: Any) -> Any:
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, str):
                raise getattr(self.module, answer)("made up")
            if isinstance(answer, Exception):
                raise answer
            return answer

        return serve


def client_of(family: Family, *answers: Any, **options: Any) -> AsyncClient:
    http = family.client(family.scripted(*answers))
    given: dict[str, Any] = {
        "limiter": None,
        "base_url": ORIGIN,
        "retry": Retry(base=0, random=lambda: 0.0),
        **options,
    }
    return AsyncClient(TOKEN, http=http, **given)
