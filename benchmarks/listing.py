"""A server that lists any number of issues at next to no cost, so that only the client is measured.

Issues are spread evenly over three years, as many as there are, so that a large city has more of
them in each month and none in the future. Their rows are those of the sandbox with other ids.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from urllib.parse import parse_qs

import msgspec

from benchmarks.servers import body_of, process
from seeclickfix_async.sandbox._city import DAY, END

_SPAN = 3 * 365 * DAY
_FIRST = END - _SPAN
_TEMPLATES = 50


class _Listing(asyncio.Protocol):
    """Answers `GET /issues` for a period, after so many seconds."""

    def __init__(self, rows: int, latency: float, templates: list[list[bytes]]) -> None:
        self._rows = rows
        self._step = _SPAN // rows
        self._latency = latency
        self._templates = templates

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request; ours come whole, and one at a time on a connection."""
        answer = self._answer(data.split(b" ", 2)[1].decode())
        asyncio.get_running_loop().call_later(self._latency, self._write, answer)

    def _write(self, answer: bytes) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(answer)

    def _answer(self, path: str) -> bytes:
        query = {name: values[0] for name, values in parse_qs(path.partition("?")[2]).items()}
        first = self._place(query.get("after"), 0)
        last = max(first, self._place(query.get("before"), self._rows))
        per_page, page = int(query.get("per_page", "20")), int(query.get("page", "1"))
        if "updated_at_after" in query:  # nothing changes while it is pulled
            first = last
        start = first + (page - 1) * per_page
        rows = b",".join(map(self._row, range(start, min(start + per_page, last))))
        told = {"entries": last - first, "page": page, "per_page": per_page}
        metadata = msgspec.json.encode({"pagination": told})
        body = b'{"issues":[' + rows + b'],"metadata":' + metadata + b',"errors":{}}'
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    def _place(self, moment: str | None, default: int) -> int:
        if moment is None:
            return default
        seconds = int(datetime.fromisoformat(moment).timestamp())
        return min(max(-(-(seconds - _FIRST) // self._step), 0), self._rows)

    def _row(self, place: int) -> bytes:
        created = datetime.fromtimestamp(_FIRST + place * self._step, UTC).isoformat()
        before, between, after = self._templates[place % _TEMPLATES]
        return b"%s%d%s%s%s" % (before, 20_000_000 + place, between, created.encode(), after)


def _split() -> list[list[bytes]]:
    page = msgspec.json.decode(body_of(_TEMPLATES))
    marked = [{**row, "id": "~", "created_at": "~"} for row in page["issues"]]
    pieces = [msgspec.json.encode(row).split(b"~") for row in marked]
    # The id is a number, and its quotes are not part of it.
    return [[one.removesuffix(b'"'), two.removeprefix(b'"'), three] for one, two, three in pieces]


async def _serve(rows: int, latency: float) -> None:
    templates = _split()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Listing(rows, latency, templates), "127.0.0.1", 0, backlog=256
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def listing(rows: int, latency: float = 0.0) -> AbstractContextManager[str]:
    """Such a server, with so many issues."""
    return process("benchmarks.listing", str(rows), str(latency))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
