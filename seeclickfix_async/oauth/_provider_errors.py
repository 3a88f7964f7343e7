"""From the provider's error codes to errors."""

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

_LONGEST_WORDS = 500
_UNPRINTABLE = re.compile(r"[^ -~\u00a0-\ud7ff\ue000-\uffff]+")

_FLOW = (
    UnsupportedFlowError,
    "This provider does not offer that; try the other kind of flow.",
)
_LATER = (ProviderUnavailableError, "Try again later.")
# RFC 6749 §4.1.2.1, §4.2.2.1, §5.2; RFC 7009 §2.2.1
_KINDS: dict[str, tuple[type[AuthorizationError], str]] = {
    "access_denied": (AccessDeniedError, "Nobody is signed in; ask again when the person wants."),
    "invalid_client": (InvalidClientError, "Check client_id and client_secret."),
    "invalid_grant": (
        InvalidGrantError,
        "The code or refresh token is used up, revoked or another application's: sign in again.",
    ),
    "invalid_scope": (InvalidScopeError, "Ask for fewer scopes, or leave them out."),
    "unauthorized_client": (UnauthorizedClientError, "Check client_id and client_secret."),
    "unsupported_grant_type": _FLOW,
    "unsupported_response_type": _FLOW,
    "server_error": _LATER,
    "temporarily_unavailable": _LATER,
}


def provider_error(code: str, description: str = "") -> AuthorizationError:
    """The error for a provider's code; an unknown one keeps its text.

    Args:
        code: As the provider sent it.
        description: The provider's words, which no program may rely on: they change from one
            version to the next (observed).
    """
    code = _printable(code) or "unnamed"
    kind, advice = _KINDS.get(code, (AuthorizationError, ""))
    return kind(code, _printable(description), advice)


def _printable(text: str) -> str:
    """A stranger's words, fit for a log: one line, no control characters, not too long."""
    return _UNPRINTABLE.sub(" ", text).strip()[:_LONGEST_WORDS]
