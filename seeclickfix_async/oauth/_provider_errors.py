"""Exceptions for the provider's error codes."""

from __future__ import annotations

import re

from seeclickfix_async.errors import (
    AccessDeniedError,
    AuthorizationError,
    InvalidClientError,
    InvalidGrantError,
    InvalidScopeError,
    ProviderUnavailableError,
    UnauthorizedClientError,
    UnsupportedFlowError,
)

_MAX_LENGTH = 500
_UNPRINTABLE = re.compile(r"[^ -~\u00a0-\ud7ff\ue000-\uffff]+")

_UNSUPPORTED = (
    UnsupportedFlowError,
    "The provider does not support this flow; try the other one ('code' or 'implicit').",
)
_UNAVAILABLE = (ProviderUnavailableError, "Try again later.")
# RFC 6749 §4.1.2.1, §4.2.2.1, §5.2; RFC 7009 §2.2.1
_ERRORS: dict[str, tuple[type[AuthorizationError], str]] = {
    "access_denied": (
        AccessDeniedError,
        "Access was not granted. Start a new login if the user wants to try again.",
    ),
    "invalid_client": (InvalidClientError, "Check client_id and client_secret."),
    "invalid_grant": (
        InvalidGrantError,
        "The code or refresh token was used or revoked, or is another application's. Sign in.",
    ),
    "invalid_scope": (InvalidScopeError, "Request fewer scopes, or leave out scope."),
    "unauthorized_client": (UnauthorizedClientError, "Check client_id and client_secret."),
    "unsupported_grant_type": _UNSUPPORTED,
    "unsupported_response_type": _UNSUPPORTED,
    "server_error": _UNAVAILABLE,
    "temporarily_unavailable": _UNAVAILABLE,
}


def provider_error(code: str, description: str = "") -> AuthorizationError:
    """Return the exception for a provider's error; unknown codes become `AuthorizationError`.

    Args:
        code: The provider's error code.
        description: The provider's description. It is for people only: its wording changes
            between versions of the provider (observed).
    """
    code = _printable(code) or "unnamed"
    error_class, advice = _ERRORS.get(code, (AuthorizationError, ""))
    return error_class(code, _printable(description), advice)


def _printable(value: str) -> str:
    """Make a remote string safe to log: one line, no control characters, limited length."""
    return _UNPRINTABLE.sub(" ", value).strip()[:_MAX_LENGTH]
