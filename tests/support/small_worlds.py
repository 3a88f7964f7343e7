"""All small worlds: crawls of a few rows, with every event at every step."""

from __future__ import annotations

import itertools
import pickle
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Literal

import attrs

from seeclickfix_async._api.query import IssueQuery
from seeclickfix_async._crawl.planner import CrawlPlanner
from seeclickfix_async.models import Issue, Status
from tests.support.service_model import OPENED, START, CapMode, ServiceModel

MAX_REQUESTS = 400

_QUERY = IssueQuery(status="all")

EventKind = Literal["insert", "delete", "status", "move"]


@attrs.frozen
class Event:
    """A change of the service before a response.

    Attributes:
        kind: The kind of change.
        step: The number of the response, from 0.
        index: The index of the row; for an insertion, the second of its creation.
        target: The second that a row moves to.
    """

    kind: EventKind
    step: int
    index: int
    target: int = 0


@attrs.frozen
class World:
    """A service, its changes, and a crawl of it.

    Attributes:
        seconds: Number of rows in each second.
        page_size: Rows of a page.
        cap: Number of rows of a query that can be reached.
        cap_mode: The response past the cap.
        workers: Number of concurrent workers.
        events: The changes.
        restarts: Whether another process continues after each response: from the state alone, or
            also with the ids that were received.
    """

    seconds: tuple[int, ...]
    page_size: int
    cap: int | None
    cap_mode: CapMode
    workers: int
    events: tuple[Event, ...] = ()
    restarts: Literal["none", "state", "ids"] = "none"


@attrs.frozen
class Outcome:
    """The result of a crawl."""

    requests: int
    received: Counter[int]
    lost: frozenset[int]
    complete: bool

    @property
    def failure(self) -> str | None:
        """The broken promise, if any."""
        if self.requests >= MAX_REQUESTS:
            return "endless"
        if any(times > 1 for times in self.received.values()):
            return "doubled"
        return "lost silently" if self.lost and self.complete else None


@attrs.define
class _Run:
    """A crawl with the planner alone, one response at a time."""

    world: World
    service: ServiceModel
    planner: CrawlPlanner[Issue]
    stable: set[int]
    received: Counter[int] = attrs.field(factory=Counter)
    turn: int = 0
    is_over: bool = False

    @classmethod
    def from_world(cls, world: World) -> _Run:
        service = _service(world)
        return cls(world, service, _planner(world), set(service.rows))

    def step(self) -> None:
        """Apply the events that are due, and process one response."""
        for event in self.world.events:
            if event.step == self.service.responses:
                _apply(self.service, event)
        if self.planner.slices:
            self._read()
        else:
            request = self.planner.count_request
            page = self.service.page(request.query, 1)
            assert page is not None
            self.planner.finish(page.entries)
            self.is_over = True
        self.stable &= self.service.rows.keys()
        self.is_over |= self.service.responses >= MAX_REQUESTS

    def _read(self) -> None:
        world, planner = self.world, self.planner
        part = planner.slices[self.turn % min(len(planner.slices), world.workers)]
        self.turn += 1
        request = planner.request(part)
        page = self.service.page(request.query, request.number)
        planner.count_requests(1)
        if page is None:
            assert planner.refuse(part, request)
        else:
            fresh = planner.receive(part, request, page, self.service.now)
            self.received.update(issue.id for issue in fresh)
            if part in planner.slices and part.is_between_pages:
                planner.share(part, world.workers - len(planner.slices))
        if world.restarts != "none":
            self.planner = _planner(world, planner.state.encode())
            if world.restarts == "ids":
                self.planner.skip(self.received)

    def copy(self, **changes: Any) -> _Run:
        """Return an independent copy."""
        service = attrs.evolve(self.service, rows=dict(self.service.rows))
        stable, received = set(self.stable), Counter(self.received)
        return attrs.evolve(self, service=service, stable=stable, received=received, **changes)

    @property
    def outcome(self) -> Outcome:
        lost = frozenset(self.stable - self.received.keys())
        complete = self.planner.state.report(rate=1).complete
        return Outcome(self.service.responses, self.received, lost, complete)


def crawl(world: World) -> Outcome:
    """Crawl a world with the planner alone."""
    if not world.events:
        return _steps(world)[-1][0].outcome
    run = _resumed(world)
    while not run.is_over:
        run.step()
    return run.outcome


def _resumed(world: World) -> _Run:
    """Return the crawl of a world at its last event, which begins like one without that event."""
    *before, last = world.events
    steps = _steps(attrs.evolve(world, events=tuple(before)))
    run, planner = steps[min(last.step, len(steps) - 1)]
    return run.copy(world=world, planner=pickle.loads(planner))


@lru_cache(maxsize=2)
def _steps(world: World) -> list[tuple[_Run, bytes]]:
    """Return copies of a crawl before each response and at its end, with their planners."""
    run = _resumed(world) if world.events else _Run.from_world(world)
    first = run.service.responses
    steps = [(run.copy(), pickle.dumps(run.planner))] * (first + 1)
    while not run.is_over:
        run.step()
        steps.append((run.copy(), pickle.dumps(run.planner)))
    return steps


def _planner(world: World, state: bytes | None = None) -> CrawlPlanner[Issue]:
    return CrawlPlanner(_QUERY, by="created_at", page_size=world.page_size, state=state)


_READERS: tuple[tuple[int, Literal["none", "state", "ids"]], ...] = (
    (1, "none"),
    (2, "none"),
    (2, "state"),
    (2, "ids"),
)


def worlds(
    rows: int,
    page_size: int,
    *,
    events: int,
    kinds: tuple[EventKind, ...] = ("insert", "delete", "status", "move"),
) -> Iterator[World]:
    """Yield every world with `rows` rows and `events` events, at all steps."""
    for seconds in _spreads(rows):
        for cap, mode in _caps(page_size):
            for workers, restarts in _READERS:
                make_world = partial(
                    World, seconds, page_size, cap, mode, workers, restarts=restarts
                )
                undisturbed = make_world()
                yield undisturbed
                steps = range(1, crawl(undisturbed).requests)
                singles = [
                    event
                    for step in steps
                    for kind in kinds
                    if not (kind == "move" and restarts == "state")  # undetectable
                    for event in _events(kind, step, rows, len(seconds))
                ]
                for chosen in itertools.combinations(singles, events):
                    if len({event.step for event in chosen}) == events:
                        yield make_world(events=chosen)


def _service(world: World) -> ServiceModel:
    """Return the service of a world, before any event."""
    service = ServiceModel(most_per_page=world.page_size, cap=world.cap, cap_mode=world.cap_mode)
    for second, rows in enumerate(world.seconds):
        for _ in range(rows):
            _add(service, _second(second))
    return service


def _spreads(rows: int) -> Iterator[tuple[int, ...]]:
    """Yield every distribution of rows over seconds, none of which is empty."""
    if not rows:
        yield ()
    for first in range(1, rows + 1):
        for rest in _spreads(rows - first):
            yield (first, *rest)


def _caps(page_size: int) -> Iterator[tuple[int | None, CapMode]]:
    yield None, "empty"
    for mode in ("empty", "error", "repeat"):
        yield page_size, mode


def _events(kind: EventKind, step: int, rows: int, seconds: int) -> Iterator[Event]:
    match kind:
        case "insert":
            for index in range(seconds):
                yield Event(kind, step, index)
        case "move":
            for index in range(rows):
                for target in range(seconds):
                    yield Event(kind, step, index, target)
        case _:
            for index in range(rows):
                yield Event(kind, step, index)


def _apply(service: ServiceModel, event: Event) -> None:
    if event.kind == "insert":
        _add(service, _second(event.index), updated=service.now)
        return
    row = service.rows.get(event.index + 1)  # ids begin with 1
    if row is None:
        return
    match event.kind:
        case "delete":
            del service.rows[row.id]
        case "status":
            order = tuple(Status)
            service.touch(row, status=order[(order.index(row.status) + 1) % len(order)])
        case _:
            service.touch(row, created=_second(event.target))


def _second(number: int) -> datetime:
    return START + timedelta(minutes=number)


def _add(service: ServiceModel, created: datetime, updated: datetime | None = None) -> None:
    number = len(service.rows)
    service.add(
        created,
        updated=updated or min(created + timedelta(hours=1), OPENED - timedelta(days=1)),
        status=tuple(Status)[number % 4],
        lat=41 + number / 64,
        lng=-73.0,
    )
