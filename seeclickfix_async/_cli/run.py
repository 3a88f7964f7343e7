"""Registration of the commands, and the run of one."""

from __future__ import annotations

from cyclopts import CycloptsError

from seeclickfix_async._cli.app import FAILED, INTERRUPTED, LOCKED, MISUSED, OK, app, err
from seeclickfix_async._cli.commands import (
    comment,
    form,
    login,
    places,
    pull,
    read,
    report,
    sandbox,
    watch,
)
from seeclickfix_async._cli.messages import describe
from seeclickfix_async.errors import FileLockedError, InvalidArgumentError, SeeClickFixError

for _command in (
    comment.close,
    comment.comment,
    form.form,
    form.questions,
    login.login,
    login.logout,
    places.places,
    pull.demo,
    pull.pull,
    read.issues,
    read.show,
    read.whoami,
    report.report,
    watch.watch,
):
    app.command(_command)
app.command(pull.map_page, name="map")  # `map` is a built-in function of Python
app.command(sandbox.sandbox, help_flags=())  # the sandbox prints its own --help


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        err.print("scf: stopped. Everything received so far is saved.")
        return INTERRUPTED


def _run(arguments: list[str] | None) -> int:
    try:
        code = app(arguments, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        return MISUSED
    except SeeClickFixError as error:
        command, *_ = app.parse_args(arguments)
        err.print(f"scf: {describe(error, command)}", markup=False, highlight=False)
        return _exit_code(error)
    return code if isinstance(code, int) else OK


def _exit_code(error: SeeClickFixError) -> int:
    match error:
        case FileLockedError():
            return LOCKED
        case InvalidArgumentError():
            return MISUSED
        case _:
            return FAILED
