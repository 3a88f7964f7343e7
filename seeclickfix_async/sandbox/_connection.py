"""The connection of a request, to which faults write bytes instead of a response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CONNECTION = "seeclickfix_async.connection"
"""The key of a connection in the `extensions` of an ASGI scope."""

Ending = Literal["close", "reset", "refuse"]
"""The end of a connection; `refuse` if it never began."""

Steps = tuple[bytes | float, ...]
"""The bytes that are sent instead of a response, and pauses in seconds."""

Script = Callable[[Response], tuple[Steps, Ending]]
"""Returns the steps and the ending that replace a response."""


class Connection(Protocol):
    """The connection of a request, below HTTP."""

    async def sleep(self, seconds: float) -> None:
        """Let the client wait."""
        ...

    async def send(self, steps: Steps, ending: Ending) -> None:
        """Send steps, and end the connection."""
        ...


class SystemConnection:
    """A connection of which only the time is known: of an ASGI transport of HTTP libraries."""

    async def sleep(self, seconds: float) -> None:
        """Let the client wait."""
        await anyio.sleep(seconds)

    async def send(self, steps: Steps, ending: Ending) -> None:
        """Refuse to send."""
        raise RuntimeError(
            f"This fault needs a connection ({len(steps)} steps, then {ending}). Use the sandbox "
            "through `serve()`, or through the clients of `seeclickfix_async.testing`."
        )


class ScriptedResponse(Response):
    """A response that is written to the connection as bytes, which may not be HTTP.

    Raises:
        RuntimeError: The application is called through a transport without access to a connection.
    """

    def __init__(self, status: int, steps: Steps, ending: Ending) -> None:
        super().__init__(status_code=status)
        self.ending: Ending = ending
        self._steps = steps

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """Write to the connection of the scope."""
        await connection_of(scope).send(self._steps, self.ending)


def connection_of(scope: Scope) -> Connection:
    """Return the connection of a request."""
    connection: Connection | None = (scope.get("extensions") or {}).get(CONNECTION)
    return connection or SystemConnection()
