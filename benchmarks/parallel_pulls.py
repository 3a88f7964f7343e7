"""A pull by one process, by eight, or by a Dask cluster: `python -m benchmarks.parallel_pulls`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Literal

import anyio
import attrs
import coredis
import msgspec

from benchmarks.measure import peak_memory
from seeclickfix_async import AsyncClient, RedisLimiter
from seeclickfix_async.pull import Part, plan, pull

_PARTS = 32
_LIMIT = 1_000_000  # per minute: the quota is shared, and never used up


@attrs.frozen
class Cost:
    """What a pull, or a part of one, needed.

    Attributes:
        requests: The number of requests.
        peak: The peak memory of the largest process, in megabytes.
    """

    requests: int
    peak: float


@attrs.frozen
class _Task:
    """A part with what a process needs to pull it."""

    part: Part
    url: str
    redis_port: int
    folder: str


async def _pull_whole(url: str, folder: str, page_size: Literal["largest"] | None) -> Cost:
    async with AsyncClient(base_url=url, limiter=None) as client:
        report = await pull(client, to=f"{folder}/city.parquet", page_size=page_size)
    assert report.complete, report
    return Cost(report.requests, peak_memory())


async def _plan(url: str) -> tuple[Part, ...]:
    async with AsyncClient(base_url=url, limiter=None) as client:
        return await plan(client, parts=_PARTS)


async def _pull_part(task: _Task) -> Cost:
    async with coredis.Redis(port=task.redis_port) as opened:
        limiter = RedisLimiter(opened, _LIMIT)
        async with AsyncClient(base_url=task.url, limiter=limiter) as client:
            file = f"{task.folder}/{task.part.name}.parquet"
            report = await pull(client, to=file, **task.part.filters)
    assert report.complete, report
    return Cost(report.requests, peak_memory())


def _work(task: _Task) -> Cost:
    return anyio.run(_pull_part, task)


def _by_processes(tasks: list[_Task]) -> list[Cost]:
    with ProcessPoolExecutor(8, get_context("spawn")) as processes:
        return list(processes.map(_work, tasks))


def _by_dask(tasks: list[_Task]) -> list[Cost]:
    from distributed import Client  # noqa: PLC0415  # not in processes without it

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=":0") as dask:
        return list(dask.gather(dask.map(_work, tasks)))


BY_ONE: dict[str, Literal["largest"] | None] = {
    "one process": None,
    "one process, largest pages": "largest",
}
_BY_SEVERAL: dict[str, Callable[[list[_Task]], list[Cost]]] = {
    "8 processes, one quota": _by_processes,
    "Dask, 2 workers, one quota": _by_dask,
}
WAYS = (*BY_ONE, *_BY_SEVERAL)


def _pull_by(way: str, url: str, redis_port: int, folder: str) -> Cost:
    if way in BY_ONE:
        return anyio.run(_pull_whole, url, folder, BY_ONE[way])
    parts = anyio.run(_plan, url)
    costs = _BY_SEVERAL[way]([_Task(part, url, redis_port, folder) for part in parts])
    return Cost(1 + sum(cost.requests for cost in costs), max(cost.peak for cost in costs))


if __name__ == "__main__":
    cost = _pull_by(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
    print(msgspec.json.encode(cost).decode())
