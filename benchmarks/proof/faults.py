"""Faults of a service and its network."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec

from benchmarks.proof.faulty_server import Exchange, Fault, Moment

SPOILED_ROW = 30
"""The position of the issue whose values are spoiled, in the sandbox's city."""

_STALL = 2.0  # seconds, longer than each timeout of the clients
_MARK = "the spoiled value"
_DEEP = b"[" * 100_000 + b"]" * 100_000
_BOMB = gzip.compress(b" " * (200 << 20))

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
    *(
        (f"Retry-After: {value or 'nothing'}", 429, b"", {"retry-after": value})
        for value in (
            "",
            "0",
            "-5",
            "soon",
            "NaN",
            "inf",
            "1e309",
            "9" * 20,
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "0, 1",
        )
    ),
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


async def _reset(exchange: Exchange) -> None:
    exchange.reset()


async def _close(exchange: Exchange) -> None:
    exchange.close()


async def _stall(exchange: Exchange) -> None:
    await asyncio.sleep(_STALL)
    exchange.reset()


async def _reset_in_head(exchange: Exchange) -> None:
    await exchange.send_raw(b"HTTP/1.1 200 OK\r\nContent-Ty")
    await asyncio.sleep(0.02)
    exchange.reset()


async def _reset_in_body(exchange: Exchange) -> None:
    await exchange.send(body=_cut(exchange.body), length=str(len(exchange.body)))
    await asyncio.sleep(0.02)
    exchange.reset()


async def _close_in_body(exchange: Exchange) -> None:
    await exchange.send(body=_cut(exchange.body), length=str(len(exchange.body)))
    exchange.close()


async def _reset_after_response(exchange: Exchange) -> None:
    await exchange.send()
    exchange.reset()


async def _close_after_response(exchange: Exchange) -> None:
    await exchange.send()
    exchange.close()


async def _stall_in_body(exchange: Exchange) -> None:
    await exchange.send(body=exchange.body[:10], length=str(len(exchange.body)))
    await _stall(exchange)


async def _drip(exchange: Exchange) -> None:
    await exchange.send(body=b"", length="100000")
    for _ in range(20):
        await asyncio.sleep(0.2)
        await exchange.send_raw(b" ")
    exchange.reset()


async def _drip_head(exchange: Exchange) -> None:
    await exchange.send_raw(b"HTTP/1.1 200 OK\r\n")
    for number in range(20):
        await asyncio.sleep(0.2)
        await exchange.send_raw(f"X-{number}: x\r\n".encode())
    exchange.reset()


async def _short_length(exchange: Exchange) -> None:
    await exchange.send(length=str(max(0, len(exchange.body) - 5)))
    exchange.close()


async def _negative_length(exchange: Exchange) -> None:
    await exchange.send(length="-5")
    exchange.close()


async def _no_length(exchange: Exchange) -> None:
    await exchange.send(body=_cut(exchange.body), length=None)
    exchange.close()


async def _other_protocol(exchange: Exchange) -> None:
    await exchange.send_raw(b"SSH-2.0-OpenSSH\r\n\r\n\r\n")
    exchange.close()


async def _many_headers(exchange: Exchange) -> None:
    await exchange.send(headers={f"x-{number}": "a" * 1000 for number in range(500)})


async def _early_response(exchange: Exchange) -> None:
    await exchange.send_raw(b"HTTP/1.1 100 Continue\r\n\r\n")
    await exchange.send()


async def _redirect_to_itself(exchange: Exchange) -> None:
    await exchange.send(status=302, headers={"location": exchange.target}, body=b"")


_CONNECTIONS: tuple[tuple[str, Callable[[Exchange], Awaitable[None]], Moment], ...] = (
    ("reset when connected", _reset, "connected"),
    ("reset in the request", _reset, "head"),
    ("closed in the request", _close, "head"),
    ("stalled in the request", _stall, "head"),
    ("reset after the request", _reset, "response"),
    ("closed after the request", _close, "response"),
    ("stalled", _stall, "response"),
    ("reset in the head", _reset_in_head, "response"),
    ("reset in the body", _reset_in_body, "response"),
    ("closed in the body", _close_in_body, "response"),
    ("reset after the response", _reset_after_response, "response"),
    ("closed after the response", _close_after_response, "response"),
    ("stalled in the body", _stall_in_body, "response"),
    ("dripping body", _drip, "response"),
    ("dripping head", _drip_head, "response"),
    ("length too short", _short_length, "response"),
    ("negative length", _negative_length, "response"),
    ("half without a length", _no_length, "response"),
    ("another protocol", _other_protocol, "response"),
    ("500 kB of headers", _many_headers, "response"),
    ("100 before the response", _early_response, "response"),
    ("redirect to itself", _redirect_to_itself, "response"),
)

_SLOW = (_stall, _stall_in_body, _drip, _drip_head)


def connection_faults() -> Iterator[Fault]:
    """Yield the faults of connections and of whole responses."""
    for name, spoil, moment in _CONNECTIONS:
        yield Fault(name, spoil, moment, is_quick=spoil not in _SLOW)
    for name, status, body, headers in _RESPONSES:
        is_refused = 400 <= status < 500  # and not carried out
        spoil = _respond(status, body, headers)
        yield Fault(name, spoil, "request" if is_refused else "response")
    for name, change, headers in _BODIES:
        yield Fault(name, _change_body(change, headers))


def value_faults(row: int) -> Iterator[Fault]:
    """Yield the faults of one value of the issue with the id `row`."""
    for name, field, value in _VALUES:
        yield Fault(name, _change_value(row, field, value))


def _respond(
    status: int, body: bytes, headers: dict[str, str]
) -> Callable[[Exchange], Awaitable[None]]:
    async def spoil(exchange: Exchange) -> None:
        exchange.headers = headers
        await exchange.send(status=status, body=body)

    return spoil


def _change_body(
    change: Callable[[bytes], bytes], headers: dict[str, str]
) -> Callable[[Exchange], Awaitable[None]]:
    async def spoil(exchange: Exchange) -> None:
        await exchange.send(body=change(exchange.body), headers=headers)

    return spoil


def _change_value(row: int, field: str, value: bytes) -> Callable[[Exchange], Awaitable[None]]:
    async def spoil(exchange: Exchange) -> None:
        body = exchange.body
        if body.startswith(b"{"):
            body = _with_value(msgspec.json.decode(body), row, field, value)
        await exchange.send(body=body)

    return spoil


def _with_value(document: Any, row: int, field: str, value: bytes) -> bytes:
    for issue in document.get("issues", [document]):
        if issue.get("id") == row:
            issue[field] = _MARK
    return msgspec.json.encode(document).replace(f'"{_MARK}"'.encode(), value)
