"""JSON that does not keep to the standard.

The decoder of msgspec refuses a whole document for one wrong character. This module takes the
second look: `loads` repairs what can only mean one thing, and `members` and `elements` cut a
document into its parts without decoding them, so that a broken part does not cost the others.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

# What a decoder raises: bad UTF-8, a year out of range and a number of 5,000 digits are
# ValueErrors, and deep nesting is a RecursionError.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# A pair of surrogates, half of one (group 1), or any other escape, so that the backslash of
# `\\ud83d` is not taken for the beginning of an escape.
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|\\.",
    re.DOTALL,
)
_MARK = re.compile(rb"[{}\[\],]")


def loads(content: bytes) -> Any:
    """Decode a document; repair it where only one meaning is possible.

    Half of a surrogate pair and a byte that is not UTF-8 become U+FFFD, an unescaped control
    character stays, a byte order mark is skipped, and a number that no float can hold (NaN,
    Infinity, 1e999, one of 400 digits) becomes None.

    Raises:
        UNREADABLE: It is no JSON, or nested too deeply.
    """
    try:
        return msgspec.json.decode(content)
    except UNREADABLE as error:
        text = content.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace")
        try:
            return _LENIENT.decode(_ESCAPE.sub(_without_half, text))
        except (ValueError, RecursionError):
            raise error from None  # says best what is wrong


def members(content: bytes) -> dict[str, bytes]:
    """Cut an object into its members: the raw values by their keys.

    Raises:
        UNREADABLE: It is no object, or its brackets do not match.
    """
    content = content.strip()
    blanked = _blank_strings(content)
    found: dict[str, bytes] = {}
    for start, end in _spans(blanked, b"{}"):
        colon = blanked.index(b":", start, end)
        found[str(loads(content[start:colon]))] = content[colon + 1 : end].strip()
    return found


def elements(content: bytes) -> list[bytes]:
    """Cut an array into its raw elements.

    Raises:
        ValueError: It is no array, or its brackets do not match.
    """
    content = content.strip()
    return [content[start:end].strip() for start, end in _spans(_blank_strings(content), b"[]")]


def _blank_strings(content: bytes) -> bytes:
    """Replace what is inside of strings, so that every sign that is left is one of JSON's own."""
    pieces = content.replace(rb"\\", b"__").replace(rb"\"", b"__").split(b'"')
    pieces[1::2] = [b"_" * len(inside) for inside in pieces[1::2]]
    return b'"'.join(pieces)


def _spans(blanked: bytes, brackets: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each part of a container starts and ends, as its brackets and commas have it."""
    if blanked[:1] + blanked[-1:] != brackets:
        raise ValueError("There is no such container.")
    depth, start = 0, 1
    for mark in _MARK.finditer(blanked):
        sign = mark[0]
        if sign in b"{[":
            depth += 1
        elif depth > 1:
            depth -= sign != b","
        else:
            if blanked[start : mark.start()].strip():
                yield start, mark.start()
            start = mark.end()
            if sign != b",":
                break
    if start != len(blanked):
        raise ValueError("The brackets do not match.")


def _without_half(escape: re.Match[str]) -> str:
    return r"\ufffd" if escape[1] else escape[0]


def _finite(number: str) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None


def _integer(number: str) -> int | None:
    return None if _finite(number) is None else int(number)


_LENIENT = json.JSONDecoder(
    strict=False, parse_int=_integer, parse_float=_finite, parse_constant=lambda _name: None
)
