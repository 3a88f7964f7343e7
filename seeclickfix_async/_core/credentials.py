"""Who is asking: what goes into the Authorization header, and to whom."""

from __future__ import annotations

import base64
import re
import warnings
from datetime import UTC, date, datetime
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

import attrs

from seeclickfix_async._core.secret import MASK, Secret, as_secret
from seeclickfix_async._core.validation import is_visible_ascii
from seeclickfix_async._version import __version__
from seeclickfix_async.errors import InvalidArgumentError

PRODUCTION = "https://seeclickfix.com"
_API = "/api/v2"
DEFAULT_PORTS = {"http": 80, "https": 443}

# What can stand in a header: visible ASCII. Personal access tokens hold "/" (documented sample).
_PERSONAL = re.compile(r".*-\d\d/\d\d/\d{4}-(\d\d)/(\d\d)/(\d{4})-[^-].*")

_SOON = 3  # days

Origin = tuple[str, str, int]


class TokenExpiryWarning(UserWarning):
    """A personal access token says of itself that it has expired, or soon will."""


def parse_origin(url: str) -> Origin:
    """Scheme, host and port of a URL: what a token is bound to."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").rstrip("."), parts.port or DEFAULT_PORTS.get(scheme, 0)


def normalize_base_url(base_url: str) -> str:
    """Check a base URL and take the API's path off it: the site, without a slash at the end.

    Takes the site (`https://seeclickfix.com`) and the API's root (`.../api/v2`) alike.

    Raises:
        InvalidArgumentError: It is no absolute http or https URL, or holds more than a path.
    """
    advice = f"must be a URL such as {PRODUCTION!r}"
    if not is_visible_ascii(base_url):
        raise InvalidArgumentError("base_url", f"{advice}, without spaces.")
    parts = urlsplit(base_url)
    if parts.scheme.lower() not in DEFAULT_PORTS or not parts.hostname:
        raise InvalidArgumentError("base_url", f"{advice}, with http:// or https:// in front.")
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidArgumentError("base_url", f"{advice}, without credentials, ? or #.")
    try:
        parse_origin(base_url)
    except ValueError:
        raise InvalidArgumentError("base_url", f"{advice}; its port is no number.") from None
    return base_url.rstrip("/").removesuffix(_API).rstrip("/")


def api_url(site: str) -> str:
    """The root of the API on a site (documented)."""
    return site + _API


def build_user_agent(product: str | None, contact: str | None) -> str:
    """The User-Agent, which the service demands; it asks for a contact too (documented)."""
    own = f"seeclickfix-async/{__version__}"
    parts = [own] if product is None else [header_text("user_agent", product, spaces=True), own]
    if contact is not None:
        if isinstance(contact, str) and " " in contact:
            raise InvalidArgumentError("contact", "must be one e-mail or URL, without spaces.")
        parts.append(f"(+{header_text('contact', contact)})")
    return " ".join(parts)


def header_text(argument: str, value: str, *, spaces: bool = False) -> str:
    """Refuse what cannot stand in a header, without printing it: it may be a secret."""
    bare = value.replace(" ", "") if spaces and isinstance(value, str) else value
    if not is_visible_ascii(bare):
        value = bare = MASK  # the frames of an error are shown, too
        raise InvalidArgumentError(
            argument,
            "is empty or holds characters that cannot stand in a header, such as a line break "
            "or a space. If it was read from a file, strip() it.",
        )
    return value


@attrs.frozen
class Bearer:
    """An access token: from OAuth, or a personal one (RFC 6750 §2.1).

    The documentation's `Authentication:` header is a misprint that real providers ignore.
    """

    token: Secret = attrs.field(converter=as_secret)

    def __attrs_post_init__(self) -> None:
        header_text("token", self.token.reveal())
        self._warn_of_expiry()

    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.token.reveal()}"

    def _warn_of_expiry(self) -> None:
        expiry = personal_token_expiry(self.token)
        if expiry is not None and (expiry - datetime.now(UTC).date()).days < _SOON:
            warnings.warn(
                f"This personal access token says that it ends on {expiry.isoformat()}. "
                "Make a new one on the account's security page.",
                TokenExpiryWarning,
                stacklevel=6,
            )


@attrs.frozen
class Basic:
    """E-mail and password, which the organization API's page still names (documented)."""

    username: str = attrs.field(repr=False)
    password: Secret = attrs.field(converter=as_secret)

    def __attrs_post_init__(self) -> None:
        if ":" in self.username:
            raise InvalidArgumentError("auth", "the user name cannot hold a colon (RFC 7617 §2).")

    def header(self) -> str:
        """The value of the Authorization header."""
        pair = f"{self.username}:{self.password.reveal()}"
        return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


Credential = Bearer | Basic


@runtime_checkable
class TokenSource(Protocol):
    """Where a client has the access token of one account from, anew for each request.

    `StoredToken` is one. Both methods may be called by any number of tasks at once.
    """

    async def current(self) -> Secret:
        """The token to send now; one that is about to end is renewed first."""
        ...

    async def replaced(self, refused: Secret) -> bool:
        """The service refused this very token with 401: whether there is another to try now."""
        ...


def personal_token_expiry(token: Secret) -> date | None:
    """The day on which a personal access token says it ends; None if it does not say.

    A hint and no more: the form `name-MM/DD/YYYY-MM/DD/YYYY-secret` is known from the
    documentation's sample only.
    """
    found = _PERSONAL.fullmatch(token.reveal())
    if found is None:
        return None
    month, day, year = map(int, found.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None
