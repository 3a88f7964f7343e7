"""The events of a client: what they report, and that a function for them cannot harm a request."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import httpx
import pytest

import seeclickfix_async.events as event_classes
from seeclickfix_async import (
    AsyncClient,
    Cache,
    HostLimiter,
    Limiter,
    MemoryStore,
    StoredToken,
    TokenEndpoint,
)
from seeclickfix_async.errors import (
    AnswerLostError,
    InvalidArgumentError,
    NotFoundError,
    RateLimitedError,
)
from seeclickfix_async.events import (
    CallEnded,
    Event,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
    RowRejected,
    TokenRefreshed,
    WaitingForQuota,
)
from seeclickfix_async.testing import VirtualClock
from tests.support.http_backends import ISSUE, ORIGIN, HTTPBackend, make_client
from tests.support.repository import ROOT
from tests.support.tokens import APP, NO_WAIT, NOW, make_token

pytestmark = pytest.mark.anyio

_ROUTE = "GET /issues/{id}"


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def httpx_backend() -> HTTPBackend:
    return HTTPBackend("httpx")


def _kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


async def _run_other_tasks() -> None:
    """As anyio.wait_all_tasks_blocked, which never returns on trio while a clock is held."""
    for _ in range(10):
        await anyio.lowlevel.checkpoint()


def _only(events: list[Event], kind: type[Any]) -> Any:
    (event,) = (event for event in events if isinstance(event, kind))
    return event


async def test_a_call_is_reported_from_its_request_to_its_end(
    backend: HTTPBackend, events: list[Event]
) -> None:
    response = backend.response(body=ISSUE, x_request_id="id-1")
    client = make_client(backend, response, on_event=events.append)

    await client.with_options(timeout=5).issues.get(7)

    number = events[0].call  # type: ignore[union-attr]
    common: dict[str, Any] = {
        "call": number,
        "method": "GET",
        "route": _ROUTE,
        "attempt": 1,
        "host": "city.example",
        "port": 443,
    }
    assert events == [
        RequestSent(**common, waited=0.0),
        ResponseReceived(**common, status=200, seconds=0.0, request_id="id-1"),
        CallEnded(**common, seconds=0.0, requests=1, reason=""),
    ]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        events[0].method = "PUT"  # type: ignore[misc,union-attr]


async def test_a_retry_is_reported_and_logged(
    backend: HTTPBackend, events: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    busy = backend.response(503, b"", x_request_id="id-1", retry_after="7")
    client = make_client(
        backend, busy, "ReadError", backend.response(body=ISSUE), on_event=events.append
    )

    with caplog.at_level(logging.INFO, "seeclickfix_async"):
        await client.issues.get(7)

    first, second = (event for event in events if isinstance(event, RetryScheduled))
    assert (first.attempt, first.wait, first.reason, first.status, first.request_id) == (
        (1, 7.0, "service_failed", 503, "id-1")
    )
    assert (second.attempt, second.reason, second.status, second.request_id) == (
        (2, "response_lost", None, "")
    )
    assert _only(events, RequestFailed).reason == "response_lost"
    assert [event.attempt for event in events if isinstance(event, RequestSent)] == [1, 2, 3]
    assert _only(events, CallEnded).requests == 3
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == f"{_ROUTE}: attempt 1 failed (503 service_failed), and is repeated in 7.0 s"
    assert lines[1].startswith(f"{_ROUTE}: attempt 2 failed (response_lost), and is repeated ")
    assert len(lines) == 2


async def test_an_error_is_the_end_of_its_call(
    httpx_backend: HTTPBackend, events: list[Event]
) -> None:
    client = make_client(
        httpx_backend, httpx_backend.response(404, b"", x_request_id="id-1"), on_event=events.append
    )

    with pytest.raises(NotFoundError) as caught:
        await client.issues.get(7)

    assert _kinds(events) == ["RequestSent", "ResponseReceived", "CallEnded"]
    assert _only(events, CallEnded).reason == caught.value.code == "not_found"


async def test_a_cancelled_call_is_reported(httpx_backend: HTTPBackend) -> None:
    events: list[Event] = []
    sent = anyio.Event()

    async def hang(_request: httpx.Request) -> httpx.Response:
        sent.set()
        await anyio.sleep_forever()
        raise AssertionError

    http = httpx_backend.module.AsyncClient(transport=httpx.MockTransport(hang))
    client = AsyncClient(http=http, base_url=ORIGIN, limiter=None, on_event=events.append)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.issues.get, 7)
        await sent.wait()
        tasks.cancel_scope.cancel()

    assert _kinds(events) == ["RequestSent", "RequestFailed", "CallEnded"]
    assert [event.reason for event in events[1:]] == ["cancelled"] * 2  # type: ignore[union-attr]


async def test_each_redirect_is_a_request(httpx_backend: HTTPBackend, events: list[Event]) -> None:
    client = make_client(
        httpx_backend,
        httpx_backend.response(302, b"", location="https://other.example/moved?search=word"),
        httpx_backend.response(body=ISSUE),
        on_event=events.append,
    )

    await client.issues.get(7)

    received = [event for event in events if isinstance(event, ResponseReceived)]
    assert [(event.host, event.status, event.attempt) for event in received] == [
        ("city.example", 302, 1),
        ("other.example", 200, 1),
    ]
    assert "moved" not in repr(events)


async def test_waiting_for_the_quota_is_reported_and_logged(
    httpx_backend: HTTPBackend, events: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    clock = VirtualClock()
    client = make_client(
        httpx_backend,
        httpx_backend.response(body=ISSUE),
        clock=clock,
        limiter=Limiter(1, per=60.0, clock=clock),
        on_event=events.append,
    )

    with caplog.at_level(logging.INFO, "seeclickfix_async"):
        await client.issues.get(7)
        await client.issues.get(7)
        with pytest.raises(RateLimitedError):
            await client.with_options(max_wait=5).issues.get(7)

    waiting = _only(events, WaitingForQuota)
    assert waiting.wait == 60.0
    assert [event.waited for event in events if isinstance(event, RequestSent)] == [0.0, 60.0]
    assert [record.getMessage() for record in caplog.records] == [
        f"{_ROUTE}: attempt 1 waits 60.0 s for the quota"
    ]
    assert (_kinds(events)[-1], events[-1].requests) == ("CallEnded", 0)  # type: ignore[union-attr]


async def test_a_wait_for_a_quota_that_processes_share_is_reported(tmp_path: Path) -> None:
    clock, waits, is_reported = VirtualClock(jumps=False), list[float](), anyio.Event()
    limiter = HostLimiter(1, per=60.0, folder=tmp_path, clock=clock)

    def note(seconds: float) -> None:
        waits.append(seconds)
        is_reported.set()

    async with limiter.slot():
        pass
    slot = limiter.slot()
    slot.on_wait = note
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slot.__aenter__)
        await is_reported.wait()
        tasks.cancel_scope.cancel()

    assert waits == [60.0]


async def test_a_wait_that_gets_long_is_reported_again() -> None:
    """A slot in use is free half a second after its response, which takes three."""
    clock, waits = VirtualClock(), list[tuple[float, float]]()
    limiter = Limiter(1, per=0.5, clock=clock)

    async def hold() -> None:
        async with limiter.slot():
            await clock.wait(anyio.Event(), 3.0)

    async def wait() -> None:
        slot = limiter.slot()
        slot.on_wait = lambda seconds: waits.append((clock.now() - 1000, seconds))
        async with slot:
            pass

    async with anyio.create_task_group() as tasks:
        with clock.hold():
            tasks.start_soon(hold)
            await _run_other_tasks()
            tasks.start_soon(wait)
            await _run_other_tasks()

    assert waits == [(0.0, 0.5), (1.0, 1.5)]
    assert clock.now() == 1003.5


async def test_rows_that_cannot_be_read_are_reported(
    httpx_backend: HTTPBackend, events: list[Event]
) -> None:
    rows = [{"id": 1}, {"id": 2, "lat": {"a secret": 1}}]
    client = make_client(
        httpx_backend,
        httpx_backend.response(body={"issues": rows}, x_request_id="id-1"),
        on_event=events.append,
    )

    await client.issues.list()

    rejected = _only(events, RowRejected)
    assert (rejected.method, rejected.route) == ("GET", "GET /issues")
    assert (rejected.path, rejected.request_id) == ("issues[1].lat", "id-1")
    assert "secret" not in repr(rejected)


@pytest.mark.parametrize("route", ["GET /profile/notices", "GET /bulletin_boards"])
async def test_rows_of_unknown_form_are_reported_as_well(
    httpx_backend: HTTPBackend,
    events: list[Event],
    caplog: pytest.LogCaptureFixture,
    route: str,
) -> None:
    response = httpx_backend.response(body=[{"id": 1}, "a secret"], x_request_id="id-1")
    client = make_client(httpx_backend, response, on_event=events.append)

    if "notices" in route:
        await client.users.notices()
    else:
        await client.bulletin_boards.near(lat=41, lng=-73)

    rejected = _only(events, RowRejected)
    assert (rejected.route, rejected.path, rejected.request_id) == (route, "[1]", "id-1")
    assert caplog.messages == [f"{route}: 1 row cannot be read; the first is at [1]"]


@pytest.mark.parametrize("has_own", [False, True])
async def test_a_refreshed_token_is_reported(events: list[Event], has_own: bool) -> None:
    """The requests of a token endpoint without a function are reported to the client's."""
    endpoints_events: list[Event] = []

    async def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            pair = {"access_token": "access-1", "refresh_token": "refresh-1"}
            return httpx.Response(200, json={**pair, "token_type": "Bearer", "expires_in": 7200})
        is_old = request.headers["authorization"] == "Bearer access-0"
        return httpx.Response(401) if is_old else httpx.Response(200, json=ISSUE)

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    endpoint = TokenEndpoint(
        APP,
        http=http,
        limiter=None,
        retry=NO_WAIT,
        now=lambda: NOW,
        on_event=endpoints_events.append if has_own else None,
    )
    store = MemoryStore()
    await store.put("me", make_token(0))
    source = StoredToken(store, "me", endpoint=endpoint, now=lambda: NOW)
    client = AsyncClient(source, http=http, limiter=None, on_event=events.append)

    await client.issues.get(7)

    received = endpoints_events if has_own else events
    assert _only(received, TokenRefreshed).reason == "refused"
    assert [event.route for event in received if isinstance(event, CallEnded)][:1] == [
        "POST /oauth/token"
    ]
    assert (_only(events, RetryScheduled).reason, _only(events, RetryScheduled).wait) == (
        "unauthenticated",
        0.0,
    )
    assert (TokenRefreshed in map(type, events)) is not has_own
    assert "access-" not in repr([events, endpoints_events])
    assert "refresh-" not in repr([events, endpoints_events])


async def test_a_call_that_the_cache_responds_to_has_one_event(
    httpx_backend: HTTPBackend, events: list[Event]
) -> None:
    client = make_client(
        httpx_backend,
        httpx_backend.response(body=ISSUE),
        cache=Cache(max_age=60),
        on_event=events.append,
    )

    await client.issues.get(7)
    await client.issues.get(7)

    assert _kinds(events) == ["RequestSent", "ResponseReceived", "CallEnded", "CallEnded"]
    assert events[-1].requests == 0  # type: ignore[union-attr]


async def test_a_function_that_fails_is_logged_once(
    httpx_backend: HTTPBackend, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Event) -> None:
        raise KeyError("confidential", event)

    client = make_client(httpx_backend, httpx_backend.response(body=ISSUE), on_event=fail)

    issue = await client.issues.get(7)
    await client.issues.get(7)

    (record,) = caplog.records
    assert issue.id == 7
    assert (record.name, record.levelname) == ("seeclickfix_async", "WARNING")
    assert "KeyError in fail (test_events.py, line " in record.getMessage()
    assert "confidential" not in f"{vars(record)}"


async def test_cancellation_and_ctrl_c_pass(httpx_backend: HTTPBackend) -> None:
    class StopError(BaseException):
        """As KeyboardInterrupt and the cancellation of both event loops."""

    def stop(event: Event) -> None:
        if isinstance(event, ResponseReceived):
            raise StopError

    client = make_client(httpx_backend, httpx_backend.response(body=ISSUE), on_event=stop)

    with pytest.raises(StopError):
        await client.issues.get(7)


class _AsyncCallable:
    async def __call__(self, event: Event) -> None:
        """Receive an event."""


async def _async_function(event: Event) -> None:
    """Receive an event."""


async def _async_generator(event: Event) -> AsyncIterator[Event]:
    yield event


def _generator(event: Event) -> Iterator[Event]:
    yield event


@pytest.mark.parametrize(
    "on_event", [_async_function, _AsyncCallable(), _async_generator, _generator, "print"]
)
def test_another_object_than_a_plain_function_is_refused(on_event: Any) -> None:
    for make in (AsyncClient, lambda **options: TokenEndpoint(APP, **options)):
        with pytest.raises(InvalidArgumentError, match="on_event: must be a"):
            make(on_event=on_event)


async def test_a_coroutine_that_a_function_returns_is_an_error(
    httpx_backend: HTTPBackend, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(
        httpx_backend,
        httpx_backend.response(body=ISSUE),
        on_event=lambda event: _async_function(event),  # noqa: PLW0108
    )

    await client.issues.get(7)  # with a warning for a coroutine that was never awaited otherwise

    assert "TypeError" in caplog.text


async def test_a_lost_write_is_reported_with_its_request_id(events: list[Event]) -> None:
    async def serve(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"cut", headers={"x-request-id": "id-1"} | _DEFLATE)

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    client = AsyncClient(http=http, limiter=None, clock=VirtualClock(), on_event=events.append)

    with pytest.raises(AnswerLostError, match="Request id: id-1"):
        await client.issues.vote(7)

    assert _only(events, RequestFailed).request_id == "id-1"


_DEFLATE = {"content-encoding": "br"}


def test_the_page_has_each_event_with_its_fields_and_each_logger() -> None:
    page = (ROOT / "docs/reference/events.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([A-Z]\w+)` \| .+ \| (.+) \|$", page, re.MULTILINE))
    loggers = re.findall(r"^\| `(seeclickfix_async[\w.]*)` \| .+ \|$", page, re.MULTILINE)
    code = [path.read_text("utf-8") for path in (ROOT / "seeclickfix_async").rglob("*.py")]
    common = ["call", "method", "route", "attempt", "host", "port"]

    assert {*rows, "Event", "OnEvent"} == {*event_classes.__all__}
    for name, cell in rows.items():
        listed = re.findall(r"`(\w+)`", cell)
        fields = [field.name for field in attrs.fields(getattr(event_classes, name))]
        assert fields == (listed if cell.endswith(" only") else [*common, *listed]), name
    assert {*loggers} == {*re.findall(r'getLogger\("(seeclickfix.+)"\)', "\n".join(code))}
