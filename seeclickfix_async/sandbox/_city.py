"""A synthetic city: its issues as columns, generated from a seed.

A row takes about 60 bytes, so half a million of them fit in memory. Descriptions, people and links
are generated from the row's number for each response.
"""

from __future__ import annotations

import copy
import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, MutableSequence
from functools import lru_cache
from random import Random

import attrs

from seeclickfix_async.sandbox._categories import (
    DAY,
    block_of,
    category_at,
    closing_time,
    is_ever_closed,
    report_times,
)
from seeclickfix_async.sandbox._streets import CENTER, LOTS, REACH, lot_lines

END = 1_790_827_200
"""The end of the generated history of three years, in Unix seconds: 2026-10-01 00:00 Eastern."""

_DAYS = 3 * 365
_FIRST_ID = 20_000_000
_ARCHIVED_AFTER = 7 * DAY  # documented

OPEN, ACKNOWLEDGED, CLOSED, ARCHIVED = range(4)
STATUSES = ("Open", "Acknowledged", "Closed", "Archived")

# Imports create more issues in one second than a page holds: (position in the history, rows).
_CLUSTERS = ((0.31, 120), (0.72, 230))


@attrs.define(eq=False)
class City:
    """The columns, oldest issue first; a row's number is its index in them."""

    seed: int
    created: MutableSequence[int] = attrs.field(factory=lambda: array("q"))
    updated: MutableSequence[int] = attrs.field(factory=lambda: array("q"))
    closed: MutableSequence[int] = attrs.field(factory=lambda: array("q"))  # 0: never
    status: MutableSequence[int] = attrs.field(factory=lambda: array("b"))
    category: MutableSequence[int] = attrs.field(factory=lambda: array("b"))
    rating: MutableSequence[int] = attrs.field(factory=lambda: array("b"))
    lot: MutableSequence[int] = attrs.field(factory=lambda: array("i"))
    """The lot; 0 for reports through the API, which have an address."""
    lat: MutableSequence[float] = attrs.field(factory=lambda: array("d"))
    lng: MutableSequence[float] = attrs.field(factory=lambda: array("d"))
    changes: int = 0
    """The number of changes to existing rows."""
    hidden: set[int] = attrs.field(factory=set)
    """Rows that no response includes."""
    history_ends: dict[int, int] = attrs.field(factory=dict)
    """The update times before the first change of each row: the generated history ends there."""
    clock: Callable[[], float] | None = None
    """Returns the time in Unix seconds; None if time passes with each write only."""

    def __len__(self) -> int:
        return len(self.created)

    def id_of(self, row: int) -> int:
        """Return the id of a row: ascending, with gaps."""
        return _FIRST_ID + row * 3 + row % 2

    def row_of(self, issue_id: int) -> int | None:
        """Return the row of an id; None if it is unknown or hidden."""
        row = (issue_id - _FIRST_ID) // 3
        known = 0 <= row < len(self) and row not in self.hidden
        return row if known and self.id_of(row) == issue_id else None

    def random(self, row: int) -> Random:
        """Return a generator that yields the same values for this row each time."""
        return Random(self.seed_of(row))  # noqa: S311

    def seed_of(self, row: int) -> int:
        """Return the seed of a row's random values."""
        return self.seed * 1_000_003 + row

    def first_row_since(self, timestamp: float) -> int:
        """Return the first row that was created at `timestamp` or later."""
        return bisect_left(self.created, timestamp)

    def report(self) -> int:
        """Report a generated issue at the current time; return its row."""
        row, timestamp = len(self), self.current_time
        self.add(self.random(row), timestamp, now=timestamp)
        return row

    @property
    def current_time(self) -> int:
        """The time of the next write: that of the clock, or a minute after the newest issue."""
        newest = max(self.created[-1] if self.created else END, END)
        return newest + 60 if self.clock is None else max(newest, int(self.clock()))

    def report_at(self, category: int, lat: float, lng: float) -> int:
        """Report an issue at a point, as through the API; return its row."""
        timestamp = self.current_time
        for column, value in (
            (self.created, timestamp),
            (self.updated, timestamp),
            (self.closed, 0),
            (self.status, OPEN),
            (self.category, category),
            (self.rating, 1),
            (self.lot, 0),
        ):
            column.append(value)
        self.lat.append(lat)
        self.lng.append(lng)
        return len(self) - 1

    def covers(self, lat: float, lng: float) -> bool:
        """Return whether a point is in the city."""
        return abs(lat - CENTER[0]) <= REACH and abs(lng - CENTER[1]) <= REACH

    def set_status(self, row: int, status: int) -> None:
        """Change an issue's status at the current time."""
        self.status[row] = status
        if status == CLOSED:
            self.closed[row] = self.current_time
        self.touch(row)

    def touch(self, row: int) -> None:
        """Set an issue's update time to the current time."""
        self.history_ends.setdefault(row, self.updated[row])
        self.updated[row] = self.current_time
        self.changes += 1

    def hide(self, row: int) -> None:
        """Hide an issue without updating it, as moderators do."""
        self.hidden.add(row)
        self.changes += 1

    def show(self, row: int) -> None:
        """Show a hidden issue again, without updating it."""
        self.hidden.remove(row)
        self.changes += 1

    def rate(self, row: int, votes: int) -> None:
        """Add votes to an issue; a negative number removes some."""
        self.rating[row] = min(max(self.rating[row] + votes, 1), 127)
        self.changes += 1

    def add(self, random: Random, timestamp: int, *, now: int) -> None:
        """Add an issue with a generated history from its creation until `now`."""
        draw = random.random
        category = category_at(timestamp, draw())
        acknowledged = timestamp + int(-math.log(1 - draw()) * 2 * DAY)
        closed = closing_time(category, acknowledged, random)
        done = is_ever_closed(category, draw()) and closed <= now
        if done:
            status = ARCHIVED if closed + _ARCHIVED_AFTER <= now else CLOSED
        else:
            status = ACKNOWLEDGED if acknowledged <= now and draw() < 0.5 else OPEN
        # An open issue may still have the `closed_at` of an earlier closing (observed).
        reopened = status == OPEN and closed <= now and draw() < 0.2
        block, house = block_of(category, random), int(draw() * LOTS)
        lat, lng, lat_step, lng_step = lot_lines()[block * 2 + house % 2]
        steps = house // 2
        self.created.append(timestamp)
        self.closed.append(closed if done or reopened else 0)
        self.updated.append(min(now, closed if done or reopened else acknowledged))
        self.status.append(status)
        self.category.append(category)
        self.rating.append(1 + int(-math.log(1 - draw()) * 1.25))
        self.lot.append(block * LOTS + house)
        # As phones measure: to a few metres, with 13 decimals; round() takes ten times as long.
        lat += steps * lat_step + (draw() - 0.5) * 1e-4
        lng += steps * lng_step + (draw() - 0.5) * 1e-4
        self.lat.append(int(lat * 1e13) / 1e13)
        self.lng.append(int(lng * 1e13) / 1e13)


def build(issues: int, seed: int) -> City:
    """Build a city of `issues` issues over three years."""
    if issues > 5000:
        return _generate(issues, seed)
    return copy.deepcopy(_generate_once(issues, seed))  # tests build the same city again and again


def _generate(issues: int, seed: int) -> City:
    city = City(seed)
    random = Random(seed)  # noqa: S311
    for timestamp in _creation_times(random, issues):
        city.add(random, timestamp, now=END)
    return city


_generate_once = lru_cache(maxsize=16)(_generate)


def _creation_times(random: Random, count: int) -> list[int]:
    """Return ascending times, with clusters in which many are the same."""
    clusters = _CLUSTERS if count >= 1000 else ((0.5, count // 10),)
    last = END // DAY
    spread = count - sum(rows for _, rows in clusters)
    times = sorted(report_times(random, spread, range(last - _DAYS, last)))
    for share, rows in clusters:
        start = int(len(times) * share)
        times[start:start] = times[start : start + 1] * rows
    return times
