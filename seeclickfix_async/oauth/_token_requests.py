"""The forms that the token endpoint takes."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth._application import Application
from seeclickfix_async.oauth._authorize import scope_names
from seeclickfix_async.oauth._parse import AuthorizationCode

Form = dict[str, str | Secret]


def exchange(code: AuthorizationCode) -> Form:
    """A code for a token (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
    form: Form = {
        "grant_type": "authorization_code",
        "code": code.code,
        "redirect_uri": code.redirect_uri,
    }
    if code.verifier is not None:
        form["code_verifier"] = code.verifier
    return form


def refresh(refresh_token: Secret) -> Form:
    """A refresh token for a new pair (RFC 6749 §6)."""
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


def client_credentials(scope: str | Iterable[str]) -> Form:
    """A token for the application itself (RFC 6749 §4.4.2)."""
    form: Form = {"grant_type": "client_credentials"}
    names = scope_names(scope)
    if names:
        form["scope"] = " ".join(names)
    return form


def signed(form: Form, app: Application) -> bytes:
    """A form with the application's credentials, encoded.

    They go into the body: in a Basic header, encoding them as RFC 6749 §2.3.1 demands makes them
    fail (observed), and nothing is logged of a body.
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
