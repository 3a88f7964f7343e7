"""The checks before each endpoint: User-Agent, quota, injected faults and the access token."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import format_datetime

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._city import City
from seeclickfix_async.sandbox._connection import ScriptedResponse, connection_of
from seeclickfix_async.sandbox._fault_rules import Faults
from seeclickfix_async.sandbox._faults import NO_STATUS
from seeclickfix_async.sandbox._settings import Settings
from seeclickfix_async.sandbox._users import Users
from seeclickfix_async.sandbox._variations import vary

Handler = Callable[[Request], Awaitable[Response]]

ROOT = "/api/v2"
"""The path of the API."""


@attrs.frozen
class ReceivedRequest:
    """A request that the sandbox received.

    Attributes:
        method: The HTTP method.
        path: The path of its URL.
        query: Its query parameters.
        status: The status of the response; 0 if a fault lost it before the request was carried
            out.
        authorized: Whether it had an `Authorization` header, whose value is not stored.
        at: The time by the quota's clock; 0 without a quota.
        url: The whole URL, as it was sent.
    """

    method: str
    path: str
    query: dict[str, str]
    status: int
    authorized: bool
    at: float
    url: str


@attrs.define(eq=False)
class Gateway:
    """Refuses a request without User-Agent, past the quota, or with an invalid token."""

    settings: Settings
    users: Users
    requests: deque[ReceivedRequest] = attrs.field(factory=lambda: deque(maxlen=10_000))
    faults: Faults = attrs.field(factory=Faults)

    def wrap(self, handler: Handler) -> Handler:
        """Return the handler with the checks before it; it records each request."""

        async def checked(request: Request) -> Response:
            return self._refuse(request) or vary(
                await self._handle(handler, request), self.settings
            )

        spoiled = self.spoil(checked)

        async def endpoint(request: Request) -> Response:
            response = await spoiled(request)
            if isinstance(response, ScriptedResponse) and response.ending == "refuse":
                return response
            self.requests.append(
                ReceivedRequest(
                    request.method,
                    request.url.path,
                    dict(request.query_params),
                    response.status_code,
                    "authorization" in request.headers,
                    self.settings.quota.clock() if self.settings.quota else 0.0,
                    _sent_url(request),
                )
            )
            return response

        return endpoint

    def spoil(self, handler: Handler) -> Handler:
        """Return the handler with the faults around it."""

        async def endpoint(request: Request) -> Response:
            fault = self.faults.draw(f"{request.method} {request.url.path.removeprefix(ROOT)}")
            if fault is None:
                return self._dated(await handler(request))
            response = Response(status_code=NO_STATUS)
            if fault.carried_out:
                _forget_validators(request)
                response = await handler(request)
            if fault.ends_token:
                self.users.end_token(bearer_token(request))
                response = responses.unauthorized()
            if fault.seconds:
                await connection_of(request.scope).sleep(fault.seconds)
            response = fault.replace(response, str(request.url), self.users.now())
            return fault.spoil(self._dated(response))

        return endpoint

    def _dated(self, response: Response) -> Response:
        """Add the date of the sandbox's clock, unless its settings have none."""
        if self.settings.dates:
            response.headers["Date"] = format_datetime(self.users.now(), usegmt=True)
        return response

    def current_user(self, request: Request) -> int | None:
        """Return the user of the request's token; None without one."""
        return self.users.find(bearer_token(request))

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
            return responses.too_many_requests(wait, self.settings, self.users.now())
        if bearer_token(request) and self.current_user(request) is None:
            return responses.unauthorized()
        return None

    async def _handle(self, handler: Handler, request: Request) -> Response:
        await connection_of(request.scope).sleep(self.settings.latency)
        try:
            return await handler(request)
        except responses.RefusedError as refusal:
            return refusal.response


def bearer_token(request: Request) -> str:
    """Return the access token of the request's header, or an empty string."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _forget_validators(request: Request) -> None:
    """Have a whole response made, since a 304 has no body that a fault could spoil."""
    headers = request.scope["headers"]
    request.scope["headers"] = [pair for pair in headers if pair[0] != b"if-none-match"]


def _sent_url(request: Request) -> str:
    """Return the URL of a request, with its percent-encoding."""
    raw_path: bytes | None = request.scope.get("raw_path")  # optional in ASGI
    path = raw_path.decode("ascii") if raw_path else request.url.path
    query = request.url.query
    return f"{origin(request)}{path}{'?' * bool(query)}{query}"


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
