"""Bodies of writes: JSON, or the fields of a form the way Rails reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from seeclickfix_async._api.query import format_param

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def drop_none(**arguments: Any) -> dict[str, Any]:
    """The arguments that were given."""
    return {name: value for name, value in arguments.items() if value is not None}


def encode_json(body: Any) -> bytes:
    """A body as JSON."""
    return msgspec.json.encode(body)


def form_fields(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fields of a form: `answers[summary]` for a key in a key, `answers[400][]` for a list."""
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
