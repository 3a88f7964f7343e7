"""The events of an exchange: their lines in the log, and what the caller's function receives.

Each function is called at the place that decides what it reports.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING

from seeclickfix_async._transport.request import Exchange
from seeclickfix_async._transport.waiter import LONG_WAIT
from seeclickfix_async.errors import SeeClickFixError

if TYPE_CHECKING:
    from seeclickfix_async._transport.event_hook import EventHook

_logger = logging.getLogger("seeclickfix_async")

_SHORTEST_SHOWN = 0.05  # seconds

callers_hook: ContextVar[EventHook | None] = ContextVar("callers_hook", default=None)
"""The hook of the call that is being sent: its token source may send requests of its own."""


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
        exchange.hook.waiting(exchange, seconds)


def report_sent(exchange: Exchange) -> None:
    """Report that a request is sent."""
    _logger.debug("%s: attempt %d is sent", exchange.request.route, exchange.attempt)
    if exchange.hook is not None:
        exchange.hook.sent(exchange)


def report_received(exchange: Exchange, status: int, seconds: float) -> None:
    """Report that a response was received."""
    _logger.debug("%s: %d in %.3f s", exchange.request.route, status, seconds)
    if exchange.hook is not None:
        exchange.hook.received(exchange, status, seconds)


def report_failed(exchange: Exchange, error: BaseException, seconds: float) -> None:
    """Report that there is no response to a request that was sent."""
    reason = _reason(error)
    _logger.debug("%s: no response in %.3f s (%s)", exchange.request.route, seconds, reason)
    if exchange.hook is not None:
        exchange.hook.failed(exchange, reason, seconds)


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
        exchange.hook.retrying(exchange, error, status, wait)


def report_ended(exchange: Exchange, error: BaseException | None, seconds: float) -> None:
    """Report that a call has ended; after a success, `error` is None."""
    if exchange.hook is not None:
        exchange.hook.ended(exchange, "" if error is None else _reason(error), seconds)


def _reason(error: BaseException) -> str:
    if isinstance(error, SeeClickFixError):
        return error.code
    return type(error).__name__ if isinstance(error, Exception) else "cancelled"
