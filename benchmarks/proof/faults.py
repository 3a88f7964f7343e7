"""Faults of a service and its network."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import msgspec
from starlette.responses import Response

from seeclickfix_async.sandbox import RETRY_AFTER_FORMS, Fault
from seeclickfix_async.sandbox._connection import Ending, Script, Steps
from seeclickfix_async.sandbox._faults import head

SPOILED_ROW = 30
"""The position of the issue whose values are spoiled, in the sandbox's city."""

_STALL = 2.0  # seconds, longer than each timeout of the clients
_MARK = "the spoiled value"
_DEEP = b"[" * 100_000 + b"]" * 100_000
_BOMB = gzip.compress(b" " * (200 << 20), compresslevel=1)  # each import of it pays

# Values that replace those of one row: name of the fault, field, JSON.
_VALUES = (
    ("lone surrogate", "summary", rb'"half \ud83d"'),
    ("invalid UTF-8", "summary", b'"caf\xe9"'),
    ("control character", "summary", b'"a\x01b"'),
    ("escaped NUL", "summary", rb'"a\u0000\r\n"'),
    ("NaN", "lat", b"NaN"),
    ("NaN as a string", "lat", b'"NaN"'),
    ("infinity", "lat", b"1e999"),
    ("infinity as a string", "lat", b'"Infinity"'),
    ("64 bits and more", "rating", b"18446744073709551616"),
    ("5,000 digits", "rating", b"9" * 5000),
    ("id of 64 bits", "id", b"18446744073709551615"),
    ("id as words", "id", b'"abc"'),
    ("no id", "id", b"null"),
    ("list as status", "status", b'["Open"]'),
    ("closed in year 9999", "closed_at", b'"9999-12-31T23:59:59-05:00"'),
    ("created in year 1", "created_at", b'"0001-01-01T00:00:00+05:00"'),
    ("created never", "created_at", b"null"),
    ("created on February 30", "created_at", b'"2026-02-30T00:00:00Z"'),
    ("deep value", "description", _DEEP),
    ("object as summary", "summary", b'{"a": 1}'),
)

# Whole other responses: name of the fault, status, body, headers.
_JSON = {"content-type": "application/json; charset=utf-8"}
_HTML = {"content-type": "text/html"}
_RESPONSES: tuple[tuple[str, int, bytes, dict[str, str]], ...] = (
    ("HTML with 200", 200, b"<html>maintenance</html>", _HTML),
    ("nothing with 200", 200, b"", _JSON),
    ("null", 200, b"null", _JSON),
    ("empty list", 200, b"[]", _JSON),
    ("number", 200, b"7", _JSON),
    ("deep JSON", 200, b'{"issues":' + _DEEP + b"}", _JSON),
    ("204", 204, b"", {}),
    ("206", 206, b"[", _JSON),
    ("304", 304, b"", {}),
    ("401", 401, b"", {"www-authenticate": 'Bearer error="invalid_token"'}),
    ("403 of a firewall", 403, b"Request forbidden by administrative rules.", _HTML),
    ("404", 404, b"", _JSON),
    ("408", 408, b"", _HTML),
    ("429", 429, b'{"message": "Too Many"}', _JSON),
    ("500", 500, b"<h1>", _HTML),
    ("502", 502, b"<html>", _HTML),
    ("503", 503, b"", _JSON),
    ("520", 520, b"<html>", _HTML),
    ("999", 999, b"", _JSON),
    ("redirect without Location", 302, b"", {}),
    ("redirect to a broken URL", 302, b"", {"location": "http://[::1"}),
    ("redirect to another host", 307, b"", {"location": "http://localhost:9/other"}),
    ("redirect to a file", 302, b"", {"location": "file:///etc/hostname"}),
    ("unknown coding", 200, b"?", {**_JSON, "content-encoding": "made-up"}),
    ("bomb", 200, _BOMB, {**_JSON, "content-encoding": "gzip"}),
    ("stacked bomb", 200, gzip.compress(_BOMB), {**_JSON, "content-encoding": "gzip, gzip"}),
)


def _cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


def _doubled_keys(body: bytes) -> bytes:
    return body[:-1] + b"," + body[1:] if body.startswith(b"{") else body


# Bodies that are changed: name of the fault, change, headers.
_BODIES: tuple[tuple[str, Callable[[bytes], bytes], dict[str, str]], ...] = (
    ("half of the body", _cut, {}),
    ("doubled keys", _doubled_keys, {}),
    ("byte order mark", lambda body: b"\xef\xbb\xbf" + body, {}),
    ("UTF-16", lambda body: body.decode().encode("utf-16"), {"content-type": "application/json"}),
    ("unknown charset", bytes, {"content-type": "application/json; charset=klingon"}),
    ("gzip of half", lambda body: gzip.compress(body)[:-20], {"content-encoding": "gzip"}),
    ("gzip that is none", bytes, {"content-encoding": "gzip"}),
    ("gzip of noise", lambda _: b"\x1f\x8b\x08" + bytes(range(256)), {"content-encoding": "gzip"}),
)


def _raw(*steps: bytes | float, ending: Ending = "reset") -> Script:
    """Return a script that sends these steps instead of the response."""
    return lambda _response: (steps, ending)


def _drip(response: Response) -> tuple[Steps, Ending]:
    pieces: list[bytes | float] = [0.2, b" "] * 20
    return (head(response, {"content-length": "100000"}), *pieces), "reset"


def _stall_in_body(response: Response) -> tuple[Steps, Ending]:
    return (head(response), bytes(response.body)[:10], _STALL), "reset"


def _negative_length(response: Response) -> tuple[Steps, Ending]:
    return (head(response, {"content-length": "-5"}), bytes(response.body)), "close"


def _no_length(response: Response) -> tuple[Steps, Ending]:
    del response.headers["content-length"]
    return (head(response), _cut(bytes(response.body))), "close"


def _many_headers(response: Response) -> tuple[Steps, Ending]:
    headers = {f"x-{number}": "a" * 1000 for number in range(500)}
    return (head(response, headers), bytes(response.body)), "close"


def _early_response(response: Response) -> tuple[Steps, Ending]:
    early = b"HTTP/1.1 100 Continue\r\n\r\n"
    return (early, head(response), bytes(response.body)), "close"


def _whole(response: Response) -> tuple[Steps, Ending]:
    return (head(response), bytes(response.body)), "close"


_DRIPPING_HEAD: list[bytes | float] = []
for _number in range(20):
    _DRIPPING_HEAD += (0.2, f"X-{_number}: x\r\n".encode())

_CONNECTIONS: tuple[tuple[str, Fault], ...] = (
    ("reset when connected", Fault.refuse()),
    ("reset in the request", Fault.reset(carried_out=False)),
    ("closed in the request", Fault(script=_raw(ending="close"))),
    ("stalled in the request", Fault(script=_raw(), seconds=_STALL)),
    ("reset after the request", Fault.reset()),
    ("closed after the request", Fault(script=_raw(ending="close"), carried_out=True)),
    ("stalled", Fault(script=_raw(), seconds=_STALL, carried_out=True)),
    ("reset in the head", Fault(script=_raw(b"HTTP/1.1 200 OK\r\nContent-Ty"), carried_out=True)),
    ("reset in the body", Fault.reset("during")),
    ("closed in the body", Fault.truncate()),
    ("reset after the response", Fault.reset("after")),
    ("closed after the response", Fault(script=_whole, carried_out=True)),
    ("stalled in the body", Fault(script=_stall_in_body, carried_out=True)),
    ("dripping body", Fault(script=_drip, carried_out=True)),
    (
        "dripping head",
        Fault(script=_raw(b"HTTP/1.1 200 OK\r\n", *_DRIPPING_HEAD), carried_out=True),
    ),
    ("length too short", Fault.wrong_length()),
    ("negative length", Fault(script=_negative_length, carried_out=True)),
    ("half without a length", Fault(script=_no_length, carried_out=True)),
    (
        "another protocol",
        Fault(script=_raw(b"SSH-2.0-OpenSSH\r\n\r\n\r\n", ending="close"), carried_out=True),
    ),
    ("500 kB of headers", Fault(script=_many_headers, carried_out=True)),
    ("100 before the response", Fault(script=_early_response, carried_out=True)),
    ("redirect to itself", attrs.evolve(Fault.redirect(), carried_out=True)),
)

_SLOW = (
    "stalled",
    "stalled in the request",
    "stalled in the body",
    "dripping body",
    "dripping head",
)


@attrs.frozen
class NamedFault:
    """A fault, its name in the results, and whether it can spoil every response in no time."""

    name: str
    fault: Fault
    is_quick: bool = True


def connection_faults() -> Iterator[NamedFault]:
    """Yield the faults of connections and of whole responses."""
    for name, fault in _CONNECTIONS:
        yield NamedFault(name, fault, name not in _SLOW)
    for name, status, body, headers in _RESPONSES:
        is_refused = 400 <= status < 500  # and not carried out
        yield NamedFault(
            name, Fault(status, body, headers, carried_out=not is_refused, script=_whole)
        )
    for form in RETRY_AFTER_FORMS:
        yield NamedFault(f"Retry-After: {form!r}", Fault.too_many_requests(form))
    for name, change, headers in _BODIES:
        yield NamedFault(name, _change_body(change, headers))


def value_faults(row: int) -> Iterator[NamedFault]:
    """Yield the faults of one value of the issue with the id `row`."""
    for name, field, value in _VALUES:
        yield NamedFault(name, _change_value(row, field, value))


def _change_body(change: Callable[[bytes], bytes], headers: dict[str, str]) -> Fault:
    def script(response: Response) -> tuple[Steps, Ending]:
        body = change(bytes(response.body))
        return (head(response, {**headers, "content-length": str(len(body))}), body), "close"

    return Fault(script=script, carried_out=True)


def _change_value(row: int, field: str, value: bytes) -> Fault:
    def change(body: bytes) -> bytes:
        if not body.startswith(b"{"):
            return body
        return _with_value(msgspec.json.decode(body), row, field, value)

    return _change_body(change, {})


def _with_value(document: Any, row: int, field: str, value: bytes) -> bytes:
    for issue in document.get("issues", [document]):
        if issue.get("id") == row:
            issue[field] = _MARK
    return msgspec.json.encode(document).replace(f'"{_MARK}"'.encode(), value)
