"""A service that serves a world of `feed_world`, and a consumer of its feed."""

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
    """Serves a world, and cancels its client at random requests."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.scope = anyio.CancelScope()
        self.requests = 0
        self.has_begun = False
        self.date_offset = timedelta(0)  # error of the Date header
        self.extra_entries = 0  # added to `entries`
        self.unreadable: set[int] = set()  # ids of issues that cannot be decoded
        self.never_updated: set[int] = set()  # ids of issues without a time of update

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        world, random = self.world, self.world.random
        self.requests += 1
        world.time.seconds += 0.3
        world.advance()
        is_calm = world.time.seconds > world.end
        if world.time.seconds > world.deadline or (not is_calm and random.random() < 0.01):
            self.scope.cancel()
            await anyio.lowlevel.checkpoint()
        if not is_calm and world.time.seconds < world.down_until:
            return httpx.Response(random.choice((500, 503)))
        if not is_calm and random.random() < world.options.faults:
            return httpx.Response(200, text="<html>")
        lag = 0.0 if is_calm or random.random() < 0.8 else random.uniform(0, world.options.lag)
        return self._respond(request.url.params, lag)

    def _respond(self, query: httpx.QueryParams, lag: float) -> httpx.Response:
        world = self.world
        since = datetime.fromisoformat(query.get("updated_at_after", "2000-01-01T00:00:00Z"))
        rows = [
            row
            for row in world.state(lag)
            if row.id in self.never_updated or row.times["updated"] >= since
        ]
        descending = query["sort_direction"] == "DESC"
        rows.sort(key=lambda row: (row.times["updated"], row.id), reverse=descending)
        page, size = int(query.get("page", 1)), int(query.get("per_page", _PER_PAGE))
        size = min(size, _PER_PAGE)
        following = page + 1 if page * size < len(rows) else None
        pagination = {
            "entries": len(rows) + self.extra_entries,
            "page": page,
            "per_page": size,
            "next_page": following,
        }
        shown = rows[(page - 1) * size : page * size]
        body = {
            "issues": [
                row.as_json()
                | ({"id": "?"} if row.id in self.unreadable else {})
                | ({"updated_at": None} if row.id in self.never_updated else {})
                for row in shown
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
    """The result of following a feed.

    Attributes:
        reported: Number of reported changes, repeated ones included.
        repeated: Number of changes that had been reported before.
        lost: Keys of the changes that were not reported.
        old: Keys of reported changes from long before the feed began.
        out_of_order: Number of changes after one with a later update in the same poll.
        restarts: Number of resumptions from a cursor.
        requests: Number of requests.
        largest: Length of the longest cursor, as JSON.
        overwritten: Number of changes that were overwritten or deleted before a report.
    """

    reported: int = 0
    repeated: int = 0
    lost: list[str] = attrs.field(factory=list)
    old: list[str] = attrs.field(factory=list)
    out_of_order: int = 0
    restarts: int = 0
    requests: int = 0
    largest: int = 0
    overwritten: int = 0


class Follower:
    """Consumes a feed, and resumes it from the saved cursor, which is sometimes an older one."""

    def __init__(self, world: World, client: AsyncClient) -> None:
        self.world = world
        self.outcome = Outcome()
        self._client = client
        self._keys: set[str] = set()
        self._last_change = (0, START)  # poll and update time
        self._watch = self._start_watch(None)
        self._saved_cursor = ""

    async def begin(self) -> None:
        await self._watch.begin()
        self._saved_cursor = json.dumps(self._watch.cursor)
        self.world.expected.clear()
        self.world.edits.clear()

    async def take(self, count: int) -> None:
        for _ in range(count):
            self._record(await anext(self._watch))
            if self.world.random.random() < 0.9:
                self._saved_cursor = json.dumps(self._watch.cursor)
                self.outcome.largest = max(self.outcome.largest, len(self._saved_cursor))

    def restart(self) -> None:
        self.outcome.restarts += 1
        self._watch = self._start_watch(json.loads(self._saved_cursor))

    def _start_watch(self, cursor: Any) -> Watch:
        return self._client.issues.watch(every=self.world.options.every, cursor=cursor)

    def _record(self, change: Change) -> None:
        outcome, updated = self.outcome, change.issue.updated_at
        assert updated is not None
        poll, last = self._last_change
        self._last_change = (self.world.time.waits, updated)
        outcome.out_of_order += poll == self._last_change[0] and updated < last
        outcome.reported += 1
        outcome.repeated += change.key in self._keys
        self._keys.add(change.key)
        self.world.settle(change)

    def result(self) -> Outcome:
        world, outcome = self.world, self.outcome
        outcome.lost = [*world.expected, *(f"{number}:edited" for number in world.edits)]
        outcome.old = sorted(self._keys & world.old)
        outcome.overwritten = world.overwritten
        return outcome


async def follow(seed: int, options: Options) -> Outcome:
    """Follow a world to its end, with restarts and cancellations; return the result."""
    time = VirtualTime()
    world = World(seed, options, time)
    service = Service(world)
    async with httpx.AsyncClient(transport=service) as http:
        client = AsyncClient(
            base_url="https://city.test",
            http=http,
            limiter=None,
            retry=Retry(attempts=1),
            clock=time,
        )
        follower = Follower(world, client)
        while not service.has_begun:
            with anyio.CancelScope() as service.scope:
                await follower.begin()
                service.has_begun = True
        while time.seconds < world.deadline:
            with anyio.CancelScope() as service.scope:
                await follower.take(world.random.randint(1, 100))
            if world.random.random() < 0.7:
                follower.restart()
    follower.outcome.requests = service.requests
    return follower.result()
