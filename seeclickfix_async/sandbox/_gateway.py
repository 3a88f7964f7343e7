"""The way in: who asks, how often, and what the sandbox was told to answer instead."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as answers
from seeclickfix_async.sandbox._settings import Settings
from seeclickfix_async.sandbox._users import Users

Handler = Callable[[Request], Awaitable[Response]]


@attrs.frozen
class ReceivedRequest:
    """A request that the sandbox got; whether it carried a token, but not which."""

    method: str
    path: str
    query: dict[str, str]
    status: int
    authorized: bool
    at: float


@attrs.frozen
class Fault:
    """What the sandbox answers to one request instead of doing it.

    Attributes:
        status: The HTTP status.
        body: JSON, or None for an empty body.
        headers: Such as `WWW-Authenticate`.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Gateway:
    """Lets nobody in who does not name himself, asks too often, or holds a wrong token."""

    settings: Settings
    people: Users
    requests: deque[ReceivedRequest] = attrs.field(factory=lambda: deque(maxlen=10_000))
    faults: deque[Fault] = attrs.field(factory=deque)

    def before(self, handler: Handler) -> Handler:
        """The handler, behind the door."""

        async def endpoint(request: Request) -> Response:
            response = self._refuse(request)
            if response is None:
                await anyio.sleep(self.settings.latency)
                response = await self._answer(handler, request)
            self.requests.append(
                ReceivedRequest(
                    request.method,
                    request.url.path,
                    dict(request.query_params),
                    response.status_code,
                    "authorization" in request.headers,
                    self.settings.quota.clock() if self.settings.quota else 0.0,
                )
            )
            return response

        return endpoint

    def user(self, request: Request) -> int | None:
        """Who asks, by the token."""
        return self.people.tokens.get(_bearer(request))

    def signed_in(self, request: Request) -> int:
        """Who asks.

        Raises:
            Refused: Nobody is signed in.
        """
        user = self.user(request)
        if user is None:
            raise answers.Refused(answers.wrong_token())
        return user

    def _refuse(self, request: Request) -> Response | None:
        if not request.headers.get("user-agent"):
            return answers.blocked()
        wait = self.settings.quota.take() if self.settings.quota else 0.0
        if wait > 0:
            return answers.too_many(wait)
        if self.faults:
            fault = self.faults.popleft()
            return answers.told(fault.status, fault.body, fault.headers)
        if _bearer(request) and self.user(request) is None:
            return answers.wrong_token()
        return None

    async def _answer(self, handler: Handler, request: Request) -> Response:
        try:
            return await handler(request)
        except answers.Refused as refused:
            return refused.response


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def origin(request: Request) -> str:
    """The sandbox's own address, as the request has it."""
    return f"{request.url.scheme}://{request.url.netloc}"
