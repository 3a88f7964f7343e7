"""The examples of docs/testing.md run as they are, as a suite of a project of its own."""

from __future__ import annotations

import re
from pathlib import Path

import anyio
import httpx
import msgspec

from seeclickfix_async import AsyncClient, PlaceArea
from seeclickfix_async.testing import Builder, Cassette
from tests.support.repository import ROOT
from tests.testing.test_plugin import run_suite

_FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)
_CONFTEST = """
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


async def _record(path: Path) -> None:
    """Record the cassette of the last example, as if from the service."""
    body = {"issues": [msgspec.to_builtins(Builder().issue())]}
    service = httpx.MockTransport(lambda _request: httpx.Response(200, json=body))
    with Cassette(path, record=True) as cassette:
        http = cassette.make_http(via=httpx.AsyncClient(transport=service))
        await AsyncClient(http=http).issues.list(area=PlaceArea("new-haven"), search="pothole")


def test_the_examples_pass(tmp_path: Path) -> None:
    snippets = _FENCE.findall((ROOT / "docs/testing.md").read_text("utf-8"))
    for number, snippet in enumerate(snippets):
        (tmp_path / f"test_{number}.py").write_text(snippet, "utf-8")
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    folder = tmp_path / "cassettes" / f"test_{len(snippets) - 1}"
    anyio.run(_record, folder / "test_new_haven_has_potholes.json")

    result = run_suite(tmp_path, ("anyio.pytest_plugin",))

    assert re.fullmatch(r"\d+ passed in .*", result.stdout.splitlines()[-1]), result.stdout
    assert len(snippets) == 6
