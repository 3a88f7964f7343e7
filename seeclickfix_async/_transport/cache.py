"""A cache of responses that the service confirms instead of sending them again (RFC 9110 §13).

A cached response is returned only after the service has confirmed it with "304 Not Modified": the
request carries its validators. It belongs to the credential of its request, so that no account sees
a response to another one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from seeclickfix_async._core import validation
from seeclickfix_async._transport.response import Response
from seeclickfix_async.errors._counting import counted

_VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
_MIN_RESPONSES = 4  # a larger response would evict nearly all others


class Cache:
    """A cache of responses in memory, which evicts the least recently used ones.

    Clients can share it, also in several threads. It ends with the process.

    Args:
        max_bytes: The size of all response bodies together.
    """

    def __init__(self, max_bytes: int = 16 * 2**20) -> None:
        validation.in_range("max_bytes", max_bytes, 0, 2**40, integer=True)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._size = 0
        self._responses: OrderedDict[Hashable, Response] = OrderedDict()

    def __repr__(self) -> str:
        responses = counted(len(self._responses), "response")
        return f"<Cache of {responses}, {self._size:,} of {self._max_bytes:,} bytes>"

    def get(self, key: Hashable) -> Response | None:
        """Return the cached response to a request, or None."""
        with self._lock:
            response = self._responses.get(key)
            if response is not None:
                self._responses.move_to_end(key)
            return response

    def put(self, key: Hashable, response: Response) -> None:
        """Replace the cached response to a request; remove it if the new one is not cacheable."""
        with self._lock:
            old = self._responses.pop(key, None)
            if old is not None:
                self._size -= len(old.content)
            if not self._is_cacheable(response):
                return
            self._responses[key] = response
            self._size += len(response.content)
            while self._size > self._max_bytes:
                _, oldest = self._responses.popitem(last=False)
                self._size -= len(oldest.content)

    def _is_cacheable(self, response: Response) -> bool:
        return (
            response.status == 200
            and "no-store" not in response.headers.get("cache-control", "").lower()
            and any(name in response.headers for name in _VALIDATORS)
            and len(response.content) * _MIN_RESPONSES <= self._max_bytes
        )


def validators(response: Response | None) -> dict[str, str]:
    """Return the headers with which the service can confirm a response; none without one."""
    if response is None:
        return {}
    return {
        header: response.headers[name]
        for name, header in _VALIDATORS.items()
        if name in response.headers
    }
