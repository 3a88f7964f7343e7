"""A server that lists any number of issues cheaply, so that only the client is measured.

The issues are spread evenly over three years, whatever their number. Their rows are the sandbox's,
with other ids and creation times.
"""

from __future__ import annotations

import asyncio
import sys
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


class _Listing(asyncio.Protocol):
    """Serves `GET /issues` for a period, with a latency in seconds."""

    def __init__(self, rows: int, latency: float, templates: list[list[bytes]]) -> None:
        self._rows = rows
        self._step = _SPAN // rows
        self._latency = latency
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
        first = self._index_of(query.get("after"), 0)
        last = max(first, self._index_of(query.get("before"), self._rows))
        per_page, page = int(query.get("per_page", "20")), int(query.get("page", "1"))
        if "updated_at_after" in query:  # no issue changes
            first = last
        start = first + (page - 1) * per_page
        rows = b",".join(map(self._row, range(start, min(start + per_page, last))))
        pagination = {"entries": last - first, "page": page, "per_page": per_page}
        metadata = msgspec.json.encode({"pagination": pagination})
        body = b'{"issues":[' + rows + b'],"metadata":' + metadata + b',"errors":{}}'
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    def _index_of(self, timestamp: str | None, default: int) -> int:
        if timestamp is None:
            return default
        seconds = int(datetime.fromisoformat(timestamp).timestamp())
        return min(max(-(-(seconds - _FIRST) // self._step), 0), self._rows)

    def _row(self, index: int) -> bytes:
        created = datetime.fromtimestamp(_FIRST + index * self._step, UTC).isoformat()
        before, between, after = self._templates[index % _TEMPLATES]
        return b"%s%d%s%s%s" % (before, 20_000_000 + index, between, created.encode(), after)


def _split_templates() -> list[list[bytes]]:
    page = msgspec.json.decode(encode_rows(_TEMPLATES))
    marked = [{**row, "id": "~", "created_at": "~"} for row in page["issues"]]
    pieces = [msgspec.json.encode(row).split(b"~") for row in marked]
    # The id is a number: remove the quotes around its mark.
    return [[one.removesuffix(b'"'), two.removeprefix(b'"'), three] for one, two, three in pieces]


async def _serve(rows: int, latency: float) -> None:
    templates = _split_templates()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Listing(rows, latency, templates), "127.0.0.1", 0, backlog=256
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def listing(rows: int, latency: float = 0.0) -> AbstractContextManager[str]:
    """Run a server with `rows` issues; yield its base URL."""
    return run_server("benchmarks.listing", str(rows), str(latency))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
