"""The documented recipes, with the programs that they are for: `nox -s recipes`."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.pages import read_snippets, run_commands, use_sandbox

_PIPELINES = "how-to/pipelines.md"
_READING = "how-to/read-a-pull.md"

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(300, settings=Settings(quota=None))


@pytest.fixture(scope="module")
def url(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.serve() as url:
        yield url


@pytest.fixture(autouse=True)
def folder(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working folder and a home, in which snippets use the sandbox."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CACHE_HOME", "DAGSTER_HOME", "DLT_PROJECT_DIR", "DLT_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    use_sandbox(monkeypatch, url)
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Run:
    """Run the snippet of a page that has these words, as a module with a name."""

    def run_snippet(page: str, words: str, name: str = "recipe") -> dict[str, Any]:
        (snippet,) = (code for code in read_snippets(page, "python") if words in code)
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(snippet.replace("/srv/311", str(folder)), module.__dict__)
        return vars(module)

    return run_snippet


def test_dagster_runs_the_asset_every_night(run: Run) -> None:
    import dagster

    run(_PIPELINES, "async def pull_city", "city_pull")
    names = run(_PIPELINES, "import dagster")
    done = dagster.materialize([names["city_issues"]])

    (made,) = done.asset_materializations_for_node("city_issues")
    assert made.metadata["issues"].value == 300
    assert names["defs"].resolve_schedule_def("nightly").cron_schedule == "7 3 * * *"


def test_dlt_loads_what_has_changed(sandbox: Sandbox, folder: Path, run: Run) -> None:
    names = run(_PIPELINES, "import dlt")
    sandbox.requests.clear()
    new = sandbox.city.id_of(sandbox.city.report())
    names["pipeline"].run(names["issues"])

    assert len(sandbox.requests) <= 3  # an update, and not everything again
    with duckdb.connect(str(folder / "city.duckdb")) as opened:
        ids = opened.execute("SELECT id FROM seeclickfix.issues").fetchall()
    assert (new,) in ids
    assert len(ids) == len({*ids}) == 301


def test_geopandas_reads_the_geometry(url: str, folder: Path, run: Run) -> None:
    import geopandas

    run_commands(read_snippets(_READING, "sh")[0], url, folder)
    names = run(_READING, "import geopandas")

    issues = geopandas.read_file("city.geojson")
    assert len(issues) == len(names["issues"])
    assert issues.crs.equals(names["issues"].crs, ignore_axis_order=True)


def test_datasette_shows_the_database(url: str, folder: Path) -> None:
    commands = read_snippets(_READING, "sh")[0].splitlines()
    run_commands(next(line for line in commands if "city.db" in line), url, folder)
    (command,) = (code for code in read_snippets(_READING, "sh") if code.startswith("datasette"))
    program = Path(sysconfig.get_path("scripts"), "datasette")
    done = subprocess.run(
        [program, *shlex.split(command)[1:]], capture_output=True, text=True, check=True
    )

    page = json.loads(done.stdout)
    assert len(page["rows"]) == 5
    assert "request_type" in page["facet_results"]
