"""A sandbox behind real sockets, whose responses can be spoiled."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Literal

import attrs
import httpx

from seeclickfix_async.sandbox import Sandbox

Moment = Literal["connected", "head", "request", "response"]
"""The moment of a fault: before a request, after its head, before it is carried out, or after."""


@attrs.define
class Exchange:
    """A connection, with the request and the response of the sandbox.

    Attributes:
        target: The path and query of the request; empty before it was read.
        status: The status of the response.
        headers: Its headers, without Content-Length.
        body: Its body.
    """

    writer: asyncio.StreamWriter
    target: str = ""
    status: int = 0
    headers: dict[str, str] = attrs.field(factory=dict)
    body: bytes = b""

    async def send(
        self,
        *,
        status: int | None = None,
        headers: Mapping[str, str] = {},  # a mapping is not changed
        body: bytes | None = None,
        length: str | None = "",
    ) -> None:
        """Send the response, with other parts; `length` None sends no Content-Length."""
        content = self.body if body is None else body
        lines = {**self.headers, **headers}
        if length is not None:
            lines["content-length"] = length or str(len(content))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        await self.send_raw(
            f"HTTP/1.1 {status or self.status} Status\r\n{head}\r\n".encode("latin-1") + content
        )

    async def send_raw(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """Close the connection."""
        self.writer.close()

    def reset(self) -> None:
        """Reset the connection."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


@attrs.frozen
class Fault:
    """A way to spoil an exchange.

    Attributes:
        name: Its name in the results.
        spoil: Sends something instead of the response, and may close the connection.
        moment: The moment of the fault.
        is_quick: Whether it takes no time, so that it can spoil every response.
    """

    name: str
    spoil: Callable[[Exchange], Awaitable[None]]
    moment: Moment = "response"
    is_quick: bool = True


class FaultyServer:
    """A server whose next responses are spoiled.

    Attributes:
        sandbox: The sandbox that carries out the requests.
        posts: The number of POSTs that it carried out, without those for tokens.
        url: The base URL.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._open: set[asyncio.StreamWriter] = set()
        self.serve(Sandbox(1))

    def serve(self, sandbox: Sandbox) -> None:
        """Serve another sandbox, without faults."""
        self.sandbox = sandbox
        self.posts = 0
        self.spoil_next(0)

    def spoil_next(self, times: int, fault: Fault | None = None, only: str = "") -> None:
        """Spoil the next responses to requests whose first line contains `only`."""
        self._times, self._fault, self._only = times, fault, only

    def disconnect(self) -> None:
        """Abort all connections."""
        for writer in list(self._open):
            writer.transport.abort()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                await self._serve_request(reader, writer)
        self._open.discard(writer)
        writer.close()

    async def _serve_request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        exchange = Exchange(writer)
        if await self._spoil("connected", "", exchange):
            return
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        method, exchange.target, _ = first.split(" ")
        if await self._spoil("head", first, exchange):
            return
        body = await _read_body(reader, {name.lower(): value for name, value in headers.items()})
        if await self._spoil("request", first, exchange):
            return
        request = httpx.Request(
            method, self.url + exchange.target, headers=list(headers.items()), content=body
        )
        self.posts += method == "POST" and "/oauth/" not in exchange.target
        response = await httpx.ASGITransport(app=self.sandbox.app).handle_async_request(request)
        exchange.body = await response.aread()
        exchange.status = response.status_code
        exchange.headers = {
            name: value for name, value in response.headers.items() if name != "content-length"
        }
        if not await self._spoil("response", first, exchange):
            await exchange.send()

    async def _spoil(self, moment: Moment, first_line: str, exchange: Exchange) -> bool:
        fault = self._fault
        if fault is None or fault.moment != moment or self._times <= 0:
            return False
        if self._only not in first_line and moment != "connected":
            return False
        self._times -= 1
        await fault.spoil(exchange)
        return True


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


@contextlib.contextmanager
def faulty_server() -> Generator[FaultyServer]:
    """Run a faulty server in a thread."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = FaultyServer(sock.getsockname()[1])
    loop = asyncio.new_event_loop()

    async def listen() -> None:
        await asyncio.start_server(server.handle, sock=sock, limit=2**24)

    loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        sock.close()
