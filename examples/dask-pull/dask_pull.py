"""Pull a place on a Dask cluster: many workers, one quota, one dataset.

python dask_pull.py example-city 2023-10-01 2026-10-01
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import coredis
from distributed import Client

from seeclickfix_async import AsyncClient, PlaceArea, RedisLimiter
from seeclickfix_async.pull import Part, plan, pull

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")


@asynccontextmanager
async def open_client() -> AsyncIterator[AsyncClient]:
    """Open a client that shares the quota of all workers."""
    async with coredis.Redis.from_url(REDIS_URL) as redis:
        limiter = RedisLimiter(redis, 20, per=60.0)
        async with AsyncClient.from_env(
            token=None, limiter=limiter, contact="you@example.org"
        ) as client:
            yield client


async def plan_parts(place: str, after: datetime, before: datetime) -> tuple[Part, ...]:
    """Divide the pull. The same period has the same parts, so that a second run continues them."""
    async with open_client() as client:
        return await plan(client, parts=16, area=PlaceArea(place), after=after, before=before)


async def pull_part(part: Part, folder: str) -> bool:
    """Pull a part, or continue it where a worker that died has left it."""
    async with open_client() as client:
        file = f"{folder}/{part.name}.parquet"
        report = await pull(client, to=file, update=True, wait=60, **part.filters)
        return report.complete


def work(part: Part, folder: str) -> bool:
    """Pull a part in a worker."""
    return anyio.run(pull_part, part, folder)


def main() -> None:
    """Distribute the parts; the exit code is 1 if one is incomplete."""
    place, first, last, *scheduler = sys.argv[1:]
    after, before = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (first, last))
    folder = Path(place).absolute()  # on a disk that all workers share
    folder.mkdir(exist_ok=True)
    parts = anyio.run(plan_parts, place, after, before)
    cluster = {"address": scheduler[0]} if scheduler else {"n_workers": 2}
    with Client(**cluster) as dask:
        complete = sum(dask.gather(dask.map(work, parts, folder=str(folder))))
    print(complete, "of", len(parts), "parts are complete")
    sys.exit(complete < len(parts))


if __name__ == "__main__":
    main()
