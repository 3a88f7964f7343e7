"""Pulls in parts, which an engine runs in many processes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import ModuleType

import duckdb
import httpx
import pytest

from seeclickfix_async import AsyncClient, PlaceArea
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull import plan, pull
from seeclickfix_async.sandbox import Quota, Sandbox, Settings
from tests.support.pages import read_snippets
from tests.support.pulled_files import read_issues
from tests.support.redis_server import redis_server


def _client(sandbox: Sandbox) -> AsyncClient:
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app))
    return AsyncClient(http=http, base_url="https://city.test", limiter=None)


@pytest.mark.anyio
@pytest.mark.parametrize("parts", [1, 7])
async def test_the_parts_of_a_plan_hold_every_issue(parts: int, tmp_path: Path) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    client = _client(sandbox)

    planned = await plan(client, parts=parts, area=PlaceArea("example-city"))
    requests = len(sandbox.requests)
    handed = [pickle.loads(pickle.dumps(part)) for part in planned]
    got: list[int] = []
    for part in handed:
        file = tmp_path / f"{part.name}.jsonl"
        assert (await pull(client, to=file, **part.filters)).complete
        got += [row["id"] for row in read_issues(file)]

    assert requests == 1
    assert len(planned) == parts
    assert sorted(got) == [sandbox.city.id_of(row) for row in range(300)]


@pytest.mark.anyio
@pytest.mark.parametrize("year", [2026, 2040, 2009])
async def test_a_plan_is_divided_by_the_time_of_the_service(year: int) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    now = datetime(year, 11, 1, 12, tzinfo=UTC)

    class Dated(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            response.headers["Date"] = format_datetime(now, usegmt=True)
            return response

    http = httpx.AsyncClient(transport=Dated(app=sandbox.app))
    client = AsyncClient(http=http, base_url="https://city.test", limiter=None)
    planned = await plan(client, parts=3)

    starts = [part.filters["after"] for part in planned]
    seconds = int((now - starts[0]).total_seconds())
    thirds = [starts[0] + timedelta(seconds=seconds * third // 3) for third in range(3)]
    assert starts == (thirds if year > 2020 else starts[:1])
    assert planned[-1].filters["before"] is None  # so that an update pulls new issues


@pytest.mark.anyio
async def test_a_plan_of_a_period_stays_the_same() -> None:
    """Its parts are continued by those of a second plan, even if the oldest issue is gone."""
    sandbox = Sandbox(50, settings=Settings(quota=None))
    client = _client(sandbox)
    after, before = datetime(2023, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)

    planned = await plan(client, parts=3, after=after, before=before)
    sandbox.city.hide(0)

    assert planned[0].filters["after"] == after
    assert await plan(client, parts=3, after=after, before=before) == planned


@pytest.mark.anyio
async def test_a_plan_without_issues_has_no_parts() -> None:
    client = _client(Sandbox(50, settings=Settings(quota=None)))
    never = datetime(2001, 1, 1, tzinfo=UTC)

    assert await plan(client, before=never) == ()


@pytest.mark.anyio
@pytest.mark.parametrize("arguments", [{"parts": 0}, {"sort": "rating"}, {"fields": ["id"]}])
async def test_wrong_arguments_of_a_plan_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError):
        await plan(AsyncClient(), **arguments)  # type: ignore[arg-type]


def test_the_documented_recipe_for_a_cluster_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "how-to/share-a-quota.md"
    (script,) = (code for code in read_snippets(page, "python") if "LocalCluster" in code)
    (question,) = read_snippets(page, "sql")
    quota = Quota(20, per=0.5, window="sliding")
    sandbox = Sandbox(400, settings=Settings(quota=quota))
    with redis_server() as port, sandbox.serve() as url:
        script = script.replace("port=6379", f"port={port}").replace("per=60.0", "per=0.5")
        script = script.replace("AsyncClient(", f"AsyncClient(base_url={url!r}, ")
        (tmp_path / "recipe.py").write_text(script, "utf-8")
        done = subprocess.run(
            [sys.executable, "recipe.py"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.stdout == "complete: True\n", done.stderr

        sandbox.city.report()  # the next run uses the same plan
        monkeypatch.chdir(tmp_path)
        recipe = ModuleType("recipe")
        exec(script, recipe.__dict__)
        assert recipe.work(recipe.load_plan()[-1])

    assert {seen.status for seen in sandbox.requests} == {200}
    with duckdb.connect() as opened:
        opened.execute(f"SET file_search_path = '{tmp_path}'")
        counts = opened.execute(question).fetchall()
    assert sum(count for _, count in counts) == 401
