"""What the service is known to get wrong, put right before a second try at reading it.

Over the years it has sent the string "null" for null, numbers as text, `{}` for no list, one object
for a list of one, clocks in other forms, and two fields under two names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from seeclickfix_async import models
from seeclickfix_async.models.common import SHORTEST_LINK

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
# What people wrote may well be the word null.
_WRITTEN = frozenset(
    {"address", "answer", "body", "comment", "description", "name", "question", "summary"}
)
_ALIASES = {"comments_url": "comment_url", "comment_count": "comments_count"}

_SIGNS = tuple(f'"{alias}"'.encode() for alias in _ALIASES)
_BEGINNING = 8_192  # bytes: all rows have the same names, and reading on costs a tenth of a page


def is_hidden_in(content: bytes) -> bool:
    """Whether a straight read of these bytes would succeed and miss a renamed field."""
    return any(content.find(sign, 0, _BEGINNING) >= 0 for sign in _SIGNS)


def repair(value: Any, key: str = "") -> Any:
    """The same document, with everything put right that is known to go wrong."""
    match value:
        case dict():
            return _object(value, key)
        case list():
            return [repair(item) for item in value]
        case str():
            return _text(value, key)
        case None if key == "coordinates":
            return []
        case int() | float() if key in _TEXTS and not isinstance(value, bool):
            return str(value)
        case _:
            return value


def _object(value: dict[str, Any], key: str) -> Any:
    if key in _LISTS:
        return [repair(value)] if value else None
    if key == "transitions":  # links by their names, and whatever else there may be one day
        return {name: link for name, link in value.items() if isinstance(link, str | None)} or None
    mended = {name: repair(item, name) for name, item in value.items()}
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
    if not bare:
        return None
    return _clock(bare) if key in _TIMES else bare


def _clock(text: str) -> datetime | str:
    """A clock in one of the forms that Rails can print; without an offset it stays unreadable."""
    iso = text.replace("/", "-").replace(" UTC", "Z").replace(" +", "+").replace(" -", "-")
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        return text
