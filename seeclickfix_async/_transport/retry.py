"""The retry policy: whether and when a failed request is sent again."""

from __future__ import annotations

import random
from collections.abc import Callable

import attrs

from seeclickfix_async._core import backoff, numbers, validation
from seeclickfix_async._core.duration import validate_seconds
from seeclickfix_async._core.numbers import as_seconds
from seeclickfix_async.errors import (
    AnswerLostError,
    ConnectionFailedError,
    InvalidEnvironmentError,
    RateLimitedError,
    SeeClickFixError,
    ServerError,
)

_TRANSIENT = frozenset({408, 502, 503, 504, *range(520, 531)})  # 520 to 530: of Cloudflare
_TRANSIENT_ONCE = 500  # a request that the service cannot serve fails in the same way again
_DEFAULT_PAUSE = 10.0  # seconds; the documentation's sample of Retry-After says 10
_ROUNDED_PAUSE = 1.0  # seconds; a Retry-After of 0 stands for less than a second


@attrs.frozen(kw_only=True)
class Retry:
    """The retry policy of a client.

    A read is sent again after a broken connection, a timeout, 408, 429, 502, 503, 504, 520 to 530,
    and once after 500. A write is sent again only if it certainly had no effect: there was no
    connection, or the service refused it with 429. Therefore an issue is never reported twice.
    After a 401, a request is sent once more if the token source has renewed its token.

    Args:
        attempts: The most attempts, including the first; 1 means no retries.
        total: The most seconds, or a timedelta, between the first failure and the start of the
            last attempt.
        base: The limit of the random wait after the first failure, in seconds or a timedelta; it
            doubles with each further failure.
        cap: The highest limit of the random wait, in seconds or a timedelta.
        random: Returns a number from 0 to 1; for tests.
    """

    attempts: int = attrs.field(
        default=4,
        converter=numbers.as_integer,
        validator=validation.validate_range(1, 100, integer=True),
    )
    total: float = attrs.field(
        default=180.0, converter=as_seconds, validator=validate_seconds(0, 86_400)
    )
    base: float = attrs.field(
        default=0.5, converter=as_seconds, validator=validate_seconds(0, 3_600)
    )
    cap: float = attrs.field(
        default=30.0, converter=as_seconds, validator=validate_seconds(0, 3_600)
    )
    random: Callable[[], float] = attrs.field(default=random.random, repr=False, eq=False)

    def wait(
        self,
        error: SeeClickFixError,
        *,
        attempt: int,
        elapsed: float,
        safe: bool,
        repeated: bool = False,
    ) -> float | None:
        """Return the seconds until the next attempt, or None if there must not be one.

        Args:
            error: The error of the last attempt.
            attempt: The number of that attempt, from 1.
            elapsed: Seconds since the first attempt failed.
            safe: Whether the request only reads.
            repeated: Whether an earlier attempt failed with the same status.
        """
        if attempt >= self.attempts or not _is_retryable(error, safe=safe, repeated=repeated):
            return None
        retry_after = getattr(error, "retry_after", None)
        if isinstance(error, RateLimitedError):
            retry_after = pause_after(error)
        jitter = backoff.backoff(attempt, random=self.random(), base=self.base, cap=self.cap)
        wait = jitter if retry_after is None else retry_after
        return wait if elapsed + wait <= self.total else None


DEFAULT_RETRY = Retry()


def pause_after(error: RateLimitedError) -> float:
    """Return the seconds in which no request may be sent after a 429."""
    if error.retry_after is None:
        return _DEFAULT_PAUSE
    return error.retry_after or _ROUNDED_PAUSE


def _is_retryable(error: SeeClickFixError, *, safe: bool, repeated: bool) -> bool:
    if isinstance(error, ConnectionFailedError):
        return not isinstance(error, InvalidEnvironmentError)
    if isinstance(error, RateLimitedError):
        return error.status is not None  # without a status, the limiter refused by max_wait
    if isinstance(error, ServerError):
        is_first = error.status == _TRANSIENT_ONCE and not repeated
        return safe and (is_first or error.status in _TRANSIENT)
    return safe and isinstance(error, AnswerLostError)
