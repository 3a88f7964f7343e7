"""A pull that stores nothing leaves no file behind, and removes no other."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from seeclickfix_async import AsyncClient, Retry, pull
from seeclickfix_async.errors import ConnectionFailedError
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.map_pages import read_map

pytestmark = pytest.mark.anyio

_FORMATS = ("x.jsonl", "x.csv", "x.geojson", "x.db", "x.parquet", "x.geoparquet")
_NO_RETRY = Retry(attempts=1)


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize("name", _FORMATS)
async def test_a_pull_that_fails_at_once_leaves_no_file(name: str, tmp_path: Path) -> None:
    async with AsyncClient(base_url="http://127.0.0.1:9", retry=_NO_RETRY) as client:
        with pytest.raises(ConnectionFailedError):
            await pull.pull(client, to=tmp_path / name)

    assert _files(tmp_path) == []


@pytest.mark.parametrize("name", _FORMATS)
async def test_a_pull_that_fails_at_once_leaves_no_target_of_a_link(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).symlink_to(tmp_path / f"elsewhere-{name}")

    async with AsyncClient(base_url="http://127.0.0.1:9", retry=_NO_RETRY) as client:
        with pytest.raises(ConnectionFailedError):
            await pull.pull(client, to=tmp_path / name)

    assert _files(tmp_path) == [tmp_path / name]


@pytest.mark.parametrize("name", _FORMATS)
async def test_a_pull_that_is_cancelled_at_once_leaves_no_file(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(50, settings=Settings(quota=None, latency=60.0))
    with sandbox.serve() as url:
        async with AsyncClient(base_url=url) as client, anyio.create_task_group() as tasks:

            async def run() -> None:
                await pull.pull(client, to=tmp_path / name)

            tasks.start_soon(run)
            while not (tmp_path / name).exists():
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    assert _files(tmp_path) == []


async def test_a_failed_pull_keeps_the_other_pulls_of_a_database(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with Sandbox(50, settings=Settings(quota=None)).serve() as url:
        async with AsyncClient(base_url=url) as client:
            await pull.pull(client, to=path)
    async with AsyncClient(base_url="http://127.0.0.1:9", retry=_NO_RETRY) as client:
        with pytest.raises(ConnectionFailedError):
            await pull.pull(client, to=path, details=True)

    assert path.exists()
    assert read_map(path)
