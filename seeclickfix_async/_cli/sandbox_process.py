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

from seeclickfix_async._cli.extras import find_extras
from seeclickfix_async.errors import SeeClickFixError

_COMMAND = (sys.executable, "-m", "seeclickfix_async.sandbox")
_FIRST_LINE = "SeeClickFix sandbox on "
_NOT_STARTED = (
    "The sandbox did not start. It requires the 'sandbox' extra: "
    "pip install 'seeclickfix-async[sandbox]'"
)


class SandboxError(SeeClickFixError):
    """The sandbox did not start."""

    code = "sandbox_failed"


@asynccontextmanager
async def run_in_background(*arguments: str) -> AsyncGenerator[str]:
    """Start a sandbox on a free port, yield its base URL, and stop it afterwards.

    Raises:
        SandboxError: It did not start, usually because its extra is not installed.
    """
    command = (*_COMMAND, "--port", "0", *arguments)
    async with await anyio.open_process(command, stderr=subprocess.PIPE) as process:
        try:
            line = await _first_line(process)
            if not line.startswith(_FIRST_LINE):
                raise SandboxError(_NOT_STARTED)
            yield line.removeprefix(_FIRST_LINE)
        finally:
            if process.returncode is None:
                process.terminate()


async def _first_line(process: anyio.abc.Process) -> str:
    line = ""
    if process.stdout is not None:
        async for part in TextReceiveStream(process.stdout):
            line += part
            if "\n" in line:
                break
    return line.partition("\n")[0]


def run_in_foreground(arguments: Sequence[str]) -> int:
    """Run a sandbox until it ends or this process is stopped, and return its exit code.

    Raises:
        SandboxError: Its extra is not installed.
    """
    if not find_extras().get("sandbox", True):
        raise SandboxError(_NOT_STARTED)
    with subprocess.Popen((*_COMMAND, *arguments)) as process:  # noqa: S603  # our own module
        signal.signal(signal.SIGTERM, lambda _signal, _frame: process.terminate())
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # A terminal sends Ctrl-C to both processes; the sandbox tolerates both signals.
                process.terminate()
