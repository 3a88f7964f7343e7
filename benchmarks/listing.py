"""A server that lists any number of issues cheaply, so that only the client is measured.

The issues are spread evenly over three years, whatever their number. Their rows are the sandbox's,
with other ids and times. Some of them were updated just before the server started.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from urllib.parse import parse_qs

import msgspec

from benchmarks.servers import encode_rows, run_server
from seeclickfix_async.sandbox._categories import DAY
from seeclickfix_async.sandbox._city import END

_SPAN = 3 * 365 * DAY
_FIRST = END - _SPAN
_TEMPLATES = 50

CHANGES = 200
"""The number of issues that were updated just before the start, one in a second."""


class _Listing(asyncio.Protocol):
    """Serves `GET /issues` for a period, with a latency in seconds."""

    def __init__(
        self, rows: int, latency: float, templates: list[list[bytes]], started: int
    ) -> None:
        self._rows = rows
        self._step = _SPAN // rows
        self._latency = latency
        self._changed = started - CHANGES
        self._templates = templates

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond to a request; our client sends each in one piece, and one at a time."""
        response = self._respond(data.split(b" ", 2)[1].decode())
        asyncio.get_running_loop().call_later(self._latency, self._write, response)

    def _write(self, response: bytes) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(response)

    def _respond(self, path: str) -> bytes:
        query = {name: values[0] for name, values in parse_qs(path.partition("?")[2]).items()}
        per_page, page = int(query.get("per_page", "20")), int(query.get("page", "1"))
        row = self._row
        first, last = _period("", query, _FIRST, self._step, self._rows)
        if "updated_at_after" in query:
            row = self._changed_row
            created = [-(-index * CHANGES // self._rows) for index in (first, last)]
            updated = _period("updated_at_", query, self._changed, 1, CHANGES)
            first, last = max(created[0], updated[0]), min(created[1], updated[1])
        last = max(first, last)
        start = first + (page - 1) * per_page
        rows = b",".join(map(row, range(start, min(start + per_page, last))))
        pagination = {"entries": last - first, "page": page, "per_page": per_page}
        metadata = msgspec.json.encode({"pagination": pagination})
        body = b'{"issues":[' + rows + b'],"metadata":' + metadata + b',"errors":{}}'
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    def _row(self, index: int) -> bytes:
        created = _FIRST + index * self._step
        return self._render(index, created, created)

    def _changed_row(self, index: int) -> bytes:
        row = index * self._rows // CHANGES
        return self._render(row, _FIRST + row * self._step, self._changed + index)

    def _render(self, index: int, created: int, updated: int) -> bytes:
        one, two, three, four = self._templates[index % _TEMPLATES]
        values = one, 20_000_000 + index, two, _format(created), three, _format(updated), four
        return b"%s%d%s%s%s%s%s" % values


def _period(
    clock: str, query: dict[str, str], first: int, step: int, count: int
) -> tuple[int, int]:
    """Return the range of `count` rows, of which each has a time, that a query asks for."""
    after, before = (query.get(f"{clock}{name}") for name in ("after", "before"))
    indices = [
        min(max(-(-(_parse(time) - first) // step), 0), count) if time else default
        for time, default in ((after, 0), (before, count))
    ]
    return indices[0], indices[1]


def _parse(timestamp: str) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp())


def _format(timestamp: int) -> bytes:
    return datetime.fromtimestamp(timestamp, UTC).isoformat().encode()


def _split_templates() -> list[list[bytes]]:
    page = msgspec.json.decode(encode_rows(_TEMPLATES))
    marks = {"id": "~", "created_at": "~", "updated_at": "~"}
    pieces = [msgspec.json.encode({**row, **marks}).split(b"~") for row in page["issues"]]
    # The id is a number: remove the quotes around its mark.
    return [
        [one.removesuffix(b'"'), two.removeprefix(b'"'), *others] for one, two, *others in pieces
    ]


async def _serve(rows: int, latency: float) -> None:
    templates, started = _split_templates(), int(time.time())
    server = await asyncio.get_running_loop().create_server(
        lambda: _Listing(rows, latency, templates, started), "127.0.0.1", 0, backlog=256
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def listing(rows: int, latency: float = 0.0) -> AbstractContextManager[str]:
    """Run a server with `rows` issues; yield its base URL."""
    return run_server("benchmarks.listing", str(rows), str(latency))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
