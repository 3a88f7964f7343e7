"""Responses that are small on the wire and huge when they are decoded."""

from __future__ import annotations

import pickle
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seeclickfix_async import AsyncClient, errors
from seeclickfix_async._core.lenient_json import MAX_VALUES
from tests.support.http_backends import HTTPBackend, make_client

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Decoding does not depend on the event loop, and tracing memory is slow."""
    return "asyncio"


@pytest.fixture
def backend() -> HTTPBackend:
    return HTTPBackend("httpx")


_END = b'],"metadata":{"pagination":{"entries":3,"page":1,"per_page":100,"pages":1}}}'
_MANY = 5 * MAX_VALUES // 2

_LISTINGS: dict[str, Callable[[AsyncClient], Awaitable[Any]]] = {
    "issues": lambda client: client.issues.list().collect(),
    "places": lambda client: client.places.near(lat=41.3, lng=-72.9).collect(),
    "comments": lambda client: client.issues.comments(7),
    "request_types": lambda client: client.report_form(lat=41.3, lng=-72.9),
}


def _listing(key: str, row: bytes, count: int) -> bytes:
    return b'{"%s":[%s%s%s' % (key.encode(), (row + b",") * (count - 1), row, _END)


async def _outcome(call: Awaitable[Any]) -> tuple[errors.DecodeError, int]:
    """Return the error of a call, and the most memory that it used at once.

    The mock transports hold the body, and so does the client.
    """
    tracemalloc.start()
    try:
        with pytest.raises(errors.DecodeError) as caught:
            await call
        return caught.value, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("row", [b"{}", b'{"id":1}', b'{"id":"x"}', b"0", b'""', b"[]", b"null"])
async def test_millions_of_rows_are_refused_before_they_are_decoded(
    backend: HTTPBackend, row: bytes
) -> None:
    count = max(MAX_VALUES, 5 * 2**20 // len(row + b",")) + 1
    for key, call in _LISTINGS.items():
        body = _listing(key, row, count)
        client = make_client(backend, backend.response(body=body))
        error, peak = await _outcome(call(client))

        assert "more than 1,000,000 values" in str(error)
        assert "per_page" in str(error)
        assert peak < 3 * len(body) + 2**20


@pytest.mark.parametrize(
    "rows", [b'"' + rb"\\" * _MANY + rb'\ud83d"', b'"' + rb"\ud83d" * _MANY + b'"', b'""' * _MANY]
)
async def test_a_document_that_costs_too_much_to_repair_is_refused(
    backend: HTTPBackend, rows: bytes
) -> None:
    for key, call in _LISTINGS.items():
        body = _listing(key, rows, 1)
        client = make_client(backend, backend.response(body=body))
        error, peak = await _outcome(call(client))

        assert "It is not JSON" in str(error)
        assert peak < 3 * len(body) + 2**20


@pytest.mark.parametrize("row", [b'{"id":1}', b'{"id":"x"}', b"0"])
async def test_a_page_has_at_most_ten_thousand_rows(backend: HTTPBackend, row: bytes) -> None:
    for key, call in _LISTINGS.items():
        body = _listing(key, row, 10_001)
        client = make_client(backend, backend.response(body=body))
        error, peak = await _outcome(call(client))

        assert "more than 10,000 rows" in str(error)
        assert peak < 2**24


async def test_rows_of_a_document_that_is_not_counted_are_bounded(backend: HTTPBackend) -> None:
    """Values are counted from 4 MB on."""
    body = _listing("issues", b'{"id":1}', 20_000)
    error, peak = await _outcome(
        make_client(backend, backend.response(body=body)).issues.list().collect()
    )

    assert "more than 10,000 rows" in str(error)
    assert peak < 200_000_000 * len(body) / 2**22


async def test_ten_thousand_rows_are_read(backend: HTTPBackend) -> None:
    rows = b",".join(b'{"id":%d}' % number for number in range(1, 10_001))
    client = make_client(backend, backend.response(body=b'{"comments":[' + rows + b"]}"))

    assert len(await client.issues.comments(7)) == 10_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"issues":[],"metadata":{"pagination":{"x":[' + b"0," * _MANY + b"0]}}}",
        b'{"issues":[],"errors":[' + b'"a",' * _MANY + b'"a"]}',
        b"[" * _MANY,
        b'{"a":' * _MANY,
    ],
    ids=["metadata", "errors", "brackets", "objects"],
)
@pytest.mark.parametrize("key", ["issues", "json", "object", "open311"])
async def test_other_parts_are_bounded_too(backend: HTTPBackend, body: bytes, key: str) -> None:
    async def read_json() -> Any:
        return (await client.request("GET", "/issues")).json()

    client = make_client(backend, backend.response(body=body))
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "issues": lambda: client.issues.list().collect(),
        "json": read_json,
        "object": lambda: client.issues.get(7),
        "open311": lambda: client.open311().service(1),
    }
    error, peak = await _outcome(calls[key]())

    assert "more than 1,000,000 values" in str(error)
    assert peak < 3 * len(body) + 2**20


@pytest.mark.parametrize("deep", [b"[" * 900 + b"]" * 900, b'{"a":' * 900 + b"1" + b"}" * 900])
@pytest.mark.parametrize(
    "template",
    [b"%s", b'{"issues":[],"errors":{"a":%s}}', b'{"issues":%s}'],
)
async def test_deep_nesting_is_refused(backend: HTTPBackend, deep: bytes, template: bytes) -> None:
    """Deeper than `repr` and `pickle` may recurse in the caller's own depth."""
    client = make_client(backend, backend.response(body=template % deep))

    response = await client.request("GET", "/issues")
    with pytest.raises(errors.DecodeError, match="nested too deeply"):
        response.json()
    with pytest.raises(errors.DecodeError) as caught:
        await client.issues.list()
    assert pickle.loads(pickle.dumps(caught.value)).path == caught.value.path


async def test_the_deep_body_of_a_refusal_is_left_out(backend: HTTPBackend) -> None:
    body = b'{"errors":{"a":' + b"[" * 900 + b"]" * 900 + b"}}"
    client = make_client(backend, backend.response(422, body))

    with pytest.raises(errors.ValidationError) as caught:
        await client.issues.get(7)

    assert caught.value.body is None
    assert pickle.loads(pickle.dumps(caught.value)).errors == {}


@pytest.mark.parametrize("status", [200, 422])
@pytest.mark.parametrize(
    "errors_",
    [
        "a" * 500_000,
        ["a" * 9] * 50_000,
        {f"f{n}": ["no"] for n in range(40_000)},
        {"f" * 500_000: 1},
    ],
    ids=["one", "list", "fields", "field"],
)
async def test_quoted_words_are_bounded(backend: HTTPBackend, status: int, errors_: Any) -> None:
    client = make_client(
        backend, backend.response(status, {"issues": [], "errors": errors_, "id": 7})
    )

    for call in (client.issues.list(), client.issues.get(7)):
        with pytest.raises(errors.ValidationError) as caught:
            await call
        assert len(str(caught.value)) < 1_200
        assert caught.value.errors  # complete, for programs


async def test_quoted_words_of_open311_and_redirects_are_bounded(backend: HTTPBackend) -> None:
    refused = backend.response(400, [{"description": "a" * 100_000}] * 5)
    away = backend.response(302, location=f"https://{'a' * 60_000}.example/")
    for response in (refused, away):
        client = make_client(backend, response)
        with pytest.raises(errors.SeeClickFixError) as caught:
            await client.open311(1).create("1", lat=41.3, lng=-72.9, description="x")
        assert len(str(caught.value)) < 1_500


@pytest.mark.parametrize(
    "header", ["9" * 60_000, "1," * 30_000, "Sun, " * 12_000, "9" * 30_000 + " GMT", "-9", "1e400"]
)
async def test_an_absurd_retry_after_is_bounded(backend: HTTPBackend, header: str) -> None:
    client = make_client(backend, backend.response(429, {}, retry_after=header), max_wait=0.5)
    start = time.process_time()

    with pytest.raises(errors.RateLimitedError) as caught:
        await client.issues.get(7)

    assert caught.value.retry_after is None or 0 <= caught.value.retry_after <= 3_600
    assert time.process_time() - start < 5


@pytest.mark.parametrize("number", ["9" * 5_000, "1e999", "-1", "0", str(2**70)])
@pytest.mark.parametrize("name", ["entries", "page", "per_page", "pages", "next_page"])
async def test_absurd_numbers_of_pages_end_with_an_error_of_ours(
    backend: HTTPBackend, name: str, number: str
) -> None:
    body = b'{"issues":[{"id":1}],"metadata":{"pagination":{"%s":%s}}}'
    client = make_client(backend, backend.response(body=body % (name.encode(), number.encode())))

    try:
        items = await client.issues.list().collect()
    except errors.SeeClickFixError:
        return
    assert [item.id for item in items] == [1]
