"""From what the browser came back with to a token or a code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import attrs

from seeclickfix_async._core.secret import MASK, Secret, strip_traceback
from seeclickfix_async.errors import InvalidArgumentError, InvalidRedirectError, OAuthError
from seeclickfix_async.oauth import _redirect as redirect
from seeclickfix_async.oauth._application import check_redirect_uri
from seeclickfix_async.oauth._authorize import Pkce
from seeclickfix_async.oauth._redirect import Answer
from seeclickfix_async.oauth._token import Token, lifetime

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


@attrs.frozen
class AuthorizationCode:
    """A code, with what its exchange must repeat (RFC 6749 §4.1.3, RFC 7636 §4.5).

    Attributes:
        code: Good for one exchange within ten minutes (observed).
        redirect_uri: The one that the login was begun with.
        verifier: The PKCE verifier; None when the login was begun without.
    """

    code: Secret
    redirect_uri: str
    verifier: Secret | None = None


def parse_fragment(redirected: str, *, state: str | None, now: Now = utc_now) -> Token:
    """The token in what the browser came back with, after the implicit flow.

    `finish()` does more: it checks the age and the redirect URI, and takes one answer only.

    Args:
        redirected: The whole URL, or what follows its `#` (or `?`, where some errors come).
        state: The state that this login was begun with; None only if it was begun without.
        now: Tells the time, aware; for tests.

    Raises:
        InvalidRedirectError: It cannot be read, names something twice, or has no token in it.
        StateMismatchError: It does not belong to this login.
        AuthorizationError: The provider refused; AccessDeniedError when the person did.
    """
    try:
        return token_from(_verified(redirected, state), now())
    except OAuthError as error:
        strip_traceback(error)
        redirected = state = MASK
        raise


def parse_callback(
    redirected: str, *, state: str | None, redirect_uri: str, verifier: str | Secret | None = None
) -> AuthorizationCode:
    """The code in what the browser came back with, after the code flow.

    `finish()` does more: it checks the age and the redirect URI, and takes one answer only.

    Args:
        redirected: The whole URL, or what follows its `?`.
        state: The state that this login was begun with; None only if it was begun without.
        redirect_uri: The one that the login was begun with, for the exchange.
        verifier: The PKCE verifier that the login was begun with, for the exchange.

    Raises:
        InvalidRedirectError: It cannot be read, names something twice, or has no code in it.
        StateMismatchError: It does not belong to this login.
        AuthorizationError: The provider refused; AccessDeniedError when the person did.
    """
    check_redirect_uri(redirect_uri)
    kept = None if verifier is None else Pkce(verifier).verifier
    try:
        return AuthorizationCode(
            authorization_code_from(_verified(redirected, state)), redirect_uri, kept
        )
    except OAuthError as error:
        strip_traceback(error)
        redirected = state = verifier = MASK
        raise


def _verified(redirected: str, state: str | None) -> Answer:
    if state is not None and not state.strip():
        raise InvalidArgumentError("state", "is blank; a login with a blank state is not safe.")
    answer = redirect.parse_answer(redirected)
    redirect.verify_state(answer, None if state is None else Secret(state))
    refusal = redirect.authorization_error(answer)
    if refusal is not None:
        raise refusal
    return answer


def token_from(answer: Answer, now: datetime) -> Token:
    """The token of the implicit flow's answer (RFC 6749 §4.2.2)."""
    if "access_token" not in answer:
        raise InvalidRedirectError(
            "It holds an authorization code, which is the code flow's answer. Ask with "
            "response_type='token', or exchange the code."
        )
    kind = answer.get("token_type", "")
    if kind.lower() != "bearer":
        raise InvalidRedirectError("Its token is not of the type Bearer (RFC 6749 §7.1).")
    scope = answer.get("scope")
    return Token(
        access_token=redirect.visible(answer, "access_token"),
        token_type=kind,
        expires_in=lifetime(answer.get("expires_in")),
        scope=None if scope is None else tuple(scope.split()),
        created_at=now,
    )


def authorization_code_from(answer: Answer) -> Secret:
    """The code of the code flow's answer (RFC 6749 §4.1.2)."""
    if "code" not in answer:
        raise InvalidRedirectError(
            "It holds a token, which is the implicit flow's answer. Ask with response_type='code'."
        )
    return redirect.visible(answer, "code")
