"""The files that how-to pages show, with their names, run as they are."""

from __future__ import annotations

import re
from pathlib import Path

import anyio
import httpx
import msgspec
import pytest

from seeclickfix_async import AsyncClient, PlaceArea
from seeclickfix_async.sandbox import Sandbox
from seeclickfix_async.testing import Builder, Cassette
from tests.support.pages import use_sandbox
from tests.support.repository import ROOT
from tests.testing.test_plugin import run_suite

_FILE = re.compile(r'^```python title="(.+?)"\n(.*?)^```$', re.DOTALL | re.MULTILINE)
_CONFTEST = """
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


def _files(page: str) -> dict[str, str]:
    return dict(_FILE.findall((ROOT / "docs/how-to" / page).read_text("utf-8")))


async def _record(path: Path) -> None:
    """Record the cassette of an example, as if from the service."""
    body = {"issues": [msgspec.to_builtins(Builder().issue())]}
    service = httpx.MockTransport(lambda _request: httpx.Response(200, json=body))
    with Cassette(path, record=True) as cassette:
        http = cassette.make_http(via=httpx.AsyncClient(transport=service))
        await AsyncClient(http=http).issues.list(area=PlaceArea("new-haven"), search="pothole")


def test_the_tests_pass(tmp_path: Path) -> None:
    files = _files("test-your-code.md") | _files("log-in-with-fastapi.md")
    for name, content in {**files, "conftest.py": _CONFTEST}.items():
        (tmp_path / name).write_text(content, "utf-8")
    anyio.run(_record, tmp_path / "cassettes/test_potholes/test_new_haven_has_potholes.json")

    result = run_suite(tmp_path, ("anyio.pytest_plugin",))

    assert re.fullmatch(r"\d+ passed in .*", result.stdout.splitlines()[-1]), result.stdout
    assert len(files) == 7


def test_trio_needs_no_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = _files("trio.md").values()
    with Sandbox(40).serve() as url:
        use_sandbox(monkeypatch, url)
        exec(compile(program, "trio.md", "exec"), {})

    assert len(capsys.readouterr().out.splitlines()) == 2
