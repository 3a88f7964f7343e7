"""The events that a client reports to its `on_event` function.

    def show(event: Event) -> None:
        if isinstance(event, WaitingForQuota):
            print(f"{event.route} waits {event.wait:.0f} s for the quota")

    client = AsyncClient(on_event=show)

An event contains no URL, query, credential, id, or word of the service. Times are in seconds.
"""

from seeclickfix_async._core.public_names import publish
from seeclickfix_async.events._events import CallEnded as CallEnded
from seeclickfix_async.events._events import Event as Event
from seeclickfix_async.events._events import OnEvent as OnEvent
from seeclickfix_async.events._events import RequestFailed as RequestFailed
from seeclickfix_async.events._events import RequestSent as RequestSent
from seeclickfix_async.events._events import ResponseReceived as ResponseReceived
from seeclickfix_async.events._events import RetryScheduled as RetryScheduled
from seeclickfix_async.events._events import RowRejected as RowRejected
from seeclickfix_async.events._events import TokenRefreshed as TokenRefreshed
from seeclickfix_async.events._events import WaitingForQuota as WaitingForQuota

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

publish(
    __name__,
    [
        CallEnded,
        RequestFailed,
        RequestSent,
        ResponseReceived,
        RetryScheduled,
        RowRejected,
        TokenRefreshed,
        WaitingForQuota,
    ],
)
