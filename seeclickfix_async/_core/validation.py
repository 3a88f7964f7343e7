"""Validation of arguments: plain functions, and validators and converters of attrs fields.

They raise an `InvalidArgumentError` that names the argument and describes a valid value. The
validators accept None, which stands for a missing argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeGuard
from urllib.parse import unquote, urlsplit

import attrs

from seeclickfix_async.errors import InvalidArgumentError

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def check_range(argument: str, value: Any, lowest: float, highest: float, *, integer: bool) -> None:
    """Check that a value is a number within bounds, or an integer; booleans are not numbers."""
    types = int if integer else (int, float)
    if isinstance(value, bool) or not isinstance(value, types) or not lowest <= value <= highest:
        expected = "an integer" if integer else "a number"
        raise InvalidArgumentError(argument, f"must be {expected} from {lowest:,} to {highest:,}.")


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
    return value


def validate_range(lowest: float, highest: float, *, integer: bool = False) -> Validator:
    """Return a validator of numbers within bounds, or of integers."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None:
            check_range(attribute.name, value, lowest, highest, integer=integer)

    return check


LATITUDE = validate_range(-90, 90)
LONGITUDE = validate_range(-180, 180)
PER_PAGE = validate_range(1, 1_000, integer=True)  # documented: 100; up to 1,000 observed


def positive_id(argument: str, value: Any) -> int:
    """Return an id of the service, which must be a positive integer of at most 64 bits."""
    check_range(argument, value, 1, 2**63 - 1, integer=True)
    return int(value)


_IDENTIFIER = re.compile(r"[0-9]{1,18}")  # always fits into 64 bits
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_MAX_CODE_LENGTH = 100
_MAX_DECODINGS = 5


def is_identifier(value: Any) -> bool:
    """Return True for an id of the service: a positive integer of at most 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def parse_identifier(digits: str) -> int | None:
    """Parse the ASCII digits of an id; None for anything else, such as signs and spaces."""
    return int(digits) if _IDENTIFIER.fullmatch(digits) else None


def is_open311_code(value: Any) -> bool:
    """Return True for a code or an id of Open311: a positive integer, or visible ASCII."""
    if isinstance(value, str):
        return is_visible_ascii(value) and len(value) <= _MAX_CODE_LENGTH
    return is_identifier(value)


def open311_code(argument: str, value: Any) -> str:
    """Return a code or an id of Open311 as a string."""
    if not is_open311_code(value):
        raise InvalidArgumentError(
            argument,
            "must be a positive integer, or a string of 1 to 100 ASCII characters without spaces.",
        )
    return str(value)


def non_empty_str(argument: str, value: Any) -> str:
    """Return a string, which must not be blank."""
    if not (isinstance(value, str) and value.strip()):
        raise InvalidArgumentError(argument, "must be a non-empty string.")
    if not is_unicode(value):
        raise InvalidArgumentError(
            argument, "contains half of a surrogate pair; decode it as UTF-8 first."
        )
    return value


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


def validate_non_empty(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Check that a string is not blank."""
    if value is not None:
        non_empty_str(attribute.name, value)


def is_representable(time: datetime) -> bool:
    """Return True if a time can be converted to every time zone, and some hours can be added.

    Times in the first and the last year of the calendar may be too close to its ends.
    """
    return 1 < time.year < 9999


def validate_aware(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Check that a value is an aware datetime."""
    if value is None:
        return
    if not isinstance(value, datetime) or _is_nat(value):
        raise InvalidArgumentError(attribute.name, "must be a datetime.")
    if not is_representable(value):
        raise InvalidArgumentError(
            attribute.name,
            "must be in the years 2 to 9998. Leave it out for a period without this limit.",
        )
    if value.utcoffset() is None:
        raise InvalidArgumentError(
            attribute.name,
            "has no time zone. Add one, as in datetime(2026, 1, 31, tzinfo=UTC).",
        )


def to_utc(value: datetime | None) -> datetime | None:
    """Convert a valid time to UTC.

    Python compares times of one zone by the clock on the wall, which may have been put back. A
    pandas Timestamp, or another subclass that encoders refuse, becomes a datetime.
    """
    if not isinstance(value, datetime) or _is_nat(value):
        return value
    time = datetime.combine(value.date(), value.timetz())
    if time.utcoffset() is None or not is_representable(time):
        return time
    in_utc = time.astimezone(UTC)
    return in_utc if is_representable(in_utc) else time


def _is_nat(value: datetime) -> bool:
    return value != value  # noqa: PLR0124  # the NaT of pandas is a datetime without a time


def validate_choice(*choices: str) -> Validator:
    """Return a validator that accepts one of some strings."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None and value not in choices:
            raise InvalidArgumentError(attribute.name, f"must be one of {', '.join(choices)}.")

    return check


def non_empty_tuple(
    argument: str, value: Any, description: str, is_valid: Callable[[Any], bool]
) -> tuple[Any, ...] | None:
    """Return a sequence of valid items as a tuple, or None; a string is not such a sequence."""
    if value is None:
        return None
    is_single = isinstance(value, (str, bytes)) or not isinstance(value, Iterable)
    items = () if is_single else tuple(value)
    if not items or not all(map(is_valid, items)):
        raise InvalidArgumentError(argument, f"must be a non-empty sequence of {description}.")
    return items
