"""A city that never was: its issues as columns, the same for the same seed.

A row costs some 60 bytes, so that half a million of them fit anywhere; texts, people and links are
made from the row's number when they are asked for.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from random import Random

import attrs

DAY = 86_400
END = 1_790_827_200
"""The city's present, in Unix seconds: 2026-10-01 00:00 Eastern. Its history is three years."""

_SPAN = 3 * 365 * DAY
_FIRST_ID = 20_000_000
_ARCHIVED_AFTER = 7 * DAY  # documented

OPEN, ACKNOWLEDGED, CLOSED, ARCHIVED = range(4)
STATUSES = ("Open", "Acknowledged", "Closed", "Archived")

CENTER = (41.05, -73.54)
REACH = 0.06
"""Half the height and width of the city, in degrees."""

COMMUNITY = 0
CATEGORIES = (
    "Post to Neighbors",
    "Pothole",
    "Street Light Out",
    "Graffiti",
    "Illegal Dumping",
    "Tree Down",
    "Sidewalk Repair",
    "Missed Trash Pickup",
    "Water Leak",
    "Traffic Signal",
    "Parking Complaint",
    "Noise",
    "Abandoned Vehicle",
)

# More rows of one second than a page holds, as an import makes them: (share of the way, rows).
_CLUSTERS = ((0.31, 120), (0.72, 230))


@attrs.define(eq=False)
class City:
    """The columns, oldest issue first; a row's number is its place in them."""

    seed: int
    created: array[int] = attrs.field(factory=lambda: array("q"))
    updated: array[int] = attrs.field(factory=lambda: array("q"))
    closed: array[int] = attrs.field(factory=lambda: array("q"))  # 0 for never
    status: array[int] = attrs.field(factory=lambda: array("b"))
    category: array[int] = attrs.field(factory=lambda: array("b"))
    rating: array[int] = attrs.field(factory=lambda: array("b"))
    lat: array[float] = attrs.field(factory=lambda: array("d"))
    lng: array[float] = attrs.field(factory=lambda: array("d"))
    changes: int = 0
    """How often a row was changed after it was made."""
    hidden: set[int] = attrs.field(factory=set)
    """Rows that nobody is shown."""

    def __len__(self) -> int:
        return len(self.created)

    def id_of(self, row: int) -> int:
        """The id of a row: ascending, with gaps."""
        return _FIRST_ID + row * 3 + row % 2

    def row_of(self, issue_id: int) -> int | None:
        """The row of an id, if there is one."""
        row = (issue_id - _FIRST_ID) // 3
        known = 0 <= row < len(self) and row not in self.hidden
        return row if known and self.id_of(row) == issue_id else None

    def random(self, row: int) -> Random:
        """Chance that is the same each time a row is looked at."""
        return Random(self.seed * 1_000_003 + row)  # noqa: S311

    def since(self, moment: float) -> int:
        """The first row that was created at this moment or later."""
        return bisect_left(self.created, math.ceil(moment))

    def report(self) -> int:
        """Somebody reports one more issue, here and now. Gives its row."""
        row, moment = len(self), self.present
        self.add(self.random(row), moment, now=moment)
        return row

    @property
    def present(self) -> int:
        """When it is that something is written: a minute after the newest issue."""
        return max(self.created[-1] if self.created else END, END) + 60

    def file(self, category: int, lat: float, lng: float) -> int:
        """Somebody reports an issue through the API. Gives its row."""
        moment = self.present
        for column, value in (
            (self.created, moment),
            (self.updated, moment),
            (self.closed, 0),
            (self.status, OPEN),
            (self.category, category),
            (self.rating, 1),
        ):
            column.append(value)
        self.lat.append(lat)
        self.lng.append(lng)
        return len(self) - 1

    def covers(self, lat: float, lng: float) -> bool:
        """Whether a point is in the city."""
        return abs(lat - CENTER[0]) <= REACH and abs(lng - CENTER[1]) <= REACH

    def set_status(self, row: int, status: int) -> None:
        """Change an issue's status here and now."""
        self.status[row] = status
        if status == CLOSED:
            self.closed[row] = self.present
        self.touch(row)

    def touch(self, row: int) -> None:
        """Something was written about an issue, here and now."""
        self.updated[row] = self.present
        self.changes += 1

    def hide(self, row: int) -> None:
        """Take an issue away without a word, as moderators do."""
        self.hidden.add(row)
        self.changes += 1

    def show(self, row: int) -> None:
        """Let a hidden issue be seen again, as if nothing had been."""
        self.hidden.remove(row)
        self.changes += 1

    def rate(self, row: int, votes: int) -> None:
        """Count votes for an issue, or take some away."""
        self.rating[row] = min(max(self.rating[row] + votes, 1), 127)
        self.changes += 1

    def add(self, random: Random, moment: int, *, now: int) -> None:
        """Let an issue take its course from its creation until now."""
        acknowledged = moment + int(random.expovariate(1 / (2 * DAY)))
        closed = acknowledged + int(random.expovariate(1 / (20 * DAY)))
        done = random.random() < 0.9 and closed <= now
        if done:
            status = ARCHIVED if closed + _ARCHIVED_AFTER <= now else CLOSED
        else:
            status = ACKNOWLEDGED if acknowledged <= now and random.random() < 0.5 else OPEN
        # An open issue may still carry the moment at which it was closed before (observed).
        reopened = status == OPEN and closed <= now and random.random() < 0.2
        self.created.append(moment)
        self.closed.append(closed if done or reopened else 0)
        self.updated.append(min(now, closed if done or reopened else acknowledged))
        self.status.append(status)
        self.category.append(random.randrange(len(CATEGORIES)))
        self.rating.append(1 + int(random.expovariate(0.8)))
        self.lat.append(round(CENTER[0] + random.uniform(-REACH, REACH), 13))
        self.lng.append(round(CENTER[1] + random.uniform(-REACH, REACH), 13))


def build(issues: int, seed: int) -> City:
    """A city with so many issues over three years, busier by day and in summer."""
    city = City(seed)
    random = Random(seed)  # noqa: S311
    for moment in _crowded(sorted(_moments(random, issues))):
        city.add(random, moment, now=END)
    return city


def _moments(random: Random, count: int) -> Iterator[int]:
    while count:
        moment = END - 1 - int(random.random() * _SPAN)
        season = 0.7 + 0.3 * math.cos((moment % (365 * DAY)) / (365 * DAY) * math.tau - 3.4)
        hour = 0.55 - 0.45 * math.cos((moment - 4 * 3600) % DAY / DAY * math.tau)
        if random.random() < season * hour:
            count -= 1
            yield moment


def _crowded(moments: list[int]) -> list[int]:
    clusters = _CLUSTERS if len(moments) >= 1000 else ((0.5, len(moments) // 10),)
    for share, rows in clusters:
        start = int(len(moments) * share)
        moments[start : start + rows] = [moments[start]] * rows if rows else []
    return moments
