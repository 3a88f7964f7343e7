"""The messages and the exit codes of a command that failed."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from seeclickfix_async._cli.catalog import COMMANDS
from seeclickfix_async._cli.exit_codes import (
    BROKEN_PIPE,
    FAILED,
    INTERRUPTED,
    LOCKED,
    MISUSED,
    OK,
)
from seeclickfix_async._cli.messages import Command, describe, describe_faults, is_question
from seeclickfix_async._cli.secrets import all_secrets
from seeclickfix_async._cli.terminal import err
from seeclickfix_async._core.error_secrets import mask_secrets
from seeclickfix_async._core.os_error import describe_os_error
from seeclickfix_async.errors import (
    FileLockedError,
    InvalidArgumentError,
    InvalidDraftError,
    SeeClickFixError,
)


def report_error(error: BaseException, command: Command, name: str, *, debug: bool) -> int:
    """Print the error that ended a command, and return the exit code."""
    lines = [*_describe(error, command, name)]
    if debug:
        lines = [*"".join(traceback.format_exception(error)).splitlines(), *lines]
    for line in lines:
        err.print(mask_secrets(line, all_secrets()))
    match error:
        case KeyboardInterrupt():
            return INTERRUPTED
        case FileLockedError():
            return LOCKED
        case InvalidArgumentError():
            return MISUSED
        case _:
            return FAILED


def _describe(error: BaseException, command: Command, name: str) -> Iterator[str]:
    match error:
        case KeyboardInterrupt():
            advice = COMMANDS[name].stopped if name else ""
            yield f"scf: stopped. {advice}".rstrip()
        case InvalidDraftError():
            yield "scf: Nothing was sent."
            yield from describe_faults(error, command)
            if any(is_question(field, command) for field in error.errors):
                yield "scf questions TYPE lists their keys and values."
        case SeeClickFixError():
            yield f"scf: {describe(error, command)}"
        case OSError():
            file = f"{error.filename}: " if error.filename else ""
            yield f"scf: {file}{describe_os_error(error)}"
        case _:
            reason = traceback.format_exception_only(error)[-1].strip().rstrip(".")
            yield (
                f"scf: This is a bug in scf ({reason}). Please report it, with the output of the "
                "same command with --debug."
            )


def report_lost_output(error: OSError, code: int, name: str) -> int:
    """Report that standard output could not be written, and return the exit code."""
    is_pipe = isinstance(error, BrokenPipeError)
    is_done = bool(name) and COMMANDS[name].changes
    if not is_pipe:
        done = " Everything else is done." if is_done and code == OK else ""
        err.print(f"scf: standard output cannot be written: {describe_os_error(error)}{done}")
    if is_done or code != OK:
        return code
    return BROKEN_PIPE if is_pipe else FAILED
