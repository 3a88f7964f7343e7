"""Repair of known deviations of the service, before a second attempt to decode a document.

Over the years it has sent the string "null" for null, numbers as strings, `{}` for no list, one
object for a list of one, times in other formats, and two fields under two names. Cities' systems
send placeholders for missing times and coordinates.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from functools import cache
from typing import Any

import attrs

from seeclickfix_async import models
from seeclickfix_async._core import validation
from seeclickfix_async.models._common import SHORTEST_LINK

_ANNOTATED = [
    (field.name, str(field.type))
    for cls in vars(models).values()
    if attrs.has(cls)
    for field in attrs.fields(cls)
]


def _fields(annotation: str) -> frozenset[str]:
    """Return the names of all model fields whose annotation begins like this."""
    return frozenset(name for name, kind in _ANNOTATED if kind.startswith(annotation))


_STRING_FIELDS = _fields("str")
_LINK_FIELDS = _fields("Link")
_TIME_FIELDS = _fields("Time")
# Not the fields that are a list in one model and an object in another.
_LIST_FIELDS = _fields("tuple[") - _fields("dict[") - {"coordinates"}
_MAX_DEGREES = dict.fromkeys(_fields("Latitude"), 90) | dict.fromkeys(_fields("Longitude"), 180)
# The zero date of MySQL, the first and last date of .NET, and the infinities of PostgreSQL.
_PLACEHOLDER_TIME = re.compile(r"(0000|0001|9999)-|[-+]?infinity$")
# Strings that people write, which may be the word "null".
_FREE_TEXT_FIELDS = frozenset(
    {"address", "answer", "body", "comment", "description", "name", "question", "summary"}
)
ALIASES = {"comments_url": "comment_url", "comment_count": "comments_count"}


def has_renamed_fields(value: object, content: bytes) -> bool:
    """Return True if a decoded value lacks a field that its bytes contain under another name.

    For a page, check the first row only: all rows have the same fields.
    """
    # `any` would cost a tenth of decoding an issue.
    for name, alias in _aliases(type(value)):  # type: ignore[arg-type]
        if getattr(value, name) is None and alias in content:
            return True
    return False


@cache
def _aliases(cls: type) -> tuple[tuple[str, bytes], ...]:
    """Return the fields of a class that have another name in some responses, with that name."""
    return tuple(
        (name, f'"{alias}"'.encode()) for alias, name in ALIASES.items() if hasattr(cls, name)
    )


def has_renamed_keys(document: dict[str, Any]) -> bool:
    """Return True if an object contains a field under another name than its model's."""
    return not ALIASES.keys().isdisjoint(document)


def normalize(value: Any, key: str = "") -> Any:
    """Return the document, with all known deviations repaired; `key` is its own key, if any."""
    match value:
        case dict():
            return _normalize_object(value, key)
        case list():
            return _normalize_list(value, key)
        case str():
            return _normalize_string(value, key)
        case None if key == "coordinates":
            return []
        case int() | float() if type(value) in (int, float):
            return _normalize_number(value, key)
        case _:
            return _normalize_scalar(value, key)


def _normalize_list(value: list[Any], key: str) -> list[Any]:
    if key == "coordinates" and not all(
        item is not None and _is_within(item, math.inf) for item in value
    ):
        return []
    return [normalize(item) for item in value]


def _normalize_number(value: float, key: str) -> Any:
    if value != value:  # noqa: PLR0124  # NaN, a missing value in a record of a data frame
        return None
    if key in _MAX_DEGREES and not _is_within(value, _MAX_DEGREES[key]):
        return None
    return str(value) if key in _STRING_FIELDS else value


def _normalize_scalar(value: Any, key: str) -> Any:
    """Return a scalar of a data frame as a type of Python; other values are unchanged."""
    if isinstance(value, datetime):  # a Timestamp of pandas, or its NaT for a missing value
        return None if validation.is_nat(value) else validation.exact_datetime(value)
    if type(value).__name__ == "NAType":  # the missing value of pandas for any type
        return None
    to_python = getattr(value, "item", None)  # of numpy
    return normalize(to_python(), key) if callable(to_python) else value


def _is_within(value: Any, bound: float) -> bool:
    """Return True for a finite number from -bound to bound, and for a value of another type."""
    try:
        number = float(value)
    except OverflowError:
        return False
    except (TypeError, ValueError):
        return True
    return math.isfinite(number) and abs(number) <= bound


def _normalize_object(value: dict[str, Any], key: str) -> Any:
    if key in _LIST_FIELDS:
        return [normalize(value)] if value else None
    if key == "transitions":  # links by name; other types may be added
        return {name: link for name, link in value.items() if isinstance(link, str | None)}
    normalized = {name: normalize(item, name) for name, item in value.items()}
    for alias, name in ALIASES.items():
        if normalized.get(name) is None and alias in normalized:
            normalized[name] = normalized[alias]
    if normalized.get("transitions") == {} and "id" not in normalized:
        normalized["transitions"] = None  # of a service request, where it is a list of objects
    return normalized


def _normalize_string(value: str, key: str) -> Any:
    stripped = value.strip()
    if stripped == "null" and key not in _FREE_TEXT_FIELDS:
        return None
    if key in _LINK_FIELDS:
        return value if len(value) >= SHORTEST_LINK else None
    if key in _STRING_FIELDS:
        return value
    if not stripped or (key in _MAX_DEGREES and not _is_within(stripped, _MAX_DEGREES[key])):
        return None
    return _parse_time(stripped) if key in _TIME_FIELDS else stripped


def _parse_time(timestamp: str) -> datetime | str | None:
    """Parse a time in a format of Rails; return other strings unchanged, to be rejected later.

    A time without an offset stays unreadable.
    """
    if _PLACEHOLDER_TIME.match(timestamp.lower()):
        return None
    iso = timestamp.replace("/", "-").replace(" UTC", "Z").replace(" +", "+").replace(" -", "-")
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        return timestamp
