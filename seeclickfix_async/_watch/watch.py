"""The change feed, which polls for updates.

Each poll crawls the issues that were updated since the last one. The cursor decides where a poll
begins and which changes are new; this module runs, repeats and schedules the polls.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from datetime import datetime, timedelta
from functools import partial
from inspect import isawaitable
from typing import Any, NoReturn

import anyio
import attrs

from seeclickfix_async._api.issue_pages import IssuePages
from seeclickfix_async._api.page import Page
from seeclickfix_async._api.query import DETAILED_PER_PAGE, IssueQuery, describe_empty
from seeclickfix_async._core import backoff
from seeclickfix_async._core.duration import Duration, to_seconds
from seeclickfix_async._core.timestamps import LATEST
from seeclickfix_async._crawl.crawl import Crawl
from seeclickfix_async._transport.background import BackgroundTask
from seeclickfix_async._watch.changes import Change
from seeclickfix_async._watch.cursor import OVERLAP, REREAD_PERIOD, Cursor
from seeclickfix_async._watch.outbox import Delivery, Outbox, Send
from seeclickfix_async.errors import (
    ChallengeError,
    DecodeError,
    InvalidArgumentError,
    InvalidEnvironmentError,
    RateLimitedError,
    SeeClickFixError,
    ServerError,
    TransportError,
    TruncatedResultsError,
)
from seeclickfix_async.models import DetailedIssue

_logger = logging.getLogger("seeclickfix_async.watch")

_MAX_PAUSE = 900.0  # seconds between failed polls
_REPEATS = 2  # of an incomplete poll, before the feed continues without the rest
_TEMPORARY = (
    ChallengeError,
    DecodeError,
    RateLimitedError,
    ServerError,
    TransportError,
    TruncatedResultsError,
)


class Watch:
    """A feed of changes: `async for change in client.issues.watch(...)`. It has no end.

    After temporary failures it polls again, with increasing pauses. Cancellation loses nothing: a
    new feed continues from `cursor`.

    Raises:
        StatusError: The service refused permanently, as with a wrong token or area.
        InvalidEnvironmentError: A variable for a proxy or certificates is wrong.
        anyio.BusyResourceError: Another task is reading this feed.
    """

    def __init__(
        self, pages: IssuePages, query: IssueQuery, *, every: Duration, cursor: Any
    ) -> None:
        self._pages = pages
        self._query = query
        self._every = to_seconds("every", every, 0.001, 86_400)
        self._clock = pages.clock
        params = sorted(query.params())
        # A digest of the site and the filters, which may contain a watcher token.
        self._identity = hashlib.sha256(repr((pages.site, params)).encode()).hexdigest()
        self._cursor = None if cursor is None else self._load(cursor)
        self._clock_read_at = self._clock.now()  # when `now` was set in the cursor
        self._poll: Crawl[DetailedIssue] | None = None
        self._clock_updated = False  # by the first response of the poll
        self._since = LATEST  # the cursor's, when the poll began
        self._moved_at = self._clock_read_at  # when that last changed
        self._repeats = 0
        self._due = self._clock_read_at  # the time of the next poll
        self._failures = 0
        self._pending: deque[Change] = deque()  # of one issue
        self._guard = anyio.ResourceGuard("being read by another task; use a feed for each")

    @property
    def cursor(self) -> dict[str, Any] | None:
        """The position of the feed, for `client.issues.watch(cursor=)`; None before it has begun.

        A value for JSON, of less than 64 kB. Save it after you have processed a change: it covers
        this change and all before. Changes that the saved cursor does not cover are delivered again
        after a restart, with the same keys.
        """
        cursor = self._cursor
        if cursor is None or cursor.is_first_poll:
            return None
        return {"feed": self._identity, **cursor.dump()}

    async def begin(self) -> None:
        """Find the position where the feed begins, so that its cursor can be saved at once.

        Iterating calls this as well; a feed with a cursor has begun already. After a cancellation,
        the next call continues.

        Raises:
            StatusError: The service refused permanently, as with a wrong token or area.
        """
        while self._cursor is None or self._cursor.is_first_poll:
            await self._advance_or_back_off()

    async def deliver(self, send: Send, outbox: Outbox) -> NoReturn:
        """Send each change to another system, and record that in an outbox. It has no end.

        The feed continues where the outbox ends; its own `cursor` is used only if the outbox is
        new. A change is recorded when `send` returns, also if this is cancelled at that moment. If
        `send` raises, this raises the same error, and the change is delivered again the next time,
        with `attempts` of 1 or more.

        Args:
            send: Awaited for one `Delivery` at a time. It passes `delivery.change.key` to the
                receiver, or looks it up there if `delivery.attempts` is not 0.
            outbox: A `SqliteOutbox`, or your own `Outbox`.

        Raises:
            InvalidArgumentError: The outbox belongs to another feed, or `send` is not async.
            StatusError: The service refused permanently.
        """
        saved = await outbox.load(self._identity)
        if saved is not None:
            self._resume(self._load(saved))
        await self.begin()
        await outbox.save(self.cursor or {})
        async for change in self:
            attempts = await outbox.claim(change.key)
            if attempts is not None:
                sending: object = send(Delivery(change, attempts))
                if not isawaitable(sending):
                    raise InvalidArgumentError("send", "must be an async function.")
                await sending
            save = partial(outbox.save, self.cursor or {}, change.key)
            await BackgroundTask(save).finish()  # it was sent: a cancelled feed records it, too
        raise AssertionError("A feed has no end.")

    def _resume(self, cursor: Cursor) -> None:
        """Continue from a cursor, without what was read and not yet delivered."""
        self._cursor = cursor
        self._clock_read_at = self._due = self._clock.now()
        self._poll, self._clock_updated, self._repeats = None, False, 0
        self._pending.clear()

    def _load(self, saved: Any) -> Cursor:
        """Return a saved cursor, unless it is that of another feed, which would lose changes."""
        cursor = Cursor.load(saved)
        if saved.get("feed", self._identity) != self._identity:
            raise InvalidArgumentError(
                "cursor",
                "belongs to a feed of another site, or with another area or other filters. Save "
                "the cursor of each feed by itself.",
            )
        return cursor

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> Change:
        while self._cursor is None or not self._pending:
            await self._advance_or_back_off()
        change = self._pending.popleft()
        self._cursor.record(change.issue, change, self._pending)
        if self._poll is not None and not self._pending:
            self._cursor.advance(self._poll.received_until)
        return change

    async def _advance_or_back_off(self) -> None:
        try:
            with self._guard:
                await self._advance()
        except InvalidEnvironmentError:
            raise
        except _TEMPORARY as error:
            self._back_off(error)

    async def _advance(self) -> None:
        """Read the next issue of the poll, or begin or end a poll."""
        if self._poll is None:
            await self._clock.wait(anyio.Event(), max(0.0, self._due - self._clock.now()))
        if self._cursor is None:
            await self._find_start()
            return
        if self._poll is None:
            self._poll, self._clock_updated = self._crawl_updates(self._cursor.start), False
            self._since = self._cursor.since
        issue = await anext(self._poll, None)
        self._failures = 0
        if not self._clock_updated and self._update_clock(self._cursor, self._poll):
            self._poll = None
            return
        if self._poll.report.rejected:
            self._cursor.read_again()
        if issue is None:
            self._finish_poll(self._cursor, self._poll)
        elif self._cursor.is_first_poll:
            self._cursor.record(issue)
        else:
            self._pending.extend(self._cursor.find_new_changes(issue))
            if not self._pending:
                self._cursor.record(issue)

    def _crawl_updates(self, start: datetime) -> Crawl[DetailedIssue]:
        query = attrs.evolve(self._query, updated_at_after=start, updated_at_before=LATEST)
        return Crawl(self._pages, query, by="updated_at")

    async def _find_start(self) -> None:
        newest = attrs.evolve(self._query, sort="updated_at", sort_direction="DESC")
        page: Page[DetailedIssue] = await self._pages.get(newest)
        if page.entries == 0 and self._query.area is not None:
            _logger.warning(describe_empty(self._query))
        is_counted = page.entries is not None and page.entries <= page.size
        is_complete = page.next_page is None and is_counted
        self._clock_read_at = self._clock.now()
        self._cursor = Cursor.begin(page.items, page.response.date, is_complete=is_complete)
        if not self._cursor.is_first_poll:
            self._due = self._clock.now() + self._every

    def _update_clock(self, cursor: Cursor, poll: Crawl[DetailedIssue]) -> bool:
        """Set the service's time from the first response; return whether its clock was put back."""
        now = self._clock.now()
        elapsed = timedelta(seconds=now - self._clock_read_at)
        self._clock_read_at, self._clock_updated = now, True
        return cursor.update_clock(poll.date, elapsed)

    def _finish_poll(self, cursor: Cursor, poll: Crawl[DetailedIssue]) -> None:
        """End a poll; an incomplete one is repeated from its beginning, a limited number of times.

        Its changes are known and are not delivered again. Unreadable rows were logged; the next
        polls try to read them again.
        """
        self._poll = None
        self._due = self._clock.now() + self._every
        report = poll.report
        is_read = report.complete or (report.rejected > 0 and len(report.reasons) == 1)
        if is_read or self._repeats == _REPEATS:
            self._repeats = 0
        else:
            self._repeats += 1
        if not is_read:
            _logger.warning("A poll of the feed is incomplete: %s", " ".join(report.reasons))
        if self._repeats:
            cursor.move_back(self._since)
        else:
            cursor.advance(None)
        if cursor.since != self._since:
            self._moved_at = self._clock.now()
        quiet = REREAD_PERIOD if report.rejected else OVERLAP
        is_quiet = self._clock.now() - self._moved_at > quiet.total_seconds()
        cursor.finish_poll(
            settled=is_quiet and is_read and report.received > DETAILED_PER_PAGE,
            readable=report.complete,
        )

    def _back_off(self, error: SeeClickFixError) -> None:
        self._failures += 1
        self._poll = None
        delay = backoff.backoff(self._failures, random=1.0, base=self._every, cap=_MAX_PAUSE)
        pause = max(self._every, delay, getattr(error, "retry_after", None) or 0.0)
        self._due = self._clock.now() + pause
        _logger.warning("The feed polls again in %.1f s (%s)", pause, error.code)
