"""The authorization request: its URL, state, scopes and PKCE challenge."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal
from urllib.parse import quote_plus, urlencode

import attrs

from seeclickfix_async._core.credentials import PRODUCTION
from seeclickfix_async._core.error_secrets import hide_arguments, hide_init_arguments
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.oauth._application import (
    DOORKEEPER,
    check_client_id,
    check_redirect_uri,
    normalize_secure_base_url,
)

ResponseType = Literal["token", "code"]

_MIN_STATE_LENGTH = 16
_MAX_STATE_LENGTH = 1000  # the provider's web server refuses about 10,000 (observed)
# RFC 6749 §3.3, without the comma, which is a common mistake for the space between two scopes.
_SCOPE = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
# Without brackets, dots and spaces: web servers take `state[]` for `state`, some `a.b` for `a_b`.
_EXTRA_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_MAX_EXTRA_LENGTH = 1000
# The last three change where the response goes, or replace all other parameters (RFC 9101).
_OWN_PARAMETERS = frozenset(
    {
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "request",
        "request_uri",
        "response_mode",
    }
)


def generate_state() -> str:
    """Return a new state: 256 random bits in 43 URL-safe characters (RFC 6749 §10.12).

    Store it where only this browser can access it, such as its session, and use it once.
    """
    return secrets.token_urlsafe(32)


@hide_init_arguments
@attrs.frozen
class Pkce:
    """A PKCE verifier, kept by the application, and its S256 challenge for the authorization URL.

    The `plain` method is not supported, since it does not protect the code. Source: RFC 7636.
    """

    verifier: Secret = attrs.field(converter=as_secret)

    def __attrs_post_init__(self) -> None:
        if not _VERIFIER.fullmatch(self.verifier.reveal()):
            raise InvalidArgumentError(
                "verifier", "must be 43 to 128 unreserved characters; use generate_pkce()."
            )

    @property
    def challenge(self) -> str:
        """The S256 challenge, to be sent as `code_challenge`, without padding (RFC 7636 §4.2)."""
        digest = hashlib.sha256(self.verifier.reveal().encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def generate_pkce() -> Pkce:
    """Return a new verifier of 256 random bits, with its challenge (RFC 7636 §4.1)."""
    return Pkce(Secret(secrets.token_urlsafe(32)))


@hide_arguments
def authorize_url(
    client_id: str,
    redirect_uri: str,
    *,
    response_type: ResponseType = "token",
    state: str | None = None,
    scope: str | Iterable[str] = (),
    pkce: Pkce | None = None,
    base_url: str = PRODUCTION,
    extra: Mapping[str, str] | None = None,
) -> str:
    """Return the authorization URL to redirect a user's browser to.

    `begin()` returns this URL together with the values to store until the browser is redirected
    back.

    Args:
        client_id: The application id issued by SeeClickFix.
        redirect_uri: The URI that the provider redirects the browser to, exactly as registered.
        response_type: `token` for the implicit flow, `code` for the authorization code flow.
        state: A new `generate_state()`. Without a state, an attacker can sign your user in to the
            attacker's account; leave it out only to try the documentation's sample.
        scope: Scope names, or a string of names separated by spaces; by default the provider's.
        pkce: A new `generate_pkce()`, for the authorization code flow.
        base_url: The provider's URL.
        extra: More parameters, as for `begin()`.

    Raises:
        InvalidArgumentError: An argument is unsafe, or the provider would show an error page to
            the user and not redirect back.
    """
    check_client_id(client_id)
    if response_type not in ("token", "code"):
        raise InvalidArgumentError("response_type", "must be 'token' or 'code'.")
    if pkce is not None and response_type != "code":
        raise InvalidArgumentError("pkce", "is for response_type='code' only.")
    check_redirect_uri(redirect_uri)
    site = normalize_secure_base_url(base_url)
    scopes = parse_scopes(scope)
    if state is not None:
        validate_state(state)
    constant = urlencode({"client_id": client_id, "redirect_uri": redirect_uri})
    address = f"{site}{DOORKEEPER.authorize}?{constant}"
    return build_url(address, response_type, state, scopes, pkce, extra=validate_extra(extra))


def build_url(
    address: str,
    response_type: ResponseType,
    state: str | None,
    scopes: Sequence[str],
    pkce: Pkce | None,
    *,
    extra: Mapping[str, str],
) -> str:
    """Add the parameters of one login to the address of the authorization page."""
    url = f"{address}&response_type={response_type}"
    if scopes:
        url += f"&scope={quote_plus(' '.join(scopes))}"
    if state is not None:
        url += f"&state={quote_plus(state)}"
    if pkce is not None:
        url += f"&code_challenge={pkce.challenge}&code_challenge_method=S256"
    if extra:
        url += f"&{urlencode(extra)}"
    return url


def validate_extra(extra: Mapping[str, str] | None) -> dict[str, str]:
    """Return the further parameters of an authorization URL, which must not replace its own.

    Raises:
        InvalidArgumentError: A name or a value is invalid, or the name is that of a parameter that
            the login depends on.
    """
    if extra is not None and not isinstance(extra, Mapping):
        raise InvalidArgumentError("extra", "must be a mapping of names to strings.")
    checked = dict(extra or {})
    for name, value in checked.items():
        if not isinstance(name, str) or not _EXTRA_NAME.fullmatch(name):
            raise InvalidArgumentError(
                "extra", "has a name with other characters than A-Z, 0-9, _ and -."
            )
        if name.lower().replace("-", "_") in _OWN_PARAMETERS:
            raise InvalidArgumentError("extra", f"must not contain {name}, which the login sets.")
        is_text = isinstance(value, str) and 0 < len(value) <= _MAX_EXTRA_LENGTH
        if not is_text or not value.isprintable():
            raise InvalidArgumentError(
                "extra", f"must have 1 to {_MAX_EXTRA_LENGTH:,} printable characters for {name}."
            )
    return checked


def validate_state(state: str) -> str:
    """Refuse a state that can be guessed, or is blank: the provider drops blank ones (observed)."""
    is_valid_length = (
        isinstance(state, str) and _MIN_STATE_LENGTH <= len(state) <= _MAX_STATE_LENGTH
    )
    if not is_valid_length or not state.isprintable() or not state.strip():
        raise InvalidArgumentError(
            "state",
            f"must be {_MIN_STATE_LENGTH} to {_MAX_STATE_LENGTH} printable characters; "
            "use generate_state().",
        )
    return state


def parse_scopes(scope: str | Iterable[str]) -> tuple[str, ...]:
    """Return scope names, each once; in a string they are separated by spaces (RFC 6749 §3.3)."""
    names = scope.split(" ") if isinstance(scope, str) else scope
    names = (
        [name for name in names if not (isinstance(name, str) and not name)]
        if isinstance(names, Iterable)
        else [names]
    )
    if not all(isinstance(name, str) and _SCOPE.fullmatch(name) for name in names):
        raise InvalidArgumentError("scope", "must be scope names without commas or quotes.")
    return tuple(dict.fromkeys(names))
