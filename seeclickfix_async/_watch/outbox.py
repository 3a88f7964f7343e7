"""The deliveries of a feed's changes to another system, recorded so that none is lost.

A change is claimed before it is sent, and recorded together with the cursor after it was sent. A
process may be killed at any point:

* before the claim: nothing was recorded, and the change is delivered the next time as new;
* between the claim and the record: it is unknown whether the change was sent. It is delivered the
  next time with `attempts` of 1 or more;
* after the record: it is never delivered again.

So each change is delivered at least once, and exactly once if the receiver gets the key and ignores
one that it has, or if the key is looked up there when `attempts` is not 0.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import attrs

from seeclickfix_async._watch.changes import Change


@attrs.frozen
class Delivery:
    """A change to be sent to another system.

    Attributes:
        change: The change, whose `key` identifies it.
        attempts: How often it may have been sent before: earlier attempts that failed, or during
            which the process ended. If this is not 0, look the key up at the receiver first.
    """

    change: Change
    attempts: int = 0


Send = Callable[[Delivery], Awaitable[None]]


class Outbox(Protocol):
    """A table of claimed and delivered changes, with the cursor of their feed.

    `SqliteOutbox` implements it. One process at a time may use it for a feed.
    """

    async def load(self, feed: str) -> Mapping[str, Any] | None:
        """Return the saved cursor; None if there is none.

        Args:
            feed: Identifies the feed: its site and its filters. Store it with the first cursor.

        Raises:
            InvalidArgumentError: The table belongs to another feed.
        """
        ...

    async def claim(self, key: str) -> int | None:
        """Record durably that a change is about to be sent.

        Args:
            key: The change's key.

        Returns:
            The number of its claims before; None if it was delivered.
        """
        ...

    async def save(self, cursor: Mapping[str, Any], delivered: str | None = None) -> None:
        """Store the cursor and, in the same transaction, that a change was delivered.

        Args:
            cursor: The cursor, a value for JSON.
            delivered: The change's key; None if only the cursor has changed.
        """
        ...
