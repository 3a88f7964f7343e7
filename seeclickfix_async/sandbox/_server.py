"""The sandbox on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import anyio
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from seeclickfix_async.sandbox._connection import CONNECTION, Ending, Steps
from seeclickfix_async.sandbox._fault_rules import Faults

_RESET_AFTER = 0.02
"""Seconds after which a connection is reset, so that the bytes before have arrived."""


class _Server(uvicorn.Server):
    """A uvicorn server with an event that is set when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class _SocketConnection:
    """The connection of a request, over a socket."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    async def sleep(self, seconds: float) -> None:
        """Let the client wait."""
        await anyio.sleep(seconds)

    async def send(self, steps: Steps, ending: Ending) -> None:
        """Send steps, and end the connection."""
        for step in steps:
            if self._transport.is_closing():
                return
            if isinstance(step, bytes):
                self._transport.write(step)
            else:
                await anyio.sleep(step)
        if ending == "close":
            self._transport.close()
            return
        if steps:
            await anyio.sleep(_RESET_AFTER)
        reset(self._transport)


def reset(transport: asyncio.Transport) -> None:
    """Reset a connection instead of closing it."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):  # closed by the client
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _faulty_protocol(faults: Faults) -> type[H11Protocol]:
    """Return a protocol whose requests have access to their connection."""

    class FaultyProtocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if faults.draw_refusal():
                reset(transport)
                return
            connection, app = _SocketConnection(transport), self.app

            async def connected(scope: Any, receive: Any, send: Any) -> None:
                scope.setdefault("extensions", {})[CONNECTION] = connection
                await app(scope, receive, send)
                while transport.is_closing() and (await receive())["type"] != "http.disconnect":
                    pass  # or the server would report a response that is missing

            self.app = connected

    return FaultyProtocol


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 chooses a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(128)
    return sock


def uvicorn_config(app: Any, faults: Faults) -> uvicorn.Config:
    """Return the configuration of a server that logs warnings only, and no requests."""
    return uvicorn.Config(
        app,
        http=_faulty_protocol(faults),
        log_config=None,  # the handlers are the program's
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_keep_alive=60,
        date_header=False,  # the sandbox has a clock of its own
    )


@contextmanager
def serve(
    app: Any,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    faults: Faults | None = None,
) -> Generator[str]:
    """Serve an ASGI application from a thread, and yield its base URL."""
    sock = listen(host, port)
    server = _Server(uvicorn_config(app, faults or Faults()))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        if not server.listening.wait(10):
            raise RuntimeError("The sandbox did not start within 10 seconds.")
        yield f"http://{host}:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)
        sock.close()
