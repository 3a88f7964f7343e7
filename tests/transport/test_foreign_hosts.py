"""Invalid URLs, errors below the HTTP library, and responses of other hosts."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from seeclickfix_async import Retry, errors
from seeclickfix_async._transport.limiter import Unlimited
from tests.support.http_backends import ISSUE, ORIGIN, HTTPBackend, make_client

pytestmark = pytest.mark.anyio

_PNG = b"\x89PNG\r\n\x1a\n"


class _RecordingLimiter(Unlimited):
    """A limiter that counts slots, and records pauses and stops."""

    def __init__(self) -> None:
        self.slots = 0
        self.refusals: list[float | errors.StatusError] = []

    def slot(self, **options: Any) -> Unlimited:
        self.slots += 1
        return super().slot(**options)

    async def hold(self, seconds: float) -> None:
        self.refusals.append(seconds)

    async def stop(self, error: errors.StatusError) -> None:
        self.refusals.append(error)


@pytest.mark.parametrize(("status", "error"), [(429, "RateLimited"), (403, "Blocked")])
async def test_only_the_apis_own_refusals_count_for_the_quota(
    backend: HTTPBackend, status: int, error: str
) -> None:
    """The storage service of photos has its own quota."""
    refused = backend.response(status, {"message": "administrative rules"}, retry_after="120")
    away = backend.response(302, location="https://storage.example/photo")
    refusals = {}
    for host, responses in {"storage": (away, refused), "api": (refused,)}.items():
        limiter = _RecordingLimiter()
        client = make_client(backend, *responses, limiter=limiter, retry=Retry(attempts=1))
        with pytest.raises(getattr(errors, f"{error}Error")) as caught:
            await client.photos.read(f"{ORIGIN}/photo")
        refusals[host] = limiter.refusals

    assert refusals == {"storage": [], "api": [120.0 if status == 429 else caught.value]}


async def test_only_requests_to_the_api_count(backend: HTTPBackend) -> None:
    limiter = _RecordingLimiter()
    away = backend.response(302, location="https://storage.example/photo")
    client = make_client(backend, away, backend.response(body=_PNG), limiter=limiter)

    assert await client.photos.read(f"{ORIGIN}/photo") == _PNG
    assert [request.url.host for request in backend.requests] == ["city.example", "storage.example"]
    assert limiter.slots == 1


_METADATA = "http://169.254.169.254/latest/meta-data"


@pytest.mark.parametrize("target", [_METADATA, "//localhost/admin", "http://[::ffff:10.0.0.1]/"])
async def test_a_public_service_cannot_redirect_to_an_internal_host(
    backend: HTTPBackend, target: str
) -> None:
    """The caller's own network trusts the caller's machine (server-side request forgery)."""
    to_storage = backend.response(302, location="https://storage.example/photo")
    into_network = backend.response(302, location=target)
    client = make_client(backend, to_storage, into_network, into_network, backend.response())

    with pytest.raises(errors.RedirectRefusedError, match="not on the public internet"):
        await client.photos.read(f"{ORIGIN}/photo")
    with pytest.raises(errors.ForeignRedirectError):
        await client.issues.get(7)

    hosts = [request.url.host for request in backend.requests]
    assert hosts == ["city.example", "storage.example", "city.example"]


async def test_a_photo_link_cannot_name_an_internal_host(backend: HTTPBackend) -> None:
    client = make_client(backend, backend.response(body=_PNG))

    with pytest.raises(errors.InvalidArgumentError, match="public internet"):
        await client.photos.read(_METADATA)

    assert not backend.requests


async def test_a_service_on_an_internal_host_may_name_others(backend: HTTPBackend) -> None:
    away = backend.response(302, location="http://localhost:2/photo")
    photo = backend.response(body=_PNG)
    client = make_client(backend, away, photo, photo, base_url="http://127.0.0.1:1")

    assert await client.photos.read("/photo") == _PNG
    assert await client.photos.read("http://192.168.0.9/photo") == _PNG


_INVALID_URLS = ["http://[", "https://city.example]/", "https://", "https:///x", "https://a:99999/"]


@pytest.mark.parametrize("location", [*_INVALID_URLS, "//[::1/issues", ":http://[://"])
async def test_a_redirect_to_an_invalid_url_fails(backend: HTTPBackend, location: str) -> None:
    client = make_client(backend, backend.response(302, location=location))

    with pytest.raises(errors.TransportError) as caught:
        await client.issues.get(7)

    assert caught.value.route == "GET /issues/{id}"


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://a:b/", "//256.1.1.1/", "//ÿ..example/"]
)
async def test_a_redirect_to_an_invalid_host_is_refused_at_once(
    backend: HTTPBackend, location: str
) -> None:
    raw = [(b"Location", location.encode())]
    client = make_client(backend, backend.module.Response(302, headers=raw))

    with pytest.raises(errors.RedirectRefusedError, match="to an invalid URL"):
        await client.issues.get(7)

    assert len(backend.requests) == 1


@pytest.mark.parametrize("path", [*_INVALID_URLS, "https://999.1.1.1/", f"/{'a' * 70_000}"])
async def test_an_invalid_url_is_an_invalid_argument(backend: HTTPBackend, path: str) -> None:
    client = make_client(backend, backend.response(body=ISSUE))

    with pytest.raises(errors.InvalidArgumentError, match="not a valid URL") as caught:
        await client.request("GET", path)

    assert caught.value.argument == "path"
    assert backend.requests == []


@pytest.mark.parametrize(
    "path", ["//[x", "//[x/y", "HTTP://[x", "/..%5cx", "/%252e%252e/x", "/a/..;b"]
)
async def test_an_invalid_path_is_an_invalid_argument(backend: HTTPBackend, path: str) -> None:
    client = make_client(backend, backend.response(body=ISSUE))

    with pytest.raises(errors.InvalidArgumentError) as caught:
        await client.request("GET", path)

    assert caught.value.argument == "path"
    assert backend.requests == []


@pytest.mark.parametrize("path", ["/issues?search=..", "/issues?next=../x", "/a.b/..c", "/x#/../y"])
async def test_dots_elsewhere_are_accepted(backend: HTTPBackend, path: str) -> None:
    await make_client(backend, backend.response(body=ISSUE)).request("GET", path)

    assert len(backend.requests) == 1


@pytest.mark.parametrize("header", [("X Y", "1"), ("X", "é"), ("X", "1\r\nY: 2"), ("", "1")])
async def test_an_invalid_header_is_an_invalid_argument(
    backend: HTTPBackend, header: tuple[str, str]
) -> None:
    client = make_client(backend, backend.response(body=ISSUE))

    with pytest.raises(errors.InvalidArgumentError, match="header") as caught:
        await client.request("GET", "/issues", headers=dict([header]))

    assert caught.value.argument == "headers"
    assert backend.requests == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLError(1, "bad record mac"), r"complete: TLS failed \(bad record mac\)"),
        (OSError(113, "No route"), "complete: No route to host"),
        (BrokenPipeError(), r"complete\. The service may have executed"),
    ],
)
async def test_an_error_below_the_library_means_a_lost_response(
    backend: HTTPBackend, error: Exception, words: str
) -> None:
    """The library does not translate all TLS errors; the write may have arrived."""
    client = make_client(backend, error)

    with pytest.raises(errors.AnswerLostError, match=words) as caught:
        await client.request("POST", "/issues/7/vote")

    assert caught.value.__cause__ is error
    assert len(backend.requests) == 1
