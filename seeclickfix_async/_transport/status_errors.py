"""Errors for the statuses of responses, and for errors that their bodies list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from seeclickfix_async._core import backoff
from seeclickfix_async._core.credentials import parse_origin
from seeclickfix_async._core.error_secrets import mask_secrets
from seeclickfix_async._core.quoting import shorten
from seeclickfix_async._core.response import Response, is_success
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._transport.challenge import find_challenge
from seeclickfix_async.errors import (
    AuthenticationError,
    BadRequestError,
    BlockedError,
    ChallengeError,
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
_ADMINISTRATIVE = b"administrative rules"  # from the service's proxy, in English for all locales

_LONGEST = 1_000  # characters of the service's own words in a message

_COLLECTION = re.compile("[A-Z]+ /[^{]*")  # a route without an id
_NAMES = {"issues": "Issue", "request_types": "Request type"}  # whose ids are not personal
_NAMED_ROUTE = re.compile(f"[A-Z]+ /({'|'.join(_NAMES)})/{{id}}(/[a-z]+)?")
_ERRORS: dict[int, tuple[type[StatusError], str, str]] = {  # class, message and advice
    429: (
        RateLimitedError,
        "Too many requests.",
        "Share one client, or one limiter, per address.",
    ),
}
_UNAUTHORIZED: dict[str, str] = {
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
    "anonymous": (
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
_SERVER_ERRORS = {  # by whether the request only reads
    True: ("The service failed.", "Try again later."),
    False: (
        "The service failed, and may have executed the request.",
        "Before you write again, check whether it did.",
    ),
}
# Phrases in the provider's WWW-Authenticate header (Doorkeeper, observed).
_REFUSAL_REASONS = {
    "token expired": "expired",
    "token was revoked": "revoked",
    "is invalid": "invalid",
}


def status_error(response: Response, *, anonymous: bool = False) -> StatusError | None:
    """Return the error for a response by its status, or None for a success.

    Args:
        response: The response.
        anonymous: Whether the request had no credential, which may be the reason of a 401 or 403.
    """
    network = find_challenge(response)
    if network is None and is_success(response.status):
        return None
    body = _body(response)
    if network is not None and _ADMINISTRATIVE not in response.content:
        return _challenge_error(response, network, body)
    if response.status == 422:
        return _validation_error(response, body)
    kind, problem, advice, more = _classify(response, anonymous=anonymous)
    message = f"{response.status} for {response.route}. {problem}{_describe_open311(body)}"
    error = kind(message, advice=advice, **more, **_data(response, body))
    return response.identify(error)


def refuse_listed_errors(response: Response, errors: Any) -> None:
    """Refuse a response whose status is a success, but whose body lists errors.

    Args:
        response: The response.
        errors: The member `errors` of its body (observed: `{}` without errors).

    Raises:
        ValidationError: It lists errors.
    """
    if errors:
        raise _validation_error(response, mask_secrets({"errors": errors}, response.secrets))


def _validation_error(response: Response, body: Any) -> ValidationError:
    """Return the error for a body that lists faults by field; see `field_errors`."""
    errors = field_errors(body)
    faults = "; ".join(
        f"{field}: {', '.join(message.rstrip('. ') for message in messages)}"
        for field, messages in errors.items()
    )
    faults = shorten(faults, _LONGEST)
    error = ValidationError(
        f"{response.status} for {response.route}. The service refused: {faults or 'no reason'}.",
        errors=errors,
        **_data(response, body),
    )
    return response.identify(error)


def _challenge_error(response: Response, network: str, body: Any) -> ChallengeError:
    """Return the error for a page that checks for a browser, instead of a response."""
    return ChallengeError(
        f"{response.status} for {response.route}. {network} in front of the service sent a web "
        "page that checks for a browser. The service did not receive the request.",
        advice="Set contact=, send fewer requests, and try from another network. If it remains, "
        "write to the service, so that it admits your program.",
        **_data(response, body),
    )


def foreign_redirect_error(url: str, route: str, secrets: Iterable[Secret]) -> ForeignRedirectError:
    """Return the error for a response of an origin other than the API's."""
    scheme, host, port = parse_origin(url)
    origin = shorten(mask_secrets(f"{scheme}://{host}:{port}", secrets))
    return ForeignRedirectError(
        f"The service redirects to {origin}, which is not the API; the token was not sent there.",
        origin=origin,
        advice="Check base_url, and whether a network login page has responded.",
        route=route,
    )


def field_errors(body: Any) -> dict[str, list[str]]:
    """Return the messages of a body by field.

    Accepts `{field: message}`, `{"errors": {field: message}}` and `{"errors": {field: [message]}}`,
    also with a question's key as the field (documented and observed). A string or a list alone
    belongs to the field `base`.
    """
    if isinstance(body, Mapping) and body.get("errors"):
        body = body["errors"]
    if not isinstance(body, Mapping):
        body = {"base": body}
    return {
        str(field): [str(one) for one in (value if isinstance(value, list) else [value])]
        for field, value in body.items()
        if value and field not in _NOT_ERRORS
    }


def _describe_open311(body: Any) -> str:
    """Quote the descriptions in an Open311 error, a list with codes (GeoReport v2)."""
    if not isinstance(body, list):
        return ""
    texts = [error.get("description") for error in body if isinstance(error, Mapping)]
    quoted = "".join(f" It says: {text}" for text in texts if isinstance(text, str))
    return shorten(quoted, _LONGEST)


def _classify(
    response: Response, *, anonymous: bool
) -> tuple[type[StatusError], str, str, dict[str, Any]]:
    """Return the error's class, message and advice, and its code and reason where they vary."""
    status = response.status
    if status == 401:
        if anonymous:
            problem, advice = "You are not signed in.", "Pass a token."
            return AuthenticationError, problem, advice, {"code": "not_signed_in"}
        reason = _refusal_reason(response.headers)
        advice = "Sign in again, or create a new personal access token."
        return AuthenticationError, _UNAUTHORIZED[reason], advice, {"reason": reason}
    if status == 403:
        blocked = _ADMINISTRATIVE in response.content
        reason = "blocked" if blocked else "anonymous" if anonymous else "account"
        code = "not_signed_in" if reason == "anonymous" else ""
        return *_FORBIDDEN[reason], {"code": code, "reason": reason}
    if status == 404:
        return NotFoundError, *_describe_missing(response)
    if status >= 500 or status == 408:
        return ServerError, *_SERVER_ERRORS[response.route.startswith(("GET ", "HEAD "))], {}
    unnamed = BadRequestError, "The service does not accept this request.", ""
    return *_ERRORS.get(status, unnamed), {}


def _describe_missing(response: Response) -> tuple[str, str, dict[str, Any]]:
    """Return message and advice for a 404, and its code if it is a special one."""
    if _COLLECTION.fullmatch(response.route):
        advice = "Check base_url, and any id in the path."
        return "There is no such path.", advice, {"code": "unknown_path"}
    route = _NAMED_ROUTE.fullmatch(response.route)
    number = route and re.search(rf"/{route[1]}/(\d+)", urlsplit(response.url).path)
    what = f"{_NAMES[route[1]]} {number[1]}" if route and number else "It"
    return f"{what} does not exist, or this account may not see it.", "", {}


def _data(response: Response, body: Any) -> dict[str, Any]:
    return {
        "status": response.status,
        "route": response.route,
        "body": body,
        "headers": mask_secrets(response.headers, response.secrets),
        "retry_after": backoff.parse_retry_after(
            response.headers.get("retry-after"), now=response.date
        ),
    }


def _body(response: Response) -> Any:
    try:
        return mask_secrets(response.json(), response.secrets)
    except DecodeError:
        return None  # such as an empty 404 or a proxy's web page


def _refusal_reason(headers: Mapping[str, str]) -> str:
    """Return why a token was refused, which only this header says (observed)."""
    challenge = headers.get("www-authenticate", "").lower()
    reasons = (reason for phrase, reason in _REFUSAL_REASONS.items() if phrase in challenge)
    return next(reasons, "")
