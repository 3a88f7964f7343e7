"""The command `scf`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; gives the exit code."""
    try:
        from seeclickfix_async.cli.commands import run  # noqa: PLC0415  # an extra, maybe absent
    except ModuleNotFoundError as error:
        if error.name not in ("cyclopts", "platformdirs", "rich"):
            raise
        sys.stderr.write("scf needs one more step: pip install 'seeclickfix-async[cli]'\n")
        return 2
    return run()
