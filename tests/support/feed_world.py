"""A city whose issues change in virtual time, as a seed determines.

The world knows which changes a feed must report: each that was visible for as long as a poll may
take, and was not overwritten or deleted before.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel
import attrs

from seeclickfix_async import Change

START = datetime(2026, 3, 1, tzinfo=UTC)
_HOUR = 3600.0
_DAY = 24 * _HOUR
_FLUSH = 3 * _HOUR  # after the last change, without faults
_STATUSES = {"acknowledged": "Acknowledged", "closed": "Closed", "reopened": "Open"}


@attrs.frozen
class Options:
    """The events of a world.

    Attributes:
        days: Duration in virtual time.
        rate: Changes per day.
        every: Seconds between the polls of the feed.
        dated: Whether responses have a Date header.
        faults: The share of requests that fail.
        skew: Clock errors of the app servers in seconds.
        jumps: How often per day the service's clock is set; without a Date header only forward.
        poison: Updates per day that are stamped far in the future.
        deletes: Whether issues are deleted.
        late: Whether changes can appear long after their time.
        lag: The largest delay of a replica in seconds.
        history: Whether there are issues from before the world begins.
    """

    days: float = 2.0
    rate: float = 300.0
    every: float = 300.0
    dated: bool = True
    faults: float = 0.02
    skew: tuple[float, ...] = (0.0, -300.0, 120.0)
    jumps: float = 0.5
    poison: float = 0.5
    deletes: bool = True
    late: bool = True
    lag: float = 60.0
    history: bool = True


CALM = Options(rate=0, faults=0, skew=(0.0,), jumps=0, poison=0, lag=0, history=False)
"""The options of a world without random events."""


@attrs.define
class Row:
    """An issue as the service stores it; times by name, comments by id."""

    id: int
    status: str
    times: dict[str, datetime]
    comments: dict[int, datetime] = attrs.field(factory=dict)

    def copy(self) -> Row:
        return Row(self.id, self.status, dict(self.times), dict(self.comments))

    def as_json(self) -> dict[str, Any]:
        comments = [
            {
                "comment": "seen",
                "created_at": at.isoformat(),
                "flag_url": f"https://city.test/api/v2/comments/{number}/flag",
            }
            for number, at in self.comments.items()
        ]
        times = {f"{name}_at": at.isoformat() for name, at in self.times.items()}
        return {"id": self.id, "status": self.status, **times, "comments": comments}


class VirtualTime:
    """A clock that jumps when its only task waits; the service's clock may differ from it."""

    def __init__(self) -> None:
        self.seconds = 0.0  # since START; no clock in the world shows it
        self.asleep = 0.0  # of them, those that the suspended machine's clock did not count
        self.waits = 0
        self.on_wait: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.seconds - self.asleep

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        self.waits += 1
        if seconds > 0:
            self.on_wait()
            await anyio.lowlevel.checkpoint()
        self.seconds += seconds
        await anyio.lowlevel.checkpoint()


class World:
    """The issues, their changes, and those that the feed must still report."""

    def __init__(self, seed: int, options: Options, time: VirtualTime) -> None:
        self.options = options
        self.time = time
        self.random = random.Random(seed)
        self.rows: dict[int, Row] = {}
        self.versions: dict[int, list[tuple[float, Row | None]]] = {}
        self.expected: dict[str, int] = {}  # issue by key of the change
        self.edits: dict[int, datetime] = {}  # unexplained update by issue
        self.settled: set[str] = set()  # keys that were reported
        self.old: set[str] = set()  # keys from before the feed began
        self.overwritten = 0
        self.clock_offset = 0.0
        self.down_until = 0.0
        self.end = options.days * _DAY
        self._ids = iter(range(1, 10**9))
        self._plan = sorted(self._draw_plan())
        if options.history:
            for hours in (*range(9600, 24, -192), *range(24, 0, -1)):
                self.add_history(timedelta(hours=hours))

    @property
    def deadline(self) -> float:
        """The time by which the feed must have reported everything."""
        return self.end + _FLUSH

    def stop(self, seconds: float) -> None:
        """End the world in `seconds`."""
        self.end = self.time.seconds + seconds - _FLUSH

    def clock(self, server: float = 0.0) -> datetime:
        """Return the service's clock on an app server, to the second."""
        seconds = int(self.time.seconds + self.clock_offset + server)
        return START + timedelta(seconds=seconds)

    def advance(self) -> None:
        """Run all events that are due."""
        while self._plan and self._plan[0][0] <= self.time.seconds:
            _, _, event = heapq.heappop(self._plan)
            getattr(self, f"_{event}")()

    def settle(self, change: Change) -> None:
        """Record that the feed reported a change."""
        self.expected.pop(change.key, None)
        self.settled.add(change.key)
        assert change.issue.updated_at is not None
        if self.edits.get(change.issue.id) == change.issue.updated_at:
            del self.edits[change.issue.id]

    def state(self, lag: float) -> list[Row]:
        """Return all issues, as a replica has them."""
        if not lag:
            return list(self.rows.values())
        visible = self.time.seconds - lag
        versions = (self._version(known, visible) for known in self.versions.values())
        return [row for row in versions if row is not None]

    @staticmethod
    def _version(versions: list[tuple[float, Row | None]], visible: float) -> Row | None:
        return next((row for at, row in reversed(versions) if at <= visible), None)

    def _draw_plan(self) -> Iterator[tuple[float, float, str]]:
        options, draw = self.options, self.random
        rates = {
            "act": options.rate,
            "edit": options.rate / 30,
            "burst": options.rate / 300,
            "bulk": options.rate / 600,
            "flap": options.rate / 150,
            "archive": options.rate / 30,
            "outage": options.faults * 50,
            "sleep": options.faults * 15,
            "jump": options.jumps,
            "poison": options.poison,
            "late": options.rate / 50 if options.late else 0.0,
            "delete": options.rate / 100 if options.deletes else 0.0,
        }
        for event, rate in rates.items():
            at = 0.0 if event != "late" else 4 * _HOUR
            while rate and (at := at + draw.expovariate(rate / _DAY)) < self.end:
                yield at, draw.random(), event

    def add_history(self, age: timedelta) -> Row:
        """Add an issue that was opened, commented and closed before the world began."""
        at = START - age
        row = Row(next(self._ids), "Closed", {"created": at})
        row.times["closed"] = row.times["updated"] = at + age / 3
        row.comments[next(self._ids)] = at + age / 4
        self._store(row)
        self.old |= {key for key, moment in self._keys(row) if moment < START - timedelta(days=2)}
        return row

    def _keys(self, row: Row) -> Iterator[tuple[str, datetime]]:
        for change in ("created", *_STATUSES):
            if change in row.times:
                yield self._key(row, change), row.times[change]
        for number, at in row.comments.items():
            yield f"{row.id}:commented:{number}", at

    @staticmethod
    def _key(row: Row, change: str) -> str:
        at = row.times[change].isoformat().replace("+00:00", "Z")
        return f"{row.id}:{'opened' if change == 'created' else change}:{at}"

    @staticmethod
    def _archive_key(row: Row) -> str:
        last = max(at for name, at in row.times.items() if name != "updated")
        return f"{row.id}:archived:{last.isoformat().replace('+00:00', 'Z')}"

    def _store(self, row: Row) -> None:
        self.rows[row.id] = row
        began = self.time.seconds or -_DAY
        self.versions.setdefault(row.id, []).append((began, row.copy()))

    def touch(self, row: Row, at: datetime) -> None:
        """Update a row, without a reason in it."""
        self.edits.pop(row.id, None)
        row.times["updated"] = at
        self._store(row)

    def _expect(self, key: str, row: Row) -> None:
        if key not in self.settled:  # two changes with the same time are one
            self.expected[key] = row.id

    def _drop_expected(self, key: str) -> None:
        self.overwritten += self.expected.pop(key, None) is not None

    def _pick(self) -> Row:
        recent = list(self.rows)[-200:]
        return self.rows[self.random.choice(recent)]

    def stamp(self) -> datetime:
        """Return the clock of some app server."""
        return self.clock(self.random.choice(self.options.skew))

    def open(self, at: datetime, *, created: datetime | None = None) -> Row:
        """Open an issue; with `created`, a moderator has delayed it."""
        row = Row(next(self._ids), "Open", {"created": created or at})
        self.touch(row, at)
        self._expect(self._key(row, "created"), row)
        return row

    def comment(self, row: Row, at: datetime, *, created: datetime | None = None) -> None:
        """Comment on an issue; with `created`, a moderator has delayed the comment."""
        number = next(self._ids)
        row.comments[number] = created or at
        self._expect(f"{row.id}:commented:{number}", row)
        self.touch(row, at)

    def set_status(self, row: Row, change: str, at: datetime, *, since: datetime) -> None:
        """Acknowledge, close or reopen an issue; `since` can be earlier (set by another system)."""
        if row.status == "Archived":
            self._drop_expected(self._archive_key(row))
        if change in row.times:
            self._drop_expected(self._key(row, change))
        row.times[change], row.status = since, _STATUSES[change]
        self._expect(self._key(row, change), row)
        self.touch(row, at)

    def archive(self, row: Row, at: datetime) -> None:
        """Archive an issue, which leaves no timestamp but that of the update."""
        row.status = "Archived"
        self._expect(self._archive_key(row), row)
        self.touch(row, at)

    def _act(self, at: datetime | None = None) -> None:
        at = at or self.stamp()
        event = self.random.choice(("open", "comment", "comment", *_STATUSES))
        if event == "open":
            self.open(at)
        elif event == "comment":
            self.comment(self._pick(), at)
        else:
            row = self._pick()
            self.set_status(row, event, at, since=at)
            if self.random.random() < 0.5:
                self.comment(row, at)

    def _edit(self) -> None:
        row, at = self._pick(), self.stamp()
        if row.times["updated"] != at and row.id not in self.expected.values():
            self.touch(row, at)
            self.edits[row.id] = at

    def _burst(self) -> None:
        at = self.stamp()
        for _ in range(self.random.choice((25, 60, 150))):
            self._act(at)

    def _bulk(self) -> None:
        """Close many issues in one second."""
        at = self.stamp()
        for row in list(self.rows.values())[-100:]:
            self.set_status(row, "closed", at, since=at)

    def _flap(self) -> None:
        row = self._pick()
        for change in ("closed", "reopened", "closed"):
            at = self.stamp()
            self.set_status(row, change, at, since=at)

    def _archive(self) -> None:
        """Archive an issue, of any status, alone or just after another change."""
        row, at = self._pick(), self.stamp()
        match self.random.choice(("alone", "closed", "commented")):
            case "closed":
                self.set_status(row, "closed", at, since=at)
            case "commented":
                self.comment(row, at)
        self.archive(row, at)

    def _outage(self) -> None:
        self.down_until = self.time.seconds + self.random.choice((60, 900, _HOUR, 6 * _HOUR))

    def _sleep(self) -> None:
        seconds = self.random.choice((600.0, 3 * _HOUR))
        self.time.seconds += seconds
        self.time.asleep += seconds

    def _jump(self) -> None:
        jumps = (-_HOUR, -600.0, 600.0, _HOUR) if self.options.dated else (600.0, _HOUR)
        self.clock_offset += self.random.choice(jumps)

    def _poison(self) -> None:
        at = self.stamp()
        row = self.open(at)
        self.touch(row, at + self.random.choice((timedelta(hours=1), timedelta(days=365))))

    def _late(self) -> None:
        at, row = self.stamp(), self._pick()
        match self.random.choice(("delayed issue", "delayed comment", "backdated")):
            case "delayed issue":
                self.open(at, created=at - timedelta(minutes=90))
            case "delayed comment":
                self.comment(row, at, created=at - timedelta(minutes=45))
            case _:
                self.set_status(row, "closed", at, since=at - timedelta(days=1))
                self.comment(row, at)

    def _delete(self) -> None:
        row = self._pick()
        for key in [key for key, number in self.expected.items() if number == row.id]:
            self._drop_expected(key)
        self.edits.pop(row.id, None)
        del self.rows[row.id]
        self.versions[row.id].append((self.time.seconds, None))
