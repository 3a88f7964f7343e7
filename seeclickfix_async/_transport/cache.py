"""A cache of responses that the service confirms instead of sending them again (RFC 9110 §13).

By default, a cached response is returned only after the service has confirmed it with "304 Not
Modified": the request carries its validators. It belongs to the credential of its request, so that
no account sees a response to another one.

With `max_age`, it is returned without a request for some time. A write ends that for all responses
to its credential: which of them it changes is not known. A response to a request that was sent
before the end of the write is confirmed, too.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import SupportsIndex

import attrs

from seeclickfix_async._core import validation
from seeclickfix_async._core.duration import Duration, to_seconds
from seeclickfix_async._core.response import Response
from seeclickfix_async._transport.shared_reads import SharedReads
from seeclickfix_async.errors._counting import counted

_VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
_OWN_HEADERS = ("date", "x-request-id")
_TEMPORARY = frozenset({408, 429, *range(500, 600)})  # they say nothing about what is cached
_LONGEST = 31 * 86_400.0  # seconds
_OBJECT_SIZE = 64  # bytes of an empty string and its place in a dict
_OBJECTS = 8  # of a response besides its strings
_MIN_RESPONSES = 4  # a larger response would evict nearly all others


class Cache:
    """A cache of responses in memory, which evicts the least recently used ones.

    Clients can share it, also in several threads. It ends with the process.

    For a web service with many visitors at one address: `Cache(max_age=60, stale_if_limited=3600)`
    reads each page once a minute at most, and shows an older one instead of letting visitors wait
    for the quota. `response.age` is its age. Crawls, pulls, feeds and requests in the background
    are always sent.

    Args:
        max_bytes: The size of all responses together, with their headers and keys.
        max_age: Seconds or a timedelta for which a response is returned again without a request.
            Meanwhile, identical requests under way are sent once. After a write, the responses to
            its credential are confirmed first; others, such as those without a token, may be older
            than the write. 0 to confirm each.
        stale_if_limited: The greatest age, in seconds or a timedelta, of a response that is
            returned instead of waiting for the rate limiter, or after a 429; 0 to wait.
    """

    def __init__(
        self,
        max_bytes: SupportsIndex = 16 * 2**20,
        *,
        max_age: Duration = 0.0,
        stale_if_limited: Duration = 0.0,
    ) -> None:
        self._max_bytes = validation.integer_in_range("max_bytes", max_bytes, 0, 2**40)
        self.max_age: float = to_seconds("max_age", max_age, 0, _LONGEST)
        self.stale_if_limited: float = to_seconds("stale_if_limited", stale_if_limited, 0, _LONGEST)
        self.returns_unconfirmed: bool = self.max_age > 0 or self.stale_if_limited > 0
        self.reads: SharedReads = SharedReads()
        self._written_at: OrderedDict[Hashable, float] = OrderedDict()  # by credential
        self._lock = threading.Lock()
        self._size = 0
        self._responses: OrderedDict[Hashable, tuple[Response, int]] = OrderedDict()

    def __repr__(self) -> str:
        responses = counted(len(self._responses), "response")
        return f"<Cache of {responses}, {self._size:,} of {self._max_bytes:,} bytes>"

    def get(self, key: Hashable) -> Response | None:
        """Return the cached response to a request, or None."""
        with self._lock:
            if key not in self._responses:
                return None
            self._responses.move_to_end(key)
            return self._responses[key][0]

    def put(self, key: Hashable, response: Response) -> None:
        """Replace the cached response to a request; remove it if the new one is not cacheable.

        After a temporary failure the cached one stays.
        """
        if response.status in _TEMPORARY:
            return
        is_cacheable = self._is_cacheable(response)
        with self._lock:
            if not is_cacheable and key not in self._responses:
                return
            self._size -= self._responses.pop(key, (None, 0))[1]
            if not is_cacheable:
                return
            size = _size(key, response)
            if size * _MIN_RESPONSES > self._max_bytes:
                return
            # Callers may change the headers that they receive.
            self._responses[key] = attrs.evolve(response, headers=dict(response.headers)), size
            self._size += size
            while self._size > self._max_bytes:
                _, (_, oldest_size) = self._responses.popitem(last=False)
                self._size -= oldest_size

    def use_unconfirmed(
        self, response: Response, credential: Hashable, age: float, now: float
    ) -> Response | None:
        """Return the response with its age if it may be used without a confirmation, or None.

        Args:
            response: The response.
            credential: Its credential.
            age: The greatest age, in seconds.
            now: The time.
        """
        with self._lock:
            written_at = self._written_at.get(credential, -math.inf)
        if response.sent_at <= written_at or not 0 <= now - response.sent_at < age:
            return None
        return attrs.evolve(response, headers=dict(response.headers), age=now - response.sent_at)

    def note_write(self, credential: Hashable, now: float) -> None:
        """Confirm all responses to a credential before they are used again."""
        if not self.returns_unconfirmed:
            return
        longest = max(self.max_age, self.stale_if_limited)
        self.reads.forget()
        with self._lock:
            self._written_at[credential] = now
            self._written_at.move_to_end(credential)
            while now - next(iter(self._written_at.values())) > longest:
                self._written_at.popitem(last=False)

    def _is_cacheable(self, response: Response) -> bool:
        return (
            response.status == 200
            and "no-store" not in response.headers.get("cache-control", "").lower()
            and (self.returns_unconfirmed or _has_validators(response))
        )


def _size(key: Hashable, response: Response) -> int:
    """Estimate the memory of a response: its content, its strings, and an object for each."""
    strings = (*_strings(key), response.url, *response.headers, *response.headers.values())
    characters = sum(map(len, strings))
    return len(response.content) + characters + _OBJECT_SIZE * (len(strings) + _OBJECTS)


def _strings(key: Hashable) -> Iterator[str]:
    if isinstance(key, str):
        yield key
    elif isinstance(key, tuple):
        for part in key:
            yield from _strings(part)


def _has_validators(response: Response) -> bool:
    # Most responses have none of these headers, which is faster to see.
    return not _VALIDATORS.keys().isdisjoint(response.headers) and bool(validators(response))


def validators(response: Response | None) -> dict[str, str]:
    """Return the headers with which the service can confirm a response; none without one.

    A validator is left out if it could not be sent again as it was received.
    """
    if response is None:
        return {}
    return {
        header: response.headers[name]
        for name, header in _VALIDATORS.items()
        if validation.is_visible_ascii(response.headers.get(name, "").replace(" ", ""))
    }


def confirm(cached: Response, response: Response) -> Response:
    """Return the response to a request that the service confirmed with a 304."""
    # When it was confirmed (RFC 9111 §4.3.4), and the id of that request.
    own = {name: response.headers[name] for name in _OWN_HEADERS if name in response.headers}
    headers = {**cached.headers, **own} if own else cached.headers
    return attrs.evolve(response, status=200, headers=headers, content=cached.content)
