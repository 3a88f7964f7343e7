"""Servers in separate processes, so that only the client is measured."""

from __future__ import annotations

import asyncio
import shutil
import socket
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


def encode_rows(rows: int) -> bytes:
    """Return the JSON of a page of `rows` issues; of one issue if `rows` is 0."""
    serializer = Serializer(Sandbox(1000).city, "https://seeclickfix.com", Overlay())
    if rows == ISSUE:
        return msgspec.json.encode(serializer.issue(500))
    pagination = {
        "entries": 50_000,
        "page": None,
        "per_page": rows,
        "pages": 500,
        "next_page": None,
    }
    page = {
        "issues": [serializer.issue(row) for row in range(rows)],
        "metadata": {"pagination": pagination},
    }
    return msgspec.json.encode({**page, "errors": {}})


class _FixedResponse(asyncio.Protocol):
    """Sends the same response to each request, with a latency in seconds."""

    def __init__(self, response: bytes, latency: float) -> None:
        self._response = response
        self._latency = latency

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond to each request; our client sends none with a body."""
        for _ in range(data.count(b"\r\n\r\n")):
            asyncio.get_running_loop().call_later(self._latency, self._write)

    def _write(self) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(self._response)


async def _serve(rows: int, latency: float) -> None:
    body = encode_rows(rows)
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    server = await asyncio.get_running_loop().create_server(
        lambda: _FixedResponse(head.encode() + body, latency), "127.0.0.1", 0, backlog=256
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextmanager
def run_server(*arguments: str) -> Iterator[str]:
    """Run a module that starts a server, in a process of its own; yield the base URL."""
    with subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip().rpartition(" ")[2]
        finally:
            server.terminate()


def fixed(rows: int, latency: float = 0.0) -> AbstractContextManager[str]:
    """Run a server that always sends the same page of `rows` issues, or one issue if 0."""
    return run_server("benchmarks.servers", str(rows), str(latency))


def sandbox(*arguments: str) -> AbstractContextManager[str]:
    """Run a sandbox; yield its base URL."""
    return run_server("seeclickfix_async.sandbox", "--port", "0", *arguments)


@contextmanager
def redis() -> Iterator[int]:
    """Run a Redis server that stores nothing on the disk; yield its port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    program = shutil.which("redis-server")
    assert program, "This needs a redis-server (Debian's package redis-server)."
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert any("Ready to accept" in line for line in server.stdout)
            yield port
        finally:
            server.terminate()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
