"""The position of a feed: the changes that were delivered, and where the next poll begins.

Invariant. A change is delivered if and only if its key is unknown; timestamps of a row are not
compared with each other. For that the cursor has four values:

* `since`: every row whose update was visible, with an `updated_at` before it, has been read. It
  never exceeds the service's own time, so that a row dated in the future does not move it; and only
  rows move it, since they may be stamped long before the Date header.
* A poll reads every row updated from `start` on, which is `OVERLAP` before `since`: an update that
  becomes visible later was stamped by a server whose clock is slow by less than that. When nothing
  has been updated for that long, nothing can appear before `since`. While nothing happens, `start`
  is unchanged, so that the service can confirm its last response.
  For an hour after a poll with unreadable rows, polls begin no later than it did, in case these
  become readable without an update.
* `seen`: the keys of every row that was read with an `updated_at` from `remembered` on; `start` is
  never earlier than `remembered`. So each row that a poll can read again has its keys in `seen`,
  and a row that has none there has not been read since.
* `now`: the service's time when the last poll began; without a Date header a lower bound, which
  advances only with the monotonic clock.

For a row that a poll reads, it follows:

* A known row has its whole recent past in `seen`: each of its other keys is new, whatever its
  timestamp (a status backdated by another system, a comment that a moderator released later).
* An unknown row had no update after `remembered`, so its changes with later timestamps are new. The
  earlier ones are old, or came late: they count as late if no change with a timestamp of its own
  explains the update, and otherwise only the one that set the current status; at most `MAX_DELAY`
  before the update.
* If nothing of a row is new but its `updated_at`, the issue was edited.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs
import msgspec

from seeclickfix_async._core.timestamps import EARLIEST, LATEST, clamp
from seeclickfix_async._watch.changes import (
    Change,
    archive_changes,
    edit_changes,
    find_changes,
    identity_key,
    is_current,
)
from seeclickfix_async._watch.saved_cursor import EarlySavedCursor, SavedCursor, check_times
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue

_logger = logging.getLogger("seeclickfix_async.watch")

OVERLAP = timedelta(minutes=15)
"""The period before `since` that a poll reads: three times the observed skew of servers' clocks.

A city with 2,000 updates a day has 21 in it, which takes one or two requests per poll.
"""

HISTORY = timedelta(days=7)
"""The time for which the keys of a row are remembered after its last update, if they fit."""

MAX_DELAY = timedelta(days=2)
"""The age up to which a change of an unknown row may count as new."""

REREAD_PERIOD = timedelta(hours=1)
"""The time for which polls read again from before a row that could not be read."""

_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_EXACT = timedelta(hours=3)  # older updates are grouped by the hour, which is smaller
_DIGEST = 6  # characters of a key's digest: 36 bits
_GROUP_SIZE = 36  # characters at most, with separators
_MAX_SIZE = 56_000  # characters of all keys
_CHECK_INTERVAL = 64  # new keys, after which the size is computed again
_MAX_HISTORY_SIZE = 32_000  # beyond it, keys that no poll can read again are forgotten early


@attrs.define(eq=False)
class Cursor:
    """The position of a feed; the module describes its invariant.

    Attributes:
        since: Every update before this time has been read.
        now: The service's time when the last poll began, or a lower bound.
        remembered: The keys of every row that was updated since this time are in `seen`.
        after: Updates before this time need not be read again, whatever `since` is.
        seen: Digests of keys, each with the last update of its row that was read.
        reread_from: Polls begin no later than here until `reread_until`, for unreadable rows.
        is_first_poll: Whether the current poll is the first, which delivers nothing.
    """

    since: datetime
    now: datetime
    remembered: datetime
    after: datetime = EARLIEST
    seen: dict[str, datetime] = attrs.field(factory=dict)
    reread_from: datetime = EARLIEST
    reread_until: datetime = EARLIEST
    is_first_poll: bool = False
    # Keys of rows that were updated before this were evicted in the current poll.
    _evicted_before: datetime = EARLIEST
    _newest: datetime = EARLIEST  # update of a row whose changes have been delivered
    _recorded: DetailedIssue | None = None  # its keys are in `seen`, without pending ones
    _check_size_at: int = 0  # the number of keys at which their size is computed again

    @property
    def start(self) -> datetime:
        """The time of update from which the next poll reads."""
        start = self.since - OVERLAP
        if self.now < self.reread_until:
            start = min(start, self.reread_from)
        return max(start, self.after)

    @classmethod
    def begin(
        cls, rows: Sequence[DetailedIssue], now: datetime | None, *, is_complete: bool
    ) -> Cursor:
        """Return the cursor of a feed that begins now: the changes in these rows are known.

        Without the service's time, the median of the newest updates is the lower bound: an earlier
        one costs requests, and a later one would lose changes.

        Args:
            rows: The rows that were updated last, without gaps.
            now: The service's time, from its Date header.
            is_complete: Whether there are no other rows.
        """
        updates = sorted(clamp(row.updated_at) for row in rows)
        if now is None:
            now = updates[(len(updates) - 1) // 2] if updates else EARLIEST
        now = clamp(now)
        # Rows may be stamped long before the Date header, which is only an upper bound.
        since = max(
            (update for update in updates if update <= now), default=now if updates else EARLIEST
        )
        # More rows of the second in which the page ends may exist.
        oldest = EARLIEST if is_complete or not updates else updates[0] + _SECOND
        remembered = max(EARLIEST, min(oldest, since - OVERLAP))
        cursor = cls(since, now, remembered, is_first_poll=oldest > since - OVERLAP)
        for row in rows:
            cursor.record(row)
        return cursor

    def update_clock(self, date: datetime | None, elapsed: timedelta) -> bool:
        """Set the service's time from the first response of a poll; return whether it was put back.

        If so, updates since the last poll may be stamped before `start`, and the poll has to begin
        anew.

        Args:
            date: The service's time, from its Date header.
            elapsed: The time since the first response of the last poll, as far as is known.
        """
        self.now = clamp(self.now + elapsed if date is None else date)
        earliest = clamp(self.now - elapsed)
        if earliest >= self.since - OVERLAP / 2:
            return False
        _logger.warning("The service's clock was put back to %s; the feed continues.", self.now)
        self.move_back(earliest)
        self.reread_until = EARLIEST
        self.remembered = min(self.remembered, self.since - OVERLAP)
        self.after = min(self.after, self.since - OVERLAP)
        return True

    def advance(self, read_until: datetime | None) -> None:
        """Move `since` to the newest delivered update, as far as everything before it was read.

        Args:
            read_until: Everything before this time was read; None at the end of a poll.
        """
        newest = self._newest if read_until is None else min(self._newest, read_until)
        self.since = max(self.since, min(newest, self.now))

    def move_back(self, since: datetime) -> None:
        """Read again from an earlier time on.

        Updates that are grouped by the hour stay so: ungrouped, they might not fit.
        """
        self._group_old_updates()
        self.since = since
        self._newest = min(self._newest, since)

    def read_again(self) -> None:
        """Let polls begin no later than here for a while, since a row could not be read."""
        if self.now >= self.reread_until:
            self.reread_from = self.since - OVERLAP
            self.reread_until = self.now + REREAD_PERIOD

    def find_new_changes(self, issue: DetailedIssue) -> list[Change]:
        """List the changes of a row that have not been delivered, oldest first."""
        return [
            change for change in self._new_changes(issue) if _digest(change.key) not in self.seen
        ]

    def _new_changes(self, issue: DetailedIssue) -> list[Change]:
        changes = find_changes(issue)
        seen_at = self._last_update(issue)
        if seen_at is None:
            return self._new_in_unknown_row(issue, changes)
        oldest = self._oldest_remembered(issue)
        recent = [*(change for change in changes if change.at >= oldest), *archive_changes(issue)]
        new = [change for change in recent if _digest(change.key) not in self.seen]
        if new or issue.updated_at is None or _is_update(seen_at, _read_until(issue)):
            return new
        return edit_changes(issue)

    def _new_in_unknown_row(self, issue: DetailedIssue, changes: list[Change]) -> list[Change]:
        """List the new changes of an unknown row, by their timestamps."""
        updated = _read_until(issue)
        recent = [change for change in changes if change.at >= self.remembered]
        late = [change for change in changes if updated - MAX_DELAY <= change.at < self.remembered]
        if any(change.at >= updated - OVERLAP for change in recent):  # explains the update
            late = [change for change in late if is_current(change)]
        return [*late, *recent, *archive_changes(issue)] or edit_changes(issue)

    def record(
        self,
        issue: DetailedIssue,
        delivered: Change | None = None,
        pending: Collection[Change] = (),
    ) -> None:
        """Remember the keys of a row.

        Args:
            issue: The row.
            delivered: The change of the row that was just delivered, if any.
            pending: The changes of the row that are not delivered yet, and not remembered.
        """
        updated = _read_until(issue)
        keys = set() if delivered is None else {delivered.key}
        if delivered is None or issue is not self._recorded:
            keys |= {*self._keys(issue)} - {change.key for change in pending}
            self._recorded = issue
        for digest in map(_digest, keys):
            if not _is_update(self.seen.get(digest), updated):
                self.seen[digest] = updated
        if delivered is not None and not pending:
            self._newest = max(self._newest, min(clamp(issue.updated_at), self.now))
        if len(self.seen) > self._check_size_at:
            self._evict_if_full()

    def finish_poll(self, *, settled: bool, readable: bool = True) -> None:
        """End a poll.

        Args:
            settled: Whether updates until `since` need not be read again.
            readable: Whether all rows were read, so that no older one need be read again.
        """
        if readable:
            self.reread_until = EARLIEST
        if settled:
            self.after = max(self.after, self.since + _SECOND)
        self._raise_remembered(min(self._evicted_before, self.now))
        self._evicted_before = EARLIEST
        self.is_first_poll = False

    def _last_update(self, issue: DetailedIssue) -> datetime | None:
        """Return the update at which a row was last read, or None if it is unknown."""
        return self.seen.get(_digest(identity_key(issue)))

    def _keys(self, issue: DetailedIssue) -> Iterator[str]:
        """Return the key that identifies a row, and the keys that a later poll may find in it."""
        yield identity_key(issue)
        yield from (change.key for change in archive_changes(issue))
        oldest = self._oldest_remembered(issue) - _DAY  # the clock may be put back
        yield from (change.key for change in find_changes(issue) if change.at >= oldest)

    def _oldest_remembered(self, issue: DetailedIssue) -> datetime:
        """Return the time before which the changes of a known row count as old."""
        return min(_read_until(issue), self.now) - HISTORY

    def _evict_if_full(self) -> None:
        """Forget the oldest groups of keys, if they are too old or the size is above its limit."""
        groups = {group: len(digests) for group, digests in self._groups().items()}
        size = _GROUP_SIZE * len(groups) + _DIGEST * len(self.seen)
        oldest = self.start - HISTORY - _HOUR
        evict_before = EARLIEST
        for group, following in pairwise([*sorted(groups), LATEST + _HOUR]):
            limit = _MAX_HISTORY_SIZE if following <= self.start else _MAX_SIZE
            if group >= oldest and size <= limit:
                break
            size -= _GROUP_SIZE + _DIGEST * groups[group]
            end = group + (_HOUR if group == _group_hour(group) else _SECOND)
            evict_before = max(oldest, min(following, end))
        if evict_before > EARLIEST:
            self._evict_before(evict_before)
        self._check_size_at = len(self.seen) + _CHECK_INTERVAL

    def _evict_before(self, before: datetime) -> None:
        """Forget the keys of rows that were last updated before a time.

        More rows of the second `since` may appear during the poll, so `remembered` does not exceed
        it before the end: after a restart, a change is delivered twice rather than never.
        """
        if self._evicted_before <= self.since - OVERLAP < before:
            _logger.warning("Too many changes to remember: polls reach back to %s only.", before)
        for group, digests in self._groups().items():
            if group < before:
                for digest in digests:
                    del self.seen[digest]
        self._evicted_before = max(self._evicted_before, before)
        self._raise_remembered(min(before, self.since))

    def _raise_remembered(self, time: datetime) -> None:
        """Record that the keys of rows updated before a time are incomplete."""
        if time > self.remembered:
            self.remembered = time
            self.after = max(self.after, time)

    def _groups(self) -> dict[datetime, list[str]]:
        """Group the keys by update, those of older updates by the hour."""
        self._group_old_updates()
        groups: dict[datetime, list[str]] = {}
        for digest, updated in self.seen.items():
            groups.setdefault(updated, []).append(digest)
        return groups

    def _group_old_updates(self) -> None:
        exact = self.start - _EXACT
        for digest, updated in self.seen.items():
            if updated < exact:
                self.seen[digest] = _group_hour(updated)

    def dump(self) -> dict[str, Any]:
        """Convert to a value for JSON, of less than 64 kB."""
        seen = {group: "".join(digests) for group, digests in self._groups().items()}
        reread = self.reread_from, self.reread_until
        saved = SavedCursor(self.since, self.now, self.remembered, self.after, seen, *reread)
        value: dict[str, Any] = msgspec.to_builtins(saved)
        return value

    @classmethod
    def load(cls, value: Any) -> Cursor:
        """Convert back from the value of `dump`, or of an early version.

        Raises:
            InvalidArgumentError: The value is not a cursor.
        """
        is_early = isinstance(value, Mapping) and "floor" in value
        try:
            return _load_early(value) if is_early else _load(value)
        except (msgspec.ValidationError, UnicodeError) as error:
            raise InvalidArgumentError(
                "cursor", f"must be a value of watch.cursor: {error}."
            ) from None


def _load(value: Any) -> Cursor:
    saved = msgspec.convert(value, SavedCursor)
    times = (saved.since, saved.now, saved.remembered, saved.after)
    reread = (saved.reread_from, saved.reread_until)
    check_times(*times, *reread, *saved.seen)
    cursor = Cursor(*times, reread_from=reread[0], reread_until=reread[1])
    for updated, digests in saved.seen.items():
        if len(digests) % _DIGEST or not digests.isascii():
            raise InvalidArgumentError("cursor", "has truncated keys.")
        for place in range(0, len(digests), _DIGEST):
            cursor.seen[digests[place : place + _DIGEST]] = updated
    return cursor


def _load_early(value: Any) -> Cursor:
    saved = msgspec.convert(value, EarlySavedCursor)
    check_times(saved.since, saved.floor, *saved.seen.values())
    remembered = saved.floor if saved.first else saved.floor - timedelta(minutes=2)  # its overlap
    seen = {_digest(key): at for key, at in saved.seen.items()}
    return Cursor(saved.since, saved.since, remembered, remembered, seen)


def _digest(key: str) -> str:
    digest = hashlib.blake2b(key.encode(), digest_size=6).digest()
    return base64.b64encode(digest)[:_DIGEST].decode()


def _group_hour(time: datetime) -> datetime:
    """Return the time that stands for all updates of an hour; no service stamps a microsecond."""
    return time.replace(minute=0, second=0, microsecond=1)


def _read_until(issue: DetailedIssue) -> datetime:
    """Return the time until which polls read a row: for ever, if it has no time of update."""
    return LATEST if issue.updated_at is None else clamp(issue.updated_at)


def _is_update(seen: datetime | None, updated: datetime) -> bool:
    """Check whether a time in `seen` stands for this update."""
    return seen in (updated, _group_hour(updated))
