"""The service's id of a request is in every error that is about its response."""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from seeclickfix_async import AsyncClient, Cache, TokenEndpoint, errors
from seeclickfix_async.errors import SeeClickFixError
from tests.support.http_backends import ISSUE, TOKEN, HTTPBackend, make_client
from tests.support.tokens import APP, NO_WAIT, make_token

pytestmark = pytest.mark.anyio

_Call = Callable[[AsyncClient], Awaitable[object]]


@pytest.fixture
def httpx_backend() -> HTTPBackend:
    return HTTPBackend("httpx")


async def _get(client: AsyncClient) -> object:
    return await client.issues.get(7)


async def _vote(client: AsyncClient) -> None:
    await client.issues.vote(7)


async def _list(client: AsyncClient) -> object:
    return await client.issues.list().collect()


async def _crawl(client: AsyncClient) -> object:
    return [issue async for issue in client.issues.crawl()]


async def _read_photo(client: AsyncClient) -> object:
    return await client.photos.read("https://city.example/photo.jpg")


async def _report(client: AsyncClient) -> object:
    open311 = client.open311(5)
    return await open311.create(1002, lat=41.05, lng=-73.54, description="A hole")


_PAGE = {"pagination": {"entries": 90, "page": 1, "per_page": 20, "pages": 5}}
_CASES: list[tuple[str, _Call, int, Any, dict[str, str]]] = [
    ("BadRequestError", _get, 400, {}, {}),
    ("NotFoundError", _get, 404, {}, {}),
    ("ValidationError", _vote, 422, {"errors": {"base": ["no"]}}, {}),
    ("ValidationError", _vote, 200, {"errors": {"base": ["no"]}}, {}),
    ("RateLimitedError", _get, 429, {}, {"retry-after": "1"}),
    ("ServerError", _get, 503, {}, {}),
    ("DecodeError", _get, 200, b"<html>", {}),
    ("DecodeError", _list, 200, {"issues": [{"id": "x"}]}, {}),
    ("DecodeError", _crawl, 200, {"issues": {}}, {}),
    ("DecodeError", _read_photo, 200, b"<html>", {}),
    ("AnswerLostError", _vote, 200, b"<html>", {}),
    ("AnswerLostError", _get, 200, b"x", {"content-encoding": "br"}),
    ("ResponseTooLargeError", _get, 200, b"x", {"content-length": str(2**30)}),
    ("TruncatedResultsError", _list, 200, {"issues": [ISSUE], "metadata": _PAGE}, {}),
    ("RedirectRefusedError", _vote, 302, b"", {"location": "/api/v2/issues"}),
    ("RedirectLoopError", _get, 302, b"", {"location": "/api/v2/issues/7"}),
    ("ForeignRedirectError", _vote, 307, b"", {"location": "https://other.example/"}),
    ("IssueMayExistError", _report, 500, {}, {}),
]


@pytest.mark.parametrize(("kind", "call", "status", "body", "headers"), _CASES)
async def test_an_error_about_a_response_has_its_request_id(
    kind: str, call: _Call, status: int, body: Any, headers: dict[str, str]
) -> None:
    httpx_backend = HTTPBackend("httpx")
    headers = {**headers, "x-request-id": "0a1b-77"}
    content = body if isinstance(body, bytes) else httpx_backend.response(200, body).content
    client = make_client(httpx_backend, httpx.Response(status, content=content, headers=headers))

    with pytest.raises(SeeClickFixError) as caught:
        await call(client)

    error = caught.value
    assert type(error).__name__ == kind
    assert error.request_id == "0a1b-77"
    assert str(error).endswith("(Request id: 0a1b-77)")
    copied = pickle.loads(pickle.dumps(error))
    assert (copied.request_id, str(copied)) == (error.request_id, str(error))


async def test_an_error_of_a_token_endpoint_has_the_request_id() -> None:
    bodies: list[tuple[int, Any]] = [(400, {"error": "invalid_grant"}), (200, {"token_type": 5})]

    async def serve(_request: httpx.Request) -> httpx.Response:
        status, body = bodies.pop(0)
        return httpx.Response(status, json=body, headers={"x-request-id": "0a1b-77"})

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(APP, http=http, limiter=None, retry=NO_WAIT)

    for kind in (errors.InvalidGrantError, errors.DecodeError):
        with pytest.raises(kind, match=r"Request id: 0a1b-77") as caught:
            await endpoint.refresh(make_token(1))
        assert caught.value.request_id == "0a1b-77"


async def test_an_error_without_a_response_has_no_request_id(httpx_backend: HTTPBackend) -> None:
    """Nor has it that of an earlier attempt."""
    busy = httpx_backend.response(503, b"", x_request_id="0a1b-77")
    client = make_client(httpx_backend, busy, "ReadError")

    with pytest.raises(errors.AnswerLostError) as caught:
        await client.issues.get(7)

    assert caught.value.request_id == ""
    assert "Request id" not in str(caught.value)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("a" * 5000, "a" * 100),
        ("id-1\x1b[31m\r\nX: y", "id-1"),
        ("[link=https://evil.example]", ""),
        ("\u202eid", ""),
        (f"id-1:{TOKEN}", "id-1:"),
        (f"id{TOKEN}", "id"),
        ("", ""),
    ],
)
async def test_a_hostile_request_id_is_harmless(
    httpx_backend: HTTPBackend, sent: str, shown: str
) -> None:
    raw = [(b"x-request-id", sent.encode())]
    client = make_client(httpx_backend, httpx.Response(404, headers=raw, content=b""))

    with pytest.raises(errors.NotFoundError) as caught:
        await client.issues.get(7)

    assert caught.value.request_id == shown
    assert TOKEN not in str(caught.value)


async def test_a_response_and_a_page_have_the_request_id(httpx_backend: HTTPBackend) -> None:
    """A confirmed response has the id of the request that confirmed it."""
    page = httpx_backend.response(200, {"issues": [ISSUE]}, x_request_id="id-1", etag='"1"')
    confirmed = httpx_backend.response(304, b"", x_request_id="id-2")
    client = make_client(httpx_backend, page, confirmed, cache=Cache())

    ids = [(await client.issues.list()).response.request_id for _ in range(2)]

    assert ids == ["id-1", "id-2"]
    assert (await client.request("GET", "/issues")).request_id == "id-2"
