"""A feed of changes that never misses one.

Each look walks over what was updated since the last one. The cursor decides from where on a look
reads, and what of it is new; here the looks are taken, repeated and waited for.
"""

from __future__ import annotations

import logging
from collections import deque
from datetime import datetime, timedelta
from typing import Any

import anyio
import attrs

from seeclickfix_async._api.issue_pages import IssuePages
from seeclickfix_async._api.pagination import Page
from seeclickfix_async._api.query import DETAILED_PER_PAGE, IssueQuery
from seeclickfix_async._core import backoff, validation
from seeclickfix_async._crawl.crawl import Crawl
from seeclickfix_async._watch.changes import Change
from seeclickfix_async._watch.cursor import FAR, OVERLAP, Cursor
from seeclickfix_async.errors import (
    DecodeError,
    RateLimitedError,
    SeeClickFixError,
    ServerError,
    TransportError,
    TruncatedResultsError,
)
from seeclickfix_async.models import DetailedIssue

_logger = logging.getLogger("seeclickfix_async")

_LONGEST_PAUSE = 900.0  # seconds between looks, when they fail
_REPEATS = 2  # of a look that is not complete, before the feed goes on without the rest
_PASSING = (DecodeError, RateLimitedError, ServerError, TransportError, TruncatedResultsError)


class Watch:
    """A feed of changes: `async for change in client.issues.watch(...)`; it never ends by itself.

    Failures that pass are waited out, with longer and longer pauses. Cancelling it loses nothing:
    a new one goes on from `cursor`.
    """

    def __init__(self, pages: IssuePages, query: IssueQuery, *, every: float, cursor: Any) -> None:
        validation.in_range("every", every, 0.001, 86_400, integer=False)
        self._pages = pages
        self._query = query
        self._every = every
        self._clock = pages.clock
        self._cursor = None if cursor is None else Cursor.load(cursor)
        self._clock_read_at = self._clock.now()  # when the cursor's `now` was the service's
        self._look: Crawl[DetailedIssue] | None = None
        self._clock_known = False  # whether the look has told the service's clock
        self._since = FAR  # where the cursor stood when the look began
        self._moved_at = self._clock_read_at  # when that was last moved
        self._repeats = 0
        self._due = self._clock_read_at  # when the next look is
        self._failures = 0
        self._ready: deque[Change] = deque()  # of one issue

    @property
    def cursor(self) -> dict[str, Any] | None:
        """Where the feed stands, for `client.issues.watch(cursor=)`; None before it began.

        A value for JSON, of less than 64 kB. Keep it when a change has been dealt with: it covers
        this one and all before. What was given out and not covered comes again after a restart,
        with the same key.
        """
        cursor = self._cursor
        return None if cursor is None or cursor.beginning else cursor.dump()

    async def begin(self) -> None:
        """Learn where the feed begins, so that its cursor can be kept before anything happens.

        Iterating does it too; with a cursor there is nothing to learn. When it is cancelled, the
        next call goes on.
        """
        while self._cursor is None or self._cursor.beginning:
            await self._try()

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Change:
        while self._cursor is None or not self._ready:
            await self._try()
        change = self._ready.popleft()
        self._cursor.record(change.issue, change, self._ready)
        return change

    async def _try(self) -> None:
        try:
            await self._go_on()
        except _PASSING as error:
            self._back_off(error)

    async def _go_on(self) -> None:
        """To the next issue of a look, or to the next look."""
        if self._look is None:
            await self._clock.wait(anyio.Event(), max(0.0, self._due - self._clock.now()))
        if self._cursor is None:
            await self._find_start()
            return
        if self._look is None:
            self._look, self._clock_known = self._crawl_updates(self._cursor.start), False
            self._since = self._cursor.since
        issue = await anext(self._look, None)
        self._failures = 0
        if not self._clock_known and self._update_clock(self._cursor, self._look):
            self._look = None
        elif issue is None:
            self._finish_look(self._cursor, self._look)
        elif self._cursor.beginning:
            self._cursor.record(issue)
        else:
            self._ready.extend(self._cursor.find_new_changes(issue))
            if not self._ready:
                self._cursor.record(issue)

    def _crawl_updates(self, start: datetime) -> Crawl[DetailedIssue]:
        query = attrs.evolve(self._query, updated_at_after=start, updated_at_before=FAR)
        return Crawl(self._pages, query, by="updated_at")

    async def _find_start(self) -> None:
        newest = attrs.evolve(self._query, sort="updated_at", sort_direction="DESC")
        page: Page[DetailedIssue] = await self._pages.get(newest)
        whole = page.next_page is None and page.entries is not None and page.entries <= page.size
        self._clock_read_at = self._clock.now()
        self._cursor = Cursor.begin(page.items, page.response.date, whole=whole)
        if not self._cursor.beginning:
            self._due = self._clock.now() + self._every

    def _update_clock(self, cursor: Cursor, look: Crawl[DetailedIssue]) -> bool:
        """Learn the service's clock from a look's first answer; whether it was put back."""
        now = self._clock.now()
        elapsed = timedelta(seconds=now - self._clock_read_at)
        self._clock_read_at, self._clock_known = now, True
        return cursor.update_clock(look.date, elapsed)

    def _finish_look(self, cursor: Cursor, look: Crawl[DetailedIssue]) -> None:
        """End a look; one that is not complete is repeated from where it began, but not for ever.

        What came is known, and is not told again; rows that cannot be read were logged.
        """
        self._look = None
        self._due = self._clock.now() + self._every
        report = look.report
        is_read = report.complete or (report.rejected > 0 and len(report.reasons) == 1)
        self._repeats = 0 if is_read else (self._repeats + 1) % (_REPEATS + 1)
        if not is_read:
            _logger.warning("A look at the feed is not complete: %s", " ".join(report.reasons))
        if self._repeats:
            cursor.since = self._since
        if cursor.since != self._since:
            self._moved_at = self._clock.now()
        quiet = self._clock.now() - self._moved_at > OVERLAP.total_seconds()
        cursor.finish_look(settled=quiet and is_read and report.received > DETAILED_PER_PAGE)

    def _back_off(self, error: SeeClickFixError) -> None:
        self._failures += 1
        self._look = None
        jitter = backoff.backoff(self._failures, random=1.0, base=self._every, cap=_LONGEST_PAUSE)
        pause = max(self._every, jitter, getattr(error, "retry_after", None) or 0.0)
        self._due = self._clock.now() + pause
        _logger.warning("The feed waits %.0f s: %s", pause, error)
