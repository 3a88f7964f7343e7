"""What the documents show is what works."""

from __future__ import annotations

import inspect
import logging
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import anyio
import duckdb
import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import seeclickfix_async
from seeclickfix_async import Secret
from seeclickfix_async._cli.app import app as command_line
from seeclickfix_async._tables.columns import COLUMNS, ColumnType
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox import TOKEN, Sandbox, Settings
from tests.support.command_line import run_cli
from tests.support.pages import use_sandbox
from tests.support.pulled_files import read_csv, read_dataset, read_geojson, read_sqlite
from tests.support.repository import ROOT
from tests.support.sandboxes import make_client

_GIF = bytes.fromhex("47494638396101000100000000002c00000000010001000002024401003b")
# A block with a title is a file: tests of its own run it.
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", re.DOTALL | re.MULTILINE)
_PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_SCF = re.compile(r"(?:^|&& )scf (.+?)(?= && | \| | > | +#|$)")
# Commands that end by themselves, write here only, and need no answers of a person.
_SEND = {"doctor", "form", "issues", "places", "probe", "pull", "questions", "show", "whoami"}
_RUN = {*_SEND, "map"}


def _read(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def _blocks(*languages: str) -> list[Any]:
    """Return the code blocks in these languages: page, code, and the text block that follows."""
    return [
        pytest.param(page, code, printed, id=f"{page}-{number}")
        for page in (path.relative_to(ROOT).as_posix() for path in _PAGES)
        for number, (language, code, printed) in enumerate(_BLOCK.findall(_read(page)))
        if language in languages and page not in {"CONTRIBUTING.md", "SECURITY.md"}
    ]


@pytest.fixture(scope="module")
def city_url() -> Iterator[str]:
    """A city of their own, since they write."""
    with Sandbox(600, settings=Settings(quota=None)).serve() as url:
        yield url


@pytest.fixture
def _restored_log() -> Iterator[None]:
    """Undo what a snippet sets for the records of the package."""
    logger = logging.getLogger("seeclickfix_async")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.mark.usefixtures("_restored_log")
@pytest.mark.parametrize(("page", "code", "printed"), _blocks("python"))
def test_python_runs(  # noqa: PLR0917  # fixtures
    page: str,
    code: str,
    printed: str,
    city_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    use_sandbox(monkeypatch, city_url, TOKEN)
    module = ModuleType("snippet")

    exec(compile(code, page, "exec", dont_inherit=True), module.__dict__)

    anyio.run(_call, module)
    app = getattr(module, "app", None)
    if isinstance(app, FastAPI):
        for _ in range(2):
            with TestClient(app) as browser:
                assert len(browser.get("/issues").json()["items"]) == 20
    if printed:
        assert capsys.readouterr().out == printed


# The arguments of functions, beside a client.
_ARGUMENTS: dict[str, Any] = {
    "id": "20000000",
    "number": 20_000_000,
    "photo": _GIF,
    "saved": None,
    "token": TOKEN,
}


def _takes_a_client(function: Callable[..., Any]) -> bool:
    parameters = [*inspect.signature(function).parameters.values()]
    return bool(parameters) and parameters[0].annotation is seeclickfix_async.AsyncClient


async def _call(module: ModuleType) -> None:
    """Call each function of a client, as a reader would, and `main`."""
    functions = [value for value in vars(module).values() if inspect.iscoroutinefunction(value)]
    async with seeclickfix_async.AsyncClient() as client:
        for function in filter(_takes_a_client, functions):
            _, *names = inspect.signature(function).parameters
            arguments = [_ARGUMENTS[name] for name in names]
            if function.__name__ != "follow":
                await function(client, *arguments)
                continue
            with anyio.move_on_after(0.5) as while_it_runs:  # a feed does not end by itself
                await function(client, *arguments)
            assert while_it_runs.cancelled_caught
        if hasattr(module, "main"):
            await module.main()
    if hasattr(module, "service"):
        await _initialize(module.service)


async def _initialize(service: Any) -> None:
    """Greet a snippet's server of the Model Context Protocol."""
    transport = httpx.ASGITransport(service)
    async with (
        service.router.lifespan_context(service),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as assistant,
    ):
        greeting = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "assistant", "version": "1"},
        }
        answer = await assistant.post(
            "/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": greeting},
            headers={"Accept": "application/json, text/event-stream"},
        )
    assert '"name":"seeclickfix"' in answer.text


def test_a_thousand_people_at_once() -> None:
    """The recipe for bots and services: each person is signed in as himself."""
    sandbox = Sandbox(10, settings=Settings(quota=None))
    users = {f"user-{number}": 1000 + number for number in range(1000)}
    sandbox.tokens.update(users)
    (recipe,) = (block for block in _blocks("python") if "async def names(" in block.values[1])
    module = ModuleType("recipe")
    exec(compile(recipe.values[1], recipe.values[0], "exec"), module.__dict__)
    signed_in = {
        user: Token(Secret(user), "Bearer", None, None, datetime.now(UTC)) for user in users
    }

    with sandbox.serve() as url:
        app = Application("client-id", "https://app.example/callback", base_url=url)
        found = anyio.run(module.names, app, signed_in, None)

    assert found == {user: f"Resident {number}" for user, number in users.items()}


def _cells(table: str) -> list[list[str]]:
    """Return the code in each cell of a table of a document, without its header."""
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    return [[cell.replace("`", "").strip() for cell in row] for row in rows[2:]]


def test_the_columns_of_pulled_files_are_those_of_their_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, columns, types, tables, _ = map(_cells, _read("docs/reference/files.md").split("\n## "))
    names = [name for name, *_ in columns]
    client = make_client(Sandbox(30, settings=Settings(quota=None)))

    async def pull_each() -> None:
        for file in ("city.csv", "city.geojson", "city.db"):
            await pull(client, to=file, details=True)
        await pull(client, to="city.parquet", details=True, timezone="America/New_York")

    anyio.run(pull_each)

    assert [(name, type_) for name, type_, _ in columns] == [(c.name, c.type) for c in COLUMNS]
    assert [name for name, *_ in types] == [*get_args(ColumnType)]
    assert read_csv(Path("city.csv"))[0].keys() == {*names}
    properties = read_geojson(Path("city.geojson"))[0]["properties"]
    assert properties.keys() == {*names} - {"lat", "lng"}
    found = read_sqlite(Path("city.db"), "SELECT name FROM pragma_table_info('issues')")
    assert [row["name"] for row in found] == [*names, "details"]
    for table, listed in tables:
        found = read_sqlite(Path("city.db"), f"SELECT name FROM pragma_table_info('{table}')")
        assert ", ".join(row["name"] for row in found) == listed
    dataset = read_dataset(Path("city.parquet"))[0]
    assert {name for name in dataset if not name.endswith("_local")} == {
        *names,
        "comments",
        "month",
    }


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pulls under the names that queries use."""
    folder = tmp_path_factory.mktemp("pulled")
    client = make_client(Sandbox(30, settings=Settings(quota=None)))

    async def pull_each() -> None:
        for name in ("city.db", "city.csv", "city.jsonl", "city.parquet", "city/1.parquet"):
            (folder / name).parent.mkdir(exist_ok=True)
            await pull(client, to=folder / name, details=True, timezone="America/New_York")

    anyio.run(pull_each)
    return folder


@pytest.mark.parametrize(("page", "query", "printed"), _blocks("sql"))
def test_a_query_finds_rows(
    page: str, query: str, printed: str, pulled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pulled)

    with duckdb.connect() as database:
        assert database.execute(query).fetchall(), page


def _commands(code: str) -> Iterator[tuple[list[str], str]]:
    """Yield the arguments of each `scf` in a block, and what the block shows of its output."""
    code = code.replace("\\\n", "")
    steps = [(line, "") for line in code.splitlines()]
    if code.startswith("$ "):
        steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", code, re.MULTILINE)
    for line, output in steps:
        for command in _SCF.findall(line):
            yield shlex.split(command), output


@pytest.mark.parametrize(("page", "code", "printed"), _blocks("sh", "console"))
def test_commands_run(page: str, code: str, printed: str, city_url: str, tmp_path: Path) -> None:
    assert not printed, f"{page}: use a console block for commands with their output"
    for arguments, output in _commands(code):
        if arguments[0] not in _RUN and "--register" not in arguments:
            _, bound, _ = command_line.parse_args(arguments, exit_on_error=False)
            bound.apply_defaults()
            continue
        quota = ("--no-limit",) if arguments[0] in _SEND else ()
        done = run_cli(city_url, *arguments, *quota, cwd=tmp_path)
        assert done.returncode == 0, f"{page}: scf {shlex.join(arguments)}: {done.stderr}"
        if output:
            assert done.stdout + done.stderr == output


_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub names them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text("utf-8")):
        name, _, anchor = link.partition("#")
        if ":" in name:
            continue  # another site
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def test_the_readme_is_short() -> None:
    assert len(_read("README.md").splitlines()) <= 100
