"""The registered application, and the provider's endpoints."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

import attrs

from seeclickfix_async._core.credentials import PRODUCTION, is_secure, normalize_base_url
from seeclickfix_async._core.error_secrets import hide_init_arguments
from seeclickfix_async._core.pasted import refuse_additions
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async._core.validation import is_unicode, is_visible_ascii
from seeclickfix_async.errors import InvalidArgumentError

_OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
_PATH = re.compile(r"/[\x21\x24-\x3b\x3d\x40-\x5b\x5d\x5f\x61-\x7a\x7e]*")


def normalize_secure_base_url(base_url: str) -> str:
    """Return the site of a base URL, which must be https or on this machine.

    Raises:
        InvalidArgumentError: It is invalid or not secure.
    """
    site = normalize_base_url(base_url)
    if not is_secure(site):
        raise InvalidArgumentError("base_url", "must be https, except on this machine.")
    return site


def check_client_id(client_id: str) -> None:
    """Check that an application id is visible ASCII, as all of them are."""
    refuse_additions("client_id", client_id)
    if not is_visible_ascii(client_id):
        raise InvalidArgumentError("client_id", "must be the application id, without spaces.")


def check_redirect_uri(uri: str) -> None:
    """Check that the provider accepts a redirect URI and that it does not expose tokens.

    Allowed are https, http on this machine (RFC 8252 §7.3), a private-use scheme that contains a
    dot (§7.1), and `urn:ietf:wg:oauth:2.0:oob`.

    Raises:
        InvalidArgumentError: The redirect URI is another one.
    """
    if uri == _OUT_OF_BAND:
        return
    refuse_additions("redirect_uri", uri)
    parts = None
    with suppress(ValueError):  # an invalid port or IPv6 address
        if is_visible_ascii(uri) and "#" not in uri and urlsplit(uri).port != 0:
            parts = urlsplit(uri)
    if parts is None:
        raise InvalidArgumentError(
            "redirect_uri", "must be an absolute URI without spaces and without a fragment."
        )
    if not is_secure(uri) and "." not in parts.scheme:
        raise InvalidArgumentError(
            "redirect_uri",
            "must be https. Plain http is allowed for 127.0.0.1, [::1] and localhost only; an "
            "app's own scheme must contain a dot.",
        )


def _validate_path(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        raise InvalidArgumentError(attribute.name, "must be a path such as /oauth/token.")


@attrs.frozen(kw_only=True)
class Endpoints:
    """The paths of the provider's endpoints on its site; by default those of Doorkeeper."""

    authorize: str = attrs.field(default="/oauth/authorize", validator=_validate_path)
    token: str = attrs.field(default="/oauth/token", validator=_validate_path)
    revoke: str = attrs.field(default="/oauth/revoke", validator=_validate_path)
    info: str = attrs.field(default="/oauth/token/info", validator=_validate_path)
    introspect: str = attrs.field(default="/oauth/introspect", validator=_validate_path)


DOORKEEPER = Endpoints()


def _to_secret(value: str | Secret | None) -> Secret | None:
    if value is None:
        return None
    if not isinstance(value, (str, Secret)) or not as_secret(value).reveal():
        raise InvalidArgumentError("client_secret", "must be a non-empty string, or None.")
    secret = as_secret(value)
    refuse_additions("client_secret", secret.reveal())
    if not is_unicode(secret.reveal()):
        raise InvalidArgumentError("client_secret", "contains half of a surrogate pair.")
    return secret


@hide_init_arguments
@attrs.frozen
class Application:
    """An application that is registered with SeeClickFix.

    Args:
        client_id: The application id issued by SeeClickFix.
        redirect_uri: The URI that the provider redirects the browser to, exactly as registered:
            https, or this machine (`http://127.0.0.1:PORT/...`, where any port matches the
            registered one).
        client_secret: The secret issued with the application id. Leave it out in an application
            that runs on its users' machines, where a secret cannot be protected.
        base_url: The provider's URL.
        endpoints: Paths of the endpoints, if they are not Doorkeeper's.
        issuer: The issuer identifier that the provider sends in `iss` (RFC 9207), if it sends
            one. Responses with another issuer, or without one, are then refused.

    Raises:
        InvalidArgumentError: An argument is invalid, or would expose secrets.
    """

    client_id: str
    redirect_uri: str
    client_secret: Secret | None = attrs.field(default=None, converter=_to_secret)
    base_url: str = attrs.field(default=PRODUCTION, converter=normalize_secure_base_url)
    endpoints: Endpoints = attrs.field(default=DOORKEEPER, kw_only=True)
    issuer: str | None = attrs.field(default=None, kw_only=True)
    # The part of the authorization URL that is the same for every login.
    _address: str = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        check_client_id(self.client_id)
        check_redirect_uri(self.redirect_uri)
        constant = urlencode({"client_id": self.client_id, "redirect_uri": self.redirect_uri})
        address = f"{self.base_url}{self.endpoints.authorize}?{constant}"
        object.__setattr__(self, "_address", address)

    @property
    def address(self) -> str:
        """The URL of the authorization page, with the client id and the redirect URI."""
        return self._address

    @property
    def confidential(self) -> bool:
        """True if the application has a client secret (RFC 6749 §2.1)."""
        return self.client_secret is not None
