"""Token information: Doorkeeper's token info, and introspection (RFC 7662)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from seeclickfix_async.errors import DecodeError
from seeclickfix_async.oauth._token import parse_lifetime, require_object


@attrs.frozen
class TokenInfo:
    """Information about a valid token, as returned by `/oauth/token/info` (observed).

    Attributes:
        resource_owner_id: The account that the token acts for; None for the application itself.
        scope: The granted scopes.
        expires_in: Seconds until the token expires; None if it never does.
        client_id: The application that the token was issued to.
        created_at: When the token was issued, in UTC.
    """

    resource_owner_id: int | None
    scope: tuple[str, ...]
    expires_in: float | None
    client_id: str | None
    created_at: datetime | None


@attrs.frozen
class Introspection:
    """The result of introspection (RFC 7662 §2.2); all but `active` is empty for an invalid token.

    For a refresh token, the provider returns the data of its access token, with the expiry of
    that token (observed).

    Attributes:
        active: True if the token is valid now.
        scope: The granted scopes.
        client_id: The application that the token was issued to.
        expires_at: When the token expires, in UTC; None if it never does (sent as 0, observed).
        issued_at: When the token was issued, in UTC.
    """

    active: bool
    scope: tuple[str, ...] = ()
    client_id: str | None = None
    expires_at: datetime | None = None
    issued_at: datetime | None = None


def token_info_from_json(body: Any, *, route: str = "") -> TokenInfo:
    """Parse the JSON of `/oauth/token/info`, in Doorkeeper's old and new forms.

    Raises:
        DecodeError: The body is not an object.
    """
    info = require_object(body, route)
    owner, application = info.get("resource_owner_id"), info.get("application")
    return TokenInfo(
        resource_owner_id=owner if isinstance(owner, int) else None,
        scope=_parse_scope(info.get("scope", info.get("scopes"))),
        expires_in=parse_lifetime(info.get("expires_in", info.get("expires_in_seconds"))),
        client_id=_parse_string(application.get("uid"))
        if isinstance(application, Mapping)
        else None,
        created_at=_parse_timestamp(info.get("created_at")),
    )


def introspection_from_json(body: Any, *, route: str = "") -> Introspection:
    """Parse the JSON of an introspection response.

    Raises:
        DecodeError: `active` is missing or not a boolean.
    """
    info = require_object(body, route)
    active = info.get("active")
    if not isinstance(active, bool):
        raise DecodeError("It is not a boolean.", path="active", route=route)
    return Introspection(
        active=active,
        scope=_parse_scope(info.get("scope")),
        client_id=_parse_string(info.get("client_id")),
        expires_at=_parse_timestamp(info.get("exp")),
        issued_at=_parse_timestamp(info.get("iat")),
    )


def _parse_scope(value: Any) -> tuple[str, ...]:
    """Parse a list, or a string separated by spaces; the provider uses both (observed)."""
    names = value.split() if isinstance(value, str) else value
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) else ()


def _parse_string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _parse_timestamp(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
