"""Access tokens, and the token endpoint's JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import attrs

from seeclickfix_async._core import numbers, validation
from seeclickfix_async._core.duration import Duration, as_seconds_or_none, to_seconds
from seeclickfix_async._core.error_secrets import hide_arguments, hide_init_arguments
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async._core.timestamps import clamp
from seeclickfix_async._core.validation import is_visible_ascii
from seeclickfix_async.errors import DecodeError, InvalidArgumentError

LEEWAY = 60.0
"""Seconds before its expiry at which a token counts as expired, for slow requests and clocks."""

_MAX_LIFETIME = 10 * 366 * 86_400.0  # seconds
_MAX_PERSONAL_LIFETIME = 10 * _MAX_LIFETIME  # seconds; its owner chooses the date


@hide_init_arguments
@attrs.frozen
class Token:
    """An access token issued by the provider (RFC 6749 §4.2.2, §5.1).

    Pickling drops its secrets; use `to_dict` and `from_dict` to store a token.

    Attributes:
        access_token: The secret for the Authorization header.
        token_type: The type as sent by the provider, `Bearer` in any case of letters.
        expires_in: Lifetime in seconds from `created_at`; None if the token never expires or the
            provider did not send a lifetime.
        scope: The granted scopes; None if the provider did not send them, as in the implicit
            flow (observed).
        created_at: When the token was received, in UTC. (The provider's own `created_at` may be
            the time of an earlier login that it returns the token of again, observed.)
        refresh_token: The refresh token, if the provider issued one; never in the implicit flow.
    """

    access_token: Secret = attrs.field(converter=as_secret)
    token_type: str
    expires_in: float | None = attrs.field(
        converter=as_seconds_or_none,
        validator=validation.validate_range(-_MAX_PERSONAL_LIFETIME, _MAX_PERSONAL_LIFETIME),
    )
    scope: tuple[str, ...] | None
    created_at: datetime = attrs.field(
        converter=validation.to_utc, validator=validation.validate_aware
    )
    refresh_token: Secret | None = attrs.field(
        default=None, converter=attrs.converters.optional(as_secret)
    )

    @property
    def expires_at(self) -> datetime | None:
        """When the token expires, in UTC; None if it never expires or this is unknown."""
        if self.expires_in is None:
            return None
        return self.created_at + timedelta(seconds=self.expires_in)

    def expired(self, now: datetime | None = None, *, leeway: Duration = LEEWAY) -> bool:
        """Return True if the token has expired, or expires within `leeway`.

        Args:
            now: An aware datetime; by default the current time.
            leeway: Seconds or a timedelta to allow for the duration of a request and for clock
                differences.
        """
        expiry = self.expires_at
        margin = to_seconds("leeway", leeway, -_MAX_LIFETIME, _MAX_LIFETIME)
        time = datetime.now(UTC) if now is None else validation.aware_utc("now", now)
        return expiry is not None and time + timedelta(seconds=margin) >= expiry

    def missing_scopes(self, requested: Iterable[str]) -> tuple[str, ...]:
        """Return the requested scopes that were not granted; empty if `scope` is None."""
        if self.scope is None:
            return ()
        return tuple(name for name in requested if name not in self.scope)

    def to_dict(self) -> dict[str, Any]:
        """Return the token as a dict for JSON. It contains the secrets: store it safely."""
        return {
            "access_token": self.access_token.reveal(),
            "token_type": self.token_type,
            "expires_in": self.expires_in,
            "scope": None if self.scope is None else " ".join(self.scope),
            "created_at": self.created_at.timestamp(),
            "refresh_token": self.refresh_token and self.refresh_token.reveal(),
        }

    @classmethod
    @hide_arguments
    def from_dict(cls, data: Mapping[str, Any]) -> Token:
        """Return the token of a dict that `to_dict` returned.

        Raises:
            InvalidArgumentError: The dict is invalid.
        """
        try:
            return token_from_json(data, now=_parse_created_at(data["created_at"]))
        except (DecodeError, KeyError, TypeError, ValueError, OverflowError, OSError):
            raise InvalidArgumentError("data", "is not a dict of Token.to_dict().") from None


def token_from_json(
    body: Any, *, now: datetime, route: str = "", previous: Token | None = None
) -> Token:
    """Parse the JSON of a token response, strictly (RFC 6749 §5.1).

    Args:
        body: The decoded JSON.
        now: When the response was received.
        route: The request's route, for errors.
        previous: The token that was refreshed: its refresh token and scope remain, if the
            response does not contain new ones (RFC 6749 §6).

    Raises:
        DecodeError: The token is missing or invalid; `path` names the field.
    """
    fields = require_object(body, route)
    token_type = fields.get("token_type")
    if not isinstance(token_type, str) or token_type.lower() != "bearer":
        raise DecodeError("It is not Bearer.", path="token_type", route=route)
    scope, refresh = fields.get("scope"), fields.get("refresh_token")
    if scope is not None and not isinstance(scope, str):
        raise DecodeError("It is not a string.", path="scope", route=route)
    token = Token(
        access_token=_parse_secret(fields.get("access_token"), "access_token", route),
        token_type=token_type,
        expires_in=parse_lifetime(fields.get("expires_in")),
        scope=None if scope is None else tuple(scope.split()),
        created_at=now,
        refresh_token=None if refresh is None else _parse_secret(refresh, "refresh_token", route),
    )
    if previous is None:
        return token
    return attrs.evolve(
        token,
        scope=previous.scope if token.scope is None else token.scope,
        refresh_token=token.refresh_token or previous.refresh_token,
    )


def require_object(body: Any, route: str) -> Mapping[str, Any]:
    """Return a JSON object unchanged.

    Raises:
        DecodeError: The body is not an object.
    """
    if not isinstance(body, Mapping):
        raise DecodeError("It is not an object.", route=route)
    return body


def parse_lifetime(value: object) -> float | None:
    """Return a lifetime in seconds, or None if it is missing or implausible.

    The provider sends none for tokens that never expire.
    """
    try:
        seconds = float(value) if isinstance(value, str) else numbers.as_number(cast("Any", value))
    except ValueError:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    return seconds if math.isfinite(seconds) and 0 < seconds <= _MAX_LIFETIME else None


def _parse_created_at(timestamp: float) -> datetime:
    """Return the time of a timestamp; a token's expiry must not be after the last datetime."""
    created = datetime.fromtimestamp(numbers.as_number(timestamp), UTC)
    if clamp(created) != created:
        raise ValueError
    return created


def _parse_secret(value: object, name: str, route: str) -> Secret:
    if not is_visible_ascii(value):
        raise DecodeError("It is not a string of visible ASCII.", path=name, route=route)
    return Secret(value)
