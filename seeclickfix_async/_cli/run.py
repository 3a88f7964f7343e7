"""The run of one command. What only some runs need is imported when it is needed."""

from __future__ import annotations

import gc
import inspect
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from cyclopts import CycloptsError

from seeclickfix_async._cli.app import app, load_command
from seeclickfix_async._cli.exit_codes import MISUSED, OK
from seeclickfix_async._cli.secrets import take_secrets
from seeclickfix_async._cli.streams import standard_streams
from seeclickfix_async._cli.terminal import err, set_quiet, show_warning

_LEADING_OPTIONS = ("--quiet", "--debug")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; afterwards, Ctrl-C may be ignored."""
    take_secrets()
    tokens = [*(sys.argv[1:] if arguments is None else arguments)]
    with standard_streams() as output, warnings.catch_warnings():
        warnings.showwarning = show_warning
        name = load_command(tokens)
        if name:  # --quiet and --debug may precede it
            first = tokens.index(name)
            leading = [token for token in tokens[:first] if token in _LEADING_OPTIONS]
            if len(leading) == first:
                tokens = [name, *leading, *tokens[first + 1 :]]
        code = _run(tokens, name)
        sys.stdout.flush()
        if output.error is not None:
            from seeclickfix_async._cli.failures import report_lost_output  # noqa: PLC0415

            code = report_lost_output(output.error, code, name)
    return code


def _run(tokens: list[str], name: str) -> int:
    try:
        command, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        from seeclickfix_async._cli.usage_errors import describe_usage_error  # noqa: PLC0415

        err.print(f"scf: {describe_usage_error(error, name)}")
        return MISUSED
    bound.apply_defaults()
    quiet, debug = (
        any(getattr(value, option, False) is True for value in bound.arguments.values())
        for option in ("quiet", "debug")
    )
    set_quiet(quiet)
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    try:
        code = _call(command, *bound.args, **bound.kwargs)
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001  # each is reported
        from seeclickfix_async._cli.failures import report_error  # noqa: PLC0415
        from seeclickfix_async._cli.interrupts import ignore_interrupts  # noqa: PLC0415

        ignore_interrupts()
        return report_error(error, command, name, debug=debug)
    return code if isinstance(code, int) else OK


def _call(command: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not inspect.iscoroutinefunction(command):
        return command(*args, **kwargs)
    from seeclickfix_async._cli.interrupts import run_stoppable  # noqa: PLC0415  # asyncio

    return run_stoppable(command, *args, **kwargs)
