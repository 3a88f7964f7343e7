"""A sandbox on a socket, which can be exchanged and whose next responses can be spoiled."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

from seeclickfix_async.sandbox import Fault, Faults, Sandbox
from seeclickfix_async.sandbox._server import serve


class FaultyServer:
    """A server whose next responses are spoiled.

    Attributes:
        sandbox: The sandbox that carries out the requests.
        faults: The faults of all sandboxes.
        url: The base URL.
    """

    url = ""

    def __init__(self) -> None:
        self.faults = Faults()
        self.serve(Sandbox(1))

    def serve(self, sandbox: Sandbox) -> None:
        """Serve another sandbox, without faults."""
        sandbox._gateway.faults = self.faults
        self.sandbox = sandbox
        self.faults.clear()

    def spoil_next(self, times: int, fault: Fault, only: str = "") -> None:
        """Spoil the next responses to requests whose method and path contain `only`."""
        self.faults.clear()
        self.faults.append(fault, on=f"*{only}*" if only else "*", times=times)

    @property
    def writes(self) -> int:
        """The number of reports and comments that were carried out."""
        return len(self.sandbox.reports) + len(self.sandbox.comments)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request: this is an ASGI application."""
        await self.sandbox.app(scope, receive, send)


@contextlib.contextmanager
def faulty_server() -> Generator[FaultyServer]:
    """Run a faulty server in a thread."""
    server = FaultyServer()
    with serve(server, faults=server.faults) as url:
        server.url = url
        yield server
