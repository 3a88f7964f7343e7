"""A caller's own HTTP client: its hooks, and its defaults at other hosts."""

from __future__ import annotations

from typing import Any

import pytest

from seeclickfix_async import AsyncClient, errors
from seeclickfix_async.testing import VirtualClock
from tests.support.http_backends import ISSUE, ORIGIN, TOKEN, HTTPBackend

pytestmark = pytest.mark.anyio


async def _raise_for_status(response: Any) -> None:
    response.raise_for_status()


async def _read_and_raise(response: Any) -> None:
    await response.aread()
    response.raise_for_status()


class _Stream:
    """A body that is received after the headers, as from a network."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> Any:
        yield self._content


def _unread(backend: HTTPBackend, status: int, content: bytes = b"{}", **headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return backend.module.Response(status, content=_Stream(content), headers=names)


def _make_client(backend: HTTPBackend, *responses: Any, hook: Any, **options: Any) -> AsyncClient:
    http = backend.client(backend.scripted(*responses), event_hooks={"response": [hook]})
    return AsyncClient(TOKEN, http=http, base_url=ORIGIN, limiter=None, **options)


@pytest.fixture(params=[_raise_for_status, _read_and_raise], ids=["unread", "read"])
def hook(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_a_429_is_waited_out(backend: HTTPBackend, hook: Any) -> None:
    clock = VirtualClock()
    limited = _unread(backend, 429, retry_after="7")
    ok = backend.response(body=ISSUE)
    client = _make_client(backend, limited, ok, hook=hook, clock=clock)

    assert (await client.issues.get(7)).id == 7
    assert 7.0 in clock.waits


async def test_a_304_confirms_the_cached_response(backend: HTTPBackend, hook: Any) -> None:
    first = backend.response(body=ISSUE, etag='"1"')
    client = _make_client(backend, first, _unread(backend, 304, etag='"1"'), hook=hook)

    for _ in range(2):
        assert (await client.issues.get(7)).id == 7
    assert backend.requests[1].headers["if-none-match"] == '"1"'


async def test_a_redirect_is_followed(backend: HTTPBackend, hook: Any) -> None:
    moved = _unread(backend, 302, location="/api/v2/issues/8")
    client = _make_client(backend, moved, backend.response(body=ISSUE), hook=hook)

    assert (await client.issues.get(7)).id == 7


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (422, errors.ValidationError),
        (500, errors.ServerError),
    ],
)
async def test_a_refusal_is_an_error_of_ours(
    backend: HTTPBackend, hook: Any, status: int, kind: type[errors.StatusError]
) -> None:
    client = _make_client(backend, _unread(backend, status, x_request_id="5"), hook=hook)

    for method in ("GET", "POST"):
        with pytest.raises(kind) as caught:
            await client.request(method, "/issues/7")
        assert caught.value.status == status
        assert caught.value.headers["x-request-id"] == "5"


async def test_a_hook_that_reads_the_body_leaves_it_to_the_error(backend: HTTPBackend) -> None:
    body = b'{"message": "Request forbidden by administrative rules."}'
    client = _make_client(backend, _unread(backend, 403, body), hook=_read_and_raise)

    with pytest.raises(errors.BlockedError):
        await client.issues.get(7)


async def test_a_hook_that_consumes_the_body_is_no_raw_error(backend: HTTPBackend) -> None:
    async def consume(response: Any) -> None:
        async for _ in response.aiter_bytes():
            pass

    client = _make_client(backend, _unread(backend, 200), hook=consume, clock=VirtualClock())

    with pytest.raises(errors.AnswerLostError):
        await client.issues.get(7)


@pytest.mark.parametrize(
    "base_url",
    [
        ORIGIN,
        f"{ORIGIN}:443",
        "https://city.example:8443",
        "https://CITY.example",
        "https://[::1]:8443",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_is_as_the_library_builds_it(
    backend: HTTPBackend, base_url: str, method: str
) -> None:
    contents: list[bytes] = []

    async def read_content(request: Any) -> None:
        contents.append(request.content)

    http = backend.client(
        backend.scripted(backend.response(body={})),
        headers={"X-Api-Key": "own-key"},
        event_hooks={"request": [read_content]},
    )
    client = AsyncClient(http=http, base_url=base_url, limiter=None)

    await client.request(method, "/issues/7")

    (sent,) = backend.requests
    usual = http.build_request(method, f"{base_url}/api/v2/issues/7")
    own = {"user-agent", "accept", "accept-encoding"}
    assert sent.headers.raw[0] == usual.headers.raw[0]
    assert {name: value for name, value in sent.headers.items() if name not in own} == {
        name: value for name, value in usual.headers.items() if name not in own
    }
    assert contents == [b""]


async def test_the_callers_own_host_header_is_sent(backend: HTTPBackend) -> None:
    serve = backend.scripted(backend.response(body=ISSUE))
    http = backend.client(serve, headers={"Host": "behind-a-proxy.example"})

    await AsyncClient(http=http, base_url=ORIGIN, limiter=None).issues.get(7)

    assert backend.requests[0].headers.get_list("host") == ["behind-a-proxy.example"]


_DEFAULTS: dict[str, Any] = {
    "headers": {"X-Api-Key": "own-key", "Authorization": "Bearer own", "Proxy-Authorization": "p"},
    "params": {"key": "own-param"},
    "cookies": {"session": "own-cookie"},
    "auth": ("me", "own-password"),
}


def _sent(request: Any) -> str:
    return f"{request.url} {request.headers.raw}"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/api/v2/issues/7",
        "https://city.example./api/v2/issues/7",
        "https://CITY.EXAMPLE./api/v2/issues/7",
        "https://city.example:444/api/v2/issues/7",
        "http://city.example/api/v2/issues/7",
        "https://city.example.evil.example/",
        "https://city.example@evil.example/",
        "//city.example./x",
    ],
)
@pytest.mark.parametrize("defaults", [*_DEFAULTS, "all"])
async def test_defaults_do_not_follow_to_another_host(
    backend: HTTPBackend, location: str, defaults: str
) -> None:
    options = _DEFAULTS if defaults == "all" else {defaults: _DEFAULTS[defaults]}
    away = backend.response(302, location=location)
    issue = backend.response(body={"id": 7})
    picture = backend.response(body=b"\x89PNG\r\n\x1a\n", content_type="image/png")
    for call in ("get", "photo", "direct", "request"):
        last = picture if call in {"photo", "direct"} else issue
        responses = (last,) if call == "direct" else (away, last)
        http = backend.client(backend.scripted(*responses), **options)
        client = AsyncClient(TOKEN, http=http, base_url=ORIGIN, limiter=None, contact="a@b.example")
        if call == "get":
            await client.issues.get(7)
        elif call == "photo":
            await client.photos.read(f"{ORIGIN}/photo.png")
        elif call == "direct":
            if location.startswith("//"):
                continue
            await client.photos.read(location)
        else:
            await client.request("GET", "/issues/7", headers={"X-Mine": "own-header"})
        request = backend.requests[-1]

        assert "own" not in _sent(request).lower()
        assert TOKEN not in _sent(request)
        assert "seeclickfix-async/" in request.headers["user-agent"]
        assert request.headers["accept-encoding"] == "gzip"


async def test_defaults_are_sent_to_the_api(backend: HTTPBackend) -> None:
    http = backend.client(
        backend.scripted(backend.response(body=ISSUE)),
        headers={"X-Api-Key": "own-key"},
        params={"key": "own-param"},
    )
    await AsyncClient(http=http, base_url=ORIGIN, limiter=None).issues.get(7)

    assert backend.requests[0].headers["x-api-key"] == "own-key"
    assert "key=own-param" in str(backend.requests[0].url)


async def test_headers_of_a_request_reach_the_host_that_it_names(backend: HTTPBackend) -> None:
    client = AsyncClient(
        http=backend.client(backend.scripted(backend.response(body=ISSUE))),
        base_url=ORIGIN,
        limiter=None,
    )
    await client.request("GET", "https://other.example/x", headers={"X-Mine": "1"})

    assert backend.requests[0].headers["x-mine"] == "1"


@pytest.mark.parametrize("status", [307, 308])
async def test_an_upload_does_not_follow_to_another_host(backend: HTTPBackend, status: int) -> None:
    away = backend.response(status, location="https://city.example./x")
    client = AsyncClient(
        TOKEN, http=backend.client(backend.scripted(away)), base_url=ORIGIN, limiter=None
    )

    with pytest.raises(errors.ForeignRedirectError):
        await client.issues.comment(7, "hello", image=b"\x89PNG\r\n\x1a\n" + bytes(40))

    assert len(backend.requests) == 1
