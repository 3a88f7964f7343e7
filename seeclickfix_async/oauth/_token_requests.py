"""Forms to send to the token endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth._application import Application
from seeclickfix_async.oauth._authorize import parse_scopes
from seeclickfix_async.oauth._parse import AuthorizationCode

Form = dict[str, str | Secret]


def exchange(code: AuthorizationCode) -> Form:
    """Return the form that exchanges a code for a token (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
    form: Form = {
        "grant_type": "authorization_code",
        "code": code.code,
        "redirect_uri": code.redirect_uri,
    }
    if code.verifier is not None:
        form["code_verifier"] = code.verifier
    return form


def refresh(refresh_token: Secret) -> Form:
    """Return the form that exchanges a refresh token for a new pair of tokens (RFC 6749 §6)."""
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


def client_credentials(scope: str | Iterable[str]) -> Form:
    """Return the form that requests a token for the application itself (RFC 6749 §4.4.2)."""
    form: Form = {"grant_type": "client_credentials"}
    scopes = parse_scopes(scope)
    if scopes:
        form["scope"] = " ".join(scopes)
    return form


def encode_with_credentials(form: Form, app: Application) -> bytes:
    """Encode a form together with the application's credentials.

    The credentials are sent in the body, for two reasons: the provider refuses a Basic header with
    credentials that are encoded as RFC 6749 §2.3.1 requires (observed), and bodies are not logged.
    """
    credentials: Form = {"client_id": app.client_id}
    if app.client_secret is not None:
        credentials["client_secret"] = app.client_secret
    return urlencode(
        {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in (form | credentials).items()
        }
    ).encode("ascii")
