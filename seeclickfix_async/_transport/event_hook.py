"""The function that receives a client's events; loaded only if there is one."""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from seeclickfix_async._core.credentials import parse_origin
from seeclickfix_async._core.error_secrets import mask_secrets
from seeclickfix_async._core.quoting import shorten
from seeclickfix_async._core.response import Response
from seeclickfix_async._transport.request import Exchange
from seeclickfix_async.errors import InvalidArgumentError, SeeClickFixError
from seeclickfix_async.events import (
    CallEnded,
    Event,
    OnEvent,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
    RowRejected,
    TokenRefreshed,
    WaitingForQuota,
)

_logger = logging.getLogger("seeclickfix_async")


class _Rejected(Protocol):
    """The part of a rejected row that is reported."""

    @property
    def path(self) -> str: ...

    @property
    def reason(self) -> str: ...


_RUNS_LATER = (
    inspect.iscoroutinefunction,
    inspect.isasyncgenfunction,
    inspect.isgeneratorfunction,
)


def _runs_later(function: object) -> bool:
    return any(is_kind(function) for is_kind in _RUNS_LATER)


class EventHook:
    """The caller's function, with a method for each event. Its errors do not reach the request.

    Raises:
        InvalidArgumentError: It is not a function, or is one whose call runs nothing at once.
    """

    def __init__(self, on_event: OnEvent) -> None:
        if not callable(on_event):
            raise InvalidArgumentError("on_event", "must be a function that takes an event.")
        methods = on_event, getattr(on_event, "__call__", None)  # noqa: B004  # may be asynchronous
        if any(_runs_later(method) for method in methods):
            raise InvalidArgumentError(
                "on_event",
                "must be a plain function, not a coroutine or generator function: events are "
                "reported while a request is sent.",
                advice="Pass the event on with send_nowait() of a memory object stream, or "
                "put_nowait() of a queue.",
            )
        self._on_event = on_event
        self._has_failed = False

    def waiting(self, exchange: Exchange, seconds: float) -> None:
        """Report that a request begins to wait for the rate limiter."""
        self._emit(WaitingForQuota(**_describe(exchange), wait=seconds))

    def sent(self, exchange: Exchange) -> None:
        """Report that a request is sent."""
        self._emit(RequestSent(**_describe(exchange), waited=exchange.waited))

    def received(self, exchange: Exchange, status: int, seconds: float) -> None:
        """Report that a response was received."""
        id_ = exchange.request_id
        self._emit(
            ResponseReceived(**_describe(exchange), status=status, seconds=seconds, request_id=id_)
        )

    def failed(self, exchange: Exchange, reason: str, seconds: float) -> None:
        """Report that there is no response to a request that was sent."""
        id_ = exchange.request_id
        self._emit(
            RequestFailed(**_describe(exchange), seconds=seconds, reason=reason, request_id=id_)
        )

    def retrying(
        self, exchange: Exchange, error: SeeClickFixError, status: int | None, wait: float
    ) -> None:
        """Report that a request is sent again after its current attempt."""
        self._emit(
            RetryScheduled(
                **_describe(exchange),
                wait=wait,
                reason=error.code,
                status=status,
                request_id=error.request_id,
            )
        )

    def ended(self, exchange: Exchange, reason: str, seconds: float) -> None:
        """Report that a call has ended; the reason is empty after a success."""
        requests = exchange.requests
        self._emit(
            CallEnded(**_describe(exchange), seconds=seconds, requests=requests, reason=reason)
        )

    def refreshed(self, reason: str, seconds: float) -> None:
        """Report that a token source stored a new token."""
        self._emit(TokenRefreshed(seconds=seconds, reason=reason))

    def rejected(self, response: Response, rows: Iterable[_Rejected]) -> None:
        """Report rows of a response that cannot be read."""
        for row in rows:
            self._emit(
                RowRejected(
                    method=response.route.partition(" ")[0],
                    route=response.route,
                    path=row.path,
                    reason=row.reason,
                    request_id=response.request_id,
                )
            )

    def _emit(self, event: Event) -> None:
        """Call the function; log its first error, and no others. Cancellation is raised."""
        try:
            result = self._on_event(event)
            if inspect.iscoroutine(result):
                result.close()
                raise TypeError("The function returned a coroutine.")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001  # any error of the caller's function
            if not self._has_failed:
                self._has_failed = True
                frame = traceback.extract_tb(error.__traceback__)[-1]
                # Its message may quote anything.
                _logger.warning(
                    "on_event failed with %s in %s (%s, line %s); more errors are not logged.",
                    type(error).__name__,
                    frame.name,
                    Path(frame.filename).name,
                    frame.lineno,
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
