"""Spans and metrics, made of a client's events.

Source: the stable semantic conventions of OpenTelemetry for HTTP clients. A span has the route
template (`url.template`) instead of `url.full`, which they require: a URL may contain the token of
a watch area, coordinates and search words.
"""

from __future__ import annotations

from typing import Any

import attrs
from opentelemetry import context, metrics, trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from seeclickfix_async._version import __version__
from seeclickfix_async.events import (
    CallEnded,
    Event,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
    WaitingForQuota,
)

_NAME = "seeclickfix_async"
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
)
# Boundaries that the conventions recommend, in seconds.
_BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

_CallEvent = WaitingForQuota | RequestSent | ResponseReceived | RequestFailed | RetryScheduled


@attrs.define
class _Call:
    """A call whose span has not ended.

    Attributes:
        span: Its span.
        token: Restores the context of the caller.
        sent: How often a request was sent.
        status: The status of the response to the last one; None if there is none.
    """

    span: Span
    token: Any
    sent: int = 0
    status: int | None = None


class Instrument:
    """An `on_event` function that records spans and metrics. Clients can share one.

    Each call is one client span, such as `GET /issues/{id}`, a child of the current span. It
    contains all attempts with their waits, as events of the span; spans that begin meanwhile, such
    as that of a token's refresh, are its children. A call that the cache responds to has no span.

    Metrics: `http.client.request.duration` for each HTTP request, and the counters
    `seeclickfix.client.requests`, `.retries`, `.rate_limited` (responses with status 429) and
    `.quota_wait` (seconds).

    Args:
        tracer_provider: The provider of the tracer; the global one by default.
        meter_provider: The provider of the meter; the global one by default.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(_NAME, __version__, tracer_provider)
        meter = metrics.get_meter(_NAME, __version__, meter_provider)
        self._duration = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_BOUNDARIES,
        )
        self._requests = meter.create_counter(
            "seeclickfix.client.requests", "{request}", "HTTP requests that were sent."
        )
        self._retries = meter.create_counter(
            "seeclickfix.client.retries", "{retry}", "Attempts that failed and were repeated."
        )
        self._rate_limited = meter.create_counter(
            "seeclickfix.client.rate_limited", "{response}", "Responses with the status 429."
        )
        self._quota_wait = meter.create_counter(
            "seeclickfix.client.quota_wait", "s", "Time that requests waited for the quota."
        )
        self._calls: dict[int, _Call] = {}

    def __call__(self, event: Event) -> None:
        """Record an event."""
        if isinstance(event, CallEnded):
            call = self._calls.pop(event.call, None)
            if call is not None:
                _end(call, event.reason)
        elif isinstance(event, _CallEvent):
            call = self._calls.get(event.call) or self._begin(event)
            self._record(event, call)

    def _begin(self, event: _CallEvent) -> _Call:
        """Start the span of a call, and make it the current one."""
        attributes = _describe(event)
        method = attributes["http.request.method"]
        name = event.route
        if method != event.method:
            attributes["http.request.method_original"] = event.method
            name = f"HTTP {attributes.get('url.template', '')}".rstrip()
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        token = context.attach(trace.set_span_in_context(span))
        call = self._calls[event.call] = _Call(span, token)
        return call

    def _record(self, event: _CallEvent, call: _Call) -> None:
        """Add an event to the span of its call, and to the metrics."""
        attributes, outcome = _describe(event), _outcome(event)
        details: dict[str, Any] = {"seeclickfix.attempt": event.attempt, **outcome}
        match event:
            case WaitingForQuota():
                name, details["seeclickfix.wait"] = "quota wait", event.wait
            case RequestSent():
                call.sent, call.status = call.sent + 1, None
                self._requests.add(1, attributes)
                self._quota_wait.add(event.waited, attributes)
                name, details["seeclickfix.waited"] = "request", event.waited
            case ResponseReceived():
                call.status = event.status
                self._duration.record(event.seconds, attributes | outcome)
                if event.status == 429:
                    self._rate_limited.add(1, attributes)
                name, details["seeclickfix.request_id"] = "response", event.request_id
            case RequestFailed():
                self._duration.record(event.seconds, attributes | outcome)
                name = "failure"
            case RetryScheduled():
                self._retries.add(1, attributes | outcome)
                name, details["seeclickfix.wait"] = "retry", event.wait
        call.span.add_event(name, details)


def _outcome(event: _CallEvent) -> dict[str, Any]:
    """Return the attributes of how a request ended; none if it has not ended."""
    match event:
        case ResponseReceived(status=status) if status >= 400:
            return {"http.response.status_code": status, "error.type": str(status)}
        case ResponseReceived(status=status):
            return {"http.response.status_code": status}
        case RequestFailed() | RetryScheduled():
            return {"error.type": event.reason}
        case _:
            return {}


def _end(call: _Call, reason: str) -> None:
    """End the span of a call, and restore the context of the caller."""
    context.detach(call.token)
    span, status = call.span, call.status
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if call.sent > 1:
        span.set_attribute("http.request.resend_count", call.sent - 1)
    if reason:
        is_refused = status is not None and status >= 400
        span.set_attribute("error.type", str(status) if is_refused else reason)
        span.set_status(StatusCode.ERROR)
    span.end()


def _describe(event: _CallEvent) -> dict[str, Any]:
    """Return the attributes of a request, for spans and metrics."""
    template = event.route.removeprefix(event.method).strip()
    attributes: dict[str, Any] = {
        "http.request.method": event.method if event.method in _METHODS else "_OTHER",
        "server.address": event.host,
        "server.port": event.port,
    }
    if template.startswith("/"):  # not of a photo, whose path is the service's
        attributes["url.template"] = template
    return attributes
