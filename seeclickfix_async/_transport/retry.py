"""Which failures are worth another try, and when."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from seeclickfix_async._core import backoff, validation
from seeclickfix_async._core.clock import SYSTEM, Clock
from seeclickfix_async.errors import (
    AnswerLostError,
    ConnectionFailedError,
    RateLimitedError,
    SeeClickFixError,
    ServerError,
)

_PASSING = frozenset({502, 503, 504})
UNTOLD = 10.0
"""Seconds to wait after a 429 without Retry-After; the documentation's sample says 10."""


@attrs.frozen(kw_only=True)
class Retry:
    """When a failed request is sent again.

    A read is tried again after a broken connection, 429, 502, 503 and 504. Anything else is sent
    again only when it surely did nothing: no connection was made, or it was refused with 429.
    So an issue is never reported twice.

    Args:
        attempts: The most tries of one request, the first included; 1 means no retries.
        total: No try starts later than so many seconds after the first failure.
        base: The limit of the random wait after the first failure, in seconds; it doubles.
        cap: The highest limit of the random wait, in seconds.
        random: Gives a number from 0 to 1; for tests.
        clock: Tells the time; for tests.
    """

    attempts: int = attrs.field(
        default=4, validator=validation.validate_range(1, 100, integer=True)
    )
    total: float = attrs.field(default=180.0, validator=validation.validate_range(0, 86_400))
    base: float = attrs.field(default=0.5, validator=validation.validate_range(0, 3_600))
    cap: float = attrs.field(default=30.0, validator=validation.validate_range(0, 3_600))
    random: Callable[[], float] = attrs.field(default=random.random, repr=False, eq=False)
    clock: Clock = attrs.field(default=SYSTEM, repr=False, eq=False)

    def wait(
        self, error: SeeClickFixError, *, attempt: int, elapsed: float, safe: bool
    ) -> float | None:
        """Seconds until the next try, or None when there shall be none.

        Args:
            error: Why the last try failed.
            attempt: How many tries there were.
            elapsed: Seconds since the first of them failed.
            safe: Whether the request only reads.
        """
        if attempt >= self.attempts or not _worth_it(error, safe=safe):
            return None
        asked = getattr(error, "retry_after", None)
        if asked is None and isinstance(error, RateLimitedError):
            asked = UNTOLD
        jitter = backoff.backoff(attempt, random=self.random(), base=self.base, cap=self.cap)
        wait = jitter if asked is None else asked
        return wait if elapsed + wait <= self.total else None


DEFAULT_RETRY = Retry()


def _worth_it(error: SeeClickFixError, *, safe: bool) -> bool:
    if isinstance(error, ConnectionFailedError):
        return True
    if isinstance(error, RateLimitedError):
        return error.status is not None  # ours means: do not wait that long
    if isinstance(error, ServerError):
        return safe and error.status in _PASSING
    return safe and isinstance(error, AnswerLostError)
