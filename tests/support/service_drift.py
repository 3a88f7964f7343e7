"""Changes of a service while it is read, determined by a seed, and what stays true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Literal

import attrs

from seeclickfix_async.models import Status
from tests.support.service_model import CapMode, Row, ServiceModel

EventKind = Literal["insert", "backdate", "update", "delete", "status", "move", "reuse"]


@attrs.define
class Drift:
    """Changes a service before each response.

    The changes depend on the seed and the number of the response alone.

    Attributes:
        seed: Seed of the changes.
        service: The service that is changed.
        kinds: The kinds of events; none if empty.
        rate: The average number of events before a response.
        page_sizes: The page size limits of the service's machines.
        cap_modes: Their responses past the depth cap.
        offsets: The errors of their clocks.
        lacking: The ids of the rows that each machine lacks.
        is_quiet: Whether events are paused; the machines still differ.
        stable: The ids of the rows that were on every machine all the time since `begin`.
        changed: The ids of the rows that an event has changed since then.
        moved: The ids of all rows whose creation time ever moved, or that were used again.
        silent: The ids of the rows whose status changed without an update.
    """

    seed: int
    service: ServiceModel
    kinds: tuple[EventKind, ...] = ()
    rate: float = 0.0
    page_sizes: tuple[int, ...] = (100,)
    cap_modes: tuple[CapMode, ...] = ("empty",)
    offsets: tuple[timedelta, ...] = (timedelta(),)
    lacking: tuple[frozenset[int], ...] = (frozenset(),)
    is_quiet: bool = False
    stable: set[int] = attrs.field(factory=set)
    changed: set[int] = attrs.field(factory=set)
    moved: set[int] = attrs.field(factory=set)
    silent: set[int] = attrs.field(factory=set)
    _deleted: list[Row] = attrs.field(factory=list)
    _last: int = 0

    def begin(self) -> None:
        """Start to record the rows that stay all the time."""
        self.stable = set(self.service.rows).difference(*self.lacking)
        self.changed = set()

    def updated_since(self, time: datetime) -> set[int]:
        """Return the ids of the rows that were updated at `time` or later."""
        return {row.id for row in self.service.rows.values() if row.updated >= time}

    def __call__(self, number: int) -> None:
        """Apply the changes before response `number`."""
        random = Random(f"{self.seed} {number}")
        service = self.service
        service.most_per_page = random.choice(self.page_sizes)
        service.cap_mode = random.choice(self.cap_modes)
        service.offset = random.choice(self.offsets)
        service.hidden = random.choice(self.lacking)
        while self.kinds and not self.is_quiet and random.random() < self.rate / (1 + self.rate):
            _EVENTS[random.choice(self.kinds)](self, random)

    def _insert(self, random: Random) -> None:
        self._add(self.service.now, random)

    def _backdate(self, random: Random) -> None:
        self._add(self._some_time(random), random)

    def _update(self, random: Random) -> None:
        if row := self._some_row(random):
            self._touch(row, status=random.choice(tuple(Status)))

    def _move(self, random: Random) -> None:
        if row := self._some_row(random):
            self._touch(row, created=self._some_time(random))
            self.moved.add(row.id)

    def _delete(self, random: Random) -> None:
        if row := self._some_row(random):
            self._deleted.append(self.service.rows.pop(row.id))
            self.stable.discard(row.id)

    def _change_status(self, random: Random) -> None:
        if row := self._some_row(random):
            status = random.choice(tuple(Status))
            self.service.rows[row.id] = attrs.evolve(row, status=status)
            self.silent.add(row.id)

    def _reuse(self, random: Random) -> None:
        if self._deleted:
            row = self._deleted.pop()
            self.moved.add(row.id)
            self._add(self.service.now, random, id=row.id, version=row.version + 1)

    def _add(self, created: datetime, random: Random, **options: int) -> None:
        self._last = max(self._last, *self.service.rows, 0)
        options.setdefault("id", self._last + 1)
        row = self.service.add(
            created,
            updated=self.service.now,
            status=random.choice(tuple(Status)),
            lat=41 + random.random(),
            lng=-73 - random.random(),
            **options,
        )
        self.changed.add(row.id)

    def _touch(self, row: Row, **changes: object) -> None:
        self.service.touch(row, **changes)
        self.changed.add(row.id)
        self.silent.discard(row.id)

    def _some_row(self, random: Random) -> Row | None:
        rows = self.service.rows
        return rows[random.choice(list(rows))] if rows else None

    def _some_time(self, random: Random) -> datetime:
        """Return the creation time of some row, or up to a minute later; before any crawl."""
        row = self._some_row(random)
        latest = self.service.opened - timedelta(hours=1)
        if row is None:
            return latest
        return min(row.created + timedelta(seconds=random.choice((0, 0, 1, 60))), latest)


_EVENTS: dict[EventKind, Callable[[Drift, Random], None]] = {
    "insert": Drift._insert,
    "backdate": Drift._backdate,
    "update": Drift._update,
    "delete": Drift._delete,
    "status": Drift._change_status,
    "move": Drift._move,
    "reuse": Drift._reuse,
}
