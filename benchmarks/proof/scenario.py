"""What one seed of the proof tries: a service, what happens to it, and how it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from random import Random
from typing import Any, Literal

import attrs

from seeclickfix_async._api.query import ClockField
from seeclickfix_async._crawl.planner import PageSize
from seeclickfix_async.models import Status
from tests.support.service_drift import Drift, EventKind
from tests.support.service_model import CapMode, CountMode, ServiceModel, TieOrder, Timespec

_SPRING = datetime(2026, 3, 8, 7, tzinfo=UTC)
_AUTUMN = datetime(2025, 11, 2, 6, tzinfo=UTC)
_MINUTES = timedelta(minutes=1)

MOST_ATTEMPTS = 120
"""How often a reader may be interrupted or fail before it is stuck."""

_ENDLESS = 60  # times the fewest requests

_CHOICES: dict[str, tuple[Any, ...]] = {
    "backend": ("asyncio", "trio"),
    "workers": (None, 1, 1, 2, 3, 5, 16),
    "rows": (0, 1, 20, 20, 60, 60, 150),
    "days": (1, 60, 60, 300),
    "opened": (_SPRING, _AUTUMN),
    "timespec": ("seconds", "seconds", "milliseconds"),
    "fractions": (False, True),
    "granted": (3, 5, 10, 20, 50),
    "granted_varies": (False, False, False, True),
    "page_size": (None, None, "largest", 7),
    "depth": (None, None, 1, 2, 4, 10),
    "cap_modes": (("empty",), ("error",), ("repeat",), ("empty", "error", "repeat")),
    "ties": (0, 0, 1, 2, 5),
    "count_mode": ("right",) * 7 + ("missing", "low", "high", "capped", "jitter"),
    "names_next": (True, True, False),
    "events": (
        (),
        (),
        ("insert", "update"),
        ("delete",),
        ("insert", "delete", "update"),
        ("insert", "backdate", "delete", "update", "status"),
        ("move", "update"),
        ("insert", "backdate", "delete", "update", "move", "reuse"),
    ),
    "rate": (0.05, 0.3, 1.0),
    "lacking": ((0,), (0,), (0,), (0, 1), (0, 2, 3)),
    "clocks": ((0,), (0,), (-2, 2), (0, 3), (0, 300)),
    "unplaced": (0.0, 0.0, 0.1),
    "faults": (0.0, 0.0, 0.02, 0.05),
    "interruptions": (0, 0, 2, 5),
    "by": ("created_at", "created_at", "created_at", "updated_at"),
    "way": ("run", "iterate"),
    "restart": ("object", "state", "state and ids"),
    "file": (
        "city.jsonl",
        "city.csv",
        "city.geojson",
        "city.db",
        "city.parquet",
        "city.geoparquet",
    ),
    "rows_a_part": (40, 150, 100_000),
    "cycles": (0, 0, 1, 1, 2),
    "cuts_pages": (False, False, True),
    "page_step": (1, 1, 1, 2, 5),
    "tie_order": ("id", "id", "reversed", "page"),
    "keeps_ties": (False, False, True),
}


@attrs.frozen
class Scenario:
    """A configuration, drawn from the table above.

    Attributes:
        seed: What it was drawn by.
        workers: How many read at once.
        rows: How many issues there are at first.
        days: Over how many days they are spread.
        opened: The service's clock at first: near a change of daylight saving time.
        timespec: How exactly the clocks of rows are shown.
        fractions: Whether rows are created at fractions of seconds.
        granted: The largest page.
        granted_varies: Whether some machines grant half of it, or twice as much.
        page_size: What is asked for.
        depth: How many pages of a query are served; None for all.
        cap_modes: How pages beyond that are answered.
        cuts_pages: Whether the last page that is served ends at the cap.
        page_step: The granted page sizes are multiples of it.
        ties: How many seconds hold many rows: from a page's worth to more than twice the cap.
        tie_order: How rows of the same moment are ordered.
        keeps_ties: Whether they have the same order where newer rows come first.
        count_mode: How `entries` is counted.
        names_next: Whether pages name their next one.
        events: What happens while the service is read.
        rate: How many events there are for each answer.
        lacking: How many rows each replica lacks.
        clocks: By how many minutes the clock of each machine is off.
        unplaced: The share of rows without coordinates.
        faults: The share of requests that meet a network fault.
        interruptions: How often a reader is killed or cancelled.
        by: The clock of the crawl.
        way: Whether the crawl is run or iterated.
        restart: What a crawl goes on with after an interruption.
        file: What is pulled into.
        rows_a_part: Rows of a part of a Parquet dataset.
        cycles: How many updates and sweeps follow.
    """

    seed: int
    backend: str
    workers: int | None
    rows: int
    days: int
    opened: datetime
    timespec: Timespec
    fractions: bool
    granted: int
    granted_varies: bool
    page_size: PageSize | None
    depth: int | None
    cap_modes: tuple[CapMode, ...]
    cuts_pages: bool
    page_step: int
    ties: int
    tie_order: TieOrder
    keeps_ties: bool
    count_mode: CountMode
    names_next: bool
    events: tuple[EventKind, ...]
    rate: float
    lacking: tuple[int, ...]
    clocks: tuple[int, ...]
    unplaced: float
    faults: float
    interruptions: int
    by: ClockField
    way: Literal["run", "iterate"]
    restart: Literal["object", "state", "state and ids"]
    file: str
    rows_a_part: int
    cycles: int

    @classmethod
    def of_seed(cls, seed: int) -> Scenario:
        """Draw a configuration, in which nothing changes faster than it can be read."""
        chance = Random(seed)
        drawn = {name: chance.choice(values) for name, values in _CHOICES.items()}
        scenario = cls(seed, **_possible(drawn))
        slow_enough = min(scenario.rate, scenario._smallest_page / 20)
        return attrs.evolve(scenario, rate=slow_enough)

    @property
    def is_still(self) -> bool:
        """Whether nothing changes and every answer is right, network faults aside."""
        return (
            not self.events
            and not self.granted_varies
            and self.count_mode == "right"
            and self.lacking == self.clocks == (0,)
            and len(self.cap_modes) == 1
            and self.tie_order != "page"
            and not self.keeps_ties
        )

    def endless_requests(self, rows: int) -> int:
        """How many requests for so many rows are too many, in one attempt.

        A second that is divided because of a count that is too high takes some for each row.
        """
        size = 1 if self.count_mode == "high" else min(5, self._smallest_page)
        return _ENDLESS * (10 + rows // size)

    @property
    def _page_sizes(self) -> tuple[int, ...]:
        """The largest pages that the service's machines grant."""
        if not self.granted_varies:
            return (self.granted,)
        return (max(2, self.granted // 2), self.granted, 2 * self.granted)

    @property
    def _smallest_page(self) -> int:
        """The smallest page that any of them grants."""
        asked = self.page_size if isinstance(self.page_size, int) else max(self._page_sizes)
        size = min(asked, *self._page_sizes)
        return max(1, size - size % self.page_step)

    def service(self) -> Drift:
        """Return a service as it is before the first request, with what happens to it."""
        chance = Random(f"rows of {self.seed}")
        sizes = self._page_sizes
        service = ServiceModel(
            cap=self.depth and self.depth * max(sizes),
            cuts_pages=self.cuts_pages,
            page_step=self.page_step,
            tie_order=self.tie_order,
            keeps_ties=self.keeps_ties,
            count_mode=self.count_mode,
            names_next=self.names_next,
            opened=self.opened,
            timespec=self.timespec,
            zone=_eastern,
        )
        for created in self._moments(chance):
            age = timedelta(days=chance.choice((0, 0, 0.1, 1, 30)))
            placed = chance.random() >= self.unplaced
            service.add(
                created,
                updated=min(created + age, self.opened - timedelta(hours=2)),
                status=chance.choice(tuple(Status)),
                lat=41 + chance.random() if placed else None,
                lng=-73 - chance.random() if placed else None,
            )
        service.before_answer = drift = Drift(
            self.seed,
            service,
            self.events,
            self.rate,
            sizes,
            self.cap_modes,
            tuple(minutes * _MINUTES for minutes in self.clocks),
            tuple(_some(chance, service, number) for number in self.lacking),
        )
        return drift

    def _moments(self, chance: Random) -> list[datetime]:
        """When the rows were created, oldest first."""
        cap = (self.depth or 1) * self.granted
        sizes = (2, self.granted, self.granted + 1, cap + 3, 2 * cap + 3, 3 * self.granted)
        crowds = [chance.choice(sizes) for _ in range(self.ties)]
        last = int(timedelta(days=self.days).total_seconds())
        seconds = [second for size in crowds for second in [chance.randrange(last)] * size]
        seconds = seconds[: self.rows]
        seconds += [chance.randrange(last) for _ in range(self.rows - len(seconds))]
        start = self.opened - timedelta(days=self.days, hours=2)
        return [
            start + timedelta(seconds=second, microseconds=self._fraction(chance))
            for second in sorted(seconds)
        ]

    def _fraction(self, chance: Random) -> int:
        return chance.randrange(1_000_000) if self.fractions else 0


def _possible(drawn: dict[str, Any]) -> dict[str, Any]:
    """Leave out what no reader could notice.

    A row that changes its status, but neither its clock nor the count, while a second is read
    by status; a row without coordinates, while a second is read by area and another row is
    lacking; and an update that a clock dates before the time that was looked at. Where a count is
    too high, each call asks for everything again, so that it has to end without network faults.
    """
    if drawn["count_mode"] != "right" or drawn["lacking"] != (0,):
        drawn["events"] = tuple(kind for kind in drawn["events"] if kind != "status")
    if drawn["lacking"] != (0,):
        drawn["unplaced"] = 0.0
    if drawn["count_mode"] in {"high", "jitter"}:
        drawn["faults"] = 0.0
    if drawn["clocks"] == (0, 300):
        drawn["events"] = tuple(kind for kind in drawn["events"] if kind in {"insert", "delete"})
    return drawn


def _some(chance: Random, service: ServiceModel, number: int) -> frozenset[int]:
    return frozenset(chance.sample(list(service.rows), min(number, len(service.rows))))


def _eastern(moment: datetime) -> tzinfo:
    """The offset of the east of the United States, near the two changes that matter here."""
    is_summer = moment < _AUTUMN or moment >= _SPRING
    return timezone(timedelta(hours=-4 if is_summer else -5))
