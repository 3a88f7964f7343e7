"""What the documents show is what works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import seeclickfix_async
from seeclickfix_async import AsyncClient, Secret
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.sandbox import TOKEN, Sandbox, Settings
from tests.support.repository import ROOT

_GIF = bytes.fromhex("47494638396101000100000000002c00000000010001000002024401003b")
_FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def _read(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


_SNIPPETS = [
    pytest.param(document, snippet, id=f"{document}-{number}")
    for document in (
        "README.md",
        "docs/guide.md",
        "docs/login.md",
        "docs/calls.md",
        "docs/observability.md",
        "docs/assistants.md",
        "docs/assumptions.md",
    )
    for number, snippet in enumerate(_FENCE.findall(_read(document)))
]


class _Here(AsyncClient):
    """A client of the sandbox, whatever else it is told."""

    url = ""

    def __init__(self, **options: object) -> None:
        super().__init__(TOKEN, **{"limiter": None, "base_url": self.url, **options})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def city_url() -> Iterator[str]:
    """A city of their own, since they write."""
    with Sandbox(600, settings=Settings(quota=None)).serve() as url:
        yield url


@pytest.mark.parametrize(("document", "snippet"), _SNIPPETS)
def test_a_snippet_runs(
    document: str, snippet: str, city_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_Here, "url", city_url)
    monkeypatch.setattr(seeclickfix_async, "AsyncClient", _Here)
    module = ModuleType("snippet")

    exec(compile(snippet, document, "exec"), module.__dict__)

    anyio.run(_call, module, city_url)
    site = getattr(module, "site", None)
    if isinstance(site, FastAPI):
        _start_twice(site)
    app = getattr(module, "app", None)
    if isinstance(app, FastAPI):
        for _ in range(2):
            with TestClient(app) as browser:
                assert len(browser.get("/issues").json()["items"]) == 20


async def _call(module: ModuleType, url: str) -> None:
    """Call the snippet's function of a client as a reader would."""
    calls = {
        "newest": (),
        "keep": (),
        "name_of": (TOKEN,),
        "summary": (20_000_000,),
        "unknown": (),
        "report": (),
        "around": (),
        "status": (),
        "tables": (),
        "rebuild": (),
        "show": ("20000000", _GIF),
    }
    async with _Here(base_url=url) as client:
        for name, arguments in calls.items():
            if hasattr(module, name):
                await getattr(module, name)(client, *arguments)
        if hasattr(module, "main"):
            await module.main()
        if hasattr(module, "follow"):  # a feed does not end by itself
            with anyio.move_on_after(0.5) as while_it_runs:
                await module.follow(client)
            assert while_it_runs.cancelled_caught
    if hasattr(module, "site"):
        await _visit(module.site)
    if hasattr(module, "service"):
        await _initialize(module.service)


async def _visit(site: Any) -> None:
    """Open a snippet's web site and follow its link to the login."""
    transport = httpx.ASGITransport(site)
    async with httpx.AsyncClient(transport=transport, base_url="https://app.example") as browser:
        home = await browser.get("/")
        link = home.text.split('href="')[1].split('"')[0]
        away = await browser.get(link)
        back = await browser.get("/callback?error=access_denied&state=another")
    assert away.headers["Location"].startswith("https://seeclickfix.com/oauth/authorize?")
    assert back.status_code == 400
    assert "Sign in again" in back.text


def _start_twice(site: FastAPI) -> None:
    """Start a snippet's application, as two tests of its own do."""
    for _ in range(2):
        with TestClient(site, base_url="https://app.example", follow_redirects=False) as browser:
            found = browser.get("/issues/20000000")
            assert found.json().keys() == {"summary", "status"}
            assert browser.get("/issues/3").status_code == 404
            page = browser.get("/me", headers={"Accept": "text/html"})
            assert page.headers["Location"] == "/login?next=/me"
            signed_out = browser.post("/logout", headers={"Sec-Fetch-Site": "same-origin"})
            assert signed_out.headers["Location"] == "/"
            photo = {"photo": b"GIF89a"}
            assert browser.post("/issues/20000000/photos", files=photo).status_code == 401


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
    recipe = next(code for code in _FENCE.findall(_read("docs/login.md")) if "def names" in code)
    module = ModuleType("recipe")
    exec(compile(recipe, "docs/login.md", "exec"), module.__dict__)
    signed_in = {
        user: Token(Secret(user), "Bearer", None, None, datetime.now(UTC)) for user in users
    }

    with sandbox.serve() as url:
        app = Application("client-id", "https://app.example/callback", base_url=url)
        found = anyio.run(module.names, app, signed_in, None)

    assert found == {user: f"Resident {number}" for user, number in users.items()}


def test_there_are_snippets_to_run() -> None:
    assert len(_SNIPPETS) >= 6


def test_the_readme_is_short() -> None:
    assert len(_read("README.md").splitlines()) <= 80
