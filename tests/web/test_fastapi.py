"""The client, the signed-in person and errors in applications of FastAPI and Starlette."""

import importlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from unittest.mock import Mock

import anyio
import pytest
from fastapi import Depends, FastAPI, Request, UploadFile
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocket

from seeclickfix_async import Accounts, AsyncClient, MemoryStore, Secret, TokenEndpoint, errors
from seeclickfix_async.errors import InvalidArgumentError, SeeClickFixError
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.sandbox import TOKEN
from seeclickfix_async.testing import SandboxHarness
from seeclickfix_async.web import add_error_handlers, get_client, lifespan
from seeclickfix_async.web import fastapi as dependencies
from seeclickfix_async.web.fastapi import ERROR_RESPONSES, Client, signed_in

_ISSUE = 20_000_000
_TOKEN = Token(Secret(TOKEN), "Bearer", None, None, datetime.now(UTC))


class _Site:
    """An application of FastAPI; the header X-User says who is signed in.

    Attributes:
        clients: The clients that were made, one for each start.
    """

    def __init__(self, harness: SandboxHarness) -> None:
        self.clients: list[AsyncClient] = []
        self.harness = harness
        self.endpoint = TokenEndpoint(Application("app", "https://app.example/callback", "secret"))
        self.accounts = Accounts(MemoryStore(), self.endpoint)
        self.app = FastAPI(
            lifespan=lifespan(
                self.make_client, endpoint=self.endpoint, app_lifespan=self.own_lifespan
            ),
            responses=ERROR_RESPONSES,
        )
        add_error_handlers(self.app)

        def current_user(request: Request) -> str | None:
            return request.headers.get("X-User")

        optional = signed_in(self.accounts, current_user, login="/login")
        required = signed_in(self.accounts, current_user)

        @self.app.get("/issues/{id}")
        async def issue(id: str, client: Client) -> str | None:
            return (await client.issues.get(id)).summary

        @self.app.get("/me")
        async def me(person: Annotated[AsyncClient, Depends(optional)]) -> str | None:
            return (await person.verify()).name

        @self.app.post("/me/votes/{id}")
        async def vote(id: int, person: Annotated[AsyncClient, Depends(required)]) -> None:
            await person.issues.vote(id)

        @self.app.post("/me/photos")
        async def add_photo(
            photo: UploadFile, person: Annotated[AsyncClient, Depends(required)]
        ) -> None:
            assert await photo.read()  # as a check of its own may do
            await person.issues.comment(_ISSUE, "A photo", image=photo)

        @self.app.websocket("/feed")
        async def feed(socket: WebSocket, client: Client) -> None:
            await socket.accept()
            await socket.send_text((await client.issues.get(_ISSUE)).summary or "")

        self.app.mount("/old", Starlette(routes=[Route("/state", self.state)]))

    def make_client(self) -> AsyncClient:
        self.clients.append(self.harness.make_client(None))
        return self.clients[-1]

    @asynccontextmanager
    async def own_lifespan(self, _: Any) -> AsyncIterator[dict[str, str]]:
        await self.accounts.sign_in("7", _TOKEN)
        yield {"own": "kept"}

    async def state(self, request: Request) -> Response:
        client = await get_client(request)
        return JSONResponse({"own": request.state.own, "same": client is self.clients[-1]})


@pytest.fixture(scope="module")
def site() -> _Site:
    return _Site(SandboxHarness(quota=None))


@pytest.fixture
def browser(site: _Site) -> Iterator[TestClient]:
    with TestClient(site.app, follow_redirects=False) as browser:
        yield browser


def test_an_application_can_be_started_again(site: _Site) -> None:
    for starts in (1, 2):
        with TestClient(site.app) as browser:
            assert browser.get(f"/issues/{_ISSUE}").status_code == 200
            assert browser.get("/old/state").json() == {"own": "kept", "same": True}
        assert len(site.clients) == starts

    assert site.clients[0] is not site.clients[1]
    for client in site.clients:
        with pytest.raises(errors.ClosedClientError):
            anyio.run(client.users.me)


def test_the_signed_in_person_acts(site: _Site, browser: TestClient) -> None:
    name = browser.get("/me", headers={"X-User": "7"})
    vote = browser.post(f"/me/votes/{_ISSUE}", headers={"X-User": "7"})

    assert name.json() == "Resident 41"
    assert vote.status_code == 200


@pytest.mark.parametrize("size", [1000, 2_000_000])  # in memory, and on disk
def test_an_upload_is_sent_on(site: _Site, browser: TestClient, size: int) -> None:
    photo = b"GIF89a" + bytes(size)

    response = browser.post("/me/photos", files={"photo": photo}, headers={"X-User": "7"})

    assert response.status_code == 200
    assert photo in site.harness.photos.values()


def test_a_visitor_is_sent_to_the_login_and_back(browser: TestClient) -> None:
    page = browser.get("/me?tab=a&b=c", headers={"Sec-Fetch-Mode": "navigate"})
    old_browser = browser.get("/me", headers={"Accept": "text/html,*/*;q=0.8"})
    post = browser.post(f"/me/votes/{_ISSUE}")
    ended = browser.get("/me", headers={"X-User": "8"})  # in the session, but without a token

    assert page.status_code == 303
    assert page.headers["Location"] == "/login?next=/me%3Ftab%3Da%26b%3Dc"
    assert old_browser.headers["Location"] == "/login?next=/me"
    assert post.status_code == 401
    assert ended.status_code == 401
    assert ended.json()["code"] == "reauthorization_required"


def test_the_path_of_a_login_may_have_parameters() -> None:
    app = FastAPI()
    view = signed_in(Mock(), lambda: None, login="/login?via=app")

    @app.get("/me")
    async def me(person: Annotated[AsyncClient, Depends(view)]) -> None: ...

    app.dependency_overrides[get_client] = lambda: None
    response = TestClient(app, follow_redirects=False).get(
        "/me?tab=a", headers={"Accept": "text/html"}
    )

    assert response.headers["Location"] == "/login?via=app&next=/me%3Ftab%3Da"


@pytest.mark.parametrize(
    "headers", [{"Accept": "application/json"}, {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}]
)
def test_a_script_is_not_sent_to_the_login(browser: TestClient, headers: dict[str, str]) -> None:
    response = browser.get("/me", headers=headers)

    assert (response.status_code, response.json()["detail"]) == (
        401,
        "Sign in with SeeClickFix first.",
    )


def test_web_sockets_have_the_client_too(browser: TestClient) -> None:
    with browser.websocket_connect("/feed") as socket:
        summary = socket.receive_text()

    assert summary == browser.get(f"/issues/{_ISSUE}").json()


@pytest.mark.parametrize("framework", [FastAPI, Starlette])
def test_a_web_socket_is_refused_with_a_response(framework: Callable[..., Starlette]) -> None:
    async def fail(_: WebSocket) -> None:
        raise errors.NotFoundError(_SECRET)

    app = framework(routes=[WebSocketRoute("/", fail)])
    add_error_handlers(app)

    with (
        pytest.raises(WebSocketDenialResponse) as caught,
        TestClient(app).websocket_connect("/"),
    ):
        pass

    assert caught.value.status_code == 404


@pytest.mark.parametrize("framework", [FastAPI, Starlette])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFoundError("x"), 1008),
        (errors.DecodeError("x"), 1011),
        (errors.RateLimitedError("x"), 1013),
    ],
)
def test_an_accepted_web_socket_is_closed(
    framework: Callable[..., Starlette], error: SeeClickFixError, code: int
) -> None:
    async def fail(socket: WebSocket) -> None:
        await socket.accept()
        raise error

    app = framework(routes=[WebSocketRoute("/", fail)])
    add_error_handlers(app)

    with TestClient(app).websocket_connect("/") as socket:
        message = socket.receive()

    assert message["type"] == "websocket.close"
    assert message["code"] == code


def test_dependencies_add_nothing_to_the_openapi_document(site: _Site) -> None:
    paths = site.app.openapi()["paths"]

    assert [p["name"] for p in paths["/issues/{id}"]["get"]["parameters"]] == ["id"]
    assert "parameters" not in paths["/me"]["get"]
    assert "requestBody" not in paths["/me/votes/{id}"]["post"]


def test_the_openapi_document_has_the_responses_for_errors(
    site: _Site, browser: TestClient
) -> None:
    document = site.app.openapi()
    responses = document["paths"]["/me/votes/{id}"]["post"]["responses"]
    schemas = document["components"]["schemas"]
    bodies = {
        status: schemas[response["content"]["application/json"]["schema"]["$ref"].split("/")[-1]]
        for status, response in responses.items()
        if status != "200"
    }
    unreadable = browser.post("/me/votes/x", headers={"X-User": "7"})  # refused by FastAPI
    invalid = browser.get("/issues/x")  # refused by the client

    assert list(bodies) == ["401", "403", "404", "422", "502", "503"]
    assert "Retry-After" in responses["503"]["headers"]
    assert [kind["type"] for kind in bodies["422"]["properties"]["detail"]["anyOf"]] == [
        "string",
        "array",
    ]
    assert isinstance(unreadable.json()["detail"], list)
    assert isinstance(invalid.json()["detail"], str)
    assert invalid.json().keys() == bodies["422"]["properties"].keys()
    assert "HTTPValidationError" not in schemas


def test_a_lifespan_requires_a_function_that_makes_the_client() -> None:
    client: Any = SandboxHarness().client

    with pytest.raises(InvalidArgumentError, match="lambda: AsyncClient"):
        lifespan(client)


def test_a_used_up_quota_is_a_warning_with_its_route(caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI(lifespan=lifespan(lambda: SandboxHarness().make_client(None, max_wait=0)))
    add_error_handlers(app)

    @app.get("/")
    async def exhaust(client: Client) -> None:
        for _ in range(21):
            await client.issues.get(_ISSUE)

    with TestClient(app) as browser:
        response = browser.get("/")

    assert response.status_code == 503
    (record,) = [r for r in caplog.records if r.name == "seeclickfix_async.web"]
    assert record.levelname == "WARNING"
    assert record.getMessage() == "GET /issues/{id} failed with RateLimitedError (rate_limited)."


def test_a_client_of_a_test_replaces_that_of_the_application(site: _Site) -> None:
    own = SandboxHarness(quota=None).make_client(None)
    site.app.dependency_overrides[get_client] = lambda: own
    response = TestClient(site.app).get(f"/issues/{_ISSUE}")
    site.app.dependency_overrides.clear()

    assert response.status_code == 200


def test_an_error_names_the_missing_lifespan() -> None:
    app = FastAPI()

    @app.get("/")
    async def home(client: Client) -> None: ...

    with pytest.raises(errors.ClientStateError, match="lifespan=lifespan"):
        TestClient(app).get("/")


def test_objects_and_values_that_are_wrong(browser: TestClient) -> None:
    missing = browser.get("/issues/3")
    wrong = browser.get("/issues/x")

    assert missing.status_code == 404
    assert missing.json()["code"] == "not_found"
    assert wrong.status_code == 422
    assert wrong.json()["errors"]["id"][0].startswith("must be an integer from 1")


_SECRET = "https://internal.example:8080/api?token=canary"
_STATUS: dict[str, Any] = {"body": {"error": _SECRET}, "headers": {"x": _SECRET}}


@pytest.mark.parametrize("framework", [FastAPI, Starlette])
@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (errors.NotFoundError(_SECRET, **_STATUS), 404, None),
        (
            errors.ValidationError(_SECRET, errors={"a": [_SECRET, "is blank"]}, **_STATUS),
            422,
            None,
        ),
        (errors.BadRequestError(_SECRET, **_STATUS), 422, None),
        (errors.InvalidArgumentError("id", "is wrong"), 422, None),
        (errors.InvalidDraftError({"a": ["is wrong"]}), 422, None),
        (errors.AuthenticationError(_SECRET, **_STATUS), 401, None),
        (errors.PermissionDeniedError(_SECRET, code="not_signed_in"), 401, None),
        (errors.ReauthorizationRequiredError("key", _SECRET), 401, None),
        (errors.PermissionDeniedError(_SECRET), 403, None),
        (errors.RateLimitedError(_SECRET, retry_after=2.5), 503, "3"),
        (errors.RateLimitedError(_SECRET), 503, "30"),
        (errors.ServerError(_SECRET, retry_after=0.0), 503, "1"),
        (errors.BlockedError(_SECRET), 503, "30"),
        (errors.ConnectionFailedError(_SECRET), 503, "30"),
        (errors.AnswerTimeoutError(_SECRET), 502, None),
        (errors.IssueMayExistError({}), 502, None),
        (errors.ForeignRedirectError(_SECRET, origin=_SECRET), 502, None),
        (errors.DecodeError(_SECRET), 502, None),
        (errors.TruncatedResultsError(_SECRET), 502, None),
        (errors.ClosedClientError(), 500, None),
        (errors.TokenStoreError(_SECRET), 500, None),
        (errors.NotFoundError(_SECRET, code="unknown_path"), 500, None),
        (errors.InvalidArgumentError("base_url", _SECRET, code="insecure_http"), 500, None),
    ],
)
def test_errors_become_responses(
    framework: Callable[..., Starlette],
    error: SeeClickFixError,
    status: int,
    retry_after: str | None,
) -> None:
    async def fail(_: Request) -> Response:
        raise error

    app = framework(routes=[Route("/", fail)])
    add_error_handlers(app)

    response = TestClient(app, raise_server_exceptions=False).get("/")

    assert response.status_code == status
    assert response.headers.get("Retry-After") == retry_after
    assert "internal.example" not in response.text
    assert "canary" not in response.text
    if status != 500:
        assert response.json()["code"] == error.code
    if isinstance(error, errors.ValidationError):
        assert response.json()["errors"] == {"a": ["is invalid.", "is blank"]}


def test_errors_have_the_page_of_the_application() -> None:
    async def render(request: Request, error: HTTPException) -> Response:
        return HTMLResponse(f"{request.url.path}: {error.detail}", error.status_code, error.headers)

    async def fail(_: Request) -> Response:
        raise errors.RateLimitedError(_SECRET, retry_after=2.5)

    app = Starlette(routes=[Route("/", fail)])
    add_error_handlers(app, render=render)

    response = TestClient(app).get("/")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "3"
    assert response.text == "/: SeeClickFix limits the number of requests. Try again later."


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)

    with pytest.raises(ModuleNotFoundError, match=r"seeclickfix-async\[fastapi\]"):
        importlib.reload(dependencies)
