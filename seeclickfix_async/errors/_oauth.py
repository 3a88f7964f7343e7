"""Errors of a login."""

from __future__ import annotations

from seeclickfix_async.errors._base import SeeClickFixError
from seeclickfix_async.errors._counting import counted


class OAuthError(SeeClickFixError):
    """A login did not end with a token."""

    code = "login_failed"


class InvalidRedirectError(OAuthError):
    """The URL that the browser was redirected to is not a valid authorization response."""

    code = "invalid_redirect"


class StateMismatchError(OAuthError):
    """The authorization response has no state, or the state of another login."""

    code = "state_mismatch"

    def __init__(self) -> None:
        super().__init__(
            "The authorization response does not belong to this login. Usual causes: the page was "
            "opened in another browser or tab, the login was finished twice or after its session "
            "ended, or an attacker is trying to sign you in to another account.",
            advice="Start the login again.",
        )


class FlowExpiredError(OAuthError):
    """The authorization response arrived later than the flow allows.

    Attributes:
        max_age: How long the login may take, in seconds.
    """

    code = "login_expired"

    def __init__(self, max_age: float) -> None:
        super().__init__(
            f"The login took longer than {counted(max_age, 'second')}.",
            advice="Start it again, or allow a longer max_age.",
        )
        self.max_age = max_age


class FlowFinishedError(OAuthError):
    """The login was finished before: a flow accepts one authorization response."""

    code = "login_finished"

    def __init__(self) -> None:
        super().__init__("This login was finished before.", advice="Start a new one.")


class ForeignTokenError(OAuthError):
    """A token was not issued to this application: its owner has not signed in here.

    Source: RFC 6749 §10.16.
    """

    code = "foreign_token"

    def __init__(self) -> None:
        super().__init__(
            "According to the provider, the token was issued to another application, or to none.",
            advice="Do not sign its owner in; start the login again.",
        )


class ReauthorizationRequiredError(OAuthError):
    """There is no stored token, or it cannot be renewed: the user has to sign in again.

    Attributes:
        key: The user's key in the token store.
    """

    code = "reauthorization_required"

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key!r} has to sign in again: {reason}")
        self.key = key


class AuthorizationError(OAuthError):
    """The provider refused, with an error of RFC 6749 §4.1.2.1, §4.2.2.1 or §5.2.

    Attributes:
        code: The provider's error code, such as `invalid_scope`.
        description: The provider's description of the error, or an empty string.
    """

    def __init__(self, code: str, description: str = "", advice: str = "") -> None:
        message = f"The provider refused: {code}. {description}".rstrip()
        super().__init__(message, code=code, advice=advice)
        self.description = description


class AccessDeniedError(AuthorizationError):
    """The user or the provider denied the requested access."""


class InvalidClientError(AuthorizationError):
    """The provider does not know this application, or its secret is wrong."""


class InvalidGrantError(AuthorizationError):
    """The code or refresh token was used before, expired, was revoked, or is another application's.

    A refresh without the application's secret fails with the same error (observed).
    """


class InvalidScopeError(AuthorizationError):
    """The scope is unknown to the provider, or not allowed for this application."""


class UnauthorizedClientError(AuthorizationError):
    """The application may not do this, such as revoke another application's token."""


class UnsupportedFlowError(AuthorizationError):
    """The provider does not offer this kind of flow or grant."""


class ProviderUnavailableError(AuthorizationError):
    """The provider failed, or is overloaded."""
