"""The events of an exchange, and their lines in the log.

Each function is called at the place that decides what it reports.
"""

from __future__ import annotations

import logging
from typing import Any

from seeclickfix_async._core.credentials import parse_origin
from seeclickfix_async._core.error_secrets import mask_secrets
from seeclickfix_async._core.quoting import shorten
from seeclickfix_async._transport.event_hook import EventHook
from seeclickfix_async._transport.request import Exchange
from seeclickfix_async._transport.waiter import LONG_WAIT
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.events import (
    CallEnded,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
    WaitingForQuota,
)

_logger = logging.getLogger("seeclickfix_async")

_SHORTEST_SHOWN = 0.05  # seconds


def report_wait(exchange: Exchange, seconds: float) -> None:
    """Report that a request begins to wait for the rate limiter."""
    if seconds >= LONG_WAIT:
        _logger.info(
            "%s: attempt %d waits %.1f s for the quota",
            exchange.request.route,
            exchange.attempt,
            seconds,
        )
    if exchange.hook is not None:
        exchange.hook.emit(WaitingForQuota(**_describe(exchange), wait=seconds))


def report_sent(exchange: Exchange) -> None:
    """Report that a request is sent."""
    _logger.debug("%s: attempt %d is sent", exchange.request.route, exchange.attempt)
    if exchange.hook is not None:
        exchange.hook.emit(RequestSent(**_describe(exchange), waited=exchange.waited))


def report_received(exchange: Exchange, status: int, seconds: float) -> None:
    """Report that a response was received."""
    _logger.debug("%s: %d in %.3f s", exchange.request.route, status, seconds)
    if exchange.hook is not None:
        exchange.hook.emit(
            ResponseReceived(
                **_describe(exchange),
                status=status,
                seconds=seconds,
                request_id=exchange.request_id,
            )
        )


def report_failed(exchange: Exchange, error: BaseException, seconds: float) -> None:
    """Report that there is no response to a request that was sent."""
    reason = _reason(error)
    _logger.debug("%s: no response in %.3f s (%s)", exchange.request.route, seconds, reason)
    if exchange.hook is not None:
        exchange.hook.emit(
            RequestFailed(
                **_describe(exchange),
                seconds=seconds,
                reason=reason,
                request_id=exchange.request_id,
            )
        )


def report_retry(exchange: Exchange, error: SeeClickFixError, wait: float) -> None:
    """Report that a request is sent again after its current attempt."""
    status: int | None = getattr(error, "status", None)
    _logger.info(
        "%s: attempt %d failed (%s), and is repeated %s",
        exchange.request.route,
        exchange.attempt,
        error.code if status is None else f"{status} {error.code}",
        f"in {wait:.1f} s" if wait >= _SHORTEST_SHOWN else "at once",
    )
    if exchange.hook is not None:
        exchange.hook.emit(
            RetryScheduled(
                **_describe(exchange),
                wait=wait,
                reason=error.code,
                status=status,
                request_id=error.request_id,
            )
        )


def report_ended(
    exchange: Exchange, hook: EventHook, error: BaseException | None, seconds: float
) -> None:
    """Report that a call has ended; after a success, `error` is None."""
    hook.emit(
        CallEnded(
            **_describe(exchange),
            seconds=seconds,
            requests=exchange.requests,
            reason="" if error is None else _reason(error),
        )
    )


def _describe(exchange: Exchange) -> dict[str, Any]:
    request = exchange.request
    _, host, port = parse_origin(exchange.url)
    return {
        "call": exchange.call,
        "method": request.method,
        "route": request.route,
        "attempt": exchange.attempt,
        "host": host if exchange.is_own else shorten(mask_secrets(host, exchange.secrets)),
        "port": port,
    }


def _reason(error: BaseException) -> str:
    if isinstance(error, SeeClickFixError):
        return error.code
    return type(error).__name__ if isinstance(error, Exception) else "cancelled"
