"""Parsing and verification of the URL that the provider redirects the browser to.

Checks run in the order of this module: length and encoding, a single result, state, issuer, and
only then the result itself. Errors never quote the URL, except for the provider's error code and
description.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from seeclickfix_async._core.error_secrets import mask_secrets
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._core.validation import is_visible_ascii
from seeclickfix_async.errors import AuthorizationError, InvalidRedirectError, StateMismatchError
from seeclickfix_async.oauth._provider_errors import provider_error

RedirectParams = Mapping[str, str]

_MAX_LENGTH = 16_384
_PARAMETERS = frozenset(
    {
        "access_token",
        "code",
        "error",
        "error_description",
        "error_uri",
        "expires_in",
        "iss",
        "refresh_token",
        "scope",
        "state",
        "token_type",
    }
)
_SECRETS = frozenset({"refresh_token", "state"})  # that may be beside an error
_RESULTS = frozenset({"access_token", "code", "error"})
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse_redirect(redirected: str) -> RedirectParams:
    """Return the OAuth parameters of a redirected URL, or of its query or fragment alone.

    Raises:
        InvalidRedirectError: It is too long, not form-encoded, contains a parameter twice, or
            does not contain exactly one result (a code, a token or an error).
    """
    if not isinstance(redirected, str) or len(redirected) > _MAX_LENGTH:
        raise InvalidRedirectError(
            f"The redirected URL must be a string of at most {_MAX_LENGTH:,} characters."
        )
    url, _, fragment = redirected.strip().partition("#")
    query = url.partition("?")[2]
    if not fragment and not query and "=" in url:
        fragment = url  # a query or fragment alone, without its ? or #
    in_fragment, in_query = _parse_form(fragment), _parse_form(query)
    if _RESULTS & in_fragment.keys() and _RESULTS & in_query.keys():
        raise InvalidRedirectError(
            "The redirected URL has two results, one in its query and one in its fragment."
        )
    params = in_fragment if _RESULTS & in_fragment.keys() else in_query
    results = len(_RESULTS & params.keys())
    if results > 1:
        raise InvalidRedirectError(
            "The redirected URL has several results, such as a code and an error."
        )
    if not results:
        raise InvalidRedirectError(
            "The redirected URL has no code, token or error. Pass the complete URL, with the part "
            "after the # sign, which browsers do not send to servers: only a script on the page "
            "can read it."
        )
    return params


def verify_state(params: RedirectParams, state: Secret | None, issuer: str | None = None) -> None:
    """Check that a response belongs to this login.

    Raises:
        StateMismatchError: The state is not the one of this login.
        InvalidRedirectError: The issuer is not the expected one.
    """
    if not _states_match(params.get("state"), state):
        raise StateMismatchError
    if issuer is not None and params.get("iss") != issuer:
        raise InvalidRedirectError(
            "The issuer of the response is not the expected provider (RFC 9207)."
        )


def authorization_error(params: RedirectParams) -> AuthorizationError | None:
    """Return the exception for the provider's error, or None if there is no error."""
    if "error" not in params:
        return None
    secrets = [Secret(params[name]) for name in _SECRETS & params.keys()]
    words = params["error"], params.get("error_description", "")
    return provider_error(*mask_secrets(words, secrets))


def secret_param(params: RedirectParams, name: str) -> Secret:
    """Return a token or code, which must be visible ASCII to fit into a header or a form."""
    value = params[name]
    if not is_visible_ascii(value):
        raise InvalidRedirectError(f"The {name} is empty, or not visible ASCII.")
    return Secret(value)


def _parse_form(form: str) -> dict[str, str]:
    """Return the OAuth parameters of a form; the redirect URI's own parameters are ignored."""
    params: dict[str, str] = {}
    for pair in form.split("&"):
        name, _, value = pair.partition("=")
        name = _decode(name)
        if name not in _PARAMETERS:
            continue
        if name in params:
            raise InvalidRedirectError(
                f"The redirected URL contains {name} twice, which RFC 6749 §3.1 forbids."
            )
        params[name] = _decode(value)
    return params


def _decode(value: str) -> str:
    """Decode a form value, in which + is a space (RFC 6749 appendix B, and observed)."""
    if "%" not in value and "+" not in value and value.isascii():
        return value
    if _BAD_PERCENT.search(value):
        raise InvalidRedirectError(
            "The redirected URL is not form-encoded: two hex digits must follow each % sign."
        )
    try:
        return unquote_to_bytes(value.replace("+", " ")).decode()
    except UnicodeError:
        raise InvalidRedirectError("The redirected URL is not encoded as UTF-8.") from None


def _states_match(received: str | None, expected: Secret | None) -> bool:
    """Compare as bytes and in constant time; a state that was not sent must not be received."""
    if received is None or expected is None:
        return received is None and expected is None
    # The received state was decoded from UTF-8; the expected one may contain lone surrogates.
    return hmac.compare_digest(
        received.encode(), expected.reveal().encode("utf-8", "surrogatepass")
    )
