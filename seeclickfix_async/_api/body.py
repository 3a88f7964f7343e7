"""Bodies of writes: JSON, or form fields as Rails parses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seeclickfix_async._api.query import format_param

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def drop_none(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}


def form_fields(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield form fields: `answers[summary]` for a nested key, `answers[400][]` for a list item."""
    for name, value in body.items():
        yield from _fields(name, value)


def _fields(name: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case dict():
            for key, item in value.items():
                yield from _fields(f"{name}[{key}]", item)
        case list() | tuple():
            for item in value:
                yield from _fields(f"{name}[]", item)
        case _:
            yield name, format_param(value)
