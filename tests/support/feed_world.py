"""A city whose issues change in virtual time.

Everything is drawn from a seed. The world knows which changes it owes: each that was to be seen
for as long as a look may take to come, and was not overwritten or deleted before it was told.
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
_MOMENTS = {"acknowledged": "Acknowledged", "closed": "Closed", "reopened": "Open"}


@attrs.frozen
class Options:
    """What happens in a world.

    Attributes:
        days: How long, in virtual time.
        rate: Changes a day.
        every: Seconds between the looks of the feed.
        dated: Whether answers have a Date header.
        faults: The share of requests that fail.
        skew: Seconds that the clocks of the app servers differ from the service's.
        jumps: How often the service's clock is set, a day; without a Date header only forward.
        poison: Updates a day that are stamped far in the future.
        deletes: Whether issues are deleted.
        late: Whether changes appear long after their moment.
        lag: The most seconds that a replica is behind.
        history: Whether there are issues before the world begins.
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
"""A world where nothing happens by itself."""


@attrs.define
class Row:
    """An issue as the service has it; moments by name, comments by id."""

    id: int
    status: str
    moments: dict[str, datetime]
    comments: dict[int, datetime] = attrs.field(factory=dict)

    def copy(self) -> Row:
        return Row(self.id, self.status, dict(self.moments), dict(self.comments))

    def as_json(self) -> dict[str, Any]:
        comments = [
            {
                "comment": "seen",
                "created_at": at.isoformat(),
                "flag_url": f"https://city.test/api/v2/comments/{number}/flag",
            }
            for number, at in self.comments.items()
        ]
        moments = {f"{name}_at": at.isoformat() for name, at in self.moments.items()}
        return {"id": self.id, "status": self.status, **moments, "comments": comments}


class VirtualTime:
    """A clock that jumps when its only task waits; the service's may be set apart from it."""

    def __init__(self) -> None:
        self.seconds = 0.0  # since START, as nobody in the world can tell
        self.asleep = 0.0  # of them, seconds that the machine's clock did not count
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
    """The issues, what happens to them, and what of it is still owed."""

    def __init__(self, seed: int, options: Options, time: VirtualTime) -> None:
        self.options = options
        self.time = time
        self.random = random.Random(seed)
        self.rows: dict[int, Row] = {}
        self.versions: dict[int, list[tuple[float, Row | None]]] = {}
        self.owed: dict[str, int] = {}  # by key, the issue
        self.edits: dict[int, datetime] = {}  # by issue, the update that nothing explains
        self.settled: set[str] = set()  # keys that were told
        self.old: set[str] = set()  # keys from before the feed began
        self.overwritten = 0
        self.clock_offset = 0.0
        self.down_until = 0.0
        self.end = options.days * _DAY
        self._numbers = iter(range(1, 10**9))
        self._plan = sorted(self._draw_plan())
        if options.history:
            for hours in (*range(9600, 24, -192), *range(24, 0, -1)):
                self.add_history(timedelta(hours=hours))

    @property
    def over(self) -> float:
        """When the feed has had time for everything."""
        return self.end + _FLUSH

    def stop(self, seconds: float) -> None:
        """End the world in so many seconds."""
        self.end = self.time.seconds + seconds - _FLUSH

    def clock(self, server: float = 0.0) -> datetime:
        """Return the service's clock on an app server, in whole seconds."""
        seconds = int(self.time.seconds + self.clock_offset + server)
        return START + timedelta(seconds=seconds)

    def advance(self) -> None:
        """Let everything happen that is due."""
        while self._plan and self._plan[0][0] <= self.time.seconds:
            _, _, what = heapq.heappop(self._plan)
            getattr(self, f"_{what}")()

    def told(self, change: Change) -> None:
        """Settle what a change of the feed told."""
        self.owed.pop(change.key, None)
        self.settled.add(change.key)
        assert change.issue.updated_at is not None
        if self.edits.get(change.issue.id) == change.issue.updated_at:
            del self.edits[change.issue.id]

    def state(self, lag: float) -> list[Row]:
        """Return all issues, as a replica has them."""
        if not lag:
            return list(self.rows.values())
        seen = self.time.seconds - lag
        versions = (self._version(known, seen) for known in self.versions.values())
        return [row for row in versions if row is not None]

    @staticmethod
    def _version(known: list[tuple[float, Row | None]], seen: float) -> Row | None:
        return next((row for at, row in reversed(known) if at <= seen), None)

    # -- what happens -------------------------------------------------------------------------

    def _draw_plan(self) -> Iterator[tuple[float, float, str]]:
        options, draw = self.options, self.random
        rates = {
            "act": options.rate,
            "edit": options.rate / 30,
            "burst": options.rate / 300,
            "bulk": options.rate / 600,
            "flap": options.rate / 150,
            "outage": options.faults * 50,
            "sleep": options.faults * 15,
            "jump": options.jumps,
            "poison": options.poison,
            "late": options.rate / 50 if options.late else 0.0,
            "delete": options.rate / 100 if options.deletes else 0.0,
        }
        for what, rate in rates.items():
            at = 0.0 if what != "late" else 4 * _HOUR
            while rate and (at := at + draw.expovariate(rate / _DAY)) < self.end:
                yield at, draw.random(), what

    def add_history(self, age: timedelta) -> Row:
        """Add an issue that was opened, commented and closed before the world began."""
        at = START - age
        row = Row(next(self._numbers), "Closed", {"created": at})
        row.moments["closed"] = row.moments["updated"] = at + age / 3
        row.comments[next(self._numbers)] = at + age / 4
        self._keep(row)
        self.old |= {key for key, moment in self._keys(row) if moment < START - timedelta(days=2)}
        return row

    def _keys(self, row: Row) -> Iterator[tuple[str, datetime]]:
        for kind in ("created", *_MOMENTS):
            if kind in row.moments:
                yield self._key(row, kind), row.moments[kind]
        for number, at in row.comments.items():
            yield f"{row.id}:commented:{number}", at

    @staticmethod
    def _key(row: Row, kind: str) -> str:
        at = row.moments[kind].isoformat().replace("+00:00", "Z")
        return f"{row.id}:{'opened' if kind == 'created' else kind}:{at}"

    def _keep(self, row: Row) -> None:
        self.rows[row.id] = row
        began = self.time.seconds or -_DAY
        self.versions.setdefault(row.id, []).append((began, row.copy()))

    def touch(self, row: Row, at: datetime) -> None:
        """Let a row be updated, without a word why."""
        self.edits.pop(row.id, None)
        row.moments["updated"] = at
        self._keep(row)

    def _owe(self, key: str, row: Row) -> None:
        if key not in self.settled:  # two acts that are stamped with one moment are one
            self.owed[key] = row.id

    def _excuse(self, key: str) -> None:
        self.overwritten += self.owed.pop(key, None) is not None

    def _pick(self) -> Row:
        recent = list(self.rows)[-200:]
        return self.rows[self.random.choice(recent)]

    def stamp(self) -> datetime:
        """Return the clock of the app server that happens to answer."""
        return self.clock(self.random.choice(self.options.skew))

    def open(self, at: datetime, *, created: datetime | None = None) -> Row:
        """Open an issue; a moderator shows it after its creation."""
        row = Row(next(self._numbers), "Open", {"created": created or at})
        self.touch(row, at)
        self._owe(self._key(row, "created"), row)
        return row

    def comment(self, row: Row, at: datetime, *, created: datetime | None = None) -> None:
        """Comment on an issue; a moderator shows it after its creation."""
        number = next(self._numbers)
        row.comments[number] = created or at
        self._owe(f"{row.id}:commented:{number}", row)
        self.touch(row, at)

    def set_status(self, row: Row, kind: str, at: datetime, *, since: datetime) -> None:
        """Acknowledge, close or reopen an issue; another system may say since when."""
        if kind in row.moments:
            self._excuse(self._key(row, kind))
        row.moments[kind], row.status = since, _MOMENTS[kind]
        self._owe(self._key(row, kind), row)
        self.touch(row, at)

    def _act(self, at: datetime | None = None) -> None:
        at = at or self.stamp()
        what = self.random.choice(("open", "comment", "comment", *_MOMENTS))
        if what == "open":
            self.open(at)
        elif what == "comment":
            self.comment(self._pick(), at)
        else:
            row = self._pick()
            self.set_status(row, what, at, since=at)
            if self.random.random() < 0.5:
                self.comment(row, at)

    def _edit(self) -> None:
        row, at = self._pick(), self.stamp()
        if row.moments["updated"] != at and row.id not in self.owed.values():
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
        for kind in ("closed", "reopened", "closed"):
            at = self.stamp()
            self.set_status(row, kind, at, since=at)

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
        match self.random.choice(("held", "moderated", "backdated")):
            case "held":
                self.open(at, created=at - timedelta(minutes=90))
            case "moderated":
                self.comment(row, at, created=at - timedelta(minutes=45))
            case _:
                self.set_status(row, "closed", at, since=at - timedelta(days=1))
                self.comment(row, at)

    def _delete(self) -> None:
        row = self._pick()
        for key in [key for key, number in self.owed.items() if number == row.id]:
            self._excuse(key)
        self.edits.pop(row.id, None)
        del self.rows[row.id]
        self.versions[row.id].append((self.time.seconds, None))
