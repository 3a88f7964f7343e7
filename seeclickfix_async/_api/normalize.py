"""What the service is known to get wrong, put right before a second try at reading it.

Over the years it has sent the string "null" for null, numbers as text, `{}` for no list, one object
for a list of one, clocks in other forms, and two fields under two names. Cities' systems send
placeholders for a time or a coordinate that they do not have.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

import attrs

from seeclickfix_async import models
from seeclickfix_async.models._common import SHORTEST_LINK

_ANNOTATED = [
    (field.name, str(field.type))
    for cls in vars(models).values()
    if attrs.has(cls)
    for field in attrs.fields(cls)
]


def _fields(annotation: str) -> frozenset[str]:
    """The names of all model fields that are annotated so."""
    return frozenset(name for name, kind in _ANNOTATED if kind.startswith(annotation))


_TEXTS = _fields("str")
_LINKS = _fields("Link")
_TIMES = _fields("Time")
# What is a list in one model and an object in another is left as it came.
_LISTS = _fields("tuple[") - _fields("dict[") - {"coordinates"}
_DEGREES = dict.fromkeys(_fields("Latitude"), 90) | dict.fromkeys(_fields("Longitude"), 180)
# The zero date of MySQL, the first and last of .NET, and the infinities of PostgreSQL.
_NO_TIME = re.compile(r"(0000|0001|9999)-|[-+]?infinity$")
# What people wrote may well be the word null.
_WRITTEN = frozenset(
    {"address", "answer", "body", "comment", "description", "name", "question", "summary"}
)
_ALIASES = {"comments_url": "comment_url", "comment_count": "comments_count"}

_RENAMED = tuple((name, f'"{alias}"'.encode()) for alias, name in _ALIASES.items())


def has_renamed_fields(value: object, content: bytes) -> bool:
    """Whether a value that was read from these bytes lacks a field that is there renamed.

    Of a page, the first row is enough: all rows have the same names.
    """
    return any(
        getattr(value, name, "") is None and renamed in content for name, renamed in _RENAMED
    )


def normalize(value: Any, key: str = "") -> Any:
    """The same document, with everything put right that is known to go wrong."""
    match value:
        case dict():
            return _object(value, key)
        case list():
            return _list(value, key)
        case str():
            return _text(value, key)
        case None if key == "coordinates":
            return []
        case int() | float() if not isinstance(value, bool):
            return _number(value, key)
        case _:
            return value


def _list(value: list[Any], key: str) -> list[Any]:
    if key == "coordinates" and not all(
        item is not None and _is_within(item, math.inf) for item in value
    ):
        return []
    return [normalize(item) for item in value]


def _number(value: float, key: str) -> Any:
    if key in _DEGREES and not _is_within(value, _DEGREES[key]):
        return None
    return str(value) if key in _TEXTS else value


def _is_within(value: Any, bound: float) -> bool:
    """Whether it is a finite number from -bound to bound; what is no number at all is left."""
    try:
        number = float(value)
    except OverflowError:
        return False
    except (TypeError, ValueError):
        return True
    return math.isfinite(number) and abs(number) <= bound


def _object(value: dict[str, Any], key: str) -> Any:
    if key in _LISTS:
        return [normalize(value)] if value else None
    if key == "transitions":  # links by their names, and whatever else there may be one day
        return {name: link for name, link in value.items() if isinstance(link, str | None)} or None
    mended = {name: normalize(item, name) for name, item in value.items()}
    for alias, name in _ALIASES.items():
        if mended.get(name) is None and alias in mended:
            mended[name] = mended[alias]
    return mended


def _text(text: str, key: str) -> Any:
    bare = text.strip()
    if bare == "null" and key not in _WRITTEN:
        return None
    if key in _LINKS:
        return text if len(text) >= SHORTEST_LINK else None
    if key in _TEXTS:
        return text
    if not bare or (key in _DEGREES and not _is_within(bare, _DEGREES[key])):
        return None
    return _clock(bare) if key in _TIMES else bare


def _clock(text: str) -> datetime | str | None:
    """A clock in one of the forms that Rails can print; without an offset it stays unreadable."""
    if _NO_TIME.match(text.lower()):
        return None
    iso = text.replace("/", "-").replace(" UTC", "Z").replace(" +", "+").replace(" -", "-")
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        return text
