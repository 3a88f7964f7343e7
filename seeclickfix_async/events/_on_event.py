"""The type of functions that receive events, for signatures: it loads none of the events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from seeclickfix_async.events._events import Event


class OnEvent(Protocol):
    """A function that receives events. It must return soon: it runs in the event loop."""

    def __call__(self, event: Event, /) -> object:
        """Receive an event; the result is ignored."""
        ...
