"""Pulls that are killed at any instant and continued."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import anyio
import pytest

from seeclickfix_async import AsyncClient
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.forked_processes import kill_pull
from tests.support.pulled_files import read_issues, vanished_ids

_KILLS = 3


async def _pull(url: str, to: Path, concurrency: int, *, sweep: bool = False) -> bool:
    async with AsyncClient(base_url=url, limiter=None) as client:
        report = await pull(client, to=to, concurrency=concurrency, page_size=50, sweep=sweep)
        return report.complete


_NAMES = ["city.jsonl", "city.csv", "city.geojson", "city.db", "city.parquet"]


@pytest.mark.parametrize(
    ("name", "concurrency"), [("city.jsonl", 1), *((name, 4) for name in _NAMES)]
)
def test_a_killed_pull_is_continued(name: str, concurrency: int, tmp_path: Path) -> None:
    sandbox = Sandbox(1200, settings=Settings(quota=None, latency=0.005))
    chance = random.Random(f"{name} {concurrency}")
    whole, killed = tmp_path / f"whole-{name}", tmp_path / f"killed-{name}"
    with sandbox.serve() as url:
        assert anyio.run(_pull, url, whole, concurrency)
        uninterrupted = len(sandbox.requests)
        sandbox.requests.clear()
        for _ in range(_KILLS):
            request = len(sandbox.requests) + chance.randrange(1, uninterrupted // _KILLS)
            kill_pull(
                lambda request=request: len(sandbox.requests) >= request,  # type: ignore[misc]
                url,
                killed,
                after=chance.random() * 0.03,
                concurrency=concurrency,
                page_size=50,
            )
        assert anyio.run(_pull, url, killed, concurrency)

    assert read_issues(killed) == read_issues(whole)
    assert len(read_issues(killed)) == 1200
    # A kill costs the pending requests; several workers may divide the rest differently, too.
    shares = 0 if concurrency == 1 else 2 * concurrency
    assert len(sandbox.requests) <= uninterrupted + _KILLS * concurrency + shares


@pytest.mark.parametrize("name", _NAMES)
def test_a_killed_sweep_is_continued(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(1200, settings=Settings(quota=None, latency=0.005))
    chance = random.Random(name)
    path = tmp_path / name
    with sandbox.serve() as url:
        assert anyio.run(_pull, url, path, 4)
        before = {int(row["id"]) for row in read_issues(path)}
        gone = {sandbox.city.id_of(row) for row in (7, 500, 1100)}
        for number in gone:
            sandbox.city.hide(sandbox.city.row_of(number) or 0)
        sandbox.requests.clear()
        request = chance.randrange(3, 22)
        kill_pull(
            lambda: len(sandbox.requests) >= request,
            url,
            path,
            after=chance.random() * 0.03,
            concurrency=4,
            page_size=50,
            sweep=True,
        )
        assert anyio.run(functools.partial(_pull, sweep=True), url, path, 4)

    assert vanished_ids(path) == gone
    assert {int(row["id"]) for row in read_issues(path)} == before
    assert len(read_issues(path)) == 1200
