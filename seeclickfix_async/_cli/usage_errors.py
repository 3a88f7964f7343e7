"""The messages for a command line that cannot be parsed; imported when there is one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import datetime

from cyclopts import (
    ArgumentCollection,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    UnknownOptionError,
)
from cyclopts.exceptions import UnusedCliTokensError

from seeclickfix_async._cli.app import app
from seeclickfix_async._cli.catalog import COMMANDS

_SIMILAR = 0.75  # --limt is similar to --limit; --after is not to --near
_FORMS = {
    datetime: "a time, such as 2026-01-31 or 2026-01-31T08:00",
    float: "a number",
    int: "an integer",
}
_VALUES = {
    "--at": "LAT LNG",
    "--box": "MIN_LAT MIN_LNG MAX_LAT MAX_LNG",
    "--near": "LAT LNG METRES",
}
_QUOTE = "Put quotation marks around a comment of several words."
# What an argument too many was probably meant to be.
_SURPLUS = {"close": _QUOTE, "comment": _QUOTE, "map": "Name the page with --to {}."}


def describe_usage_error(error: CycloptsError, name: str) -> str:
    """Return what is wrong with a command line, and the next step."""
    match error:
        case UnknownOptionError():
            problem = _describe_unknown(error, name)
        case UnusedCliTokensError(unused_tokens=[first, *_]):
            hint = _SURPLUS.get(name, "").format(first)
            problem = f"Unexpected argument: {first}. {hint}".rstrip() + _usage(name)
        case MissingArgumentError(argument=argument) if argument and argument.token_count()[0] > 1:
            values = _VALUES.get(argument.name, f"{argument.token_count()[0]} values")
            problem = f"{argument.name} requires {values}, separated by spaces."
        case CoercionError(token=token, argument=argument, target_type=wanted) if (
            token and argument and wanted in _FORMS
        ):
            option = token.keyword or argument.name
            problem = f'{option}: "{token.value}" is not {_FORMS[wanted]}.'
        case _:
            problem = str(error).rstrip()
    return f"{problem} {f'scf {name}'.rstrip()} --help lists the options."


def _describe_unknown(error: UnknownOptionError, name: str) -> str:
    option = (error.token.keyword or error.token.value).partition("=")[0]
    known = (name for argument in error.argument_collection for name in argument.names)
    names = {name.strip("-"): name for name in known}
    similar = difflib.get_close_matches(option.strip("-"), names, 1, _SIMILAR)
    if similar:
        return f"Unknown option: {option}. Did you mean {names[similar[0]]}?"
    others = ", ".join(f"scf {other}" for other in _find_commands(option))
    hint = f" It is an option of {others}." if others else ""
    return f"Unknown option: {option}.{hint}{_usage(name)}"


def _find_commands(option: str) -> Iterator[str]:
    """Yield the commands that have an option; it loads all of them."""
    for name in COMMANDS:
        if any(option in argument.names for argument in _arguments(name)):
            yield name


def _usage(name: str) -> str:
    """Return a sentence with the arguments of a command, if there is one."""
    if not name:
        return ""
    positional = (argument.name for argument in _arguments(name) if argument.name.isupper())
    return f" Usage: {' '.join(('scf', name, *positional, '[OPTIONS]'))}."


def _arguments(name: str) -> ArgumentCollection:
    return app[name].assemble_argument_collection(
        default_parameter=app.default_parameter, parse_docstring=False
    )
