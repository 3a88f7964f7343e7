"""A service that shows a world of `feed_world`, and a consumer who follows it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import httpx

from seeclickfix_async import AsyncClient, Change, Retry, Watch
from tests.support.feed_world import START, Options, VirtualTime, World

_PER_PAGE = 20


class Service(httpx.AsyncBaseTransport):
    """Answers for a world, and cancels its client now and then."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.scope = anyio.CancelScope()
        self.requests = 0
        self.begun = False
        self.date_offset = timedelta(0)  # of the Date header
        self.promised = 0  # rows that the count has too many
        self.broken: set[int] = set()  # issues that cannot be read

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        world, draw = self.world, self.world.random
        self.requests += 1
        world.time.seconds += 0.3
        world.advance()
        calm = world.time.seconds > world.end
        if world.time.seconds > world.over or (not calm and draw.random() < 0.01):
            self.scope.cancel()
            await anyio.lowlevel.checkpoint()
        if not calm and world.time.seconds < world.down_until:
            return httpx.Response(draw.choice((500, 503)))
        if not calm and draw.random() < world.options.faults:
            return httpx.Response(200, text="<html>")
        lag = 0.0 if calm or draw.random() < 0.8 else draw.uniform(0, world.options.lag)
        return self._answer(request.url.params, lag)

    def _answer(self, query: httpx.QueryParams, lag: float) -> httpx.Response:
        world = self.world
        since = datetime.fromisoformat(query.get("updated_at_after", "2000-01-01T00:00:00Z"))
        rows = [row for row in world.state(lag) if row.moments["updated"] >= since]
        descending = query["sort_direction"] == "DESC"
        rows.sort(key=lambda row: (row.moments["updated"], row.id), reverse=descending)
        page, size = int(query.get("page", 1)), int(query.get("per_page", _PER_PAGE))
        size = min(size, _PER_PAGE)
        following = page + 1 if page * size < len(rows) else None
        pagination = {
            "entries": len(rows) + self.promised,
            "page": page,
            "per_page": size,
            "next_page": following,
        }
        shown = rows[(page - 1) * size : page * size]
        body = {
            "issues": [
                row.as_json() | ({"id": "?"} if row.id in self.broken else {}) for row in shown
            ],
            "metadata": {"pagination": pagination},
        }
        headers = {"content-type": "application/json"}
        if world.options.dated:
            date = world.clock(world.random.choice(world.options.skew)) + self.date_offset
            headers["date"] = date.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return httpx.Response(200, content=json.dumps(body).encode(), headers=headers)


@attrs.define
class Outcome:
    """What a feed made of a world.

    Attributes:
        told: How many changes it told, those told again among them.
        again: How many of them had been told before.
        lost: Keys of changes that it owes.
        old: Keys of changes from long before it began, that it told.
        disordered: How many changes came after one of a later update of the same look.
        restarts: How often it went on from a cursor, or after it was cancelled.
        requests: What it asked.
        largest: The longest cursor, as JSON.
        overwritten: How many changes were overwritten or deleted before they were told.
    """

    told: int = 0
    again: int = 0
    lost: list[str] = attrs.field(factory=list)
    old: list[str] = attrs.field(factory=list)
    disordered: int = 0
    restarts: int = 0
    requests: int = 0
    largest: int = 0
    overwritten: int = 0


class Follower:
    """Takes the changes of a feed, and goes on from a cursor that is sometimes an earlier one."""

    def __init__(self, world: World, client: AsyncClient) -> None:
        self.world = world
        self.outcome = Outcome()
        self._client = client
        self._keys: set[str] = set()
        self._last = (0, START)  # the look and the update of the last change
        self._watch = self._new(None)
        self._kept = ""

    async def begin(self) -> None:
        await self._watch.begin()
        self._kept = json.dumps(self._watch.cursor)
        self.world.owed.clear()
        self.world.edits.clear()

    async def take(self, count: int) -> None:
        for _ in range(count):
            self._note(await anext(self._watch))
            if self.world.random.random() < 0.9:
                self._kept = json.dumps(self._watch.cursor)
                self.outcome.largest = max(self.outcome.largest, len(self._kept))

    def restart(self) -> None:
        self.outcome.restarts += 1
        self._watch = self._new(json.loads(self._kept))

    def _new(self, cursor: Any) -> Watch:
        return self._client.issues.watch(every=self.world.options.every, cursor=cursor)

    def _note(self, change: Change) -> None:
        outcome, updated = self.outcome, change.issue.updated_at
        assert updated is not None
        look, last = self._last
        self._last = (self.world.time.waits, updated)
        outcome.disordered += look == self._last[0] and updated < last
        outcome.told += 1
        outcome.again += change.key in self._keys
        self._keys.add(change.key)
        self.world.told(change)

    def result(self) -> Outcome:
        world, outcome = self.world, self.outcome
        outcome.lost = [*world.owed, *(f"{number}:edited" for number in world.edits)]
        outcome.old = sorted(self._keys & world.old)
        outcome.overwritten = world.overwritten
        return outcome


async def follow(seed: int, options: Options) -> Outcome:
    """Follow a world to its end, with restarts and cancellations, and compare."""
    time = VirtualTime()
    world = World(seed, options, time)
    service = Service(world)
    async with httpx.AsyncClient(transport=service) as http:
        retry = Retry(attempts=1, clock=time)
        client = AsyncClient(base_url="https://city.test", http=http, limiter=None, retry=retry)
        follower = Follower(world, client)
        while not service.begun:
            with anyio.CancelScope() as service.scope:
                await follower.begin()
                service.begun = True
        while time.seconds < world.over:
            with anyio.CancelScope() as service.scope:
                await follower.take(world.random.randint(1, 100))
            if world.random.random() < 0.7:
                follower.restart()
    follower.outcome.requests = service.requests
    return follower.result()
