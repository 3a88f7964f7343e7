"""One client for many users: its views, hits of its cache, and a feed of 30 days."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import anyio
import httpx
import msgspec

from benchmarks.measure import Ratio, cpu_of_calls, paired
from benchmarks.servers import ISSUE, encode_rows, fixed
from seeclickfix_async import AsyncClient, Cache
from seeclickfix_async.sandbox import Sandbox, Settings
from seeclickfix_async.testing import VirtualClock

_VIEWS = 10_000
_REQUESTS = 1_000
_TASKS = 100
_NUMBER = 20_001_500  # of an issue
_UPDATES = 20  # a day
_OWN_CODE = tracemalloc.Filter(inclusive=True, filename_pattern="*/seeclickfix_async/_*")


def _bytes_of_view() -> float:
    client = AsyncClient()
    client.with_options(token="token")
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    views = [client.with_options(token=f"{number:064}") for number in range(_VIEWS)]
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(views)


async def _foreign_answers() -> int:
    """Return how many answers of all views, from the service and the cache, have another token."""
    template = msgspec.json.decode(encode_rows(ISSUE))
    foreign = 0

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=template | {"summary": request.headers["authorization"]})

    async with AsyncClient(
        http=httpx.AsyncClient(transport=httpx.MockTransport(respond)),
        limiter=None,
        cache=Cache(max_age=60),
    ) as client:

        async def read(tokens: Iterator[str]) -> None:
            nonlocal foreign
            for token in tokens:
                view = client.with_options(token=token)
                issues = [await view.issues.get(_NUMBER) for _ in range(2)]
                foreign += sum(issue.summary != f"Bearer {token}" for issue in issues)

        tokens = (f"{number:064}" for number in range(_VIEWS))
        async with anyio.create_task_group() as group:
            for _ in range(_TASKS):
                group.start_soon(read, tokens)
    return foreign


async def _cpu_of_views(url: str, views: int) -> float:
    async with AsyncClient(base_url=url, limiter=None) as client:
        users = [client.with_options(token=f"{number:064}") for number in range(views)]
        return await cpu_of_calls(
            [partial(user.issues.get, _NUMBER) for user in users], times=_REQUESTS, tasks=_TASKS
        )


async def _cpu_of_cache(url: str, cache: Cache | None) -> float:
    async with AsyncClient("token", base_url=url, limiter=None, cache=cache) as client:
        return await cpu_of_calls(
            [partial(client.issues.get, _NUMBER)], times=_REQUESTS, tasks=_TASKS
        )


async def _growth_of_feed() -> float:
    """Return how much the feed's memory grows in the last 20 of 30 virtual days, in megabytes."""
    clock = VirtualClock()
    sandbox = Sandbox(2_000, settings=Settings(quota=None), now=clock.utc_now)
    start, city = clock.utc_now(), sandbox.city
    written = itertools.count()
    rows = itertools.cycle(range(len(city)))

    class Living(httpx.ASGITransport):
        """Writes to the city, as much as is due, before each request."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            due = (clock.utc_now() - start) / timedelta(days=1) * _UPDATES
            while next(written) < due:
                city.report()
                city.touch(next(rows))
            return await super().handle_async_request(request)

    http = httpx.AsyncClient(transport=Living(app=sandbox.app))
    client = AsyncClient(http=http, base_url="https://city.test", limiter=None, clock=clock)
    async for _ in client.issues.watch(every=timedelta(hours=2)):
        day = (clock.utc_now() - start).days
        if day >= 30:
            break
        if day >= 10 and not tracemalloc.is_tracing():
            tracemalloc.start()
    gc.collect()
    own = tracemalloc.take_snapshot().filter_traces([_OWN_CODE])
    tracemalloc.stop()
    return sum(trace.size for trace in own.traces) / 2**20


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    yield Ratio("memory of a view with its own token", _bytes_of_view() / 1000, 4, " kB")
    foreign = anyio.run(_foreign_answers)
    yield Ratio(f"answers with another token, {_VIEWS:,} views", foreign, 0, " answers")
    with fixed(ISSUE) as url:
        value = paired(
            partial(anyio.run, _cpu_of_views, url, _VIEWS),
            partial(anyio.run, _cpu_of_views, url, 1),
            rounds=15,
        )
        yield Ratio(f"CPU of calls of {_VIEWS:,} views, 100 at once / one view", value, 1.05)
        value = paired(
            lambda: anyio.run(_cpu_of_cache, url, Cache(max_age=60)),
            lambda: anyio.run(_cpu_of_cache, url, None),
            rounds=15,
        )
        yield Ratio("CPU of a cache's hit, 100 at once / call", value, 0.1)
    yield Ratio(
        "memory of a feed, after 30 days over 10", anyio.run(_growth_of_feed), 1, " MB more"
    )
