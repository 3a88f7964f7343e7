"""`scf sandbox`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from seeclickfix_async._cli import sandbox_process


def sandbox(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
    """Run a sandbox of the service on this machine until Ctrl-C."""
    return sandbox_process.run_in_foreground(arguments)
