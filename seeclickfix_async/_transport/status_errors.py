"""From a status to an error: what the service says no with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seeclickfix_async._core import backoff
from seeclickfix_async._transport.response import Response
from seeclickfix_async.errors import (
    AuthenticationError,
    BadRequestError,
    BlockedError,
    DecodeError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    StatusError,
    ValidationError,
)

_NOT_ERRORS = frozenset({"documentation_url", "metadata", "meta"})
_ADMINISTRATIVE = b"administrative rules"  # the proxy's words, which nobody translates

_COLLECTION = re.compile("[A-Z]+ /[^{]*")  # a route that names no single thing
_ASTRAY = "There is no such path. Check base_url, and any id that the address holds."
_KINDS: dict[int, tuple[type[StatusError], str]] = {
    404: (NotFoundError, "There is no such thing, or this account may not see it."),
    429: (RateLimitedError, "Too many requests. Share one client, or one limiter, per address."),
}
_UNKNOWN: dict[str, str] = {
    "expired": "The access token expired.",
    "revoked": "The access token was revoked.",
    "invalid": "The access token is invalid.",
    "": "The service does not know who you are.",
}
_FORBIDDEN: dict[str, tuple[type[StatusError], str]] = {
    "blocked": (
        BlockedError,
        "The service refuses this client as a whole. Stop, give a contact=, and write to it.",
    ),
    "nobody": (PermissionDeniedError, "Nobody is signed in. Give the token of one who may."),
    "account": (PermissionDeniedError, "The account may not do this. Use one that may."),
}
_FAILED = {
    True: "The service failed. Try again later.",
    False: "The service failed, and may have carried it out; read before you write again.",
}
# What the provider's WWW-Authenticate can say (Doorkeeper, observed).
_TOKEN_STATES = {
    "token expired": "expired",
    "token was revoked": "revoked",
    "is invalid": "invalid",
}


def status_error(response: Response, *, nobody: bool = False) -> StatusError | None:
    """The error that an answer stands for; None for a success without errors in its body.

    Args:
        response: The answer.
        nobody: Whether it went out without a credential, which a 403 may be about.
    """
    if 200 <= response.status < 300 or response.status == 304:
        return None
    body = _body(response)
    if response.status == 422:
        return in_body(response, body)
    kind, advice, more = _kind(response, nobody=nobody)
    message = f"{response.status} for {response.route}. {advice}{_described(body)}"
    return kind(message, **more, **_data(response, body))


def in_body(response: Response, body: Any) -> ValidationError:
    """The error of an answer whose body lists what is wrong, in any of the four known forms."""
    errors = field_errors(body)
    faults = "; ".join(
        f"{field}: {', '.join(word.rstrip('. ') for word in words)}"
        for field, words in errors.items()
    )
    return ValidationError(
        f"{response.status} for {response.route}. The service refused: {faults or 'no reason'}.",
        errors=errors,
        **_data(response, body),
    )


def field_errors(body: Any) -> dict[str, list[str]]:
    """What is wrong, by field.

    Takes `{field: text}`, `{"errors": {field: text}}`, `{"errors": {field: [text]}}` and the same
    with a question's key for a field (documented and observed); a text or a list alone is `base`.
    """
    if isinstance(body, Mapping) and body.get("errors"):
        body = body["errors"]
    if not isinstance(body, Mapping):
        body = {"base": body}
    return {
        str(field): [str(word) for word in (words if isinstance(words, list) else [words])]
        for field, words in body.items()
        if words and field not in _NOT_ERRORS
    }


def _described(body: Any) -> str:
    """What Open311 says is wrong (GeoReport v2): a list of codes and descriptions."""
    if not isinstance(body, list):
        return ""
    words = [error.get("description") for error in body if isinstance(error, Mapping)]
    return "".join(f" It says: {word}" for word in words if isinstance(word, str))


def _kind(response: Response, *, nobody: bool) -> tuple[type[StatusError], str, dict[str, Any]]:
    """The error's class, its advice, and the reason where there can be several."""
    status = response.status
    if status == 401:
        if nobody:
            return AuthenticationError, "Nobody is signed in. Give a token.", {"reason": ""}
        reason = _why(response.headers)
        advice = "Sign in again, or make a new personal access token."
        return AuthenticationError, f"{_UNKNOWN[reason]} {advice}", {"reason": reason}
    if status == 403:
        blocked = _ADMINISTRATIVE in response.content
        reason = "blocked" if blocked else "nobody" if nobody else "account"
        return *_FORBIDDEN[reason], {"reason": reason}
    if status == 404 and _COLLECTION.fullmatch(response.route):
        return NotFoundError, _ASTRAY, {}
    if status >= 500:
        return ServerError, _FAILED[response.route.startswith(("GET ", "HEAD "))], {}
    return *_KINDS.get(status, (BadRequestError, "The service does not take this request.")), {}


def _data(response: Response, body: Any) -> dict[str, Any]:
    return {
        "status": response.status,
        "route": response.route,
        "body": body,
        "headers": response.headers,
        "retry_after": backoff.parse_retry_after(response.headers.get("retry-after")),
    }


def _body(response: Response) -> Any:
    try:
        return response.json()
    except DecodeError:
        return None  # an empty 404, or a proxy's page: the status says enough


def _why(headers: Mapping[str, str]) -> str:
    """Why a token was refused, which only a header tells (observed)."""
    challenge = headers.get("www-authenticate", "").lower()
    return next((why for words, why in _TOKEN_STATES.items() if words in challenge), "")
