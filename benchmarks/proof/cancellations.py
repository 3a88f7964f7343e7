"""10,000 cancelled requests, after which nothing is left behind.

Requests are cancelled at random moments, by `asyncio.Task.cancel()` and by cancel scopes. After
each storm as many requests as the client sends at once, and as the quota allows, have to succeed
without waiting.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import math
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from random import Random
from typing import Any

import anyio

from benchmarks.measure import Ratio
from benchmarks.proof.fault_matrix import Setting
from benchmarks.proof.faulty_server import FaultyServer, faulty_server
from seeclickfix_async import AsyncClient, Limiter
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.sandbox import TOKEN, Fault, Sandbox, Settings

_CANCELLATIONS = 10_000
_AT_ONCE = 50
_STORMS = 5  # between them, a check
_LIMIT, _PER = 40, 1.0
_SLOWEST = 0.05  # seconds of a response
_LATEST = 0.3  # seconds until a cancellation
_SOON = 0.8  # seconds for `_LIMIT` requests


def ratios() -> Iterator[Ratio]:
    """Yield what was left behind, for each event loop and library."""
    settings = [
        Setting(*pair) for pair in itertools.product(("asyncio", "trio"), ("httpx", "httpx2"))
    ]
    with get_context("spawn").Pool(2) as pool:
        for setting, counts in zip(settings, pool.map(_run_setting, settings), strict=True):
            name = f"{setting.backend} and {setting.library}"
            yield Ratio(f"cancelled requests, {name}", counts["cancelled"], math.inf, "")
            yield Ratio("  of which were sent", counts["sent"], math.inf, "")
            for left in ("late requests", "tasks", "descriptors", "raw errors"):
                yield Ratio(f"  {left}", counts[left], 0, "")


def _run_setting(setting: Setting) -> Counter[str]:
    logging.disable()
    counts: Counter[str] = Counter()
    with faulty_server() as server:
        server.serve(Sandbox(20, settings=Settings(quota=None)))
        random = Random(0)
        late = [Fault.delay(random.uniform(0, _SLOWEST)) for _ in range(100)]
        server.faults.at_random(1, *late)
        before = _descriptors()
        anyio.run(_Storm(setting, server, counts).run, backend=setting.backend)
        time.sleep(0.5)  # the server closes the connections that the clients have closed
        counts["sent"] = len(server.faults.occurred)
        counts["descriptors"] += max(0, _descriptors() - before)
    return counts


class _Storm:
    """The cancellations of one event loop and library."""

    def __init__(self, setting: Setting, server: FaultyServer, counts: Counter[str]) -> None:
        self._setting = setting
        self._server = server
        self._counts = counts
        self._random = Random(1)
        self._number = server.sandbox.city.id_of(0)

    async def run(self) -> None:
        """Cancel requests in storms, with a check after each."""
        http: Any = None
        if self._setting.library != "httpx":
            http = import_module(self._setting.library).AsyncClient()
        limiter = Limiter(_LIMIT, per=_PER)
        url = self._server.url
        async with AsyncClient(TOKEN, base_url=url, http=http, limiter=limiter) as client:
            await client.issues.get(self._number)
            tasks = _tasks()
            for _ in range(_STORMS):
                async with AsyncClient(TOKEN, base_url=url, http=http, limiter=None) as unlimited:
                    for _ in range(_CANCELLATIONS // _STORMS // _AT_ONCE):
                        await self._cancel_some(unlimited, client)
                await self._check(client)
            self._counts["tasks"] += max(0, _tasks() - tasks)
        if http is not None:
            await http.aclose()
        await anyio.sleep(0.1)
        gc.collect()

    async def _cancel_some(self, unlimited: AsyncClient, limited: AsyncClient) -> None:
        """Start requests and cancel them; one of them has to wait for the quota."""
        calls = [self._choose(unlimited) for _ in range(_AT_ONCE - 1)]
        calls.append(self._choose(limited))
        if self._setting.backend == "asyncio" and self._random.random() < 0.5:
            await self._cancel_tasks(calls)
        else:
            await self._cancel_scopes(calls)

    def _choose(self, client: AsyncClient) -> Callable[[], Awaitable[object]]:
        return self._random.choice(
            (
                partial(client.issues.get, self._number),
                partial(client.issues.comments, self._number),
                partial(client.issues.list(status="all").collect, 5),
                partial(client.issues.comment, self._number, "Still there.", image=_PHOTO),
            )
        )

    async def _cancel_tasks(self, calls: list[Callable[[], Awaitable[object]]]) -> None:
        tasks = [asyncio.ensure_future(self._count(call)) for call in calls]
        for _ in range(self._random.randrange(30)):
            await asyncio.sleep(0)
        await asyncio.sleep(self._random.uniform(0, _LATEST) * self._random.randrange(2))
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            self._counts["cancelled"] += isinstance(result, asyncio.CancelledError)

    async def _cancel_scopes(self, calls: list[Callable[[], Awaitable[object]]]) -> None:
        async def run(call: Callable[[], Awaitable[object]]) -> None:
            with anyio.move_on_after(self._random.uniform(0, _LATEST)) as scope:
                await self._count(call)
            self._counts["cancelled"] += scope.cancelled_caught

        async with anyio.create_task_group() as group:
            for call in calls:
                group.start_soon(run, call)

    async def _count(self, call: Callable[[], Awaitable[object]]) -> None:
        try:
            await call()
        except SeeClickFixError:
            pass
        except Exception:  # noqa: BLE001  # a finding
            self._counts["raw errors"] += 1

    async def _check(self, client: AsyncClient) -> None:
        """Use the whole quota at once, a window after the last cancellation."""
        await anyio.sleep(1.1 * _PER)
        self._server.faults.clear()
        with anyio.move_on_after(_SOON) as scope:
            async with anyio.create_task_group() as group:
                for _ in range(_LIMIT):
                    group.start_soon(client.issues.get, self._number)
        self._counts["late requests"] += scope.cancelled_caught


_PHOTO = b"\x89PNG\r\n\x1a\n" + bytes(1000)


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # trio
        return 0


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # names are enough
