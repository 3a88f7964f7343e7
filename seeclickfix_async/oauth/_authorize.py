"""The way to the authorization page."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlencode

import attrs

from seeclickfix_async._core.credentials import PRODUCTION
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.oauth._application import (
    DOORKEEPER,
    check_client_id,
    check_redirect_uri,
    safe_site,
)

ResponseType = Literal["token", "code"]

_SHORTEST_STATE = 16
_LONGEST_STATE = 1000  # the provider's web server refuses about 10,000 (observed)
# RFC 6749 §3.3; a comma is allowed there, but joins two scopes into one that nobody knows.
_SCOPE = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def generate_state() -> str:
    """A fresh state: 256 random bits in 43 URL-safe characters (RFC 6749 §10.12).

    Keep it where only this browser has it, such as its session, and use it once.
    """
    return secrets.token_urlsafe(32)


def pkce_challenge(verifier: str) -> str:
    """The S256 challenge of a verifier, without padding (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


@attrs.frozen
class Pkce:
    """A verifier, which stays here, and its S256 challenge, which goes to the authorization page.

    Source: RFC 7636. The `plain` method is not offered: it protects from nothing.
    """

    verifier: Secret = attrs.field(converter=as_secret)

    def __attrs_post_init__(self) -> None:
        if not _VERIFIER.fullmatch(self.verifier.reveal()):
            raise InvalidArgumentError(
                "verifier", "must be 43 to 128 unreserved characters; use generate_pkce()."
            )

    @property
    def challenge(self) -> str:
        """What the authorization page is given."""
        return pkce_challenge(self.verifier.reveal())


def generate_pkce() -> Pkce:
    """A fresh verifier of 256 random bits with its challenge (RFC 7636 §4.1)."""
    return Pkce(Secret(secrets.token_urlsafe(32)))


def authorize_url(
    client_id: str,
    redirect_uri: str,
    *,
    response_type: ResponseType = "token",
    state: str | None = None,
    scope: str | Iterable[str] = (),
    pkce: Pkce | None = None,
    base_url: str = PRODUCTION,
) -> str:
    """The address to send a person's browser to.

    `begin()` makes it together with everything that has to be kept until the browser is back.

    Args:
        client_id: The application id that SeeClickFix gave out.
        redirect_uri: Where the browser comes back to, exactly as registered.
        response_type: `token` for the implicit flow, `code` for the code flow.
        state: A fresh `generate_state()`. Without one anybody can slip somebody else's answer to
            your user, so leave it out only to see what the documentation's own sample does.
        scope: Scope names, or one string with spaces between; none for the default.
        pkce: A fresh `generate_pkce()`, for the code flow.
        base_url: The service's address.

    Raises:
        InvalidArgumentError: An argument would end on an error page that only the person sees,
            or is unsafe.
    """
    check_client_id(client_id)
    if response_type not in ("token", "code"):
        raise InvalidArgumentError("response_type", "must be 'token' or 'code'.")
    if pkce is not None and response_type != "code":
        raise InvalidArgumentError("pkce", "protects a code; the implicit flow has none.")
    check_redirect_uri(redirect_uri)
    site = safe_site(base_url)
    params = {"client_id": client_id, "redirect_uri": redirect_uri, "response_type": response_type}
    scopes = scope_names(scope)
    if scopes:
        params["scope"] = " ".join(scopes)
    if state is not None:
        params["state"] = validate_state(state)
    if pkce is not None:
        params |= {"code_challenge": pkce.challenge, "code_challenge_method": "S256"}
    return f"{site}{DOORKEEPER.authorize}?{urlencode(params)}"


def validate_state(state: str) -> str:
    """Refuse a state that can be guessed, or that does not come back (a blank one, observed)."""
    fits = isinstance(state, str) and _SHORTEST_STATE <= len(state) <= _LONGEST_STATE
    if not fits or not state.isprintable() or not state.strip():
        raise InvalidArgumentError(
            "state",
            f"must be {_SHORTEST_STATE} to {_LONGEST_STATE} printable characters; "
            "use generate_state().",
        )
    return state


def scope_names(scope: str | Iterable[str]) -> tuple[str, ...]:
    """Scopes as a tuple; a string holds them with spaces between (RFC 6749 §3.3)."""
    names = scope.split(" ") if isinstance(scope, str) else list(scope)
    names = [name for name in names if name]
    if not all(isinstance(name, str) and _SCOPE.fullmatch(name) for name in names):
        raise InvalidArgumentError("scope", "must be scope names without commas or quotes.")
    return tuple(dict.fromkeys(names))
