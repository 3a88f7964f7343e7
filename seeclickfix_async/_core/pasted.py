"""Additions to a value that people copy together with it."""

from __future__ import annotations

import re

from seeclickfix_async._core.secret import MASK
from seeclickfix_async.errors import InvalidArgumentError

_QUOTES = "[\"'`\u2018-\u201f\u00ab\u00bb]+"
_ADDITIONS = {
    "the word Bearer": re.compile(r"^(?:authori[sz]ation:\s*)?bearer(?:\s+|$)", re.IGNORECASE),
    "quotes": re.compile(f"^{_QUOTES}|{_QUOTES}$"),
    "a space or a line break": re.compile(r"^\s+|\s+$"),
    # a byte order mark, and marks of width and direction
    "an invisible character (read the file as utf-8-sig)": re.compile(
        "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+"
    ),
}


def refuse_additions(argument: str, value: object) -> None:
    """Refuse a string with quotes, the word Bearer, or blank or invisible characters around it.

    Raises:
        InvalidArgumentError: It names these additions, and not the value.
    """
    found: list[str] = []
    changed = isinstance(value, str)
    while changed:
        changed = False
        for name, pattern in _ADDITIONS.items():
            rest = pattern.sub("", str(value))
            if rest != value:
                value, changed = rest, True
                found += [] if name in found else [name]
    if found:
        value = rest = MASK  # tracebacks show locals
        raise InvalidArgumentError(
            argument,
            f"was copied together with {' and '.join(found)}; leave that out.",
        )
