"""An access token and what is known about it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from seeclickfix_async._core.secret import Secret, strip_traceback
from seeclickfix_async._core.validation import is_visible_ascii
from seeclickfix_async.errors import DecodeError, InvalidArgumentError

LEEWAY = 60.0
"""Seconds before its end at which a token counts as expired: requests take time, clocks differ."""

_LONGEST_LIFE = 10 * 366 * 86_400.0  # seconds


@attrs.frozen
class Token:
    """An access token as the provider gave it (RFC 6749 §4.2.2, §5.1).

    A pickle leaves its secrets behind; `to_dict` and `from_dict` are for keeping it.

    Attributes:
        access_token: What the Authorization header carries.
        token_type: As the provider wrote it; `Bearer`.
        expires_in: Seconds that it lives from `created_at`; None when it never expires, or
            when the provider did not say.
        scope: The granted scopes; None when the provider did not say, as in its fragment
            (observed).
        created_at: When it was received, in UTC. (The provider's own `created_at` is that of an
            earlier login when it hands out a token again, observed.)
        refresh_token: What renews it, if the provider gives that: the implicit flow never does.
    """

    access_token: Secret
    token_type: str
    expires_in: float | None
    scope: tuple[str, ...] | None
    created_at: datetime
    refresh_token: Secret | None = None

    @property
    def expires_at(self) -> datetime | None:
        """When it ends, in UTC; None when that is not known."""
        if self.expires_in is None:
            return None
        return self.created_at + timedelta(seconds=self.expires_in)

    def expired(self, now: datetime | None = None, *, leeway: float = LEEWAY) -> bool:
        """Whether it has ended, or will within `leeway` seconds.

        Args:
            now: An aware datetime; this moment unless told.
            leeway: Seconds that a request may be on its way, or clocks may differ.
        """
        end = self.expires_at
        return end is not None and (now or datetime.now(UTC)) + timedelta(seconds=leeway) >= end

    def missing_scopes(self, requested: Iterable[str]) -> tuple[str, ...]:
        """Which of the requested scopes were not granted; none when the provider did not say."""
        if self.scope is None:
            return ()
        return tuple(name for name in requested if name not in self.scope)

    def to_dict(self) -> dict[str, Any]:
        """The token as plain values for JSON, with its secrets: keep it safe."""
        return {
            "access_token": self.access_token.reveal(),
            "token_type": self.token_type,
            "expires_in": self.expires_in,
            "scope": None if self.scope is None else " ".join(self.scope),
            "created_at": self.created_at.timestamp(),
            "refresh_token": self.refresh_token and self.refresh_token.reveal(),
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Token:
        """The token that `to_dict` gave.

        Raises:
            InvalidArgumentError: It is none.
        """
        try:
            created = datetime.fromtimestamp(kept["created_at"], UTC)
            return token_from_json(kept, now=created, where="kept")
        except (DecodeError, KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            strip_traceback(error)
            kept = {}
            raise InvalidArgumentError("kept", "is no token as Token.to_dict() gives.") from None


def token_from_json(
    answer: Any, *, now: datetime, where: str = "", previous: Token | None = None
) -> Token:
    """The token of a JSON answer of the token endpoint (RFC 6749 §5.1), strictly.

    Args:
        answer: The parsed answer.
        now: When it came.
        where: The route, for the error.
        previous: The token that was renewed: its refresh token and scope stay, if the answer
            names none (RFC 6749 §6).

    Raises:
        DecodeError: It has no token, or one that cannot be used; `path` says where.
    """
    if not isinstance(answer, Mapping):
        raise DecodeError("It is no object.", path="", route=where)
    kind = answer.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise DecodeError("It is not Bearer.", path="token_type", route=where)
    scope, refresh = answer.get("scope"), answer.get("refresh_token")
    if scope is not None and not isinstance(scope, str):
        raise DecodeError("It is no text.", path="scope", route=where)
    token = Token(
        access_token=_visible(answer.get("access_token"), "access_token", where),
        token_type=kind,
        expires_in=lifetime(answer.get("expires_in")),
        scope=None if scope is None else tuple(scope.split()),
        created_at=now,
        refresh_token=None if refresh is None else _visible(refresh, "refresh_token", where),
    )
    return token if previous is None else _carried_over(token, previous)


def _carried_over(token: Token, previous: Token) -> Token:
    """What an answer to a refresh leaves out stays as it was."""
    return attrs.evolve(
        token,
        scope=previous.scope if token.scope is None else token.scope,
        refresh_token=token.refresh_token or previous.refresh_token,
    )


def lifetime(value: object) -> float | None:
    """Seconds that can be believed; the provider leaves them out when tokens never expire."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and 0 < seconds <= _LONGEST_LIFE else None


def _visible(value: object, name: str, where: str) -> Secret:
    if not is_visible_ascii(value):
        raise DecodeError("It cannot stand in a header.", path=name, route=where)
    return Secret(value)
