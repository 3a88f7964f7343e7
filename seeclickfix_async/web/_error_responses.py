"""The responses of an application for errors of this package."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from functools import partial

import attrs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketState

from seeclickfix_async import errors
from seeclickfix_async.errors import SeeClickFixError

_logger = logging.getLogger("seeclickfix_async.web")

_DEFAULT_RETRY_AFTER = 30  # seconds

Render = Callable[[Request, HTTPException], Awaitable[Response]]


@attrs.frozen
class _ErrorResponse:
    """The status and the sentence for an error."""

    status: int
    detail: str


NOT_SIGNED_IN = _ErrorResponse(401, "Sign in with SeeClickFix first.")
_SIGN_IN_AGAIN = _ErrorResponse(401, "Sign in with SeeClickFix again.")
_REFUSED = _ErrorResponse(422, "The request is invalid.")
_BUSY = _ErrorResponse(503, "SeeClickFix limits the number of requests. Try again later.")
_UNAVAILABLE = _ErrorResponse(503, "SeeClickFix is not available. Try again later.")
_UNREADABLE = _ErrorResponse(502, "SeeClickFix sent no usable response.")
_UNCERTAIN = _ErrorResponse(
    502, "SeeClickFix did not respond, and may have executed the request. Check before a retry."
)

# An error that is in neither table is a mistake of the application, which it should see.
_BY_CODE: dict[str, _ErrorResponse | None] = {
    **dict.fromkeys(("insecure_http", "no_pull_to_update", "pull_complete", "file_locked"), None),
    "not_signed_in": NOT_SIGNED_IN,
    "unknown_path": None,  # `base_url` is probably wrong
}
# The first entry whose class matches is used.
_BY_CLASS: tuple[tuple[type[SeeClickFixError], _ErrorResponse], ...] = (
    (errors.InvalidArgumentError, _REFUSED),
    (errors.ValidationError, _ErrorResponse(422, "SeeClickFix refused the request.")),
    (errors.BadRequestError, _ErrorResponse(422, "SeeClickFix refused the request.")),
    (errors.NotFoundError, _ErrorResponse(404, "There is no such object, or it is not public.")),
    (errors.AuthenticationError, _SIGN_IN_AGAIN),
    (errors.ReauthorizationRequiredError, _SIGN_IN_AGAIN),
    (errors.BlockedError, _UNAVAILABLE),
    (errors.PermissionDeniedError, _ErrorResponse(403, "This account may not do this.")),
    (errors.RateLimitedError, _BUSY),
    (errors.ServerError, _UNAVAILABLE),
    (errors.InvalidEnvironmentError, _UNAVAILABLE),
    (errors.ConnectionFailedError, _UNAVAILABLE),
    (errors.IssueMayExistError, _UNCERTAIN),
    (errors.AnswerLostError, _UNCERTAIN),
    (errors.TransportError, _UNREADABLE),
    (errors.DecodeError, _UNREADABLE),
    (errors.TruncatedResultsError, _UNREADABLE),
)
RESPONSES = [response for response in (*_BY_CODE.values(), *dict(_BY_CLASS).values()) if response]


def add_error_handlers(app: Starlette, *, render: Render | None = None) -> None:
    """Let an application of Starlette or FastAPI respond to errors of this package.

    The body is JSON with `detail`, the error's `code` and, for invalid values, `errors` by field.
    It contains no message for developers, no URL and no token.

    | Error | Status |
    |---|---|
    | `InvalidArgumentError`, `ValidationError`, `BadRequestError` | 422 |
    | `NotFoundError` | 404 |
    | `AuthenticationError`, `ReauthorizationRequiredError` | 401 |
    | `PermissionDeniedError` | 403 |
    | `RateLimitedError`, `ServerError`, `BlockedError`, no connection | 503 with Retry-After |
    | any other `TransportError`, `DecodeError`, `TruncatedResultsError` | 502 |

    A web socket is refused with the same response. One that was accepted is closed: with 1013 for a
    503, 1011 for a 502, and 1008 otherwise.

    After a 502, a write may have been executed. Other errors, such as that of a closed client, are
    mistakes of the application: it handles them as all its exceptions, usually with 500. For the
    OpenAPI document of FastAPI, pass `responses=web.fastapi.ERROR_RESPONSES` to the application or
    a router.

    Args:
        app: The application.
        render: Called as `render(request, error)` with an `HTTPException` of Starlette, whose
            `detail` is the sentence for visitors; it returns a page of your own instead of JSON.
            Pass the same function to `app.add_exception_handler(HTTPException, render)`, and all
            errors have this page.
    """
    respond = partial(_respond, render)
    app.add_exception_handler(SeeClickFixError, respond)  # type: ignore[arg-type]  # it handles these only


async def _respond(
    render: Render | None, connection: HTTPConnection, error: SeeClickFixError
) -> Response | None:
    response = _find(error)
    if response is None:
        raise error
    if response.status >= 500:
        level = logging.WARNING if response.status == 503 else logging.ERROR
        route = getattr(error, "route", "") or "A request"
        _logger.log(level, "%s failed with %s (%s).", route, type(error).__name__, error.code)
    if (
        isinstance(connection, WebSocket)
        and connection.application_state is not WebSocketState.CONNECTING
    ):
        await _close(connection, response)
        return None
    headers = {"Retry-After": _retry_after(error)} if response.status == 503 else None
    if render is not None and isinstance(connection, Request):
        return await render(connection, HTTPException(response.status, response.detail, headers))
    body: dict[str, object] = {"detail": response.detail, "code": error.code}
    if response.status == 422:
        body["errors"] = _reasons(error)
    return JSONResponse(body, response.status, headers)


async def _close(socket: WebSocket, response: _ErrorResponse) -> None:
    """Close a web socket that was accepted, unless it is closed; it cannot send a response."""
    if (
        socket.application_state is WebSocketState.CONNECTED
        and socket.client_state is WebSocketState.CONNECTED
    ):
        code = 1008 if response.status < 500 else 1013 if response.status == 503 else 1011
        await socket.close(code, response.detail)


def _find(error: SeeClickFixError) -> _ErrorResponse | None:
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((response for kind, response in _BY_CLASS if isinstance(error, kind)), None)


def _reasons(error: SeeClickFixError) -> dict[str, list[str]]:
    if not isinstance(error, (errors.ValidationError, errors.InvalidArgumentError)):
        return {}
    return {
        field: ["is invalid." if "//" in reason else reason for reason in listed]  # perhaps a URL
        for field, listed in error.errors.items()
    }


def _retry_after(error: SeeClickFixError) -> str:
    seconds = getattr(error, "retry_after", None)
    return str(_DEFAULT_RETRY_AFTER if seconds is None else max(1, math.ceil(seconds)))
