"""The rate limit of the service."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

import attrs

from seeclickfix_async._core import numbers
from seeclickfix_async.sandbox._bounds import at_least

Window = Literal["fixed", "sliding", "bucket"]


@attrs.define(eq=False)
class Quota:
    """A limit of `limit` requests in `per` seconds, or a timedelta (20 a minute are documented).

    The type of window is not documented: a `fixed` one begins with the first request after the
    last window, a `sliding` one ends at each request, and a `bucket` has `limit` tokens and is
    refilled evenly. A refused request does not count.

    Attributes:
        refused: The number of refused requests.
    """

    limit: int = attrs.field(
        default=20, converter=numbers.as_integer, validator=at_least(1, integer=True)
    )
    per: float = attrs.field(default=60.0, converter=numbers.as_seconds, validator=at_least(0.001))
    window: Window = "fixed"
    clock: Callable[[], float] = time.monotonic
    refused: int = attrs.field(default=0, init=False)
    _times: deque[float] = attrs.field(factory=deque, init=False)
    _tokens: float = attrs.field(init=False)
    _refilled_at: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._tokens = float(self.limit)
        self._refilled_at = -math.inf

    def take(self) -> float:
        """Count a request. Return 0, or the seconds to wait if it is refused."""
        windows = {"fixed": self._fixed, "sliding": self._sliding, "bucket": self._bucket}
        wait = windows[self.window](self.clock())
        self.refused += wait > 0
        return wait

    def _fixed(self, now: float) -> float:
        if self._times and now - self._times[0] >= self.per:
            self._times.clear()
        return self._count(now)

    def _sliding(self, now: float) -> float:
        while self._times and now - self._times[0] >= self.per:
            self._times.popleft()
        return self._count(now)

    def _count(self, now: float) -> float:
        if len(self._times) >= self.limit:
            return self._times[0] + self.per - now
        self._times.append(now)
        return 0.0

    def _bucket(self, now: float) -> float:
        gained = (now - self._refilled_at) * self.limit / self.per
        self._tokens = min(self.limit, self._tokens + gained)
        self._refilled_at = now
        if self._tokens < 1:
            return (1 - self._tokens) * self.per / self.limit
        self._tokens -= 1
        return 0.0
