"""Where a feed stands: which changes it has told, and from which update on it must look again.

Invariant. A change is told exactly when its key is not known; no clock of one row is compared
with another's. For that the cursor holds four things:

* `since`: every row whose update was visible with an `updated_at` before it has been read. It
  never passes the service's own now, so that a row dated in the future moves it no further; but
  only rows move it, since they may be stamped long before the Date header.
* A look reads every row updated from `start` on, which lies `OVERLAP` before `since`: what becomes
  visible later was stamped by a server whose clock is behind by less than that. So when nothing
  has come for as long, there is nothing left to come before `since`. `start` stays while nothing
  happens, so that the service can confirm its last answer.
* `seen`: the keys of every row that was read with an `updated_at` from `remembered` on, and
  `start` is never earlier than `remembered`. So each row that a look can meet again is known by its
  keys, and a row of it that is not known has not been read since.
* `now`: the service's clock when the last look began; without a Date header a bound below it,
  which moves on only by the time that passed on the monotonic clock.

What follows for a row that a look brings:

* A row that is known has its whole recent past in `seen`: each of its other keys is new, whatever
  moment it bears (a status backdated by another system, a comment held by a moderator).
* A row that is not known had no update after `remembered`, so that what bears a later moment is
  new. What bears an earlier one is old, or came late: it is taken for late when nothing else
  explains the update, or when it is the status that the issue has now; at most `LATE` before.
* When nothing of a row is new but its `updated_at`, the issue was edited.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs
import msgspec

from seeclickfix_async._watch.changes import (
    Change,
    archive_changes,
    edit_changes,
    find_changes,
    identity_keys,
    is_current,
)
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue

_logger = logging.getLogger("seeclickfix_async")

OVERLAP = timedelta(minutes=15)
"""How far a look reaches back beyond `since`: three times what clocks of servers were seen apart.

A city of 2,000 updates a day has 21 in it, which is one or two requests a look.
"""

HISTORY = timedelta(days=7)
"""How long the keys of a row are remembered after its last update, if there is room."""

LATE = timedelta(days=2)
"""How long after its moment a change of a row that is not known is still taken for a new one."""

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
FAR = datetime(2100, 1, 1, tzinfo=UTC)

_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_EXACT = timedelta(hours=3)  # updates before that are kept by the hour, which takes less room
_DIGEST = 6  # characters of a key's digest: 36 bits
_GROUP = 36  # characters of a group at most, with separators
_ROOM = 56_000  # characters of all keys
_CHECK_EVERY = 64  # new keys, after which their room is counted again
_HISTORY_ROOM = 32_000  # when there are more, keys that no look can meet are forgotten early


@attrs.define(eq=False)
class Cursor:
    """Where a feed stands. See the module for what its moments mean.

    Attributes:
        since: Every update before it has been read.
        now: The service's clock when the last look began, or a bound below it.
        remembered: The keys of every row read with an update from here on are in `seen`.
        after: What was updated before it need not be read again, whatever `since` is.
        seen: Digests of keys, each with the last update of its row that was seen.
        beginning: Whether the look under way is the first one, which tells nothing.
    """

    since: datetime
    now: datetime
    remembered: datetime
    after: datetime = NEVER
    seen: dict[str, datetime] = attrs.field(factory=dict)
    beginning: bool = False
    _evicted: datetime = NEVER  # rows updated before it had to go in the look under way
    _check_at: int = 0  # how many keys there may be before their room is counted again

    @property
    def start(self) -> datetime:
        """The update from which the next look reads."""
        return max(self.since - OVERLAP, self.after)

    @classmethod
    def begin(cls, rows: Sequence[DetailedIssue], now: datetime | None, *, whole: bool) -> Cursor:
        """Begin now: what the newest rows hold already is known, and is not told.

        Without the service's clock, the median of the newest updates is taken for a bound below
        it: a lower one costs requests, and a higher one would lose changes.

        Args:
            rows: Those updated last, and none left out between them.
            now: The service's clock, if it tells it.
            whole: Whether there are no other rows.
        """
        updates = sorted(_clamp(row.updated_at) for row in rows)
        if now is None:
            now = updates[(len(updates) - 1) // 2] if updates else NEVER
        now = _clamp(now)
        # An issue may be stamped long before the Date header, so that it is a bound and no more.
        since = max((one for one in updates if one <= now), default=now if updates else NEVER)
        # There may be more rows of the very second in which the page ends.
        oldest = NEVER if whole or not updates else updates[0] + _SECOND
        remembered = max(NEVER, min(oldest, since - OVERLAP))
        cursor = cls(since, now, remembered, beginning=oldest > since - OVERLAP)
        for row in rows:
            cursor.record(row)
        return cursor

    def update_clock(self, date: datetime | None, elapsed: timedelta) -> bool:
        """Learn the service's clock from a look's first answer; whether it was put back.

        If it was, updates since the last look may be stamped before `start`, and the look has to
        begin anew.

        Args:
            date: The service's clock, if it tells it.
            elapsed: The time since the last look's first answer, as far as is known.
        """
        self.now = _clamp(self.now + elapsed if date is None else date)
        earliest = _clamp(self.now - elapsed)
        if earliest >= self.since - OVERLAP / 2:
            return False
        _logger.warning("The service's clock was put back to %s; the feed goes on there.", self.now)
        self.since = earliest
        self.remembered = min(self.remembered, self.since - OVERLAP)
        self.after = min(self.after, self.since - OVERLAP)
        return True

    def find_new_changes(self, issue: DetailedIssue) -> list[Change]:
        """List the changes of a row that have not been told, oldest first."""
        return [
            change for change in self._new_changes(issue) if _digest(change.key) not in self.seen
        ]

    def _new_changes(self, issue: DetailedIssue) -> list[Change]:
        changes = find_changes(issue)
        seen_at = self._last_update(issue)
        if seen_at is None:
            return self._new_changes_of_unknown(issue, changes)
        oldest = self._oldest_kept(issue)
        recent = [*(one for one in changes if one.at >= oldest), *archive_changes(issue)]
        news = [change for change in recent if _digest(change.key) not in self.seen]
        if news or issue.updated_at is None or seen_at == _clamp(issue.updated_at):
            return news
        return edit_changes(issue)

    def _new_changes_of_unknown(self, issue: DetailedIssue, changes: list[Change]) -> list[Change]:
        """Decide by moments what is new of a row that is not known."""
        fresh = {change.key for change in changes if change.at >= self.remembered}
        earliest = _clamp(issue.updated_at) - LATE
        late = [one for one in changes if earliest <= one.at < self.remembered]
        fresh.update(one.key for one in late if not fresh or is_current(one))
        return [one for one in changes if one.key in fresh] or (
            archive_changes(issue) or edit_changes(issue)
        )

    def record(
        self,
        issue: DetailedIssue,
        delivered: Change | None = None,
        pending: Collection[Change] = (),
    ) -> None:
        """Remember the keys of a row.

        Args:
            issue: The row.
            delivered: The change of it that was just delivered, if any.
            pending: Changes of it that are still to be delivered, and are not remembered.
        """
        updated = _clamp(issue.updated_at)
        keys = {*self._keys(issue)} - {change.key for change in pending}
        if delivered is not None:
            keys.add(delivered.key)
        for key in keys:
            self.seen[_digest(key)] = updated
        if delivered is not None and not pending:
            self.since = max(self.since, min(updated, self.now))
        if len(self.seen) > self._check_at:
            self._evict_if_full()

    def finish_look(self, *, settled: bool) -> None:
        """End a look.

        Args:
            settled: Whether what was updated until `since` need not be read again.
        """
        if settled:
            self.after = max(self.after, self.since + _SECOND)
        self._raise_remembered(min(self._evicted, self.now))
        self._evicted = NEVER
        self.beginning = False

    def _last_update(self, issue: DetailedIssue) -> datetime | None:
        """Return the update with which a row was last read; None if that is not known."""
        names = identity_keys(issue)
        for name in reversed(names) if archive_changes(issue) else names:
            if (updated := self.seen.get(_digest(name))) is not None:
                return updated
        return None

    def _keys(self, issue: DetailedIssue) -> Iterator[str]:
        """Return what a row is known by, and the keys that it may bring again."""
        yield identity_keys(issue)[bool(archive_changes(issue))]
        oldest = self._oldest_kept(issue) - _DAY  # the clock may be put back
        yield from (change.key for change in find_changes(issue) if change.at >= oldest)

    def _oldest_kept(self, issue: DetailedIssue) -> datetime:
        """Return the moment before which the changes of a known row are taken for old."""
        return min(_clamp(issue.updated_at), self.now) - HISTORY

    # -- room ---------------------------------------------------------------------------------

    def _evict_if_full(self) -> None:
        """Forget the oldest groups of keys that are too old, or too many."""
        groups = {group: len(digests) for group, digests in self._groups().items()}
        size = _GROUP * len(groups) + _DIGEST * len(self.seen)
        oldest, exact = _floor_to_hour(self.start - HISTORY), self.start - _EXACT
        kept_from = NEVER
        for group, following in pairwise([*sorted(groups), FAR + _HOUR]):
            room = _HISTORY_ROOM if following <= self.start else _ROOM
            if group >= oldest and size <= room:
                break
            size -= _GROUP + _DIGEST * groups[group]
            end = group + (_SECOND if group >= exact else _HOUR)
            kept_from = max(oldest, min(following, end))
        if kept_from > NEVER:
            self._evict_before(kept_from)
        self._check_at = len(self.seen) + _CHECK_EVERY

    def _evict_before(self, before: datetime) -> None:
        """Forget rows that were last updated before a moment.

        More rows of the second `since` may come as long as the look goes on, so that `remembered`
        does not pass it before the end: a restart would rather tell twice than not at all.
        """
        if self._evicted <= self.since - OVERLAP < before:
            _logger.warning("Too many changes to remember: looks reach back to %s only.", before)
        for group, digests in self._groups().items():
            if group < before:
                for digest in digests:
                    del self.seen[digest]
        self._evicted = max(self._evicted, before)
        self._raise_remembered(min(before, self.since))

    def _raise_remembered(self, moment: datetime) -> None:
        """Stop relying on the keys of rows that were updated before a moment."""
        if moment > self.remembered:
            self.remembered = moment
            self.after = max(self.after, moment)

    def _groups(self) -> dict[datetime, list[str]]:
        """Group the keys by update, those of former updates by the hour."""
        groups: dict[datetime, list[str]] = {}
        exact = self.start - _EXACT
        for digest, updated in self.seen.items():
            group = updated if updated >= exact else _floor_to_hour(updated)
            groups.setdefault(group, []).append(digest)
        return groups

    # -- as a value for JSON ------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """Return the cursor as a value for JSON, of less than 64 kB."""
        seen = {group: "".join(digests) for group, digests in self._groups().items()}
        value: dict[str, Any] = msgspec.to_builtins(
            _Kept(self.since, self.now, self.remembered, self.after, seen)
        )
        return value

    @classmethod
    def load(cls, value: Any) -> Cursor:
        """Read what `dump` returned, or what versions before it had.

        Raises:
            InvalidArgumentError: It is not a cursor.
        """
        former = isinstance(value, Mapping) and "floor" in value
        try:
            return _load_former(value) if former else _load(value)
        except (msgspec.ValidationError, UnicodeError) as error:
            raise InvalidArgumentError(
                "cursor", f"must be what watch.cursor gave: {error}."
            ) from None


@attrs.frozen
class _Kept:
    since: datetime
    now: datetime
    remembered: datetime
    after: datetime
    seen: dict[datetime, str]


@attrs.frozen
class _FormerlyKept:
    """The form that cursors had before keys were kept as digests."""

    since: datetime
    floor: datetime
    seen: dict[str, datetime] = attrs.field(factory=dict)
    first: bool = True


def _load(value: Any) -> Cursor:
    kept = msgspec.convert(value, _Kept)
    _check(kept.since, kept.now, kept.remembered, kept.after, *kept.seen)
    cursor = Cursor(kept.since, kept.now, kept.remembered, kept.after)
    for updated, digests in kept.seen.items():
        if len(digests) % _DIGEST or not digests.isascii():
            raise InvalidArgumentError("cursor", "has keys that are cut off.")
        for place in range(0, len(digests), _DIGEST):
            cursor.seen[digests[place : place + _DIGEST]] = updated
    return cursor


def _load_former(value: Any) -> Cursor:
    kept = msgspec.convert(value, _FormerlyKept)
    _check(kept.since, kept.floor, *kept.seen.values())
    remembered = kept.floor if kept.first else kept.floor - timedelta(minutes=2)  # its overlap
    seen = {_digest(key): at for key, at in kept.seen.items()}
    return Cursor(kept.since, kept.since, remembered, remembered, seen)


def _check(*moments: datetime) -> None:
    for one in moments:
        if one.utcoffset() is None:
            raise InvalidArgumentError("cursor", "has a moment without a time zone.")
        if not NEVER <= one <= FAR:
            raise InvalidArgumentError(
                "cursor", "has a moment before 1970 or after 2100; begin without a cursor."
            )


def _clamp(moment: datetime | None) -> datetime:
    """Return a moment in UTC, in years that moments can be added to."""
    if moment is None or moment <= NEVER:
        return NEVER
    return FAR if moment >= FAR else moment.astimezone(UTC)


def _digest(key: str) -> str:
    digest = hashlib.blake2b(key.encode(), digest_size=6).digest()
    return base64.b64encode(digest)[:_DIGEST].decode()


def _floor_to_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
