"""Decoding of JSON that violates the standard.

msgspec rejects a whole document for one invalid character. As a fallback, `loads` repairs what is
unambiguous, and `members` and `elements` split a document into its parts without decoding them, so
that the other parts can be decoded if one is broken.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

MAX_VALUES = 1_000_000
"""The most values of a document; a page of 1,000 issues with their comments has about 200,000."""

_MAX_DEPTH = 100

_MAX_REPAIRED = 2_000_000
"""The most quotation marks and backslashes of a document that is repaired; each costs memory."""

# The exceptions of a decoder: ValueError for invalid UTF-8, a year out of range and a number of
# 5,000 digits, RecursionError for deep nesting, and OverflowError for too many values.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# A surrogate pair, half of one (group 1), or any other escape: the last keeps the second backslash
# of `\\ud83d` from being read as the start of an escape.
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|\\.",
    re.DOTALL,
)
_PUNCTUATION = re.compile(rb"[{}\[\],]")


def check_size(content: bytes) -> None:
    """Refuse a document with too many values: some kilobytes of compressed JSON can hold millions.

    Commas and brackets are counted, also those in strings.

    Raises:
        OverflowError: It has too many.
    """
    if len(content) > MAX_VALUES and sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise OverflowError(f"It has more than {MAX_VALUES:,} values.")


def _check_repairable(content: bytes) -> None:
    """Refuse to repair a document with too many strings and escapes.

    Raises:
        OverflowError: It has too many.
    """
    if content.count(b'"') + content.count(b"\\") > _MAX_REPAIRED:
        raise OverflowError("It is not JSON, and has too many strings to be repaired.")


def loads(content: bytes) -> Any:
    """Decode a document, and repair what is unambiguous.

    Half of a surrogate pair and a byte that is not UTF-8 become U+FFFD, an unescaped control
    character is kept, a byte order mark is skipped, and a number that a float cannot represent
    (NaN, Infinity, 1e999, 400 digits) becomes None.

    Raises:
        UNREADABLE: The content is not JSON, is nested too deeply, or has too many values.
    """
    check_size(content)
    value = _loads(content)
    _check_depth(value)
    return value


def _loads(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except UNREADABLE as error:
        unreadable = error
    _check_repairable(content)
    document = content.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        return _LENIENT.decode(_ESCAPE.sub(_replace_half_pair, document))
    # The message of msgspec is the most precise, and the other error contains the document.
    raise unreadable


def _check_depth(value: Any) -> None:
    """Refuse a value that later code, such as `repr` and `pickle`, could not recurse into."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return
    raise RecursionError


def path_and_reason(error: Exception) -> tuple[str, str]:
    """Split a decoder's message into a path, such as `comments[3].media`, and a sentence."""
    if isinstance(error, RecursionError):
        return "", "It is nested too deeply."
    if isinstance(error, UnicodeDecodeError):
        return "", "It is not UTF-8."
    reason, _, path = str(error).partition(" - at `$")
    # The message about an enum quotes the value, which may be personal.
    return path.rstrip("`").lstrip("."), reason.partition(" value '")[0] + "."


def members(content: bytes) -> dict[str, bytes]:
    """Split an object into its members, and return the raw values by key.

    Raises:
        UNREADABLE: The content is not an object, or its brackets do not match.
    """
    content = content.strip()
    masked = _mask_strings(content)
    values: dict[str, bytes] = {}
    for start, end in _spans(masked, b"{}"):
        colon = masked.index(b":", start, end)
        values[str(loads(content[start:colon]))] = content[colon + 1 : end].strip()
    return values


def elements(content: bytes) -> list[bytes]:
    """Split an array into its raw elements.

    Raises:
        ValueError: The content is not an array, or its brackets do not match.
    """
    content = content.strip()
    return [content[start:end].strip() for start, end in _spans(_mask_strings(content), b"[]")]


def _mask_strings(content: bytes) -> bytes:
    """Overwrite the content of strings, so that all brackets and commas are JSON syntax."""
    _check_repairable(content)
    pieces = content.replace(rb"\\", b"__").replace(rb"\"", b"__").split(b'"')
    pieces[1::2] = [b"_" * len(string) for string in pieces[1::2]]
    return b'"'.join(pieces)


def _spans(masked: bytes, brackets: bytes) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each part of a container, found by its brackets and commas."""
    if masked[:1] + masked[-1:] != brackets:
        raise ValueError("The JSON container is missing or incomplete.")
    depth, start = 0, 1
    for match in _PUNCTUATION.finditer(masked):
        character = match[0]
        if character in b"{[":
            depth += 1
        elif depth > 1:
            depth -= character != b","
        else:
            if masked[start : match.start()].strip():
                yield start, match.start()
            start = match.end()
            if character != b",":
                break
    if start != len(masked):
        raise ValueError("The brackets do not match.")


def _replace_half_pair(escape: re.Match[str]) -> str:
    return r"\ufffd" if escape[1] else escape[0]


def _parse_float(number: str) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None


def _parse_int(number: str) -> int | None:
    return None if _parse_float(number) is None else int(number)


_LENIENT = json.JSONDecoder(
    strict=False, parse_int=_parse_int, parse_float=_parse_float, parse_constant=lambda _name: None
)
