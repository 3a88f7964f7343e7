"""Validation of arguments: plain functions, and validators and converters of attrs fields.

They raise an `InvalidArgumentError` that names the argument and describes a valid value. The
validators accept None, which stands for a missing argument.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, SupportsIndex, TypeGuard, TypeVar, overload
from urllib.parse import unquote, urlsplit

import attrs

from seeclickfix_async._core.numbers import (
    Id,
    Number,
    as_id,
    as_integer,
    as_number,
    not_a_number,
)
from seeclickfix_async.errors import InvalidArgumentError

T = TypeVar("T")
Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def check_range(argument: str, value: Any, lowest: float, highest: float, *, integer: bool) -> None:
    """Check a number that was converted by `as_number` or `as_integer`; a boolean is invalid."""
    types = int if integer else (int, float)
    if isinstance(value, bool) or not isinstance(value, types) or not lowest <= value <= highest:
        expected = f"{'an integer' if integer else 'a number'} from {lowest:,} to {highest:,}"
        raise InvalidArgumentError(argument, f"must be {expected}{not_a_number(value)}.")


def integer_in_range(argument: str, value: SupportsIndex, lowest: int, highest: int) -> int:
    """Return anything with `__index__` as an integer, which must be within bounds."""
    integer = as_integer(value)
    check_range(argument, integer, lowest, highest, integer=True)
    return integer


def number_in_range(argument: str, value: Number, lowest: float, highest: float) -> float:
    """Return anything with `__float__` as a float, which must be within bounds."""
    number = as_number(value)
    check_range(argument, number, lowest, highest, integer=False)
    return number


def forbid(argument: str, value: Any, reason: str) -> None:
    """Refuse an argument that cannot be used here, with a reason."""
    if value is not None:
        raise InvalidArgumentError(argument, reason)


def require(argument: str, value: Any) -> None:
    """Refuse None."""
    if value is None:
        raise InvalidArgumentError(argument, "is required.")


def str_of_length(argument: str, value: Any, shortest: int, longest: int) -> str:
    """Return a string, which must have from `shortest` to `longest` characters."""
    if not (isinstance(value, str) and shortest <= len(value) <= longest):
        raise InvalidArgumentError(
            argument, f"must be a string of {shortest} to {longest} characters."
        )
    return unicode_str(argument, value)


def as_path(argument: str, value: Any) -> Path:
    """Return the path of a file or folder, which must be one that the system can have."""
    try:
        path = Path(value)
        encoded = os.fsencode(path)
    except TypeError:
        raise InvalidArgumentError(argument, "is not a path.") from None
    except UnicodeEncodeError:
        raise InvalidArgumentError(
            argument, "is not a path: it contains a character that no file name can have."
        ) from None
    if b"\0" in encoded:
        raise InvalidArgumentError(argument, "is not a path: it contains a NUL.")
    return path


def validate_range(lowest: float, highest: float, *, integer: bool = False) -> Validator:
    """Return a validator of numbers within bounds, or of integers.

    The field has the converter `as_number` or `as_integer`, which accepts other types of numbers.
    """

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None:
            check_range(attribute.name, value, lowest, highest, integer=integer)

    return check


LATITUDE = validate_range(-90, 90)
LONGITUDE = validate_range(-180, 180)
PER_PAGE = validate_range(1, 1_000, integer=True)  # documented: 100; up to 1,000 observed


def positive_id(argument: str, value: Id) -> int:
    """Return an id of the service, which must be a positive integer of at most 64 bits."""
    number = as_id(value)
    check_range(argument, number, 1, _MAX_ID, integer=True)
    return number


_MAX_ID = 2**63 - 1
_IDENTIFIER = re.compile(r"[0-9]{1,18}")  # always fits into 64 bits
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_MAX_CODE_LENGTH = 100
_MAX_DECODINGS = 5


def to_identifier(value: Any) -> int | None:
    """Return an id of the service as an integer, or None if it is invalid."""
    number: Any = as_id(value)
    is_integer = isinstance(number, int) and not isinstance(number, bool)
    return number if is_integer and 0 < number <= _MAX_ID else None


def parse_identifier(digits: str) -> int | None:
    """Parse the ASCII digits of an id; None for anything else, such as signs and spaces."""
    return int(digits) if _IDENTIFIER.fullmatch(digits) else None


def to_open311_code(value: Any) -> str | None:
    """Return a code or an id of Open311 as a string, or None if it is invalid.

    It is a positive integer, or visible ASCII.
    """
    if isinstance(value, str):
        return (
            exact_str(value) if is_visible_ascii(value) and len(value) <= _MAX_CODE_LENGTH else None
        )
    number = to_identifier(value)
    return None if number is None else str(number)


def open311_code(argument: str, value: Any) -> str:
    """Return a code or an id of Open311 as a string."""
    code = to_open311_code(value)
    if code is None:
        raise InvalidArgumentError(
            argument,
            "must be a positive integer, or a string of 1 to 100 ASCII characters without spaces.",
        )
    return code


def exact_str(value: str) -> str:
    """Return a string as one of the class `str`: encoders refuse subclasses, such as `Markup`."""
    return str.__str__(value)


def non_empty_str(argument: str, value: Any) -> str:
    """Return a string, which must not be blank."""
    if not (isinstance(value, str) and value.strip()):
        raise InvalidArgumentError(argument, "must be a non-empty string.")
    return unicode_str(argument, value)


def unicode_str(argument: str, value: str) -> str:
    """Return a string of the class `str`, which must be one that can be encoded."""
    if not is_unicode(value):
        raise InvalidArgumentError(
            argument, "contains half of a surrogate pair; decode it as UTF-8 first."
        )
    return exact_str(value)


def optional_str(argument: str, value: Any) -> str | None:
    """Return a string, which may be empty, or None."""
    if value is not None and not isinstance(value, str):
        raise InvalidArgumentError(argument, f"must be a string{not_a_number(value)}.")
    return None if value is None else unicode_str(argument, value)


def is_http_url(url: str) -> bool:
    """Return True for an http or https URL with a host and, if there is one, a valid port."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def has_dot_segment(path: str) -> bool:
    """Return True if a path has a segment `.` or `..`, however it is written.

    Servers and proxies may decode `%2e` once or several times, take a backslash for a slash, and
    drop the parameters of a segment, as in `..;a=b`.
    """
    for _ in range(_MAX_DECODINGS):
        decoded = unquote(path)
        if decoded == path:
            break
        path = decoded
    else:
        return True
    segments = path.replace("\\", "/").split("/")
    return any(segment.partition(";")[0].strip("\0 \t\r\n") in (".", "..") for segment in segments)


def is_visible_ascii(value: object) -> TypeGuard[str]:
    """Return True for a non-empty string of ASCII characters without spaces and controls."""
    return isinstance(value, str) and _VISIBLE_ASCII.fullmatch(value) is not None


def is_unicode(value: str) -> bool:
    """Return True if a string can be encoded: it has no lone surrogates, as from bad decoding."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def validate_language_tag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Check a language tag (RFC 5646 §2.1, without its rare forms)."""
    if value is not None and not (isinstance(value, str) and _LANGUAGE.fullmatch(value)):
        raise InvalidArgumentError(attribute.name, "must be a language tag, such as en or es-MX.")


def validate_boolean(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Check that a value is True or False."""
    if value is not None and not isinstance(value, bool):
        raise InvalidArgumentError(attribute.name, f"must be True or False{not_a_number(value)}.")


def validate_non_empty(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Check that a string is not blank."""
    if value is not None:
        non_empty_str(attribute.name, value)


def is_representable(time: datetime) -> bool:
    """Return True if a time can be converted to every time zone, and some hours can be added.

    Times in the first and the last year of the calendar may be too close to its ends.
    """
    return 1 < time.year < 9999


def aware_utc(argument: str, value: datetime) -> datetime:
    """Return an aware datetime in UTC."""
    time = to_utc(value)
    if not isinstance(time, datetime) or is_nat(time):
        raise InvalidArgumentError(argument, f"must be a datetime{not_a_number(value)}.")
    if not is_representable(time):
        raise InvalidArgumentError(
            argument,
            "must be in the years 2 to 9998. Leave it out for a period without this limit.",
        )
    if time.utcoffset() is None:
        raise InvalidArgumentError(
            argument,
            "has no time zone. Add one, as in datetime(2026, 1, 31, tzinfo=UTC).",
        )
    return time


def validate_aware(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Check that a value is an aware datetime."""
    if value is not None:
        aware_utc(attribute.name, value)


@overload
def to_utc(value: datetime) -> datetime: ...
@overload
def to_utc(value: None) -> None: ...
def to_utc(value: datetime | None) -> datetime | None:
    """Convert a valid time to UTC.

    Python compares times of one zone by the clock on the wall, which may have been put back.
    """
    if not isinstance(value, datetime) or is_nat(value):
        return value
    time = exact_datetime(value)
    if time.utcoffset() is None or not is_representable(time):
        return time
    in_utc = time.astimezone(UTC)
    return in_utc if is_representable(in_utc) else time


def exact_datetime(value: datetime) -> datetime:
    """Return a time as one of the class `datetime`: encoders refuse others, such as Timestamp."""
    return datetime.combine(value.date(), value.timetz())


def is_nat(value: datetime) -> bool:
    """Return True for the missing time of pandas, which is a datetime."""
    return value != value  # noqa: PLR0124  # as for NaN


def validate_choice(*choices: str) -> Validator:
    """Return a validator that accepts one of some strings."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None and not (isinstance(value, str) and value in choices):
            raise InvalidArgumentError(attribute.name, f"must be one of {', '.join(choices)}.")

    return check


def non_empty_tuple(
    argument: str, value: Any, description: str, convert: Callable[[Any], T | None]
) -> tuple[T, ...] | None:
    """Return a sequence of valid items as a tuple, or None; a string is not such a sequence.

    Args:
        argument: The name of the argument.
        value: The sequence, or None.
        description: What the items are.
        convert: Returns an item as it is used, or None if it is invalid.
    """
    if value is None:
        return None
    is_single = isinstance(value, (str, bytes)) or not isinstance(value, Iterable)
    items = [convert(item) for item in (() if is_single else value)]
    valid = tuple(item for item in items if item is not None)
    if not items or len(valid) < len(items):
        raise InvalidArgumentError(argument, f"must be a non-empty sequence of {description}.")
    return valid
