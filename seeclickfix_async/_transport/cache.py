"""What the service said before, to be confirmed by it and not sent again (RFC 9110 §13).

Nothing is ever given out without asking the service: a request carries the validators of the
answer that is kept, and only its "304 Not Modified" makes that answer the new one. An answer is
kept for the credential that got it, so that no account is shown what another one saw.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from seeclickfix_async._core import validation
from seeclickfix_async._transport.response import Response
from seeclickfix_async.errors._counting import counted

_VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
_SHARE = 4  # no answer takes more than this part of the room


class Cache:
    """Answers in memory, the least used of which make room for new ones.

    It may be shared by clients, also in several threads, and does not outlive the process.

    Args:
        max_bytes: The room for all answers together.
    """

    def __init__(self, max_bytes: int = 16 * 2**20) -> None:
        validation.in_range("max_bytes", max_bytes, 0, 2**40, integer=True)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._size = 0
        self._kept: OrderedDict[Hashable, Response] = OrderedDict()

    def __repr__(self) -> str:
        answers = counted(len(self._kept), "answer")
        return f"<Cache of {answers}, {self._size:,} of {self._max_bytes:,} bytes>"

    def get(self, key: Hashable) -> Response | None:
        """The answer that is kept for a request."""
        with self._lock:
            response = self._kept.get(key)
            if response is not None:
                self._kept.move_to_end(key)
            return response

    def put(self, key: Hashable, response: Response) -> None:
        """Keep a success that the service can confirm, in place of the one before."""
        with self._lock:
            before = self._kept.pop(key, None)
            if before is not None:
                self._size -= len(before.content)
            if not self._is_worth_keeping(response):
                return
            self._kept[key] = response
            self._size += len(response.content)
            while self._size > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest.content)

    def _is_worth_keeping(self, response: Response) -> bool:
        return (
            response.status == 200
            and "no-store" not in response.headers.get("cache-control", "").lower()
            and any(name in response.headers for name in _VALIDATORS)
            and len(response.content) * _SHARE <= self._max_bytes
        )


def validators(response: Response | None) -> dict[str, str]:
    """The headers that ask whether an answer still holds."""
    if response is None:
        return {}
    return {
        header: response.headers[name]
        for name, header in _VALIDATORS.items()
        if name in response.headers
    }
