"""The files and commands of the pages for data people; `test_documents.py` runs the rest."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from seeclickfix_async._cli import exit_codes
from seeclickfix_async.sandbox import Fault, Sandbox, Settings
from seeclickfix_async.testing import SandboxHarness
from tests.support.command_line import run_cli
from tests.support.pages import read_snippets, run_commands, use_sandbox
from tests.support.redis_server import redis_server
from tests.support.repository import ROOT

_NIGHTLY = "how-to/pull-every-night.md"
_READING = "how-to/read-a-pull.md"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(300, settings=Settings(quota=None))


@pytest.fixture(scope="module")
def url(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.serve() as url:
        yield url


@pytest.fixture(scope="module")
def pulled(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pulled")
    run_commands(read_snippets(_READING, "sh")[0], url, folder)
    return folder


@pytest.fixture
def here(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder, in which snippets use the sandbox."""
    monkeypatch.chdir(tmp_path)
    use_sandbox(monkeypatch, url)
    return tmp_path


@pytest.mark.parametrize("library", ["pandas", "polars", "sqlite3"])
def test_a_pull_is_read(library: str, pulled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pulled)
    snippets = [code for code in read_snippets(_READING, "python") if f"import {library}" in code]

    assert snippets
    for snippet in snippets:
        exec(snippet, {})


def test_a_notebook_runs(here: Path) -> None:
    cells = read_snippets("how-to/notebook.md", "python")
    names: dict[str, Any] = {}

    async def run_all() -> None:
        for cell in cells:
            code = compile(cell, "notebook", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            returned = eval(code, names)
            if inspect.isawaitable(returned):
                await returned
        await names["client"].aclose()

    anyio.run(run_all)

    assert names["report"].complete
    assert (here / "city.parquet").is_dir()


def test_the_function_of_the_orchestrators_runs(here: Path) -> None:
    names: dict[str, Any] = {}
    exec(read_snippets("how-to/pipelines.md", "python")[0], names)

    assert anyio.run(names["pull_city"], "city.jsonl") == 300


def test_the_snippet_for_several_machines_runs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (snippet,) = (
        code for code in read_snippets("how-to/share-a-quota.md", "python") if "host=" in code
    )
    with redis_server() as port:
        exec(snippet.replace("port=6379", f"port={port}"), {})

    assert re.fullmatch(r"\d+ open issues\n", capsys.readouterr().out)


def test_the_scheduled_commands_print_nothing(
    url: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, crontab = read_snippets(_NIGHTLY, "sh")
    service, _ = (unit.replace("\\\n", "") for unit in read_snippets(_NIGHTLY, "ini"))
    scheduled = re.findall(r"venv/bin/scf (.+)", crontab + service)
    assert len(scheduled) == 3
    for arguments in (command.removeprefix("scf "), *scheduled):
        done = run_cli(url, *shlex.split(arguments), "--no-limit", cwd=here)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        monkeypatch.setenv("SEECLICKFIX_PLACE", "example-city")  # as in the crontab


def test_the_units_are_valid(tmp_path: Path) -> None:
    service, timer = read_snippets(_NIGHTLY, "ini")
    (tmp_path / "pull-city.service").write_text(service.replace("/srv/311/venv/bin/scf", "/bin/sh"))
    (tmp_path / "pull-city.timer").write_text(timer)
    program = shutil.which("systemd-analyze")
    if program is None:
        reason = "There is no systemd on this machine."
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    units = [str(unit) for unit in tmp_path.iterdir()]
    command = [program, "verify", "--man=no", "--recursive-errors=no", *units]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_exit_codes_and_reasons_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / _NIGHTLY).read_text("utf-8")
    source = "\n".join(
        path.read_text("utf-8")
        for package in ("_crawl", "pull")
        for path in (ROOT / "seeclickfix_async" / package).glob("*.py")
    )

    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert codes == set(exit_codes.MEANINGS) - {exit_codes.INTERRUPTED, exit_codes.BROKEN_PIPE}
    messages = re.findall(r"^\| `(.+?)` \|", page, re.MULTILINE)
    fragments = [part for message in messages for part in re.split(r"\.\.\.", message) if part]
    options = {part for part in fragments if part.startswith("--")}
    assert [part for part in fragments if part not in options and part not in source] == []


@pytest.mark.anyio
async def test_a_report_without_a_response_is_not_sent_twice() -> None:
    harness = SandboxHarness(quota=None)
    options = await harness.client.report_form(lat=41.05, lng=-73.54)
    form = await harness.client.request_types.get(
        next(option.key for option in options if option.title == "Pothole")
    )
    answers = {"summary": "A deep hole", "402": "wheel"}
    draft = form.draft(lat=41.05, lng=-73.54, address="1 Main St", answers=answers)
    names: dict[str, Any] = {}
    exec(read_snippets("explanation/lost-answers.md", "python")[0], names)

    harness.faults.append(Fault.reset())
    found = await names["report_once"](harness.client, draft)

    assert found.summary == "A deep hole"
    assert harness.statuses("POST") == [201]
