"""The application that asks: who it is, and where the provider is."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode, urlsplit

import attrs

from seeclickfix_async._core.credentials import PRODUCTION, normalize_base_url
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async._core.validation import is_visible_ascii
from seeclickfix_async.errors import InvalidArgumentError

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
_PATH = re.compile(r"/[\x21\x24-\x3b\x3d\x40-\x5b\x5d\x5f\x61-\x7a\x7e]*")


def is_safe_origin(url: str) -> bool:
    """Whether what is sent there stays between two: TLS, or this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return (parts.scheme == "https" and bool(host)) or (
        parts.scheme == "http" and host in _LOOPBACK
    )


def safe_site(base_url: str) -> str:
    """The site of a base URL, which must be https or this machine."""
    site = normalize_base_url(base_url)
    if not is_safe_origin(site):
        raise InvalidArgumentError("base_url", "must be https, except on this machine.")
    return site


def check_client_id(client_id: str) -> None:
    """Refuse what no provider gives out as an application id."""
    if not is_visible_ascii(client_id):
        raise InvalidArgumentError("client_id", "must be the application id, without spaces.")


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
        usable = is_visible_ascii(uri) and "#" not in uri
        usable = usable and (parts.port is None or parts.port > 0)
    except (ValueError, TypeError, AttributeError):
        usable = False  # a broken port, or no text at all
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


def _path(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not _PATH.fullmatch(value):
        raise InvalidArgumentError(attribute.name, "must be a path such as /oauth/token.")


@attrs.frozen(kw_only=True)
class Endpoints:
    """Where the provider's pages are, as paths on its site; Doorkeeper's own unless told."""

    authorize: str = attrs.field(default="/oauth/authorize", validator=_path)
    token: str = attrs.field(default="/oauth/token", validator=_path)
    revoke: str = attrs.field(default="/oauth/revoke", validator=_path)
    info: str = attrs.field(default="/oauth/token/info", validator=_path)
    introspect: str = attrs.field(default="/oauth/introspect", validator=_path)


DOORKEEPER = Endpoints()


def _secret(value: str | Secret | None) -> Secret | None:
    if value is None:
        return None
    if not isinstance(value, (str, Secret)) or not as_secret(value).reveal():
        raise InvalidArgumentError("client_secret", "must be a text, or left out.")
    return as_secret(value)


@attrs.frozen
class Application:
    """An application as registered with SeeClickFix.

    Args:
        client_id: The application id that SeeClickFix gave out.
        redirect_uri: Where the browser comes back to, exactly as registered; https, or this
            machine (`http://127.0.0.1:PORT/...`, where any port matches the registered one).
        client_secret: What SeeClickFix gave out with the id. An application on other people's
            machines has none that would stay secret: leave it out there.
        base_url: The provider's address.
        endpoints: Other paths than Doorkeeper's.
        issuer: What the provider calls itself in `iss` (RFC 9207), if it does; then an answer
            must come from there.

    Raises:
        InvalidArgumentError: An argument cannot be used, or would give secrets away.
    """

    client_id: str
    redirect_uri: str
    client_secret: Secret | None = attrs.field(default=None, converter=_secret)
    base_url: str = attrs.field(default=PRODUCTION, converter=safe_site)
    endpoints: Endpoints = attrs.field(default=DOORKEEPER, kw_only=True)
    issuer: str | None = attrs.field(default=None, kw_only=True)
    # The part of the authorization page's address that is the same for every login.
    _address: str = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        check_client_id(self.client_id)
        check_redirect_uri(self.redirect_uri)
        constant = urlencode({"client_id": self.client_id, "redirect_uri": self.redirect_uri})
        address = f"{self.base_url}{self.endpoints.authorize}?{constant}"
        object.__setattr__(self, "_address", address)

    @property
    def address(self) -> str:
        """The authorization page with what it must know of this application."""
        return self._address

    @property
    def confidential(self) -> bool:
        """Whether the application can prove who it is."""
        return self.client_secret is not None
