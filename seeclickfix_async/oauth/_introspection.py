"""What the provider says about a token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from seeclickfix_async.errors import DecodeError
from seeclickfix_async.oauth._token import lifetime


@attrs.frozen
class TokenInfo:
    """A token that works, as `/oauth/token/info` tells (observed).

    Attributes:
        resource_owner_id: The account that it acts for; None for the application itself.
        scope: What it may do.
        expires_in: Seconds that are left; None when it never expires.
        client_id: The application that it was given to.
        created_at: When it was made, in UTC.
    """

    resource_owner_id: int | None
    scope: tuple[str, ...]
    expires_in: float | None
    client_id: str | None
    created_at: datetime | None


@attrs.frozen
class Introspection:
    """What introspection tells (RFC 7662 §2.2); only `active` says something of a dead token.

    A refresh token is told as its access token, with that one's end (observed).

    Attributes:
        active: Whether it works now.
        scope: What it may do.
        client_id: The application that it was given to.
        expires_at: When it ends, in UTC; None when it never does (told as 0, observed).
        issued_at: When it was made, in UTC.
    """

    active: bool
    scope: tuple[str, ...] = ()
    client_id: str | None = None
    expires_at: datetime | None = None
    issued_at: datetime | None = None


def token_info_from_json(answer: Any, *, where: str = "") -> TokenInfo:
    """Read `/oauth/token/info`, in Doorkeeper's newer form and in its older one.

    Raises:
        DecodeError: It is no object.
    """
    told = _object(answer, where)
    owner, application = told.get("resource_owner_id"), told.get("application")
    return TokenInfo(
        resource_owner_id=owner if isinstance(owner, int) else None,
        scope=_scope(told.get("scope", told.get("scopes"))),
        expires_in=lifetime(told.get("expires_in", told.get("expires_in_seconds"))),
        client_id=_text(application.get("uid")) if isinstance(application, Mapping) else None,
        created_at=_moment(told.get("created_at")),
    )


def introspection_from_json(answer: Any, *, where: str = "") -> Introspection:
    """Read an introspection answer.

    Raises:
        DecodeError: It does not say whether the token is active.
    """
    told = _object(answer, where)
    active = told.get("active")
    if not isinstance(active, bool):
        raise DecodeError("It is neither true nor false.", path="active", route=where)
    return Introspection(
        active=active,
        scope=_scope(told.get("scope")),
        client_id=_text(told.get("client_id")),
        expires_at=_moment(told.get("exp")),
        issued_at=_moment(told.get("iat")),
    )


def _object(answer: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise DecodeError("It is no object.", path="", route=where)
    return answer


def _scope(value: Any) -> tuple[str, ...]:
    """A list or a text with spaces: the provider uses both (observed)."""
    names = value.split() if isinstance(value, str) else value
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) else ()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
