"""Small worlds, all of them: a crawl of a few rows to which something happens at each moment."""

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

MOST_REQUESTS = 400

_QUERY = IssueQuery(status="all")

EventKind = Literal["insert", "delete", "status", "move"]


@attrs.frozen
class Event:
    """Something that happens before an answer.

    Attributes:
        kind: What happens.
        moment: The number of the answer, from 0.
        place: Which row, from 0; of an insertion, in which second.
        to: Where a row moves: to which second.
    """

    kind: EventKind
    moment: int
    place: int
    to: int = 0


@attrs.frozen
class World:
    """A crawl that is to be tried.

    Attributes:
        seconds: How many rows there are in each second.
        page_size: Rows a page.
        cap: Rows of a query that are served.
        cap_mode: The answer beyond.
        workers: How many read at once.
        events: What happens.
        restarts: Whether another process goes on after each answer, from the state alone or
            with the ids that came.
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
    """What a crawl gave."""

    requests: int
    received: Counter[int]
    lost: frozenset[int]
    complete: bool

    @property
    def fault(self) -> str | None:
        """What must never be."""
        if self.requests >= MOST_REQUESTS:
            return "endless"
        if any(times > 1 for times in self.received.values()):
            return "doubled"
        return "lost in silence" if self.lost and self.complete else None


@attrs.define
class _Run:
    """A crawl with the planner alone, answer by answer."""

    world: World
    service: ServiceModel
    planner: CrawlPlanner[Issue]
    there: set[int]
    received: Counter[int] = attrs.field(factory=Counter)
    turn: int = 0
    is_over: bool = False

    @classmethod
    def of_world(cls, world: World) -> _Run:
        service = _service(world)
        return cls(world, service, _planner(world), set(service.rows))

    def step(self) -> None:
        """Let happen what is due, and take one answer."""
        for event in self.world.events:
            if event.moment == self.service.answers:
                _apply(self.service, event)
        if self.planner.slices:
            self._read()
        else:
            request = self.planner.count_request
            page = self.service.answer(request.query, 1)
            assert page is not None
            self.planner.finish(page.entries)
            self.is_over = True
        self.there &= self.service.rows.keys()
        self.is_over |= self.service.answers >= MOST_REQUESTS

    def _read(self) -> None:
        world, planner = self.world, self.planner
        part = planner.slices[self.turn % min(len(planner.slices), world.workers)]
        self.turn += 1
        request = planner.request(part)
        page = self.service.answer(request.query, request.number)
        planner.count_requests(1)
        if page is None:
            assert planner.refuse(part, request)
        else:
            fresh = planner.take(part, request, page, self.service.now)
            self.received.update(issue.id for issue in fresh)
            if part in planner.slices and part.is_between_pages:
                planner.share(part, world.workers - len(planner.slices))
        if world.restarts != "none":
            self.planner = _planner(world, planner.state.encode())
            if world.restarts == "ids":
                self.planner.skip(self.received)

    def copy(self, **changes: Any) -> _Run:
        """The same crawl once more, of which each goes its own way."""
        service = attrs.evolve(self.service, rows=dict(self.service.rows))
        there, received = set(self.there), Counter(self.received)
        return attrs.evolve(self, service=service, there=there, received=received, **changes)

    @property
    def outcome(self) -> Outcome:
        lost = frozenset(self.there - self.received.keys())
        complete = self.planner.state.report(rate=1).complete
        return Outcome(self.service.answers, self.received, lost, complete)


def crawl(world: World) -> Outcome:
    """Crawl a world with the planner alone."""
    if not world.events:
        return _moments(world)[-1][0].outcome
    run = _resumed(world)
    while not run.is_over:
        run.step()
    return run.outcome


def _resumed(world: World) -> _Run:
    """The crawl of a world at its last event; up to there, it is that of a world without it."""
    *before, last = world.events
    moments = _moments(attrs.evolve(world, events=tuple(before)))
    run, planner = moments[min(last.moment, len(moments) - 1)]
    return run.copy(world=world, planner=pickle.loads(planner))


@lru_cache(maxsize=2)
def _moments(world: World) -> list[tuple[_Run, bytes]]:
    """A crawl before each answer and in the end, with its planner."""
    run = _resumed(world) if world.events else _Run.of_world(world)
    first = run.service.answers
    moments = [(run.copy(), pickle.dumps(run.planner))] * (first + 1)
    while not run.is_over:
        run.step()
        moments.append((run.copy(), pickle.dumps(run.planner)))
    return moments


def _planner(world: World, state: bytes | None = None) -> CrawlPlanner[Issue]:
    return CrawlPlanner(_QUERY, by="created_at", page_size=world.page_size, state=state)


_WAYS: tuple[tuple[int, Literal["none", "state", "ids"]], ...] = (
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
    """Every world of so many rows to which so many things happen at any moment."""
    for seconds in _spreads(rows):
        for cap, mode in _caps(page_size):
            for workers, restarts in _WAYS:
                like = partial(World, seconds, page_size, cap, mode, workers, restarts=restarts)
                quiet = like()
                yield quiet
                moments = range(1, crawl(quiet).requests)  # which are remembered for what follows
                singles = [
                    event
                    for moment in moments
                    for kind in kinds
                    if not (kind == "move" and restarts == "state")  # which cannot be known
                    for event in _events(kind, moment, rows, len(seconds))
                ]
                for chosen in itertools.combinations(singles, events):
                    if len({event.moment for event in chosen}) == events:
                        yield like(events=chosen)


def _service(world: World) -> ServiceModel:
    """The service of a world, before anything has happened."""
    service = ServiceModel(most_per_page=world.page_size, cap=world.cap, cap_mode=world.cap_mode)
    for second, rows in enumerate(world.seconds):
        for _ in range(rows):
            _add(service, _second(second))
    return service


def _spreads(rows: int) -> Iterator[tuple[int, ...]]:
    """Every way to spread rows over seconds, none of which is empty."""
    if not rows:
        yield ()
    for first in range(1, rows + 1):
        for rest in _spreads(rows - first):
            yield (first, *rest)


def _caps(page_size: int) -> Iterator[tuple[int | None, CapMode]]:
    yield None, "empty"
    for mode in ("empty", "error", "repeat"):
        yield page_size, mode


def _events(kind: EventKind, moment: int, rows: int, seconds: int) -> Iterator[Event]:
    match kind:
        case "insert":
            for place in range(seconds):
                yield Event(kind, moment, place)
        case "move":
            for place in range(rows):
                for to in range(seconds):
                    yield Event(kind, moment, place, to)
        case _:
            for place in range(rows):
                yield Event(kind, moment, place)


def _apply(service: ServiceModel, event: Event) -> None:
    if event.kind == "insert":
        _add(service, _second(event.place), updated=service.now)
        return
    row = service.rows.get(event.place + 1)  # ids begin with 1
    if row is None:
        return
    match event.kind:
        case "delete":
            del service.rows[row.id]
        case "status":
            order = tuple(Status)
            service.touch(row, status=order[(order.index(row.status) + 1) % len(order)])
        case _:
            service.touch(row, created=_second(event.to))


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
