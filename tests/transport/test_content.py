"""The content of responses: content codings, and bounds of size and memory."""

from __future__ import annotations

import functools
import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream

from seeclickfix_async import AsyncClient, Retry, TokenEndpoint, errors
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._transport.content import MAX_BYTES
from seeclickfix_async.oauth import Application, AuthorizationCode
from tests.support.raw_servers import raw_server

pytestmark = [
    pytest.mark.anyio,
    # httpx leaves inner generators open when reading stops early, and trio warns about it.
    pytest.mark.filterwarnings("ignore:.*async_generator:pytest.PytestUnraisableExceptionWarning"),
]

_ONE_ATTEMPT = Retry(attempts=1)
_ISSUE = b'{"id": 7}'
_PNG = b"\x89PNG\r\n\x1a\n"

Call = Callable[[str, Any], Awaitable[object]]


def _serve(
    *body: bytes, coding: str = "gzip", status: int = 200, heads: list[bytes] | None = None
) -> Callable[[SocketStream], Awaitable[None]]:
    """Return a server that sends the pieces of a body."""

    async def serve(stream: SocketStream) -> None:
        head = await stream.receive()
        if heads is not None:
            heads.append(head)
        await stream.send(
            b"HTTP/1.1 %d Status\r\nContent-Type: image/png\r\nContent-Encoding: %s\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" % (status, coding.encode())
        )
        for piece in filter(None, body):
            await stream.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        await stream.send(b"0\r\n\r\n")
        while True:  # the rest of the request
            await stream.receive()

    return serve


def _compress(pieces: Iterable[bytes]) -> bytes:
    compressor = zlib.compressobj(9, wbits=31)
    return b"".join([*map(compressor.compress, pieces), compressor.flush()])


@functools.cache
def _bomb(megabytes: int) -> bytes:
    """Return compressed zeros behind the first bytes of an image."""
    first = _PNG + bytes(2**20 - len(_PNG))
    return _compress(itertools.chain([first], itertools.repeat(bytes(2**20), megabytes - 1)))


async def _get_issue(url: str, http: Any) -> object:
    async with AsyncClient(base_url=url, http=http, limiter=None, retry=_ONE_ATTEMPT) as client:
        return await client.issues.get(7)


async def _request(url: str, http: Any) -> object:
    async with AsyncClient(base_url=url, http=http, limiter=None, retry=_ONE_ATTEMPT) as client:
        return await client.request("GET", "/issues/7")


async def _read_photo(url: str, http: Any) -> object:
    async with AsyncClient(base_url=url, http=http, limiter=None, retry=_ONE_ATTEMPT) as client:
        return await client.photos.read(f"{url}/photo.png")


async def _exchange_code(url: str, http: Any) -> object:
    app = Application("app", "http://127.0.0.1/callback", base_url=url)
    async with TokenEndpoint(app, http=http, limiter=None, retry=_ONE_ATTEMPT) as endpoint:
        return await endpoint.exchange(AuthorizationCode(Secret("code"), app.redirect_uri, None))


_CALLS = [_get_issue, _read_photo, _exchange_code]


async def _peak(call: Awaitable[object]) -> tuple[object, int]:
    """Return the result or the error of a call, and the most memory that it used at once."""
    tracemalloc.start()
    try:
        try:
            result = await call
        except errors.SeeClickFixError as error:
            result = error
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # tracing is slow, and this is no waiting
@pytest.mark.parametrize("call", _CALLS)
async def test_a_bomb_is_refused_within_the_bounds_of_memory(http: Any, call: Call) -> None:
    async with raw_server(_serve(_bomb(256))) as port:
        result, peak = await _peak(call(f"http://127.0.0.1:{port}", http))

    assert isinstance(result, errors.ResponseTooLargeError)
    assert result.limit == MAX_BYTES
    assert peak < 1.5 * MAX_BYTES


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("call", [_request, _read_photo])
async def test_the_largest_content_is_kept_in_memory_once(http: Any, call: Call) -> None:
    async with raw_server(_serve(_bomb(64))) as port:
        result, peak = await _peak(call(f"http://127.0.0.1:{port}", http))

    assert len(getattr(result, "content", result)) == MAX_BYTES  # type: ignore[arg-type]
    assert peak < 1.5 * MAX_BYTES


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("call", _CALLS)
@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "br"])
async def test_the_bomb_of_a_refusal_leaves_its_status(http: Any, call: Call, coding: str) -> None:
    async with raw_server(_serve(_bomb(256), coding=coding, status=400)) as port:
        result, peak = await _peak(call(f"http://127.0.0.1:{port}", http))

    assert isinstance(result, errors.BadRequestError)
    assert result.body is None
    assert peak < 2**23


async def test_a_bomb_leaves_no_file(http: Any, tmp_path: Path) -> None:
    async with raw_server(_serve(_bomb(65))) as port:
        url = f"http://127.0.0.1:{port}"
        async with AsyncClient(base_url=url, http=http, limiter=None) as client:
            with pytest.raises(errors.ResponseTooLargeError):
                await client.photos.save(f"{url}/photo.png", tmp_path / "photo.png")

    assert [path async for path in anyio.Path(tmp_path).iterdir()] == []


async def test_only_gzip_is_accepted(http: Any) -> None:
    heads: list[bytes] = []
    async with raw_server(_serve(gzip.compress(_ISSUE), heads=heads)) as port:
        url = f"http://127.0.0.1:{port}"
        async with AsyncClient(base_url=url, http=http, limiter=None) as client:
            await client.issues.get(7)
            await client.request("GET", "/issues/7", headers={"accept-encoding": "br, gzip"})
            with pytest.raises(errors.DecodeError, match="not an image"):
                await client.photos.read(f"{url}/photo.png")

    for head in heads:
        lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"accept-enc")]
        assert lines == [b"accept-encoding: gzip"]


async def test_the_callers_client_cannot_accept_other_codings(backend: Any) -> None:
    heads: list[bytes] = []
    async with (
        raw_server(_serve(gzip.compress(_ISSUE), heads=heads)) as port,
        backend.module.AsyncClient(headers={"Accept-Encoding": "br, zstd"}) as http,
    ):
        await _get_issue(f"http://127.0.0.1:{port}", http)

    assert b"br" not in heads[0]


_EMPTY = gzip.compress(b"")


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", [gzip.compress(_ISSUE)]),
        ("x-gzip", [gzip.compress(_ISSUE)]),
        (" GZip ", [gzip.compress(_ISSUE)]),
        ("gzip, identity", [gzip.compress(_ISSUE)]),
        ("deflate", [zlib.compress(_ISSUE)]),
        ("identity", [_ISSUE]),
        ("Identity", [_ISSUE]),
        ("", [_ISSUE]),
        (",", [_ISSUE]),
        ("gzip", [gzip.compress(_ISSUE[:4]), gzip.compress(_ISSUE[4:])]),  # two members
        ("gzip", [_EMPTY, gzip.compress(_ISSUE), _EMPTY]),
        ("gzip", [gzip.compress(_ISSUE), b"\n"]),
        ("gzip", [gzip.compress(_ISSUE), bytes(700), b"padding"]),
        ("gzip", [bytes([byte]) for byte in gzip.compress(_ISSUE)]),
    ],
)
async def test_a_known_coding_is_decoded(http: Any, coding: str, body: list[bytes]) -> None:
    async with raw_server(_serve(*body, coding=coding)) as port:
        issue: Any = await _get_issue(f"http://127.0.0.1:{port}", http)

    assert issue.id == 7


@pytest.mark.parametrize("body", [b"", _EMPTY], ids=["no bytes", "no content"])
async def test_nothing_may_be_compressed(http: Any, body: bytes) -> None:
    async with raw_server(_serve(body)) as port:
        response: Any = await _request(f"http://127.0.0.1:{port}", http)

    assert response.content == b""


@pytest.mark.parametrize(
    "coding",
    [
        "gzip, gzip",
        "gzip\r\nContent-Encoding: gzip",
        ", ".join(["gzip"] * 9_000),
        "br",
        "zstd",
        "compress",
        "gzip;q=1",
    ],
    ids=lambda coding: coding[:20],
)
async def test_another_coding_is_refused(http: Any, coding: str) -> None:
    body = gzip.compress(gzip.compress(_ISSUE))
    async with raw_server(_serve(body, coding=coding)) as port:
        with pytest.raises(errors.AnswerLostError, match="not requested") as caught:
            await _get_issue(f"http://127.0.0.1:{port}", http)

    assert len(str(caught.value)) < 400


_WHOLE = gzip.compress(_ISSUE)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([_WHOLE[:5]], "ends early"),
        ([_WHOLE[:-1]], "ends early"),
        ([_WHOLE[:-8]], "ends early"),
        ([_WHOLE, _WHOLE[:-4]], "ends early"),
        ([_ISSUE], "damaged"),
        ([_WHOLE[:-5], b"x", _WHOLE[-4:]], "damaged"),
        ([_WHOLE[:14], b"\xff\xff", _WHOLE[16:]], "damaged"),
    ],
)
async def test_damaged_content_is_refused(http: Any, body: list[bytes], words: str) -> None:
    async with raw_server(_serve(*body)) as port:
        with pytest.raises(errors.AnswerLostError, match=words):
            await _get_issue(f"http://127.0.0.1:{port}", http)


@pytest.mark.parametrize("call", [_read_photo, _exchange_code])
@pytest.mark.parametrize(("coding", "words"), [("gzip", "ends early"), ("br", "not requested")])
async def test_photos_and_tokens_are_decoded_alike(call: Call, coding: str, words: str) -> None:
    async with raw_server(_serve(_WHOLE[:-1], coding=coding)) as port:
        with pytest.raises(errors.AnswerLostError, match=words):
            await call(f"http://127.0.0.1:{port}", None)


_START = zlib.compressobj(9, wbits=31).flush(zlib.Z_SYNC_FLUSH)
_EMPTY_BLOCKS = b"\x00\x00\x00\xff\xff" * 13_000


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("endless", [[_START, _EMPTY_BLOCKS], [_EMPTY, _EMPTY * 3_000]])
async def test_content_that_decompresses_to_nothing_is_bounded_as_sent(
    http: Any, endless: list[bytes]
) -> None:
    first, rest = endless
    pieces = (first, *[rest] * 1_000)
    async with raw_server(_serve(*pieces, status=400)) as port:
        result, peak = await _peak(_get_issue(f"http://127.0.0.1:{port}", http))

    assert isinstance(result, errors.BadRequestError)
    assert peak < 2**23


async def test_a_report_may_exist_if_the_response_cannot_be_decoded(http: Any) -> None:
    async with raw_server(_serve(_WHOLE, coding="br")) as port:
        url = f"http://127.0.0.1:{port}"
        async with AsyncClient(base_url=url, http=http, limiter=None) as client:
            with pytest.raises(errors.IssueMayExistError):
                await client.open311(1).create("1", lat=41.3, lng=-72.9, description="A pothole")


@pytest.mark.parametrize("length", ["\xb2", "9" * 5_000, "-1", "1, 1"])
async def test_an_invalid_length_is_no_raw_error(backend: Any, length: str) -> None:
    def serve(_request: Any) -> Any:
        headers = [(b"content-length", length.encode("latin-1"))]
        return backend.module.Response(200, content=_ISSUE, headers=headers)

    issue: Any = await _get_issue("https://city.example", backend.client(serve))

    assert issue.id == 7


async def test_headers_are_decoded_and_those_of_one_name_joined(backend: Any) -> None:
    """RFC 9110 §5.3; values in other encodings than UTF-8 are kept as escapes."""
    sent = [(b"Via", b"1.1 a"), (b"VIA", b"1.1 b"), (b"X-City", "Zürich".encode()), (b"X", b"\xff")]

    def serve(_request: Any) -> Any:
        return backend.module.Response(200, content=b"{}", headers=sent)

    async with AsyncClient(http=backend.client(serve), limiter=None) as client:
        headers = (await client.request("GET", "/issues")).headers

    assert {name: headers[name] for name in ("via", "x-city", "x")} == {
        "via": "1.1 a, 1.1 b",
        "x-city": "Zürich",
        "x": "\\xff",
    }


async def test_a_large_photo_can_be_asked_for_with_head(http: Any) -> None:
    async def serve(stream: SocketStream) -> None:
        await stream.receive()
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")

    async with raw_server(serve) as port:
        url = f"http://127.0.0.1:{port}"
        async with AsyncClient(base_url=url, http=http, limiter=None) as client:
            response = await client.request("HEAD", "/photo")

    assert response.headers["content-length"] == "99999999999"
