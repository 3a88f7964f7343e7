"""The scenarios of the proof: a service, its changes, and the way it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from random import Random
from typing import Any, Literal

import attrs

from seeclickfix_async._api.query import ClockField
from seeclickfix_async._crawl.limits import PageSize
from seeclickfix_async.models import Status
from tests.support.service_drift import Drift, EventKind
from tests.support.service_model import CapMode, CountMode, ServiceModel, TieOrder, Timespec

_SPRING = datetime(2026, 3, 8, 7, tzinfo=UTC)
_AUTUMN = datetime(2025, 11, 2, 6, tzinfo=UTC)
_MINUTES = timedelta(minutes=1)

MAX_ATTEMPTS = 120
"""Number of attempts, after interruptions and errors, after which a reader is stuck."""

_MAX_REQUESTS_FACTOR = 60  # of the minimum

_CHOICES: dict[str, tuple[Any, ...]] = {
    "backend": ("asyncio", "trio"),
    "workers": (None, 1, 1, 2, 3, 5, 16),
    "rows": (0, 1, 20, 20, 60, 60, 150),
    "days": (1, 60, 60, 300),
    "opened": (_SPRING, _AUTUMN),
    "timespec": ("seconds", "seconds", "milliseconds"),
    "fractions": (False, True),
    "largest_page": (3, 5, 10, 20, 50),
    "page_size_varies": (False, False, False, True),
    "page_size": (None, None, "largest", 7),
    "depth": (None, None, 1, 2, 4, 10),
    "cap_modes": (("empty",), ("error",), ("repeat",), ("empty", "error", "repeat")),
    "ties": (0, 0, 1, 2, 5),
    "count_mode": ("right",) * 7 + ("missing", "low", "high", "capped", "jitter"),
    "has_next_page": (True, True, False),
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
    "mode": ("run", "iterate"),
    "restart": ("object", "state", "state and ids"),
    "file": (
        "city.jsonl",
        "city.csv",
        "city.geojson",
        "city.db",
        "city.parquet",
        "city.geoparquet",
    ),
    "rows_per_part": (40, 150, 100_000),
    "cycles": (0, 0, 1, 1, 2),
    "cuts_last_page": (False, False, True),
    "page_step": (1, 1, 1, 2, 5),
    "tie_order": ("id", "id", "reversed", "page"),
    "has_stable_ties": (False, False, True),
}


@attrs.frozen
class Scenario:
    """A configuration, drawn from the table above.

    Attributes:
        seed: The seed of the draw.
        backend: The event loop.
        workers: Number of concurrent workers.
        rows: Number of issues at first.
        days: Number of days over which they are spread.
        opened: The service's clock at first: near a change of daylight saving time.
        timespec: The precision of the timestamps of rows.
        fractions: Whether rows are created at fractions of seconds.
        largest_page: The upper limit of the page size.
        page_size_varies: Whether some machines have half of that limit, or twice as much.
        page_size: The requested page size.
        depth: Number of pages of a query that can be reached; None for all.
        cap_modes: The responses past that depth.
        cuts_last_page: Whether the last page within the cap ends there.
        page_step: Page sizes are rounded down to a multiple of it.
        ties: Number of seconds with many rows: from a page to more than twice the cap.
        tie_order: The order of rows with the same time.
        has_stable_ties: Whether that order is the same in both sort directions.
        count_mode: How `entries` is counted.
        has_next_page: Whether `next_page` is set.
        events: The kinds of changes while the service is read.
        rate: The average number of changes for each response.
        lacking: Number of rows that each replica lacks.
        clocks: The clock error of each machine in minutes.
        unplaced: The share of rows without coordinates.
        faults: The share of requests with a network fault.
        interruptions: Number of times that a reader is killed or cancelled.
        by: The clock of the crawl.
        mode: Whether the crawl is run or iterated.
        restart: The data from which a crawl resumes after an interruption.
        file: The name of the pulled file.
        rows_per_part: Rows of a part of a Parquet dataset.
        cycles: Number of updates and sweeps that follow.
    """

    seed: int
    backend: str
    workers: int | None
    rows: int
    days: int
    opened: datetime
    timespec: Timespec
    fractions: bool
    largest_page: int
    page_size_varies: bool
    page_size: PageSize | None
    depth: int | None
    cap_modes: tuple[CapMode, ...]
    cuts_last_page: bool
    page_step: int
    ties: int
    tie_order: TieOrder
    has_stable_ties: bool
    count_mode: CountMode
    has_next_page: bool
    events: tuple[EventKind, ...]
    rate: float
    lacking: tuple[int, ...]
    clocks: tuple[int, ...]
    unplaced: float
    faults: float
    interruptions: int
    by: ClockField
    mode: Literal["run", "iterate"]
    restart: Literal["object", "state", "state and ids"]
    file: str
    rows_per_part: int
    cycles: int

    @classmethod
    def from_seed(cls, seed: int) -> Scenario:
        """Draw a configuration, in which nothing changes faster than it can be read."""
        random = Random(seed)
        drawn = {name: random.choice(values) for name, values in _CHOICES.items()}
        scenario = cls(seed, **_without_unnoticeable(drawn))
        # A row takes several requests where pages are small, since they prove little.
        slow_enough = min(scenario.rate, (scenario._smallest_page / 20) ** 2)
        return attrs.evolve(scenario, rate=slow_enough)

    @property
    def is_static(self) -> bool:
        """True if nothing changes and every response is right, except for network faults."""
        return (
            not self.events
            and not self.page_size_varies
            and self.count_mode == "right"
            and self.lacking == self.clocks == (0,)
            and len(self.cap_modes) == 1
            and self.tie_order != "page"
            and not self.has_stable_ties
        )

    def max_requests(self, rows: int) -> int:
        """Return the number of requests for `rows` rows after which one attempt counts as endless.

        A second that is divided because of a count that is too high takes several for each row.
        """
        size = 1 if self.count_mode == "high" else min(5, self._smallest_page)
        return _MAX_REQUESTS_FACTOR * (10 + rows // size)

    @property
    def _page_sizes(self) -> tuple[int, ...]:
        """The upper limits of the page size on the service's machines."""
        if not self.page_size_varies:
            return (self.largest_page,)
        return (max(2, self.largest_page // 2), self.largest_page, 2 * self.largest_page)

    @property
    def _smallest_page(self) -> int:
        """The smallest page that any of them serves."""
        requested = self.page_size if isinstance(self.page_size, int) else max(self._page_sizes)
        size = min(requested, *self._page_sizes)
        return max(1, size - size % self.page_step)

    def service(self) -> Drift:
        """Return a service before the first request, with its changes."""
        random = Random(f"rows of {self.seed}")
        sizes = self._page_sizes
        service = ServiceModel(
            cap=self.depth and self.depth * max(sizes),
            cuts_last_page=self.cuts_last_page,
            page_step=self.page_step,
            tie_order=self.tie_order,
            has_stable_ties=self.has_stable_ties,
            count_mode=self.count_mode,
            has_next_page=self.has_next_page,
            opened=self.opened,
            timespec=self.timespec,
            zone=_eastern,
        )
        for created in self._creation_times(random):
            age = timedelta(days=random.choice((0, 0, 0.1, 1, 30)))
            placed = random.random() >= self.unplaced
            service.add(
                created,
                updated=min(created + age, self.opened - timedelta(hours=2)),
                status=random.choice(tuple(Status)),
                lat=41 + random.random() if placed else None,
                lng=-73 - random.random() if placed else None,
            )
        service.before_response = drift = Drift(
            self.seed,
            service,
            self.events,
            self.rate,
            sizes,
            self.cap_modes,
            tuple(minutes * _MINUTES for minutes in self.clocks),
            tuple(_sample_ids(random, service, number) for number in self.lacking),
        )
        return drift

    def _creation_times(self, random: Random) -> list[datetime]:
        """Return the creation times of the rows, oldest first."""
        cap = (self.depth or 1) * self.largest_page
        sizes = (
            2,
            self.largest_page,
            self.largest_page + 1,
            cap + 3,
            2 * cap + 3,
            3 * self.largest_page,
        )
        ties = [random.choice(sizes) for _ in range(self.ties)]
        last = int(timedelta(days=self.days).total_seconds())
        seconds = [second for size in ties for second in [random.randrange(last)] * size]
        seconds = seconds[: self.rows]
        seconds += [random.randrange(last) for _ in range(self.rows - len(seconds))]
        start = self.opened - timedelta(days=self.days, hours=2)
        return [
            start + timedelta(seconds=second, microseconds=self._fraction(random))
            for second in sorted(seconds)
        ]

    def _fraction(self, random: Random) -> int:
        return random.randrange(1_000_000) if self.fractions else 0


def _without_unnoticeable(drawn: dict[str, Any]) -> dict[str, Any]:
    """Return the drawn values without changes that no reader could notice.

    No reader notices a row that changes its status, but neither its clock nor the count, while a
    second is read by status; a row without coordinates, while a second is read by area and another
    row is lacking; nor an update that a clock dates before the period that was read. Where a count
    is too high, each call reads everything again, so that it must end without network faults, and
    with pages of more than one row, since a single row always looks like a part of more.
    """
    if drawn["count_mode"] != "right" or drawn["lacking"] != (0,):
        drawn["events"] = tuple(kind for kind in drawn["events"] if kind != "status")
    if drawn["lacking"] != (0,):
        drawn["unplaced"] = 0.0
    if drawn["count_mode"] in {"high", "jitter"}:
        drawn["faults"] = 0.0
    if drawn["count_mode"] == "high":
        drawn["page_step"] = 1
    if drawn["clocks"] == (0, 300):
        drawn["events"] = tuple(kind for kind in drawn["events"] if kind in {"insert", "delete"})
    return drawn


def _sample_ids(random: Random, service: ServiceModel, number: int) -> frozenset[int]:
    return frozenset(random.sample(list(service.rows), min(number, len(service.rows))))


def _eastern(time: datetime) -> tzinfo:
    """Return the offset of US Eastern time, right near the two changes that scenarios use."""
    is_summer = time < _AUTUMN or time >= _SPRING
    return timezone(timedelta(hours=-4 if is_summer else -5))
