"""The command `scf`."""

from __future__ import annotations

import os
import sys

_INTERRUPTED, _BROKEN_PIPE = 130, 141  # as shells report SIGINT and SIGPIPE


def main() -> int:
    """Run the command line and return the exit code."""
    try:
        code = _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # `scf issues --json | head -1` closes standard output. Python flushes it again at exit,
        # which must not fail a second time.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return code


def _run() -> int:
    try:
        from seeclickfix_async._cli.run import run  # noqa: PLC0415  # the extra may be missing
    except ModuleNotFoundError as error:
        if error.name not in ("cyclopts", "platformdirs", "rich"):
            raise
        sys.stderr.write("scf requires the 'cli' extra: pip install 'seeclickfix-async[cli]'\n")
        return 2
    return run()
