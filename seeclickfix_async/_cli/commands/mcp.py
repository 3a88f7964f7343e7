"""`scf mcp`."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import Any

from seeclickfix_async._cli.exit_codes import MISUSED, OK
from seeclickfix_async._cli.options import SITE, Flag, SiteOptions
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import err
from seeclickfix_async.errors import ClientStateError


async def mcp(*, allow_write: Flag = False, options: SiteOptions = SITE) -> int:
    """Serve issues to an assistant over standard input and output (Model Context Protocol).

    Args:
        allow_write: Let the assistant report and comment, under the account that is signed in.
    """
    try:
        server_package: Any = importlib.import_module("seeclickfix_async.mcp")
    except ModuleNotFoundError as error:
        err.print(f"scf: {error}")  # it names the extra
        return MISUSED
    if sys.__stdin__ is None or sys.__stdout__ is None:
        raise ClientStateError(
            "scf mcp needs standard input and output. Let an assistant start it."
        )
    # The process waits for a line in a thread that cannot be stopped, and has nothing to save.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The transport takes the real streams for the protocol, and sends what is printed to stderr.
    sys.stdin, sys.stdout = sys.__stdin__, sys.__stdout__
    try:
        async with make_client(options) as client:
            server = server_package.build_server(client, allow_write=allow_write)
            await server.run_stdio_async()
    except* BrokenPipeError:
        pass  # the assistant has ended
    return OK
