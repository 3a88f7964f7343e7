"""`scf --install-completion`."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.completion.detect import ShellDetectionError

from seeclickfix_async._cli.app import app
from seeclickfix_async._cli.exit_codes import OK
from seeclickfix_async._cli.options import RUN, RunOptions
from seeclickfix_async._cli.terminal import out
from seeclickfix_async.errors import InvalidArgumentError

Shell = Literal["bash", "zsh", "fish"]


def install_completion(
    *,
    shell: Annotated[Shell | None, Parameter(show_default=False)] = None,
    options: RunOptions = RUN,
) -> int:
    """Install completion for bash, zsh or fish.

    For bash and zsh, a line is added to the shell's startup file.

    Args:
        shell: The shell; by default the one that runs scf.
    """
    del options  # they are those of the run
    try:
        path = app.install_completion(shell=shell)
    except ShellDetectionError:
        raise InvalidArgumentError(
            "shell", "could not be detected. Use --shell bash, --shell zsh or --shell fish."
        ) from None
    out.print(f"Installed {path}. Open a new terminal to use it.")
    return OK
