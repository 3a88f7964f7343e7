"""An access token and what is known about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import attrs

from seeclickfix_async.secret import Secret


@attrs.frozen
class Token:
    """An access token as the provider gave it (RFC 6749 §4.2.2).

    Attributes:
        access_token: What `AsyncClient(token)` takes.
        token_type: As the provider wrote it; `Bearer`.
        expires_in: Seconds that it lives from `created_at`; None when it never expires, or
            when the provider did not say.
        scope: The granted scopes; None when the provider did not say, as in its fragment
            (observed).
        created_at: When it was received, in UTC.
    """

    access_token: Secret
    token_type: str
    expires_in: float | None
    scope: tuple[str, ...] | None
    created_at: datetime

    @property
    def expires_at(self) -> datetime | None:
        """When it ends, in UTC; None when that is not known."""
        if self.expires_in is None:
            return None
        return self.created_at + timedelta(seconds=self.expires_in)

    def expired(self, now: datetime | None = None, *, leeway: float = 60.0) -> bool:
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
