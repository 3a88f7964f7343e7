"""The events that a client reports to its `on_event` function.

    def show(event: Event) -> None:
        if isinstance(event, WaitingForQuota):
            print(f"{event.route} waits {event.wait:.0f} s for the quota")

    client = AsyncClient(on_event=show)

An event contains no URL, query, credential, id, or word of the service. Times are in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seeclickfix_async._core.public_names import lazy_getattr

if TYPE_CHECKING:
    from seeclickfix_async.events._events import CallEnded as CallEnded
    from seeclickfix_async.events._events import Event as Event
    from seeclickfix_async.events._events import RequestFailed as RequestFailed
    from seeclickfix_async.events._events import RequestSent as RequestSent
    from seeclickfix_async.events._events import ResponseReceived as ResponseReceived
    from seeclickfix_async.events._events import RetryScheduled as RetryScheduled
    from seeclickfix_async.events._events import RowRejected as RowRejected
    from seeclickfix_async.events._events import TokenRefreshed as TokenRefreshed
    from seeclickfix_async.events._events import WaitingForQuota as WaitingForQuota
    from seeclickfix_async.events._on_event import OnEvent as OnEvent

# Events are loaded with the first function that receives them.
_LAZY_IMPORTS = {
    "_events": (
        "CallEnded",
        "Event",
        "RequestFailed",
        "RequestSent",
        "ResponseReceived",
        "RetryScheduled",
        "RowRejected",
        "TokenRefreshed",
        "WaitingForQuota",
    ),
    "_on_event": ("OnEvent",),
}

__all__ = [
    "CallEnded",
    "Event",
    "OnEvent",
    "RequestFailed",
    "RequestSent",
    "ResponseReceived",
    "RetryScheduled",
    "RowRejected",
    "TokenRefreshed",
    "WaitingForQuota",
]

__getattr__: Callable[[str], object] = lazy_getattr(__name__, _LAZY_IMPORTS)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
