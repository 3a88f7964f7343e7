"""The probe against services that send wrong types, pages of HTML, errors and nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import httpx
import pytest

from seeclickfix_async import AsyncClient, Limiter
from seeclickfix_async.errors import RateLimitedError
from seeclickfix_async.probe import ProbeReport, probe
from seeclickfix_async.sandbox import Fault, Settings
from seeclickfix_async.testing import SandboxHarness

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

_WRONG: tuple[Any, ...] = (None, True, -1, 10**30, "x", [[]], {"a": 1})
_KEYS = ("metadata", "pagination", "entries", "per_page", "id", "created_at", "rating", "status")


def _replace(value: Any, key: str, wrong: Any) -> Any:
    if isinstance(value, dict):
        items = value.items()
        return {k: wrong if k == key else _replace(item, key, wrong) for k, item in items}
    return [_replace(item, key, wrong) for item in value] if isinstance(value, list) else value


def _client(
    sandbox: SandboxHarness, change: Callable[[Any], Any], *, etag: str = "", **options: Any
) -> AsyncClient:
    """Return a client of a service that changes the JSON of a sandbox, and its ETag."""
    inner = sandbox.make_http()

    async def respond(request: httpx.Request) -> httpx.Response:
        response: httpx.Response = await inner.send(
            httpx.Request("GET", request.url, headers=request.headers)
        )
        if response.status_code != 200:
            return response
        headers = [(b"ETag", etag.encode())] if etag else []
        return httpx.Response(200, content=json.dumps(change(response.json())), headers=headers)

    http = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    return sandbox.make_client(http=http, **options)


@pytest.mark.parametrize("key", _KEYS)
async def test_values_of_wrong_types_are_not_found(key: str, anyio_backend: str) -> None:
    for wrong in _WRONG:
        sandbox = SandboxHarness(20, quota=None)
        report = await probe(_client(sandbox, partial(_replace, key=key, wrong=wrong)))

        assert ProbeReport.from_json(report.to_json()) == report
        assert str(report)
        assert Settings.from_probe(report)
        assert report.requests <= 20


async def test_an_etag_that_cannot_be_sent_confirms_nothing(anyio_backend: str) -> None:
    sandbox = SandboxHarness(20, quota=None)

    report = await probe(_client(sandbox, lambda document: document, etag='"…"'))

    assert {finding.name: finding.value for finding in report.findings}["etags"] is False


async def test_a_429_of_each_request_is_within_the_limit(anyio_backend: str) -> None:
    sandbox = SandboxHarness(1200, quota=None)
    sandbox.faults.append(Fault(200, json.dumps({"issues": [{"id": 1}]})))
    sandbox.faults.append(Fault.too_many_requests(1), times=100)

    report = await probe(sandbox.make_client())

    assert report.requests == len(sandbox.requests) <= 20
    findings = {finding.name: finding for finding in report.findings}
    assert findings["depth"].value is None
    assert "quota" in findings["depth"].note


async def test_the_clients_own_limiter_is_no_finding(anyio_backend: str) -> None:
    sandbox = SandboxHarness(1200, quota=None)
    limiter = Limiter(10, clock=sandbox.clock)

    report = await probe(sandbox.make_client(limiter=limiter, max_wait=0))
    with anyio.fail_after(5), pytest.raises(RateLimitedError):
        await probe(sandbox.make_client(limiter=limiter, max_wait=0))

    assert {"depth", "retry_after"}.isdisjoint(report.settings)


@pytest.mark.parametrize("value", ["soon", "NaN"])
async def test_a_retry_after_that_is_no_time_is_none(value: str, anyio_backend: str) -> None:
    sandbox = SandboxHarness(130, quota=None)
    sandbox.faults.append(Fault.too_many_requests(value))

    report = await probe(sandbox.make_client())

    assert report.settings["retry_after"] == "none"


async def test_an_order_that_no_value_shows_is_not_seen(anyio_backend: str) -> None:
    sandbox = SandboxHarness(130, quota=None)
    report = await probe(_client(sandbox, lambda value: _replace(value, "rating", 1)))

    (finding,) = [finding for finding in report.findings if finding.name == "sorts"]
    assert (finding.value, finding.note) == (None, "rating: not seen.")


async def test_a_page_of_html_costs_only_the_depth(anyio_backend: str) -> None:
    sandbox = SandboxHarness(1200, quota=None)

    def change(value: Any) -> Any:
        page = (value.get("metadata") or {}).get("pagination", {}) if "issues" in value else {}
        return "<html>" if page.get("page", 1) > 1 else value

    report = await probe(_client(sandbox, change))

    assert report.settings["most_per_page"] == 100
    assert "depth" not in report.settings
