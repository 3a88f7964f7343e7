"""Small worlds, all of them: a crawl of a few rows to which something happens at each moment."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import attrs

from seeclickfix_async.models import Issue, Status
from seeclickfix_async.planner import CrawlPlanner
from seeclickfix_async.queries import IssueQuery

from .service_model import OPENED, START, CapMode, Row, ServiceModel

MOST_REQUESTS = 400

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
        restarts: Whether another process goes on after each answer.
    """

    seconds: tuple[int, ...]
    page_size: int
    cap: int | None
    cap_mode: CapMode
    workers: int
    events: tuple[Event, ...] = ()
    restarts: bool = False


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


def crawl(world: World) -> Outcome:
    """Crawl a world with the planner alone."""
    service = ServiceModel(most_per_page=world.page_size, cap=world.cap, cap_mode=world.cap_mode)
    for second, rows in enumerate(world.seconds):
        for _ in range(rows):
            _add(service, _second(second))
    there = set(service.rows)
    before = dict(service.rows)
    due = {event.moment: event for event in world.events}

    def happen(moment: int) -> None:
        if moment in due:
            _apply(service, due[moment], before)

    service.before_answer = happen
    query = IssueQuery(status="all")
    planner: CrawlPlanner[Issue] = CrawlPlanner(query, by="created_at", page_size=world.page_size)
    received: Counter[int] = Counter()
    turn = 0
    while planner.slices and service.answers < MOST_REQUESTS:
        part = planner.slices[turn % min(len(planner.slices), world.workers)]
        turn += 1
        request = planner.request(part)
        page = service.answer(request.query, request.number)
        planner.state.requests += 1
        if page is None:
            assert planner.refuse(part, request)
        else:
            fresh = planner.take(part, request, page, service.now)
            received.update(issue.id for issue in fresh)
            if part in planner.slices and part.is_between_pages:
                planner.share(part, world.workers - len(planner.slices))
        if world.restarts:
            state = planner.state.encode()
            planner = CrawlPlanner(query, by="created_at", page_size=world.page_size, state=state)
            planner.skip(received)
        there &= service.rows.keys()
    if service.answers < MOST_REQUESTS:
        request = planner.count_request
        page = service.answer(request.query, 1)
        assert page is not None
        planner.finish(page.entries)
        there &= service.rows.keys()
    lost = frozenset(there - received.keys())
    return Outcome(service.answers, received, lost, planner.state.report(rate=1).complete)


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
            for workers, restarts in ((1, False), (2, False), (2, True)):
                quiet = World(seconds, page_size, cap, mode, workers, restarts=restarts)
                yield quiet
                moments = range(1, crawl(quiet).requests)
                singles = [
                    event
                    for moment in moments
                    for kind in kinds
                    for event in _events(kind, moment, rows, len(seconds))
                ]
                for chosen in itertools.combinations(singles, events):
                    if len({event.moment for event in chosen}) == events:
                        yield attrs.evolve(quiet, events=chosen)


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


def _apply(service: ServiceModel, event: Event, before: dict[int, Row]) -> None:
    if event.kind == "insert":
        _add(service, _second(event.place), updated=service.now)
        return
    number = sorted(before)[event.place]
    row = service.rows.get(number)
    if row is None:
        return
    match event.kind:
        case "delete":
            del service.rows[number]
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
