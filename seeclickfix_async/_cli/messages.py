"""Errors in the words of the command line: what was typed, and what can be typed instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import Parameter, signature
from typing import Any

from seeclickfix_async._client import TOKEN_VARIABLE
from seeclickfix_async.errors import InvalidArgumentError, InvalidDraftError, SeeClickFixError

Command = Callable[..., Any]

# What the library calls by another name than the command that hands it on.
_TYPED = {
    "anonymize_reporter": "--anonymous",
    "comment": "TEXT",
    "per_page": "--limit",
    "place_url": "--place",
    "radius": "METRES",
    "to": "FILE",
    **{name: name.upper() for name in ("lat", "lng", "min_lat", "min_lng", "max_lat", "max_lng")},
}
_LOGIN = f"Use scf login, or set {TOKEN_VARIABLE}."
_ADVICE = {
    "Give a token, from the account's security page or OAuth.": _LOGIN,
    "Give a token.": _LOGIN,
    "Give the token of one who may.": _LOGIN,
    "base_url": "--base-url",
    "client.issues.crawl()": "scf pull",
    " client.request() gives the answer as it came.": "",
    "give a contact=, and": "and",
    "update=True": "--update",
    "with per_page": "with --limit",
    "as PlaceArea": "for --place",
}


def said(error: SeeClickFixError, command: Command) -> str:
    """What a person is told of an error that ended a command."""
    if isinstance(error, InvalidDraftError):
        return "\n".join(("Nothing was sent.", *faults(error, command)))
    words = str(error)
    if isinstance(error, InvalidArgumentError):
        words = f"{typed(error.argument, command)}: {error.reason}"
    for ours, theirs in _ADVICE.items():
        words = words.replace(ours, theirs)
    return words


def faults(error: InvalidDraftError, command: Command) -> Iterator[str]:
    """The faults of a report, a line each; a question is in its own words already."""
    for field, words in error.errors.items():
        name = typed(field, command)
        for word in words:
            yield f"- {word}" if name == field else f"- {name}: {word}"


def typed(argument: str, command: Command) -> str:
    """An argument's name as it is typed: `--per-page`, or `ID` for one without a name."""
    parameter = signature(command).parameters.get(argument)
    if parameter is None:
        return _TYPED.get(argument, argument)
    if parameter.kind is Parameter.POSITIONAL_ONLY:
        return argument.upper()
    return f"--{argument.replace('_', '-')}"
