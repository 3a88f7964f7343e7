"""The pytest plugin in suites of other projects, and beside other plugins."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from tests.support.repository import ROOT

_BOT = """
import pytest
from seeclickfix_async import AsyncClient, Limiter
from seeclickfix_async.testing import reported_exactly_once

{mark}
async def test_a_bot_waits_for_a_month_at_once(scf_client, scf_sandbox, scf_clock):
    start = scf_clock.utc_now()
    for _ in range(31):
        await scf_clock.sleep(86_400)
        assert len(await scf_client.issues.list()) == 20
    assert (scf_clock.utc_now() - start).days == 31
    assert scf_sandbox.statuses("GET")[:2] == [200, 304]

{mark}
async def test_a_socket_is_there(scf_sandbox, scf_clock):
    async with AsyncClient(base_url=scf_sandbox.url, clock=scf_clock) as client:
        assert (await client.places.near(lat=41.05, lng=-73.54)).entries == 2
"""

_BACKEND = """
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""

_RESPX = """
import httpx, respx

{mark}
async def test_respx(respx_mock, scf_client):
    respx_mock.get("https://seeclickfix.com/api/v2/issues/7").respond(json={{"id": 7}})
    async with AsyncClient() as client:
        assert (await client.issues.get(7)).id == 7
    assert len(await scf_client.issues.list()) == 20
"""

_PYTEST_HTTPX = """
{mark}
async def test_pytest_httpx(httpx_mock, scf_client):
    httpx_mock.add_response(json={{"id": 7}})
    async with AsyncClient() as client:
        assert (await client.issues.get(7)).id == 7
    assert len(await scf_client.issues.list()) == 20
"""


@attrs.frozen
class Combination:
    """Plugins that are loaded, and a suite that uses them."""

    plugins: tuple[str, ...]
    suite: str
    mark: str = ""
    options: tuple[str, ...] = ()
    passed: int = 3


_ASYNCIO = ("-o", "asyncio_default_fixture_loop_scope=function")  # or some versions warn

_COMBINATIONS = {
    "pytest-asyncio auto, respx": Combination(
        ("pytest_asyncio.plugin", "respx.plugin"),
        _BOT + _RESPX,
        options=(*_ASYNCIO, "-o", "asyncio_mode=auto"),
    ),
    "pytest-asyncio strict, pytest-httpx": Combination(
        ("pytest_asyncio.plugin", "pytest_httpx"),
        _BOT + _PYTEST_HTTPX,
        mark="@pytest.mark.asyncio",
        options=_ASYNCIO,
    ),
    "pytest-trio": Combination(("pytest_trio.plugin",), _BOT, "@pytest.mark.trio", passed=2),
    "anyio, pytest-xdist": Combination(
        ("anyio.pytest_plugin", "xdist.plugin"),
        _BACKEND + _BOT,
        mark="@pytest.mark.anyio",
        options=("-n", "2"),
        passed=2,
    ),
}


def run_suite(
    folder: Path, plugins: tuple[str, ...], *options: str
) -> subprocess.CompletedProcess[str]:
    """Run the suite in a folder as a project of its own."""
    missing = [name for name in plugins if not importlib.util.find_spec(name.partition(".")[0])]
    if missing:
        assert "CI" not in os.environ, missing
        pytest.skip(f"{missing} are not installed")
    (folder / "pytest.ini").touch()
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", *options]
    for plugin in ("seeclickfix_async.testing._plugin", *plugins):
        command += ("-p", plugin)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", _COMBINATIONS)
def test_the_fixtures_work_beside_other_plugins(name: str, tmp_path: Path) -> None:
    combination = _COMBINATIONS[name]
    (tmp_path / "test_bot.py").write_text(combination.suite.format(mark=combination.mark))

    result = run_suite(tmp_path, combination.plugins, *combination.options)

    assert f"{combination.passed} passed" in result.stdout, result.stdout + result.stderr


_OTHER_SUITE = """
import sys
import pytest

def test_nothing_is_loaded():
    names = ("httpx", "anyio", "starlette", "msgspec", "attrs", "seeclickfix_async.testing._clock")
    assert [name for name in names if name in sys.modules] == []

def test_the_extra_is_missing(request):
    sys.modules["starlette"] = None
    for name in ("scf_sandbox", "scf_client", "scf_builder"):
        with pytest.raises(ModuleNotFoundError, match="requires the 'testing' extra: pip"):
            request.getfixturevalue(name)
    assert request.getfixturevalue("scf_clock").now() == 1000
"""


def test_a_suite_that_does_not_use_it_is_not_disturbed(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(_OTHER_SUITE)

    result = run_suite(tmp_path, (), "--strict-markers")

    assert "2 passed" in result.stdout, result.stdout + result.stderr


@pytest.mark.scf_sandbox(30, quota=None, moderated=True)
def test_a_marker_sets_the_city(request: pytest.FixtureRequest) -> None:
    sandbox = request.getfixturevalue("scf_sandbox")

    assert len(sandbox.city) == 30
    assert sandbox.settings.quota is None
    assert sandbox.settings.moderated


_RECORDED = """
import pytest
from seeclickfix_async import AsyncClient

@pytest.mark.parametrize("status", ["open", "a/b c", "a b/c", "a::b", "x" * 300])
def test_recorded(scf_cassette, scf_sandbox, status):
    import anyio

    async def read():
        http = scf_cassette.make_http(via=scf_sandbox.make_http())
        await AsyncClient(http=http).issues.get(scf_sandbox.city.id_of(0))
    anyio.run(read)

class TestOther:
    def test_recorded(self, scf_cassette):
        pass

    class TestInner:
        def test_recorded(self, scf_cassette):
            pass
"""


def test_an_option_records_cassettes(tmp_path: Path) -> None:
    (tmp_path / "test_city.py").write_text(_RECORDED)

    result = run_suite(tmp_path, (), "--scf-record")

    assert "7 passed" in result.stdout, result.stdout
    folder = tmp_path / "cassettes" / "test_city"
    assert len([*folder.rglob("*.json")]) == 7
    assert (folder / "test_recorded-open.json").exists()
    assert (folder / "TestOther" / "TestInner" / "test_recorded.json").exists()
