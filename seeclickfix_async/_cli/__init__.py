"""The command `scf`."""

from __future__ import annotations

import os
import sys

_INTERRUPTED, _NOBODY_READS = 130, 141  # as shells count SIGINT and SIGPIPE


def main() -> int:
    """Run the command line; gives the exit code."""
    try:
        code = _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # `scf issues --json | head -1`: nothing more can be said, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NOBODY_READS
    return code


def _run() -> int:
    try:
        from seeclickfix_async._cli.commands.read import run  # noqa: PLC0415  # an extra, maybe absent
    except ModuleNotFoundError as error:
        if error.name not in ("cyclopts", "platformdirs", "rich"):
            raise
        sys.stderr.write("scf needs one more step: pip install 'seeclickfix-async[cli]'\n")
        return 2
    return run()
