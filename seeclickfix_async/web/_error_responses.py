"""The responses of an application for errors of this package."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

import attrs
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketState

from seeclickfix_async import errors
from seeclickfix_async.errors import SeeClickFixError

_logger = logging.getLogger("seeclickfix_async.web")

_DEFAULT_RETRY_AFTER = 30  # seconds


@attrs.frozen
class _Answer:
    """The status and the sentence for an error."""

    status: int
    detail: str


_NOT_SIGNED_IN = _Answer(401, "Sign in with SeeClickFix first.")
_SIGN_IN_AGAIN = _Answer(401, "Sign in with SeeClickFix again.")
_REFUSED = _Answer(422, "The request is invalid.")
_BUSY = _Answer(503, "SeeClickFix limits the number of requests. Try again later.")
_UNAVAILABLE = _Answer(503, "SeeClickFix is not available. Try again later.")
_UNREADABLE = _Answer(502, "SeeClickFix sent no usable response.")
_UNCERTAIN = _Answer(
    502, "SeeClickFix did not respond, and may have executed the request. Check before a retry."
)

# An error that is in neither table is a mistake of the application, which it should see.
_BY_CODE: dict[str, _Answer | None] = {
    **dict.fromkeys(("insecure_http", "no_pull_to_update", "pull_complete", "file_locked"), None),
    "not_signed_in": _NOT_SIGNED_IN,
    "unknown_path": None,  # `base_url` is probably wrong
}
# The first entry whose class matches is used.
_BY_CLASS: tuple[tuple[type[SeeClickFixError], _Answer], ...] = (
    (errors.InvalidArgumentError, _REFUSED),
    (errors.ValidationError, _Answer(422, "SeeClickFix refused the request.")),
    (errors.BadRequestError, _Answer(422, "SeeClickFix refused the request.")),
    (errors.NotFoundError, _Answer(404, "There is no such object, or it is not public.")),
    (errors.AuthenticationError, _SIGN_IN_AGAIN),
    (errors.ReauthorizationRequiredError, _SIGN_IN_AGAIN),
    (errors.BlockedError, _UNAVAILABLE),
    (errors.PermissionDeniedError, _Answer(403, "This account may not do this.")),
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
ANSWERS = [answer for answer in (*_BY_CODE.values(), *(found for _, found in _BY_CLASS)) if answer]


def add_error_handlers(app: Starlette) -> None:
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
    """
    app.add_exception_handler(SeeClickFixError, _respond)  # type: ignore[arg-type]  # for both kinds


async def _respond(connection: HTTPConnection, error: Exception) -> Response | None:
    answer = _find(error) if isinstance(error, SeeClickFixError) else None
    if answer is None or not isinstance(error, SeeClickFixError):
        raise error
    if answer.status >= 500:
        level = logging.WARNING if answer.status == 503 else logging.ERROR
        route = getattr(error, "route", "") or "A request"
        _logger.log(level, "%s failed with %s (%s).", route, type(error).__name__, error.code)
    if (
        isinstance(connection, WebSocket)
        and connection.application_state is not WebSocketState.CONNECTING
    ):
        await _close(connection, answer)
        return None
    body: dict[str, object] = {"detail": answer.detail, "code": error.code}
    if answer.status == 422:
        body["errors"] = _reasons(error)
    headers = {"Retry-After": _retry_after(error)} if answer.status == 503 else None
    return JSONResponse(body, answer.status, headers)


async def _close(socket: WebSocket, answer: _Answer) -> None:
    """Close a web socket that was accepted, unless it is closed; it cannot send a response."""
    if (
        socket.application_state is WebSocketState.CONNECTED
        and socket.client_state is WebSocketState.CONNECTED
    ):
        code = 1008 if answer.status < 500 else 1013 if answer.status == 503 else 1011
        await socket.close(code, answer.detail)


def _find(error: SeeClickFixError) -> _Answer | None:
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((answer for kind, answer in _BY_CLASS if isinstance(error, kind)), None)


def _reasons(error: SeeClickFixError) -> Mapping[str, list[str]]:
    if isinstance(error, (errors.ValidationError, errors.InvalidDraftError)):
        reasons = error.errors
    elif isinstance(error, errors.InvalidArgumentError):
        reasons = {error.argument: [error.reason]}
    else:
        return {}
    return {
        field: ["is invalid." if "//" in reason else reason for reason in listed]  # perhaps a URL
        for field, listed in reasons.items()
    }


def _retry_after(error: SeeClickFixError) -> str:
    seconds = getattr(error, "retry_after", None)
    return str(_DEFAULT_RETRY_AFTER if seconds is None else max(1, math.ceil(seconds)))
