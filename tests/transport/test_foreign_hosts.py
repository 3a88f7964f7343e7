"""Addresses that are none, connections that break early, and what other hosts say."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from seeclickfix_async import Retry, errors
from seeclickfix_async._transport.limiter import Unlimited
from tests.support.http_backends import ISSUE, ORIGIN, HTTPBackend, make_client

pytestmark = pytest.mark.anyio


class _Listening(Unlimited):
    """A limiter that counts places, and notes what it is told of refusals."""

    def __init__(self) -> None:
        self.places = 0
        self.told: list[float | errors.StatusError] = []

    def slot(self, **options: Any) -> Unlimited:
        self.places += 1
        return super().slot(**options)

    async def hold(self, seconds: float) -> None:
        self.told.append(seconds)

    async def stop(self, error: errors.StatusError) -> None:
        self.told.append(error)


@pytest.mark.parametrize(("status", "error"), [(429, "RateLimited"), (403, "Blocked")])
async def test_only_the_apis_own_refusals_count_for_the_quota(
    backend: HTTPBackend, status: int, error: str
) -> None:
    """A photo's storage has a quota of its own."""
    refused = backend.response(status, {"message": "administrative rules"}, retry_after="120")
    away = backend.response(302, location="https://storage.example/photo")
    told = {}
    for host, answers in {"storage": (away, refused), "api": (refused,)}.items():
        limiter = _Listening()
        client = make_client(backend, *answers, limiter=limiter, retry=Retry(attempts=1))
        with pytest.raises(getattr(errors, f"{error}Error")) as caught:
            await client.photos.read(f"{ORIGIN}/photo")
        told[host] = limiter.told

    assert told == {"storage": [], "api": [120.0 if status == 429 else caught.value]}


async def test_only_what_the_api_is_asked_counts(backend: HTTPBackend) -> None:
    limiter = _Listening()
    away = backend.response(302, location="https://storage.example/photo")
    picture = backend.response(body=b"picture", content_type="image/png")
    client = make_client(backend, away, picture, limiter=limiter)

    assert await client.photos.read(f"{ORIGIN}/photo") == b"picture"
    assert [request.url.host for request in backend.requests] == ["city.example", "storage.example"]
    assert limiter.places == 1


_NO_ADDRESSES = ["http://[", "https://city.example]/", "https://", "https:///x", "https://a:99999/"]


@pytest.mark.parametrize("location", [*_NO_ADDRESSES, "//[::1/issues"])
async def test_a_redirect_to_what_is_no_address(backend: HTTPBackend, location: str) -> None:
    client = make_client(backend, backend.response(302, location=location))

    with pytest.raises(errors.TransportError) as caught:
        await client.issues.get(7)

    assert caught.value.route == "GET /issues/{id}"


@pytest.mark.parametrize("path", [*_NO_ADDRESSES, "https://999.1.1.1/", f"/{'a' * 70_000}"])
async def test_what_cannot_be_asked_is_a_wrong_argument(backend: HTTPBackend, path: str) -> None:
    client = make_client(backend, backend.response(body=ISSUE))

    with pytest.raises(errors.InvalidArgumentError, match="no address") as caught:
        await client.request("GET", path)

    assert caught.value.argument == "path"
    assert backend.requests == []


@pytest.mark.parametrize("header", [("X Y", "1"), ("X", "é"), ("X", "1\r\nY: 2"), ("", "1")])
async def test_what_cannot_stand_in_a_header_is_a_wrong_argument(
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
        (ssl.SSLError(1, "bad record mac"), r"whole: TLS failed \(bad record mac\)"),
        (OSError(113, "No route"), "whole: No route to host"),
        (BrokenPipeError(), r"whole\. The service may have carried"),
    ],
)
async def test_what_breaks_below_the_library_is_an_answer_lost(
    backend: HTTPBackend, error: Exception, words: str
) -> None:
    """Broken TLS comes bare at times, and a write that it ended may have arrived."""
    client = make_client(backend, error)

    with pytest.raises(errors.AnswerLostError, match=words) as caught:
        await client.request("POST", "/issues/7/vote")

    assert caught.value.__cause__ is error
    assert len(backend.requests) == 1
