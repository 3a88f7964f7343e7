"""From a status to an error: what the service says no with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seeclickfix_async._core import backoff
from seeclickfix_async._core.credentials import parse_origin
from seeclickfix_async._transport.response import Response, is_success
from seeclickfix_async.errors import (
    AuthenticationError,
    BadRequestError,
    BlockedError,
    DecodeError,
    ForeignRedirectError,
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
_KINDS: dict[int, tuple[type[StatusError], str, str]] = {  # with a message and an advice
    404: (NotFoundError, "There is no such thing, or this account may not see it.", ""),
    429: (
        RateLimitedError,
        "Too many requests.",
        "Share one client, or one limiter, per address.",
    ),
}
_UNKNOWN: dict[str, str] = {
    "expired": "The access token expired.",
    "revoked": "The access token was revoked.",
    "invalid": "The access token is invalid.",
    "": "The service does not know who you are.",
}
_FORBIDDEN: dict[str, tuple[type[StatusError], str, str]] = {
    "blocked": (
        BlockedError,
        "The service refuses this client as a whole.",
        "Stop sending requests, set contact=, and write to the service.",
    ),
    "nobody": (
        PermissionDeniedError,
        "You are not signed in.",
        "Sign in with an account that has this permission.",
    ),
    "account": (
        PermissionDeniedError,
        "The account may not do this.",
        "Sign in with an account that has this permission.",
    ),
}
_FAILED = {
    True: ("The service failed.", "Try again later."),
    False: ("The service failed, and may have carried it out.", "Read before you write again."),
}
# What the provider's WWW-Authenticate can say (Doorkeeper, observed).
_TOKEN_STATES = {
    "token expired": "expired",
    "token was revoked": "revoked",
    "is invalid": "invalid",
}


def status_error(response: Response, *, nobody: bool = False) -> StatusError | None:
    """Return the error for a response by its status, or None for a success.

    Args:
        response: The response.
        nobody: Whether the request had no credential, which may be the reason of a 401 or 403.
    """
    if is_success(response.status):
        return None
    body = _body(response)
    if response.status == 422:
        return _validation_error(response, body)
    kind, problem, advice, more = _kind(response, nobody=nobody)
    message = f"{response.status} for {response.route}. {problem}{_described(body)}"
    return kind(message, advice=advice, **more, **_data(response, body))


def refuse_listed_errors(response: Response, errors: Any) -> None:
    """Refuse a response whose status is a success, but whose body lists errors.

    Args:
        response: The response.
        errors: The member `errors` of its body (observed: `{}` if there are none).

    Raises:
        ValidationError: There are errors.
    """
    if errors:
        raise _validation_error(response, {"errors": errors})


def _validation_error(response: Response, body: Any) -> ValidationError:
    """Return the error for a body that says by field what is wrong, in any of four forms."""
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


def foreign_redirect_error(url: str, route: str) -> ForeignRedirectError:
    """Return the error for a response that another origin than the API's has given."""
    scheme, host, port = parse_origin(url)
    origin = f"{scheme}://{host}:{port}"
    return ForeignRedirectError(
        f"The service redirects to {origin}, which is not the API; the token was not sent there.",
        origin=origin,
        advice="Check base_url, and that no login page stands in between.",
        route=route,
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


def _kind(
    response: Response, *, nobody: bool
) -> tuple[type[StatusError], str, str, dict[str, Any]]:
    """Return the error's class, message and advice, and its code and reason where they vary."""
    status = response.status
    if status == 401:
        if nobody:
            problem, advice = "You are not signed in.", "Pass a token."
            return AuthenticationError, problem, advice, {"code": "not_signed_in"}
        reason = _why(response.headers)
        advice = "Sign in again, or make a new personal access token."
        return AuthenticationError, _UNKNOWN[reason], advice, {"reason": reason}
    if status == 403:
        blocked = _ADMINISTRATIVE in response.content
        reason = "blocked" if blocked else "nobody" if nobody else "account"
        code = "not_signed_in" if reason == "nobody" else ""
        return *_FORBIDDEN[reason], {"code": code, "reason": reason}
    if status == 404 and _COLLECTION.fullmatch(response.route):
        advice = "Check base_url, and any id in the path."
        return NotFoundError, "There is no such path.", advice, {"code": "unknown_path"}
    if status >= 500:
        return ServerError, *_FAILED[response.route.startswith(("GET ", "HEAD "))], {}
    unnamed = BadRequestError, "The service does not accept this request.", ""
    return *_KINDS.get(status, unnamed), {}


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
