"""A feed of changes that never misses one.

Each look walks over what was updated since the last one, by the clock and with an overlap, so
that neither bursts nor outages lose anything; keys tell what was told already.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import attrs
import msgspec

from seeclickfix_async import checks, timing
from seeclickfix_async.changes import Change, changes_of
from seeclickfix_async.crawl import Crawl
from seeclickfix_async.errors import (
    DecodeError,
    InvalidArgumentError,
    RateLimitedError,
    SeeClickFixError,
    ServerError,
    TransportError,
    TruncatedResultsError,
)
from seeclickfix_async.models import DetailedIssue
from seeclickfix_async.report import Report
from seeclickfix_async.transport.clock import Clock

_logger = logging.getLogger("seeclickfix_async")

OVERLAP = timedelta(minutes=2)
"""A look reaches so far back beyond the last one: replicas lag, and seconds are crowded."""

FAR = datetime(2100, 1, 1, tzinfo=UTC)
"""Where a look ends; always the same, so that the service can answer with a 304."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_PAUSE = 900.0  # seconds between looks, when they fail
_PASSING = (DecodeError, RateLimitedError, ServerError, TransportError, TruncatedResultsError)

Crawls = Callable[[datetime, datetime], Crawl[DetailedIssue]]
Newest = Callable[[], Awaitable[tuple[DetailedIssue, ...]]]


@attrs.define(eq=False)
class Cursor:
    """Where a feed stands, as a value for JSON.

    Attributes:
        began: What happened before the feed began is not told.
        since: What was updated until then has been told.
        floor: The same when the look under way began: what happened later may be untold.
        seen: The keys of what was told since then, each with its moment.
        first: Whether the first look is not over yet.
    """

    began: datetime
    since: datetime
    floor: datetime
    seen: dict[str, datetime] = attrs.field(factory=dict)
    first: bool = True

    @classmethod
    def read(cls, value: Any) -> Cursor:
        """From what `Watch.cursor` gave.

        Raises:
            InvalidArgumentError: It is none.
        """
        try:
            cursor = msgspec.convert(value, cls)
        except msgspec.ValidationError as error:
            raise InvalidArgumentError(
                "cursor", f"must be what watch.cursor gave: {error}."
            ) from None
        for one in (cursor.began, cursor.since, cursor.floor):
            if one.utcoffset() is None:
                raise InvalidArgumentError("cursor", "has a moment without a time zone.")
        return cursor

    @classmethod
    def at(cls, newest: tuple[DetailedIssue, ...]) -> Cursor:
        """Now: right after the newest update."""
        updates = [issue.updated_at for issue in newest if issue.updated_at is not None]
        now = max(updates, default=_NEVER)
        return cls(now, now, now)

    def untold(self, issue: DetailedIssue) -> list[Change]:
        """What happened to an issue and has not been told."""
        earliest = max(self.began, self.floor - OVERLAP)
        changes = [change for change in changes_of(issue) if change.at >= earliest]
        if self.first:  # more may happen in the very second in which the feed begins
            self.seen.update({one.key: one.at for one in changes if one.at == self.began})
        return [change for change in changes if change.key not in self.seen]

    def reach(self, updated: datetime | None) -> None:
        """Everything of an issue was told."""
        if updated is not None:
            self.since = max(self.since, updated)

    def rest(self) -> None:
        """The look is over: forget the keys that no look will meet again."""
        self.first = False
        self.floor = self.since
        earliest = self.floor - OVERLAP
        self.seen = {key: at for key, at in self.seen.items() if at >= earliest}


class Watch:
    """A feed of changes: `async for change in client.issues.watch(...)`; it never ends by itself.

    Failures that pass are waited out, with longer and longer pauses. Cancelling it loses nothing:
    a new one goes on from `cursor`.
    """

    def __init__(
        self, crawls: Crawls, newest: Newest, *, every: float, cursor: Any, clock: Clock
    ) -> None:
        checks.number("every", every, 0.001, 86_400, whole=False)
        self._crawls = crawls
        self._newest = newest
        self._every = every
        self._clock = clock
        self._cursor = None if cursor is None else Cursor.read(cursor)
        self._look: Crawl[DetailedIssue] | None = None
        self._pause = 0.0  # seconds until the next look
        self._failures = 0
        self._ready: deque[tuple[Change, Cursor]] = deque()

    @property
    def cursor(self) -> dict[str, Any] | None:
        """Where the feed stands, for `client.issues.watch(cursor=)`; None before it began.

        Keep it when a change has been dealt with: it covers this one and all before. What was
        given out and not covered comes again after a restart, with the same key.
        """
        cursor: dict[str, Any] | None = msgspec.to_builtins(self._cursor)
        return cursor

    async def begin(self) -> None:
        """Learn where the feed begins, so that its cursor can be kept before anything happens.

        Iterating does it too; with a cursor there is nothing to learn.
        """
        while self._cursor is None:
            await self._try()

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Change:
        while not self._ready:
            await self._try()
        change, cursor = self._ready.popleft()
        cursor.seen[change.key] = change.at
        if not self._ready:
            cursor.reach(change.issue.updated_at)
        return change

    async def _try(self) -> None:
        try:
            await self._go_on()
        except _PASSING as error:
            self._back_off(error)

    async def _go_on(self) -> None:
        """To the next issue of a look, or to the next look."""
        if self._look is None:
            await self._clock.wait(anyio.Event(), self._pause)
        if self._cursor is None:
            self._cursor = Cursor.at(await self._newest())
            self._pause = self._every
            return
        if self._look is None:
            self._look = self._crawls(self._cursor.since - OVERLAP, FAR)
        issue = await anext(self._look, None)
        self._failures = 0
        if issue is None:
            self._rest(self._cursor, self._look.report)
            return
        self._ready.extend((change, self._cursor) for change in self._cursor.untold(issue))
        if not self._ready:
            self._cursor.reach(issue.updated_at)

    def _rest(self, cursor: Cursor, report: Report) -> None:
        """A look is over."""
        self._look = None
        self._pause = self._every
        if report.complete:
            cursor.rest()
        else:
            _logger.warning("A look at the feed is not complete: %s", " ".join(report.reasons))

    def _back_off(self, error: SeeClickFixError) -> None:
        self._failures += 1
        self._look = None
        jitter = timing.backoff(self._failures, random=1.0, base=self._every, cap=_LONGEST_PAUSE)
        self._pause = max(self._every, jitter, getattr(error, "retry_after", None) or 0.0)
        _logger.warning("The feed waits %.0f s: %s", self._pause, error)
