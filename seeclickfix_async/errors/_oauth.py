"""The login did not end in a token."""

from __future__ import annotations

from seeclickfix_async.errors._base import SeeClickFixError
from seeclickfix_async.errors._counting import counted


class OAuthError(SeeClickFixError):
    """The login did not end in a token."""


class InvalidRedirectError(OAuthError):
    """What came back from the authorization page cannot be read as an answer."""


class StateMismatchError(OAuthError):
    """The answer carries no state, or not the one of this login."""

    def __init__(self) -> None:
        super().__init__(
            "The answer does not belong to this login. Usual causes: the page was opened in "
            "another browser or tab, the login was finished twice or after its session ended, "
            "or somebody tries to sign you in to an account of theirs. Start the login again."
        )


class FlowExpiredError(OAuthError):
    """The browser came back later than the flow allows.

    Attributes:
        max_age: How long the login may take, in seconds.
    """

    def __init__(self, max_age: float) -> None:
        super().__init__(
            f"The login took longer than {counted(max_age, 'second')}. Start it again, "
            "or allow a longer max_age."
        )
        self.max_age = max_age


class FlowFinishedError(OAuthError):
    """The login has been finished before: a flow is good for one answer."""

    def __init__(self) -> None:
        super().__init__("This login has been finished before. Start a new one.")


class ReauthorizationRequiredError(OAuthError):
    """There is no token, or none that can be renewed: the person has to sign in again.

    Attributes:
        key: The user's key in the token store.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key!r} has to sign in again: {reason}")
        self.key = key


class AuthorizationError(OAuthError):
    """The provider refused, with an error of RFC 6749 §4.1.2.1, §4.2.2.1 or §5.2.

    Attributes:
        code: The provider's error code, such as `invalid_scope`.
        description: The provider's own words, or an empty string.
    """

    def __init__(self, code: str, description: str = "", advice: str = "") -> None:
        words = filter(None, (f"The provider refused: {code}.", description, advice))
        super().__init__(" ".join(words))
        self.code = code
        self.description = description


class AccessDeniedError(AuthorizationError):
    """The person, or the provider, denied the access that was asked for."""


class InvalidClientError(AuthorizationError):
    """The provider does not know this application, or not with this secret."""


class InvalidGrantError(AuthorizationError):
    """The code or refresh token is used up, expired, revoked or another application's.

    A refresh without the application's secret looks the same (observed).
    """


class InvalidScopeError(AuthorizationError):
    """The provider does not know the scope, or does not grant it to this application."""


class UnauthorizedClientError(AuthorizationError):
    """The application may not do this, such as revoke another one's token."""


class UnsupportedFlowError(AuthorizationError):
    """The provider does not offer this kind of flow or grant."""


class ProviderUnavailableError(AuthorizationError):
    """The provider failed, or is busy."""
