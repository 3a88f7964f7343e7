"""Validators of the sandbox's settings."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs

from seeclickfix_async._core.numbers import not_a_number


def at_least(
    lowest: float, *, integer: bool = False
) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """Return a validator of finite numbers, or of integers, which are not less than `lowest`."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        check_at_least(attribute.name, value, lowest, integer=integer)

    return check


def check_at_least(name: str, value: Any, lowest: float, *, integer: bool) -> None:
    """Check a number that `as_integer` or `as_number` has converted.

    Raises:
        ValueError: It is no finite number, no integer, or less than `lowest`.
    """
    types = int if integer else (int, float)
    is_number = isinstance(value, types) and not isinstance(value, bool)
    if not is_number or not lowest <= value < math.inf:
        expected = "an integer" if integer else "a number"
        bound = "" if lowest == -math.inf else f" from {lowest:,}"
        raise ValueError(f"{name}: must be {expected}{bound}{not_a_number(value)}.")
