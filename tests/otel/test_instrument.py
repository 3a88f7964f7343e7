"""Spans and metrics of calls, by the exporters of OpenTelemetry's own SDK."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import anyio
import httpx
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from seeclickfix_async import AsyncClient, Cache, Limiter, MemoryStore, StoredToken, TokenEndpoint
from seeclickfix_async.errors import NotFoundError
from seeclickfix_async.otel import Instrument
from seeclickfix_async.testing import VirtualClock
from tests.support.http_backends import ISSUE, ORIGIN, HTTPBackend, make_client
from tests.support.tokens import APP, NOW, make_token

pytestmark = pytest.mark.anyio

_SERVER = {"server.address": "city.example", "server.port": 443}


class Telemetry:
    """An instrument, and what it has exported."""

    def __init__(self) -> None:
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        traces = TracerProvider()
        traces.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = traces.get_tracer("test")
        self.instrument = Instrument(
            tracer_provider=traces, meter_provider=MeterProvider([self._reader])
        )

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def metric(self, name: str) -> list[Any]:
        """Return the data points of a metric."""
        data = self._reader.get_metrics_data()
        assert data is not None
        metrics = [
            metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        return [point for one in metrics if one.name == name for point in one.data.data_points]


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def httpx_backend() -> HTTPBackend:
    return HTTPBackend("httpx")


async def test_a_call_is_a_client_span_with_its_attempts(
    backend: HTTPBackend, telemetry: Telemetry
) -> None:
    busy = backend.response(503, b"", retry_after="7")
    client = make_client(
        backend,
        busy,
        "ReadError",
        backend.response(body=ISSUE, x_request_id="id-1"),
        on_event=telemetry.instrument,
    )

    with telemetry.tracer.start_as_current_span("job") as job:
        await client.issues.get(7)
        assert get_current_span() is job

    span, parent = telemetry.spans
    assert (span.name, span.kind) == ("GET /issues/{id}", SpanKind.CLIENT)
    assert span.parent == parent.get_span_context()
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        **_SERVER,
        "url.template": "/issues/{id}",
        "http.response.status_code": 200,
        "http.request.resend_count": 2,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert [event.name for event in span.events] == [
        *("request", "response", "retry"),
        *("request", "failure", "retry"),
        *("request", "response"),
    ]
    assert dict(span.events[-1].attributes or {}) == {
        "seeclickfix.attempt": 3,
        "http.response.status_code": 200,
        "seeclickfix.request_id": "id-1",
    }


async def test_an_error_is_the_type_of_its_span(
    httpx_backend: HTTPBackend, telemetry: Telemetry
) -> None:
    client = make_client(
        httpx_backend, httpx_backend.response(404, b""), on_event=telemetry.instrument
    )
    lost = make_client(httpx_backend, "ConnectError", on_event=telemetry.instrument)

    for call in (client.issues.get, lost.issues.vote):
        with pytest.raises(Exception, match="issues/"):
            await call(7)

    refused, failed = telemetry.spans
    attributes = [dict(span.attributes or {}) for span in telemetry.spans]
    assert [one["error.type"] for one in attributes] == ["404", "connection_failed"]
    assert attributes[0]["http.response.status_code"] == 404
    assert "http.response.status_code" not in attributes[1]
    assert attributes[1]["http.request.resend_count"] == 3
    assert refused.status.status_code is failed.status.status_code is StatusCode.ERROR


async def test_a_cancelled_call_ends_its_span(telemetry: Telemetry) -> None:
    sent = anyio.Event()

    async def hang(_request: httpx.Request) -> httpx.Response:
        sent.set()
        await anyio.sleep_forever()
        raise AssertionError

    http = httpx.AsyncClient(transport=httpx.MockTransport(hang))
    client = AsyncClient(
        http=http,
        base_url=ORIGIN,
        limiter=Limiter(1, clock=VirtualClock()),
        on_event=telemetry.instrument,
    )

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.issues.get, 7)
        await sent.wait()
        tasks.start_soon(client.issues.get, 7)  # waits for the quota
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert [(span.attributes or {})["error.type"] for span in telemetry.spans] == ["cancelled"] * 2
    assert sorted(len(span.events) for span in telemetry.spans) == [1, 2]
    assert not telemetry.instrument._calls


async def test_metrics_count_requests_retries_429s_and_the_wait_for_the_quota(
    httpx_backend: HTTPBackend, telemetry: Telemetry
) -> None:
    clock = VirtualClock()
    client = make_client(
        httpx_backend,
        httpx_backend.response(429, b"", retry_after="5"),
        httpx_backend.response(body=ISSUE),
        clock=clock,
        limiter=Limiter(1, per=60, clock=clock),
        on_event=telemetry.instrument,
    )

    await client.issues.get(7)
    await client.issues.get(7)

    def total(name: str) -> Any:
        return sum(point.value for point in telemetry.metric(f"seeclickfix.client.{name}"))

    assert [total("requests"), total("retries"), total("rate_limited")] == [3, 1, 1]
    assert total("quota_wait") == 55.0 + 60.0
    durations = telemetry.metric("http.client.request.duration")
    common = {"http.request.method": "GET", **_SERVER, "url.template": "/issues/{id}"}
    assert [dict(point.attributes) for point in durations] == [
        {**common, "http.response.status_code": 429, "error.type": "429"},
        {**common, "http.response.status_code": 200},
    ]
    assert [point.count for point in durations] == [1, 2]


async def test_a_span_contains_those_of_what_the_call_does(telemetry: Telemetry) -> None:
    """The refresh of a token runs in a task of its own, and an instrumented library inside."""
    inside: list[Any] = []

    async def serve(request: httpx.Request) -> httpx.Response:
        inside.append(get_current_span())
        if request.url.path == "/oauth/token":
            pair = {"access_token": "access-1", "refresh_token": "refresh-1"}
            return httpx.Response(200, json={**pair, "token_type": "Bearer", "expires_in": 7200})
        is_old = request.headers["authorization"] == "Bearer access-0"
        return httpx.Response(401) if is_old else httpx.Response(200, json=ISSUE)

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(APP, http=http, limiter=None, now=lambda: NOW)
    store = MemoryStore()
    await store.put("me", make_token(0))
    client = AsyncClient(
        StoredToken(store, "me", endpoint=endpoint, now=lambda: NOW),
        http=http,
        limiter=None,
        on_event=telemetry.instrument,
    )

    await client.issues.get(7)

    refresh, call = telemetry.spans
    assert (refresh.name, call.name) == ("POST /oauth/token", "GET /issues/{id}")
    assert refresh.parent == call.get_span_context()
    assert [span.name for span in inside] == [call.name, refresh.name, call.name]


async def test_a_joined_read_and_a_cached_one_have_no_span(telemetry: Telemetry) -> None:
    async def serve(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=ISSUE)

    client = AsyncClient(
        "token",
        http=httpx.AsyncClient(transport=httpx.MockTransport(serve)),
        limiter=None,
        cache=Cache(max_age=60),
        on_event=telemetry.instrument,
    )

    with telemetry.tracer.start_as_current_span("job"):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(client.issues.get, 7)
        await client.issues.get(7)

    span, job = telemetry.spans
    assert (span.name, job.name) == ("GET /issues/{id}", "job")
    assert span.parent == job.get_span_context()


async def test_no_attribute_is_confidential(telemetry: Telemetry) -> None:
    async def serve(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, headers={"x-request-id": "the-token"})

    client = AsyncClient(
        "the-token",
        http=httpx.AsyncClient(transport=httpx.MockTransport(serve)),
        limiter=None,
        on_event=telemetry.instrument,
    )
    for method, path in (("GET", "/users/41"), ("PURGE", "/geocode/41.05,-73.54")):
        with pytest.raises(Exception, match="404"):
            await client.request(method, path, params={"search": "words"})
    with pytest.raises(NotFoundError):
        await client.photos.read("https://storage.example/key-of-photo.jpg?signature=abc")

    names = [span.name for span in telemetry.spans]
    assert names == ["GET /api/v2/users/{id}", "HTTP /api/v2/geocode/{point}", "GET a photo"]
    methods = [(span.attributes or {})["http.request.method"] for span in telemetry.spans]
    assert methods == ["GET", "_OTHER", "GET"]
    output = "".join(span.to_json() for span in telemetry.spans)
    for canary in ("the-token", "words", "41.05", "/41", "key-of-photo", "signature"):
        assert canary not in output


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    for name in ("seeclickfix_async.otel", "seeclickfix_async.otel._instrument"):
        monkeypatch.delitem(sys.modules, name)

    with pytest.raises(ModuleNotFoundError, match=r"requires the 'otel' extra: pip install"):
        importlib.import_module("seeclickfix_async.otel")
