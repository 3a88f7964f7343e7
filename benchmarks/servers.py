"""Servers in processes of their own, so that only the client is measured."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import msgspec

from seeclickfix_async.sandbox import Sandbox
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._serializers import Serializer

ISSUE = 0
PAGE = 100


def body_of(rows: int) -> bytes:
    """One issue, or a page of so many, as the service writes them."""
    make = Serializer(Sandbox(1000).city, "https://seeclickfix.com", Overlay())
    if rows == ISSUE:
        return msgspec.json.encode(make.issue(500))
    told = {"entries": 50_000, "page": None, "per_page": rows, "pages": 500, "next_page": None}
    page = {"issues": [make.issue(row) for row in range(rows)], "metadata": {"pagination": told}}
    return msgspec.json.encode({**page, "errors": {}})


class _Fixed(asyncio.Protocol):
    """Gives the same answer to everything, after so many seconds."""

    def __init__(self, answer: bytes, latency: float) -> None:
        self._answer = answer
        self._latency = latency

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request; ours have no body."""
        for _ in range(data.count(b"\r\n\r\n")):
            asyncio.get_running_loop().call_later(self._latency, self._write)

    def _write(self) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(self._answer)


async def _serve(rows: int, latency: float) -> None:
    body = body_of(rows)
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    server = await asyncio.get_running_loop().create_server(
        lambda: _Fixed(head.encode() + body, latency), "127.0.0.1", 0, backlog=256
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextmanager
def process(*arguments: str) -> Iterator[str]:
    """A server of a module in a process of its own; gives its address."""
    with subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True
    ) as started:
        try:
            assert started.stdout is not None
            yield started.stdout.readline().strip().rpartition(" ")[2]
        finally:
            started.terminate()


def fixed(rows: int, latency: float = 0.0) -> AbstractContextManager[str]:
    """A server that always gives the same page of so many rows, or one issue."""
    return process("benchmarks.servers", str(rows), str(latency))


def sandbox(*arguments: str) -> AbstractContextManager[str]:
    """The project's sandbox."""
    return process("seeclickfix_async.sandbox", "--port", "0", *arguments)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
