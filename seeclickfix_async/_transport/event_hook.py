"""The function that receives a client's events."""

from __future__ import annotations

import inspect
import logging
import traceback
from contextvars import ContextVar
from pathlib import Path

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.events import Event, OnEvent

_logger = logging.getLogger("seeclickfix_async")


class EventHook:
    """The caller's function, whose errors do not reach the request.

    Raises:
        InvalidArgumentError: It is not a function, or is a coroutine function.
    """

    def __init__(self, on_event: OnEvent) -> None:
        if not callable(on_event):
            raise InvalidArgumentError("on_event", "must be a function that takes an event.")
        methods = on_event, getattr(on_event, "__call__", None)  # noqa: B004  # may be asynchronous
        if any(map(inspect.iscoroutinefunction, methods)):
            raise InvalidArgumentError(
                "on_event",
                "must be a plain function, not a coroutine function: events are reported while a "
                "request is sent.",
                advice="Pass the event on with send_nowait() of a memory object stream, or "
                "put_nowait() of a queue.",
            )
        self._on_event = on_event
        self._has_failed = False

    def emit(self, event: Event) -> None:
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


callers_hook: ContextVar[EventHook | None] = ContextVar("callers_hook", default=None)
"""The hook of the call that is being sent: its token source may send requests of its own."""
