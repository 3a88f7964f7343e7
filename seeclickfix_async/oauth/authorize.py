"""The way to the authorization page."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlencode, urlsplit

from seeclickfix_async.credentials import PRODUCTION, site_of
from seeclickfix_async.errors import InvalidArgumentError

ResponseType = Literal["token", "code"]

_SHORTEST_STATE = 16
_LONGEST_STATE = 1000  # the provider's web server refuses about 10,000 (observed)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
# RFC 6749 §3.3; a comma is allowed there, but joins two scopes into one that nobody knows.
_SCOPE = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+")
_VISIBLE = re.compile(r"[\x21-\x7e]+")


def generate_state() -> str:
    """A fresh state: 256 random bits in 43 URL-safe characters (RFC 6749 §10.12).

    Keep it where only this browser has it, such as its session, and use it once.
    """
    return secrets.token_urlsafe(32)


def authorize_url(
    client_id: str,
    redirect_uri: str,
    *,
    response_type: ResponseType = "token",
    state: str | None = None,
    scope: str | Iterable[str] = (),
    base_url: str = PRODUCTION,
) -> str:
    """The address to send a person's browser to.

    Args:
        client_id: The application id that SeeClickFix gave out.
        redirect_uri: Where the browser comes back to, exactly as registered.
        response_type: `token` for the implicit flow.
        state: A fresh `generate_state()`. Without one anybody can slip somebody else's answer to
            your user, so leave it out only to see what the documentation's own sample does.
        scope: Scope names, or one string with spaces between; none for the default.
        base_url: The service's address.

    Raises:
        InvalidArgumentError: An argument would end on an error page that only the person sees,
            or is unsafe.
    """
    if not isinstance(client_id, str) or not _VISIBLE.fullmatch(client_id):
        raise InvalidArgumentError("client_id", "must be the application id, without spaces.")
    if response_type not in ("token", "code"):
        raise InvalidArgumentError("response_type", "must be 'token' or 'code'.")
    check_redirect_uri(redirect_uri)
    site = site_of(base_url)
    if not is_safe_origin(site):
        raise InvalidArgumentError("base_url", "must be https, except on this machine.")
    params = {"client_id": client_id, "redirect_uri": redirect_uri, "response_type": response_type}
    scopes = _scopes(scope)
    if scopes:
        params["scope"] = " ".join(scopes)
    if state is not None:
        params["state"] = checked_state(state)
    return f"{site}/oauth/authorize?{urlencode(params)}"


def check_redirect_uri(uri: str) -> None:
    """Refuse a redirect URI that a provider refuses, or that gives tokens away.

    Https, plain http on this machine only (RFC 8252 §7.3), an app's own scheme with a dot in it
    (§7.1), or out of band.
    """
    if uri == _OUT_OF_BAND:
        return
    usable, parts = False, urlsplit("")
    try:
        parts = urlsplit(uri)
        usable = bool(_VISIBLE.fullmatch(uri)) and "#" not in uri
    except (ValueError, TypeError, AttributeError):
        pass  # a broken port, or no text at all
    if not usable:
        raise InvalidArgumentError(
            "redirect_uri", "must be an absolute URI without spaces and without a fragment."
        )
    if not is_safe_origin(uri) and "." not in parts.scheme:
        raise InvalidArgumentError(
            "redirect_uri",
            "must be https; plain http is for 127.0.0.1, [::1] and localhost only, "
            "and an app's own scheme has a dot in it.",
        )


def is_safe_origin(url: str) -> bool:
    """Whether what is sent there stays between two: TLS, or this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return (parts.scheme == "https" and bool(host)) or (
        parts.scheme == "http" and host in _LOOPBACK
    )


def checked_state(state: str) -> str:
    """Refuse a state that can be guessed, or that does not come back (a blank one, observed)."""
    fits = isinstance(state, str) and _SHORTEST_STATE <= len(state) <= _LONGEST_STATE
    if not fits or not state.isprintable() or not state.strip():
        raise InvalidArgumentError(
            "state",
            f"must be {_SHORTEST_STATE} to {_LONGEST_STATE} printable characters; "
            "use generate_state().",
        )
    return state


def _scopes(scope: str | Iterable[str]) -> list[str]:
    names = scope.split(" ") if isinstance(scope, str) else list(scope)
    names = [name for name in names if name]
    if not all(isinstance(name, str) and _SCOPE.fullmatch(name) for name in names):
        raise InvalidArgumentError("scope", "must be scope names without commas or quotes.")
    return names
