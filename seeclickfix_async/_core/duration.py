"""Durations, which arguments take as seconds or as a timedelta."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs

from seeclickfix_async._core import validation
from seeclickfix_async._core.numbers import Number, as_seconds, not_a_number
from seeclickfix_async._core.validation import Validator
from seeclickfix_async.errors import InvalidArgumentError

Duration = Number | timedelta
"""A duration: a number of seconds, or a `timedelta`."""


def to_seconds(argument: str, value: Duration, lowest: float, highest: float) -> float:
    """Return a duration in seconds, which must be within bounds.

    Raises:
        InvalidArgumentError: It is not a duration, or out of bounds.
    """
    seconds = as_seconds(value)
    try:
        validation.check_range(argument, seconds, lowest, highest, integer=False)
    except InvalidArgumentError:
        expected = f"a number of seconds from {lowest:,} to {highest:,}, or a timedelta"
        raise InvalidArgumentError(
            argument, f"must be {expected}{not_a_number(seconds)}."
        ) from None
    return seconds


def as_seconds_or_none(value: Duration | None) -> float | None:
    """Convert an attrs field to seconds; None is no limit."""
    return None if value is None else as_seconds(value)


def validate_seconds(lowest: float, highest: float, *, or_none: bool = False) -> Validator:
    """Return a validator of attrs fields; see `to_seconds`."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        to_seconds(attribute.name, value, lowest, highest)

    return attrs.validators.optional(check) if or_none else check
