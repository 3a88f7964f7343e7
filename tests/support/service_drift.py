"""What happens at the service while it is read, the same for each seed, and what is true then."""

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
    """Changes a service before each of its answers; depends on the seed and their number alone.

    Attributes:
        seed: Decides what happens.
        service: Whom it happens to.
        kinds: What happens; nothing if empty.
        rate: How many events there are before an answer, on average.
        page_sizes: The page sizes that the machines of the service grant.
        cap_modes: How they answer beyond the cap.
        offsets: How far their clocks are off.
        lacking: Which rows each of them lacks.
        is_quiet: Whether nothing happens for the moment; the machines still differ.
        there: The rows that have been there since `begin`, on every machine.
        changed: The ids of those that an event has changed since then.
        moved: The ids of all rows whose creation ever moved, or that were used again.
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
    there: set[int] = attrs.field(factory=set)
    changed: set[int] = attrs.field(factory=set)
    moved: set[int] = attrs.field(factory=set)
    silent: set[int] = attrs.field(factory=set)
    _deleted: list[Row] = attrs.field(factory=list)
    _last: int = 0

    def begin(self) -> None:
        """Watch from now on what is there all the time."""
        self.there = set(self.service.rows).difference(*self.lacking)
        self.changed = set()

    def updated_since(self, moment: datetime) -> set[int]:
        """The ids of the rows that were updated at a moment or later."""
        return {row.id for row in self.service.rows.values() if row.updated >= moment}

    def __call__(self, number: int) -> None:
        """Let happen what happens before an answer."""
        chance = Random(f"{self.seed} {number}")
        service = self.service
        service.most_per_page = chance.choice(self.page_sizes)
        service.cap_mode = chance.choice(self.cap_modes)
        service.offset = chance.choice(self.offsets)
        service.hidden = chance.choice(self.lacking)
        while self.kinds and not self.is_quiet and chance.random() < self.rate / (1 + self.rate):
            _EVENTS[chance.choice(self.kinds)](self, chance)

    def _insert(self, chance: Random) -> None:
        self._add(self.service.now, chance)

    def _backdate(self, chance: Random) -> None:
        self._add(self._some_moment(chance), chance)

    def _update(self, chance: Random) -> None:
        if row := self._some_row(chance):
            self._touch(row, status=chance.choice(tuple(Status)))

    def _move(self, chance: Random) -> None:
        if row := self._some_row(chance):
            self._touch(row, created=self._some_moment(chance))
            self.moved.add(row.id)

    def _delete(self, chance: Random) -> None:
        if row := self._some_row(chance):
            self._deleted.append(self.service.rows.pop(row.id))
            self.there.discard(row.id)

    def _change_status(self, chance: Random) -> None:
        if row := self._some_row(chance):
            status = chance.choice(tuple(Status))
            self.service.rows[row.id] = attrs.evolve(row, status=status)
            self.silent.add(row.id)

    def _reuse(self, chance: Random) -> None:
        if self._deleted:
            row = self._deleted.pop()
            self.moved.add(row.id)
            self._add(self.service.now, chance, id=row.id, version=row.version + 1)

    def _add(self, created: datetime, chance: Random, **more: int) -> None:
        self._last = max(self._last, *self.service.rows, 0)
        more.setdefault("id", self._last + 1)
        row = self.service.add(
            created,
            updated=self.service.now,
            status=chance.choice(tuple(Status)),
            lat=41 + chance.random(),
            lng=-73 - chance.random(),
            **more,
        )
        self.changed.add(row.id)

    def _touch(self, row: Row, **changes: object) -> None:
        self.service.touch(row, **changes)
        self.changed.add(row.id)
        self.silent.discard(row.id)

    def _some_row(self, chance: Random) -> Row | None:
        rows = self.service.rows
        return rows[chance.choice(list(rows))] if rows else None

    def _some_moment(self, chance: Random) -> datetime:
        """When some row was created, or up to a minute later; before any crawl began."""
        row = self._some_row(chance)
        latest = self.service.opened - timedelta(hours=1)
        if row is None:
            return latest
        return min(row.created + timedelta(seconds=chance.choice((0, 0, 1, 60))), latest)


_EVENTS: dict[EventKind, Callable[[Drift, Random], None]] = {
    "insert": Drift._insert,
    "backdate": Drift._backdate,
    "update": Drift._update,
    "delete": Drift._delete,
    "status": Drift._change_status,
    "move": Drift._move,
    "reuse": Drift._reuse,
}
