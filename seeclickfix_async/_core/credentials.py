"""Credentials, the origin that they are sent to, and the headers that identify a client."""

from __future__ import annotations

import base64
import inspect
import ipaddress
import re
import warnings
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

import attrs

from seeclickfix_async._core.error_secrets import hide_init_arguments
from seeclickfix_async._core.pasted import refuse_additions
from seeclickfix_async._core.secret import MASK, Secret, as_secret
from seeclickfix_async._core.validation import is_http_url, is_unicode, is_visible_ascii
from seeclickfix_async._version import __version__
from seeclickfix_async.errors import InvalidArgumentError

PRODUCTION = "https://seeclickfix.com"
_API = "/api/v2"
DEFAULT_PORTS = {"http": 80, "https": 443}

# `name-MM/DD/YYYY-MM/DD/YYYY-secret`, in which the second date is the expiry (documented sample).
_PERSONAL_TOKEN = re.compile(r".*-\d\d/\d\d/\d{4}-(\d\d)/(\d\d)/(\d{4})-[^-].*")

_EXPIRY_WARNING = 3  # days before the expiry

Origin = tuple[str, str, int]


class TokenExpiryWarning(UserWarning):
    """A personal access token has expired or expires soon, according to the date in it."""


def parse_origin(url: str) -> Origin:
    """Return the scheme, host and port of a URL; tokens are sent to one origin only.

    A host with a dot at its end is another one: its name may be resolved to another machine.

    Raises:
        ValueError: The URL has an invalid host or port.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(scheme, 0)


def is_secure(url: str) -> bool:
    """Return True if requests to a URL are private: https, or http to this machine."""
    scheme, host, _ = parse_origin(url)
    return bool(host) and (scheme == "https" or (scheme == "http" and is_loopback(host)))


def is_loopback(host: str) -> bool:
    """Return True if a host is this machine: 127.0.0.0/8, ::1 or localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


def normalize_base_url(base_url: str) -> str:
    """Return the site of a base URL, without a trailing slash and without the path of the API.

    Accepts the site (`https://seeclickfix.com`) and the root of the API (`.../api/v2`).

    Raises:
        InvalidArgumentError: It is not an absolute http or https URL with a valid host and port, or
            it contains credentials, a query or a fragment.
    """
    refuse_additions("base_url", base_url)
    advice = f"must be a URL such as {PRODUCTION!r}"
    if not is_visible_ascii(base_url):
        raise InvalidArgumentError("base_url", f"{advice}, without spaces.")
    if not base_url.lower().startswith(("http://", "https://")):
        raise InvalidArgumentError("base_url", f"{advice}, starting with http:// or https://.")
    if not is_http_url(base_url):
        raise InvalidArgumentError("base_url", f"{advice}, with a valid host and port.")
    if urlsplit(base_url).username is not None or "?" in base_url or "#" in base_url:
        raise InvalidArgumentError(
            "base_url", f"{advice}, without credentials, query and fragment."
        )
    return base_url.rstrip("/").removesuffix(_API).rstrip("/")


def is_same_site(one: str, other: str) -> bool:
    """Return whether two base URLs have the same origin.

    Raises:
        InvalidArgumentError: One of them is invalid.
    """
    return parse_origin(normalize_base_url(one)) == parse_origin(normalize_base_url(other))


def api_url(site: str) -> str:
    """Return the root URL of the API on a site (documented)."""
    return site + _API


def build_user_agent(product: str | None, contact: str | None) -> str:
    """Return the User-Agent header, which the service requires; it should include a contact.

    Source: the API's documentation.
    """
    library = f"seeclickfix-async/{__version__}"
    parts = [library]
    if product is not None:
        parts.insert(0, header_text("user_agent", product, spaces=True))
    if contact is not None:
        if isinstance(contact, str) and " " in contact:
            raise InvalidArgumentError(
                "contact", "must be an e-mail address or a URL, without spaces."
            )
        parts.append(f"(+{header_text('contact', contact)})")
    return " ".join(parts)


def header_text(argument: str, value: str, *, spaces: bool = False) -> str:
    """Check a header value and return it; the error does not show it, since it may be a secret."""
    without_spaces = value.replace(" ", "") if spaces and isinstance(value, str) else value
    if not is_visible_ascii(without_spaces):
        value = without_spaces = MASK  # error trackers show the local variables of a traceback
        raise InvalidArgumentError(
            argument,
            "is empty or contains characters that are not allowed in a header, such as a line "
            "break or a space. A line that was read from a file ends with one.",
        )
    return value


@attrs.frozen(cache_hash=True)  # part of the cache key of each request
class Bearer:
    """An access token, from OAuth or a personal one (RFC 6750 §2.1).

    It is sent as `Authorization`; the `Authentication` header of the documentation is a misprint.
    """

    token: Secret = attrs.field(converter=as_secret)

    def __attrs_post_init__(self) -> None:
        header_text("token", self.token.reveal())
        self._warn_of_expiry()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets that the header contains."""
        return (self.token,)

    def header(self) -> str:
        """Return the value of the Authorization header."""
        return f"Bearer {self.token.reveal()}"

    def _warn_of_expiry(self) -> None:
        expiry = personal_token_expiry(self.token)
        if expiry is not None and (expiry - datetime.now(UTC).date()).days < _EXPIRY_WARNING:
            warnings.warn(
                f"The expiry date of this personal access token is {expiry.isoformat()}. "
                "Create a new one on the account's security page.",
                TokenExpiryWarning,
                stacklevel=_frames_to_caller(),
            )


@hide_init_arguments
@attrs.frozen
class Basic:
    """An e-mail address and a password, as documented for the organization API."""

    username: str = attrs.field(repr=False)
    password: Secret = attrs.field(converter=as_secret)

    def __attrs_post_init__(self) -> None:
        if ":" in self.username:
            raise InvalidArgumentError(
                "auth", "the user name must not contain a colon (RFC 7617 §2)."
            )
        if not (is_unicode(self.username) and is_unicode(self.password.reveal())):
            raise InvalidArgumentError("auth", "contains half of a surrogate pair.")

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets that the header contains."""
        return Secret(self.header().removeprefix("Basic ")), self.password

    def header(self) -> str:
        """Return the value of the Authorization header."""
        user_pass = f"{self.username}:{self.password.reveal()}"
        return "Basic " + base64.b64encode(user_pass.encode()).decode("ascii")


Credential = Bearer | Basic


@runtime_checkable
class TokenSource(Protocol):
    """A source of the access token of one account, which a client calls for each request.

    `StoredToken` implements it. Several tasks may call both methods at once.
    """

    async def current(self) -> Secret:
        """Return the token to send; refresh it first if it is about to expire."""
        ...

    async def replaced(self, refused: Secret) -> bool:
        """Return True if there is a new token to retry with, after a 401 for `refused`."""
        ...


def personal_token_expiry(token: Secret) -> date | None:
    """Return the expiry date that a personal access token contains, or None if it has no date.

    The date is a hint only, since the form is known from the documentation's sample alone.
    """
    match = _PERSONAL_TOKEN.fullmatch(token.reveal())
    if match is None:
        return None
    month, day, year = map(int, match.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


class RenewableBearer:
    """The credential of a token source: one `Bearer` for each token that the source returns.

    Attributes:
        source: The token source.
    """

    def __init__(self, source: TokenSource) -> None:
        self.source: TokenSource = source
        self._bearer: Bearer | None = None

    async def current(self) -> Bearer:
        """Return the credential to send now; the source may have to renew its token first."""
        token = await self.source.current()
        bearer = self._bearer
        if bearer is None or (bearer.token is not token and bearer.token != token):
            bearer = self._bearer = Bearer(token)
        return bearer


# This package, and the methods that attrs generates.
_OWN_FILES = (str(Path(__file__).parents[1]), "<attrs generated")


def _frames_to_caller() -> int:
    """Count the frames from `warnings.warn` to the code that called this package."""
    count, frame = 0, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_OWN_FILES):
        count, frame = count + 1, frame.f_back
    return count
