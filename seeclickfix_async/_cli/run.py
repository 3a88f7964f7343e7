"""Registration of the commands, and the run of one."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Iterator

from cyclopts import CycloptsError

from seeclickfix_async._cli.app import FAILED, INTERRUPTED, LOCKED, MISUSED, OK, app
from seeclickfix_async._cli.commands import (
    comment,
    form,
    login,
    mcp,
    places,
    pull,
    read,
    report,
    sandbox,
    watch,
)
from seeclickfix_async._cli.environment import take_secrets
from seeclickfix_async._cli.interrupts import ignore_interrupts, run_stoppable
from seeclickfix_async._cli.messages import CHECK_WRITE, Command, describe, describe_faults
from seeclickfix_async._cli.streams import standard_streams
from seeclickfix_async._cli.terminal import err
from seeclickfix_async._core.os_error import describe_os_error
from seeclickfix_async.errors import (
    FileLockedError,
    InvalidArgumentError,
    InvalidDraftError,
    SeeClickFixError,
)

_BROKEN_PIPE = 141  # as shells report SIGPIPE

# Commands whose work is their output.
_READING = (
    form.form,
    form.questions,
    mcp.mcp,
    places.places,
    read.issues,
    read.show,
    read.whoami,
    watch.watch,
)
# Commands that change something. Their exit code reports the change, also if it cannot be printed.
_WRITING = (
    comment.close,
    comment.comment,
    login.login,
    login.logout,
    pull.demo,
    pull.map_page,
    pull.pull,
    report.report,
)
_NAMES: dict[Command, str] = {pull.map_page: "map"}  # `map` is a built-in function of Python
_STOPPED: dict[Command, str] = {
    comment.close: CHECK_WRITE,
    comment.comment: CHECK_WRITE,
    pull.pull: "Everything received so far is saved; the same command continues.",
    report.report: "If you confirmed the report, check whether it exists before you repeat it.",
    watch.watch: "With --cursor, the same command continues after the last change.",
}

for _command in (*_READING, *_WRITING):
    app.command(_command, name=_NAMES.get(_command))
app.command(sandbox.sandbox, help_flags=())  # the sandbox prints its own --help


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code; afterwards, Ctrl-C may be ignored."""
    take_secrets()
    with standard_streams() as output:
        code = _run(arguments)
        sys.stdout.flush()
        if output.error is None:
            return code
        return _report_lost_output(output.error, code, arguments)


def _run(arguments: list[str] | None) -> int:
    try:
        command, bound, _ = app.parse_args(arguments, exit_on_error=False)
        if inspect.iscoroutinefunction(command):
            code = run_stoppable(command, *bound.args, **bound.kwargs)
        else:
            code = command(*bound.args, **bound.kwargs)
    except CycloptsError:
        return MISUSED
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001  # a traceback is printed below
        ignore_interrupts()
        for line in _describe_error(error, _command_of(arguments)):
            err.print(line)
        return _exit_code(error)
    return code if isinstance(code, int) else OK


def _command_of(arguments: list[str] | None) -> Command:
    command, *_ = app.parse_args(arguments)
    return command


def _describe_error(error: BaseException, command: Command) -> Iterator[str]:
    """Yield the lines for an error that ended a command."""
    match error:
        case KeyboardInterrupt():
            yield f"scf: stopped. {_STOPPED.get(command, '')}".rstrip()
        case InvalidDraftError():
            yield "scf: Nothing was sent."
            yield from describe_faults(error, command)
        case SeeClickFixError():
            yield f"scf: {describe(error, command)}"
        case OSError():
            file = f"{error.filename}: " if error.filename else ""
            yield f"scf: {file}{describe_os_error(error)}"
        case _:
            yield from "".join(traceback.format_exception(error)).splitlines()
            yield "scf: this is a bug in scf. Please report it, with the lines above."


def _exit_code(error: BaseException) -> int:
    match error:
        case KeyboardInterrupt():
            return INTERRUPTED
        case FileLockedError():
            return LOCKED
        case InvalidArgumentError():
            return MISUSED
        case _:
            return FAILED


def _report_lost_output(error: OSError, code: int, arguments: list[str] | None) -> int:
    """Report that standard output could not be written, and return the exit code."""
    is_pipe = isinstance(error, BrokenPipeError)
    is_done = _command_of(arguments) in _WRITING
    if not is_pipe:
        done = " Everything else is done." if is_done and code == OK else ""
        err.print(f"scf: standard output cannot be written: {describe_os_error(error)}{done}")
    if is_done or code != OK:
        return code
    return _BROKEN_PIPE if is_pipe else FAILED
