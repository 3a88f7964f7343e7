"""The checks before each endpoint: User-Agent, quota, injected faults and the access token."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._city import City
from seeclickfix_async.sandbox._settings import Settings
from seeclickfix_async.sandbox._users import Users
from seeclickfix_async.sandbox._variations import vary

Handler = Callable[[Request], Awaitable[Response]]


@attrs.frozen
class ReceivedRequest:
    """A request that the sandbox received.

    Attributes:
        method: The HTTP method.
        path: The path of its URL.
        query: Its query parameters.
        status: The status of the response.
        authorized: Whether it had an `Authorization` header, whose value is not stored.
        at: The time by the quota's clock; 0 without a quota.
    """

    method: str
    path: str
    query: dict[str, str]
    status: int
    authorized: bool
    at: float


@attrs.frozen
class Fault:
    """A response that replaces that of one request, which is not carried out.

    Attributes:
        status: The HTTP status.
        body: JSON, or None for an empty body.
        headers: More headers, such as `WWW-Authenticate`.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Gateway:
    """Refuses a request without User-Agent, past the quota, or with an invalid token."""

    settings: Settings
    users: Users
    requests: deque[ReceivedRequest] = attrs.field(factory=lambda: deque(maxlen=10_000))
    faults: deque[Fault] = attrs.field(factory=deque)

    def wrap(self, handler: Handler) -> Handler:
        """Return the handler with the checks before it; it records each request."""

        async def endpoint(request: Request) -> Response:
            response = self._refuse(request)
            if response is None:
                await anyio.sleep(self.settings.latency)
                response = await self._handle(handler, request)
                vary(response, self.settings)
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

    def current_user(self, request: Request) -> int | None:
        """Return the user of the request's token; None without one."""
        return self.users.tokens.get(bearer_token(request))

    def require_user(self, request: Request) -> int:
        """Return the user of the request's token.

        Raises:
            RefusedError: The request has no token.
        """
        user = self.current_user(request)
        if user is None:
            raise responses.RefusedError(responses.unauthorized())
        return user

    def _refuse(self, request: Request) -> Response | None:
        if not request.headers.get("user-agent"):
            return responses.blocked()
        wait = self.settings.quota.take() if self.settings.quota else 0.0
        if wait > 0:
            return responses.too_many_requests(wait, self.settings)
        if self.faults:
            fault = self.faults.popleft()
            return responses.from_fault(fault.status, fault.body, fault.headers)
        if bearer_token(request) and self.current_user(request) is None:
            return responses.unauthorized()
        return None

    async def _handle(self, handler: Handler, request: Request) -> Response:
        try:
            return await handler(request)
        except responses.RefusedError as refusal:
            return refusal.response


def bearer_token(request: Request) -> str:
    """Return the access token of the request's header, or an empty string."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def origin(request: Request) -> str:
    """Return the sandbox's own origin, as the request addressed it."""
    return f"{request.url.scheme}://{request.url.netloc}"


def find_row(city: City, request: Request) -> int:
    """Return the row of the issue whose id is in the path.

    Raises:
        RefusedError: There is no such issue.
    """
    row = city.row_of(request.path_params["id"])
    if row is None:
        raise responses.RefusedError(responses.not_found())
    return row
