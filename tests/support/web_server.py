"""A web application on a real socket, with its lifespan."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    """A server in a thread of its own, which logs everything."""

    def __init__(self, site: Any) -> None:
        super().__init__(
            uvicorn.Config(
                site, log_config=None, log_level="trace", lifespan="on", http="h11", ws="none"
            )
        )
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextmanager
def serving(site: Any, sock: socket.socket) -> Iterator[None]:
    """Start an application on a listening socket, and stop it at the end."""
    server = _Server(site)
    thread = threading.Thread(target=server.run, args=[[sock.dup()]], daemon=True)
    thread.start()
    try:
        assert server.listening.wait(10)
        yield
    finally:
        server.should_exit = True
        thread.join(10)
