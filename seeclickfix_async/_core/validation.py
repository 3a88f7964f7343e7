"""Checks of arguments, as validators and converters of attrs fields.

Each refuses with an `InvalidArgumentError` that names the argument and says what it must be.
None passes: it stands for "not given".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import attrs

from seeclickfix_async.errors import InvalidArgumentError

Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def in_range(argument: str, value: Any, lowest: float, highest: float, *, whole: bool) -> None:
    """Refuse what is not a number within bounds; True and False are none."""
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not lowest <= value <= highest:
        kind = "whole number" if whole else "number"
        raise InvalidArgumentError(argument, f"must be a {kind} from {lowest:,} to {highest:,}.")


def forbid(argument: str, value: Any, why: str) -> None:
    """Refuse an argument that makes no sense here."""
    if value is not None:
        raise InvalidArgumentError(argument, why)


def require(argument: str, value: Any) -> None:
    """Refuse None where something must be given."""
    if value is None:
        raise InvalidArgumentError(argument, "must be given.")


def str_of_length(argument: str, value: Any, shortest: int, longest: int) -> str:
    """A text of so many characters."""
    if not (isinstance(value, str) and shortest <= len(value) <= longest):
        raise InvalidArgumentError(
            argument, f"must be a text of {shortest} to {longest} characters."
        )
    return value


def validate_range(lowest: float, highest: float, *, whole: bool = False) -> Validator:
    """A number within bounds."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None:
            in_range(attribute.name, value, lowest, highest, whole=whole)

    return check


LATITUDE = validate_range(-90, 90)
LONGITUDE = validate_range(-180, 180)
PAGE = validate_range(1, 1_000_000, whole=True)
PER_PAGE = validate_range(1, 1_000, whole=True)  # 100 are documented, up to 1,000 were seen granted


def positive_id(argument: str, value: Any) -> int:
    """An id of the service: a positive whole number."""
    in_range(argument, value, 1, 2**63 - 1, whole=True)
    return int(value)


_IDENTIFIER = re.compile(r"[0-9]{1,18}")  # digits that fit into 64 bits
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_CODE = re.compile(r"[!-~]{1,100}")


def is_identifier(value: Any) -> bool:
    """Whether it is an id of the service: a positive integer of at most 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def parse_identifier(validate_non_empty: str) -> int | None:
    """Parse the ASCII digits of an id; None for anything else, such as signs and spaces."""
    return int(validate_non_empty) if _IDENTIFIER.fullmatch(validate_non_empty) else None


def is_open311_code(value: Any) -> bool:
    """Whether it is a code or an id of Open311: a positive integer, or printable ASCII."""
    return bool(_CODE.fullmatch(value)) if isinstance(value, str) else is_identifier(value)


def open311_code(argument: str, value: Any) -> str:
    """A code or an id of Open311, as a string."""
    if not is_open311_code(value):
        raise InvalidArgumentError(
            argument,
            "must be a positive integer, or a string of 1 to 100 ASCII characters without spaces.",
        )
    return str(value)


def non_empty_str(argument: str, value: Any) -> str:
    """A text with something in it."""
    if not (isinstance(value, str) and value.strip()):
        raise InvalidArgumentError(argument, "must be a text, not empty.")
    if not is_unicode(value):
        raise InvalidArgumentError(argument, "holds half of a character; decode it as UTF-8 first.")
    return value


def is_http_url(url: str) -> bool:
    """Whether it is a URL of http or https that can be asked: with a host, and a port if any."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_visible_ascii(value: object) -> TypeGuard[str]:
    """Whether a value is a string of ASCII characters without spaces and controls."""
    return isinstance(value, str) and _VISIBLE_ASCII.fullmatch(value) is not None


def is_unicode(value: str) -> bool:
    """Whether a text can be sent: a lone surrogate, as broken decoding leaves it, cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def validate_language_tag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """A language tag (RFC 5646 §2.1, without its rare forms)."""
    if value is not None and not (isinstance(value, str) and _LANGUAGE.fullmatch(value)):
        raise InvalidArgumentError(attribute.name, "must be a language such as en or es-MX.")


def validate_non_empty(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """A text with something in it."""
    if value is not None:
        non_empty_str(attribute.name, value)


def is_representable(moment: datetime) -> bool:
    """Whether a moment can be shifted to every time zone, and by some hours more.

    The first and the last year of the calendar are left out: their ends cannot.
    """
    return 1 < moment.year < 9999


def validate_aware(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """A datetime that names a moment."""
    if value is None:
        return
    if not isinstance(value, datetime) or _is_nat(value):
        raise InvalidArgumentError(attribute.name, "must be a datetime.")
    if not is_representable(value):
        raise InvalidArgumentError(
            attribute.name,
            "must be of the years 2 to 9998. Leave it out for a period without this bound.",
        )
    if value.utcoffset() is None:
        raise InvalidArgumentError(
            attribute.name,
            "has no time zone, so it names no moment. "
            "Give it one, as in datetime(2026, 1, 31, tzinfo=UTC).",
        )


def to_datetime(value: datetime | None) -> datetime | None:
    """A Timestamp of pandas, or another kind of datetime that no encoder knows, as a datetime."""
    if isinstance(value, datetime) and type(value) is not datetime and not _is_nat(value):
        return datetime.combine(value.date(), value.timetz())
    return value


def _is_nat(value: datetime) -> bool:
    return value != value  # noqa: PLR0124  # the NaT of pandas is a datetime, and no moment


def validate_choice(*choices: str) -> Validator:
    """One of a few words."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is not None and value not in choices:
            raise InvalidArgumentError(attribute.name, f"must be one of {', '.join(choices)}.")

    return check


def non_empty_tuple(
    argument: str, value: Any, what: str, fits: Callable[[Any], bool]
) -> tuple[Any, ...] | None:
    """A sequence, made a tuple; a lone string is a mistake and no sequence of letters."""
    if value is None:
        return None
    lone = isinstance(value, (str, bytes)) or not isinstance(value, Iterable)
    items = () if lone else tuple(value)
    if not items or not all(map(fits, items)):
        raise InvalidArgumentError(argument, f"must be a sequence of {what}, not empty.")
    return items
