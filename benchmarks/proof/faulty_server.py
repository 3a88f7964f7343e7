"""A socket whose sandbox can be exchanged, while its faults stay the same object."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

from seeclickfix_async.sandbox import Faults, Sandbox
from seeclickfix_async.sandbox._server import serve


class FaultyServer:
    """A server of one sandbox after another.

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
