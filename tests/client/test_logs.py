"""The log of a request, by this package and by the HTTP library, shows nothing confidential."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import httpx
import pytest

from seeclickfix_async import AsyncClient, PlaceArea, Retry, WatchArea
from seeclickfix_async.events import Event
from seeclickfix_async.sandbox import TOKEN, Fault, Sandbox, Settings
from seeclickfix_async.testing import VirtualClock

pytestmark = pytest.mark.anyio

_WATCHER_TOKEN = "watcher-token-of-a-resident"
_CANARIES = (TOKEN, _WATCHER_TOKEN, "41.0512", "73.5412", "broken-hydrant", "Elm+Street", "Elm")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(50, settings=Settings(quota=None))


@pytest.fixture(scope="module")
def url(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.serve() as url:
        yield url


def _output(caplog: pytest.LogCaptureFixture) -> str:
    records = caplog.get_records("call")
    return "\n".join(f"{vars(record)} {record.getMessage()}" for record in records)


async def test_no_record_of_our_own_client_is_confidential(
    sandbox: Sandbox, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []
    client = AsyncClient(
        TOKEN,
        base_url=url,
        limiter=None,
        clock=VirtualClock(),
        retry=Retry(attempts=2),
        on_event=events.append,
    )
    async with client, httpx.AsyncClient() as other:
        # A response whose headers repeat the URL, as redirects and links to the next page do.
        moved = {"Location": f"/api/v2/issues?search=broken-hydrant&watcher_token={_WATCHER_TOKEN}"}
        moved["Link"] = f"<{url}/api/v2/issues?lat=41.0512>; rel=next"
        sandbox.faults.extend([Fault(302, None, moved), Fault(503, None, moved)])
        await client.issues.list(area=WatchArea(_WATCHER_TOKEN))
        await client.issues.list(area=PlaceArea("example-city"), search="broken-hydrant")
        await client.places.near(lat=41.0512, lng=-73.5412)
        await client.request("GET", "/issues", params={"place_url": "Elm"})
        for path in ("/geocode/41.0512,-73.5412", "/geocode/Elm+Street", "/geocode/Elm"):
            await client.request("GET", path)
        await other.get(f"{url}/api/v2/issues?search=of-another-client")

    output = _output(caplog)
    assert [canary for canary in _CANARIES if canary in output + repr(events)] == []
    assert "GET /issues: attempt 1 failed (503 service_failed)" in output
    assert "GET /api/v2/geocode/{point}: 200" in output
    assert "of-another-client" in output
    assert "receive_response_headers.complete" in output
    assert {record.name for record in caplog.get_records("call")} >= {"httpx", "httpcore.http11"}


async def test_the_callers_client_logs_as_before(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The documents say so."""
    caplog.set_level(logging.INFO)
    async with httpx.AsyncClient() as http:
        client = AsyncClient(http=http, base_url=url, limiter=None)
        await client.issues.list(area=PlaceArea("example-city"), search="broken-hydrant")

    assert "search=broken-hydrant" in _output(caplog)
