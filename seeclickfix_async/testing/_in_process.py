"""A sandbox in the same process, as a transport of httpx or httpx2.

A fault spoils a response below HTTP. Its bytes are parsed here as the libraries parse them, so that
a client sees the same errors as over a socket.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import AsyncIterator
from typing import Any

import h11

from seeclickfix_async.sandbox import Sandbox
from seeclickfix_async.sandbox._connection import CONNECTION, Ending, Steps
from seeclickfix_async.testing._clock import VirtualClock


class _ScriptedError(Exception):
    """Carries what a fault sends out of the application."""

    def __init__(self, steps: Steps, ending: Ending) -> None:
        super().__init__()
        self.steps = steps
        self.ending = ending


class _TimeoutError(Exception):
    """The application took longer than the read timeout of the request."""


class _Connection:
    """The connection of one request, whose waits take no real time.

    Args:
        clock: Measures the waits.
        timeout: The read timeout in seconds, or None.
    """

    def __init__(self, clock: VirtualClock, timeout: float | None) -> None:
        self._clock = clock
        self._timeout = timeout

    async def sleep(self, seconds: float) -> None:
        """Let the client wait, for its read timeout at most."""
        if self._timeout is not None and seconds > self._timeout:
            await self._clock.sleep(self._timeout)
            raise _TimeoutError
        if seconds > 0:
            await self._clock.sleep(seconds)

    async def send(self, steps: Steps, ending: Ending) -> None:
        """Leave the application with these steps."""
        raise _ScriptedError(steps, ending)


@functools.cache
def transport_class(library: str) -> Any:
    """Return the class of transports of `httpx` or `httpx2` that send to a sandbox."""
    module = importlib.import_module(library)

    class SandboxTransport(module.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        """Sends requests to a sandbox."""

        def __init__(self, sandbox: Sandbox, clock: VirtualClock) -> None:
            self._sandbox = sandbox
            self._clock = clock

        async def handle_async_request(self, request: Any) -> Any:
            """Return the response of the sandbox, with its faults."""
            timeout = request.extensions.get("timeout", {}).get("read")
            connection = _Connection(self._clock, timeout)

            async def app(scope: Any, receive: Any, send: Any) -> None:
                scope["extensions"] = {CONNECTION: connection}
                await self._sandbox.app(scope, receive, send)

            try:
                return await module.ASGITransport(app=app).handle_async_request(request)
            except _TimeoutError:
                raise module.ReadTimeout("The response took too long.", request=request) from None
            except _ScriptedError as script:
                reader = _ScriptReader(module, request, connection, script)
            return await reader.response()

    return SandboxTransport


class _ScriptReader:
    """Reads the steps of a fault as a client reads a connection."""

    def __init__(
        self, module: Any, request: Any, connection: _Connection, script: _ScriptedError
    ) -> None:
        self._module = module
        self._request = request
        self._connection = connection
        self._steps = iter(script.steps)
        self._ending = script.ending
        self._parser = h11.Connection(h11.CLIENT)
        host = ("host", request.url.host)
        target = request.url.raw_path
        self._parser.send(h11.Request(method=request.method, target=target, headers=[host]))
        self._parser.send(h11.EndOfMessage())

    async def response(self) -> Any:
        """Return the response, whose body is read later."""
        while not isinstance(head := await self._next(), h11.Response):
            pass  # 100 and 103 come before the response
        return self._module.Response(
            head.status_code,
            headers=[(bytes(name), bytes(value)) for name, value in head.headers],
            stream=self._stream(),
            request=self._request,
        )

    def _stream(self) -> Any:
        reader = self

        class Stream(self._module.AsyncByteStream):  # type: ignore[misc, name-defined]
            async def __aiter__(self) -> AsyncIterator[bytes]:
                while isinstance(event := await reader._next(), h11.Data):
                    yield bytes(event.data)

        return Stream()

    async def _next(self) -> Any:
        """Return the next event of the connection, or raise the library's error."""
        try:
            while (event := self._parser.next_event()) is h11.NEED_DATA:
                await self._receive()
        except h11.RemoteProtocolError as error:
            raise self._error("RemoteProtocolError", str(error)) from None
        except _TimeoutError:
            raise self._error("ReadTimeout", "The response took too long.") from None
        if isinstance(event, h11.ConnectionClosed):
            raise self._error("RemoteProtocolError", "Server disconnected without a response.")
        return event

    async def _receive(self) -> None:
        step = next(self._steps, None)
        if isinstance(step, bytes):
            if step:
                self._parser.receive_data(step)
        elif step is not None:
            await self._connection.sleep(step)
        elif self._ending == "refuse":
            raise self._error("ConnectError", "All connection attempts failed")
        elif self._ending == "reset":
            raise self._error("ReadError", "Connection reset by peer")
        else:
            self._parser.receive_data(b"")

    def _error(self, name: str, message: str) -> Exception:
        error: Exception = getattr(self._module, name)(message, request=self._request)
        return error
