"""Parsing of a redirected URL into a token or an authorization code."""

from __future__ import annotations

from datetime import datetime

import attrs

from seeclickfix_async._core.error_secrets import hide_arguments
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async._core.timestamps import Now, utc_now
from seeclickfix_async.errors import InvalidArgumentError, InvalidRedirectError
from seeclickfix_async.oauth import _redirect as redirect
from seeclickfix_async.oauth._application import check_redirect_uri
from seeclickfix_async.oauth._authorize import Pkce
from seeclickfix_async.oauth._redirect import RedirectParams
from seeclickfix_async.oauth._token import Token, parse_lifetime


@attrs.frozen
class AuthorizationCode:
    """An authorization code, with the parameters of its exchange (RFC 6749 §4.1.3, RFC 7636 §4.5).

    Attributes:
        code: The code; it can be exchanged once, within ten minutes (observed).
        redirect_uri: The redirect URI of the login.
        verifier: The PKCE verifier of the login; None without PKCE.
    """

    code: Secret = attrs.field(converter=as_secret)
    redirect_uri: str
    verifier: Secret | None = attrs.field(
        default=None, converter=attrs.converters.optional(as_secret)
    )


@hide_arguments
def parse_fragment(redirected: str, *, state: str | None, now: Now = utc_now) -> Token:
    """Return the token of a redirected URL, after the implicit flow.

    `finish()` also checks the age of the login and the redirect URI, and accepts one response
    only.

    Pass the token to `TokenEndpoint.verify` before you sign its owner in: another application that
    received a token of your user could otherwise sign in as that user here (RFC 6749 §10.16).

    Args:
        redirected: The complete URL, or its fragment (or its query, which has some errors).
        state: The state of this login; None only if the login was begun without one.
        now: Returns the current time as an aware datetime; for tests.

    Raises:
        InvalidRedirectError: The URL is invalid, contains a parameter twice, or has no token.
        StateMismatchError: The response does not belong to this login.
        AuthorizationError: The provider refused; `AccessDeniedError` if the user did.
    """
    return token_from_params(_verified_params(redirected, state), now())


@hide_arguments
def parse_callback(
    redirected: str, *, state: str | None, redirect_uri: str, verifier: str | Secret | None = None
) -> AuthorizationCode:
    """Return the authorization code of a redirected URL, after the authorization code flow.

    `finish()` also checks the age of the login and the redirect URI, and accepts one response
    only.

    Args:
        redirected: The complete URL, or its query.
        state: The state of this login; None only if the login was begun without one.
        redirect_uri: The redirect URI of this login, for the exchange.
        verifier: The PKCE verifier of this login, for the exchange.

    Raises:
        InvalidRedirectError: The URL is invalid, contains a parameter twice, or has no code.
        StateMismatchError: The response does not belong to this login.
        AuthorizationError: The provider refused; `AccessDeniedError` if the user did.
    """
    check_redirect_uri(redirect_uri)
    valid_verifier = None if verifier is None else Pkce(verifier).verifier
    code = code_from_params(_verified_params(redirected, state))
    return AuthorizationCode(code, redirect_uri, valid_verifier)


def _verified_params(redirected: str, state: str | None) -> RedirectParams:
    if state is not None and not (isinstance(state, str) and state.strip()):
        raise InvalidArgumentError("state", "is blank or no string; such a login is not safe.")
    params = redirect.parse_redirect(redirected)
    redirect.verify_state(params, None if state is None else Secret(state))
    error = redirect.authorization_error(params)
    if error is not None:
        raise error
    return params


def token_from_params(params: RedirectParams, now: datetime) -> Token:
    """Return the token of an implicit flow's response (RFC 6749 §4.2.2)."""
    if "access_token" not in params:
        raise InvalidRedirectError(
            "The redirected URL has an authorization code and no token. Exchange the code, or "
            "begin the login with begin(app, 'implicit')."
        )
    token_type = params.get("token_type", "")
    if token_type.lower() != "bearer":
        raise InvalidRedirectError("The token type is not Bearer (RFC 6749 §7.1).")
    scope = params.get("scope")
    return Token(
        access_token=redirect.secret_param(params, "access_token"),
        token_type=token_type,
        expires_in=parse_lifetime(params.get("expires_in")),
        scope=None if scope is None else tuple(scope.split()),
        created_at=now,
    )


def code_from_params(params: RedirectParams) -> Secret:
    """Return the code of an authorization code flow's response (RFC 6749 §4.1.2)."""
    if "code" not in params:
        raise InvalidRedirectError(
            "The redirected URL has a token of the implicit flow and no code. Begin the login with "
            "begin(app)."
        )
    return redirect.secret_param(params, "code")
