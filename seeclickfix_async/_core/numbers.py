"""Ids and numbers as data frames, ORMs and web forms have them.

An id or a count is anything with `__index__`, such as an integer of numpy. Degrees, metres and
seconds are anything with `__float__`, such as `Decimal`. As for Python's own operators, a string is
no number; only an id may be a string of its digits, since forms have nothing else. Booleans are
integers to Python, but never an id or a count: they are refused, those of numpy too.
"""

from __future__ import annotations

import math
import operator
import re
from datetime import timedelta
from typing import Any, SupportsFloat, SupportsIndex

Id = SupportsIndex | str
"""An id of the service: an integer, anything with `__index__`, or a string of its digits."""

Number = SupportsFloat | SupportsIndex
"""A number: anything with `__float__` or `__index__`."""

_DIGITS = re.compile(r"[0-9]{1,19}")  # 2**63 has 19


def is_boolean(value: object) -> bool:
    """Return True for a boolean of Python or numpy, which is recognized without importing it."""
    return type(value).__name__ in ("bool", "bool_")


def as_boolean(value: bool) -> bool:  # noqa: FBT001
    """Return a boolean of numpy as one of Python; other values are unchanged."""
    return bool(value) if is_boolean(value) else value


def as_integer(value: SupportsIndex) -> int:
    """Return anything with `__index__` as an integer; other values and booleans are unchanged."""
    if type(value) is int:
        return value
    if is_boolean(value):
        return value  # type: ignore[return-value]  # for a validator to refuse, by its name
    try:
        return operator.index(value)
    except TypeError:
        return value  # type: ignore[return-value]


def as_id(value: Id) -> int:
    """Return an id as an integer, also from its digits; other values are unchanged."""
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else value  # type: ignore[return-value]
    return as_integer(value)


def as_number(value: Number) -> float:
    """Return anything with `__float__` as a float; other values and booleans are unchanged.

    A string and an array are no numbers, although `float()` accepts some of them.
    """
    if (
        isinstance(value, (str, bytes, bytearray))
        or is_boolean(value)
        or getattr(value, "ndim", None)
    ):
        return value  # type: ignore[return-value]
    try:
        return float(value)
    except OverflowError:  # an integer of hundreds of digits
        return math.inf
    except (TypeError, ValueError):
        return value  # type: ignore[return-value]


def as_seconds(value: Number | timedelta) -> float:
    """Return a duration in seconds; other values are unchanged, as by `as_number`."""
    return value.total_seconds() if isinstance(value, timedelta) else as_number(value)


def as_integer_or_number(value: Any) -> Any:
    """Return an integer for anything with `__index__`, otherwise as `as_number`."""
    integer: Any = as_integer(value)
    return integer if isinstance(integer, int) else as_number(value)


def not_a_number(value: Any) -> str:
    """Return `, not NaN` for a missing value of a data frame or an infinite number, or nothing.

    It is the end of a sentence about valid values.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f", not {'NaN' if math.isnan(value) else value}"
    kind = type(value).__name__
    return f", not {kind.removesuffix('Type')}" if kind in ("NaTType", "NAType") else ""
