"""Signed-in people whose token has ended: deleted, revoked, or refused by the service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import attrs
import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from seeclickfix_async import Accounts, AsyncClient, MemoryStore, Secret, TokenEndpoint
from seeclickfix_async.errors import ReauthorizationRequiredError
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.testing import SandboxHarness
from seeclickfix_async.web import add_error_handlers, get_client, lifespan
from seeclickfix_async.web.fastapi import signed_in
from tests.support.repository import ROOT

_PAGE = {"Accept": "text/html,*/*;q=0.8"}
_SCRIPT = {"Accept": "application/json"}


@attrs.define
class _Tutorial:
    """The service of the tutorial, and a browser in which Ana has signed in."""

    city: SandboxHarness
    module: Any
    browser: TestClient
    key: str = ""

    def log_in(self) -> None:
        """Open the page, follow its redirects, authorize, and return to it."""
        login = self.browser.get("/me", follow_redirects=False)
        assert (login.status_code, login.headers["Location"]) == (303, "/login?next=/me")
        provider = self.browser.get(login.headers["Location"], follow_redirects=False)
        page = self.browser.get(self.city.authorize(provider.headers["Location"], "Ana"))
        assert page.json() == "You are Ana, and have reported 0 issues."

    def end_session(self, how: str) -> None:
        portal = self.browser.portal
        assert portal is not None
        if how == "deleted":  # as by a logout in another browser
            portal.call(self.module.accounts.sign_out, self.key)
        else:  # as by a restart of the sandbox
            token = portal.call(self.module.accounts.token, self.key)
            portal.call(self.module.endpoint.revoke, token)


@pytest.fixture
def tutorial(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[_Tutorial]:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/tutorial/first-login.md").read_text("utf-8")
    (program,) = re.findall(r'title="app.py"\n(.*?)^```', page, re.DOTALL | re.MULTILINE)
    module: Any = ModuleType("app")
    with SandboxHarness(quota=None) as city:
        code = compile(program.replace("http://127.0.0.1:3110", city.url), "app.py", "exec")
        exec(code, module.__dict__)
        module.app.get("/key")(module.current_user)
        browser = TestClient(module.app, base_url="http://127.0.0.1:8000", headers=_PAGE)
        with browser:
            tutorial = _Tutorial(city, module, browser)
            tutorial.log_in()
            tutorial.key = browser.get("/key").json()
            yield tutorial


@pytest.mark.parametrize("how", ["revoked", "deleted"])
def test_a_browser_whose_session_has_ended_logs_in_again(tutorial: _Tutorial, how: str) -> None:
    tutorial.end_session(how)

    tutorial.log_in()

    assert tutorial.browser.get("/me").status_code == 200


@pytest.mark.parametrize("how", ["revoked", "deleted"])
def test_a_script_whose_session_has_ended_is_refused(tutorial: _Tutorial, how: str) -> None:
    tutorial.end_session(how)

    response = tutorial.browser.get("/me", headers=_SCRIPT, follow_redirects=False)

    assert response.status_code == 401
    assert response.json()["code"] == "reauthorization_required"


def test_who_denies_the_new_login_is_not_sent_back_to_it(tutorial: _Tutorial) -> None:
    tutorial.end_session("revoked")
    provider = tutorial.browser.get("/login?next=/me", follow_redirects=False)
    denied = tutorial.city.authorize(provider.headers["Location"], "Ana", deny=True)

    page = tutorial.browser.get(denied, follow_redirects=False)

    assert page.status_code == 403
    assert "You denied access" in page.text


_HOUR = timedelta(hours=1)


def _token(age: timedelta) -> Token:
    return Token(Secret("ended"), "Bearer", None, None, datetime.now(UTC) - age)


@pytest.fixture
def accounts() -> Accounts:
    application = Application("app", "https://app.example/callback")
    return Accounts(MemoryStore(), TokenEndpoint(application))


@pytest.fixture
def browser(accounts: Accounts) -> Iterator[TestClient]:
    """A service whose visitors are all person 7, in a browser; only /me has a login."""
    app = FastAPI(lifespan=lifespan(lambda: SandboxHarness(quota=None).make_client(None)))
    add_error_handlers(app)
    Person = Annotated[AsyncClient, Depends(signed_in(accounts, lambda: "7", login="/login"))]  # noqa: N806
    Client = Annotated[AsyncClient, Depends(get_client)]  # noqa: N806

    async def me(person: Person) -> None:
        await person.users.me()

    async def bot(person: Person, client: Client) -> None:
        await client.with_options(token=accounts.source("bot")).users.me()

    for function in (me, bot):
        function.__annotations__.update({"person": Person, "client": Client, "return": None})
        app.api_route(f"/{function.__name__}", methods=["GET", "POST"])(function)
    with TestClient(app, headers=_PAGE, follow_redirects=False) as browser:
        yield browser


def _sign_in(browser: TestClient, accounts: Accounts, key: str, token: Token) -> None:
    assert browser.portal is not None
    browser.portal.call(accounts.sign_in, key, token)


def test_a_post_is_not_redirected(browser: TestClient) -> None:
    assert browser.get("/me").status_code == 303
    assert browser.post("/me", data={"comment": "lost?"}).status_code == 401


def test_the_visitor_is_not_asked_to_sign_another_account_in(browser: TestClient) -> None:
    response = browser.get("/bot")

    assert response.status_code == 401


@pytest.mark.parametrize(("age", "status"), [(_HOUR, 303), (timedelta(), 401)])
def test_a_token_that_is_refused_at_once_starts_no_loop(
    browser: TestClient, accounts: Accounts, age: timedelta, status: int
) -> None:
    _sign_in(browser, accounts, "7", _token(age))

    assert browser.get("/me").status_code == status


def test_a_handler_of_starlette_redirects() -> None:
    async def fail(_: Request) -> Response:
        raise ReauthorizationRequiredError("7", "no token is stored.")

    async def to_login(_: Request, __: Exception) -> Response:
        return RedirectResponse("/login", 303)

    app = Starlette(routes=[Route("/", fail)])
    app.add_exception_handler(ReauthorizationRequiredError, to_login)
    add_error_handlers(app)

    response = TestClient(app, follow_redirects=False).get("/")

    assert response.headers["Location"] == "/login"
