"""A sandbox in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import anyio
import anyio.abc
from anyio.streams.text import TextReceiveStream

from seeclickfix_async.errors import SeeClickFixError

_COMMAND = (sys.executable, "-m", "seeclickfix_async.sandbox")
_SAYS = "SeeClickFix sandbox on "


class SandboxError(SeeClickFixError):
    """The sandbox did not start."""

    code = "sandbox_failed"


@asynccontextmanager
async def sandbox(*arguments: str) -> AsyncGenerator[str]:
    """Start a sandbox on a free port, give its address, and end it afterwards.

    Raises:
        SandboxError: It did not start, usually since its extra is not installed.
    """
    command = (*_COMMAND, "--port", "0", *arguments)
    async with await anyio.open_process(command, stderr=subprocess.PIPE) as process:
        try:
            line = await _first_line(process)
            if not line.startswith(_SAYS):
                raise SandboxError(
                    "The sandbox did not start. If it is not installed: "
                    "pip install 'seeclickfix-async[sandbox]'"
                )
            yield line.removeprefix(_SAYS)
        finally:
            if process.returncode is None:
                process.terminate()


async def _first_line(process: anyio.abc.Process) -> str:
    line = ""
    if process.stdout is not None:
        async for text in TextReceiveStream(process.stdout):
            line += text
            if "\n" in line:
                break
    return line.partition("\n")[0]


def run(arguments: Sequence[str]) -> int:
    """Run a sandbox in the foreground; gives its exit code. It ends with this process."""
    with subprocess.Popen((*_COMMAND, *arguments)) as process:  # noqa: S603  # our own module
        signal.signal(signal.SIGTERM, lambda _signal, _frame: process.terminate())
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.terminate()  # from a terminal it got the signal too, and takes both
