"""Bodies of writes: JSON, or form fields as Rails parses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from seeclickfix_async._api.query import format_param
from seeclickfix_async._core.numbers import as_integer_or_number, is_boolean
from seeclickfix_async._core.validation import exact_str
from seeclickfix_async.errors import InvalidArgumentError

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def encode_json(body: Any) -> bytes:
    """Encode a body of the caller's, with ids and numbers of other libraries.

    Raises:
        InvalidArgumentError: A value has no equivalent in JSON.
    """
    try:
        return msgspec.json.encode(body, enc_hook=_to_json_type)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidArgumentError("json", f"cannot be sent as JSON: {error}") from None


def _to_json_type(value: Any) -> Any:
    if isinstance(value, str):
        return exact_str(value)
    if is_boolean(value):
        return bool(value)
    number = as_integer_or_number(value)
    if isinstance(number, (int, float)):
        return number
    raise TypeError(f"{type(value).__name__} is not a type of JSON.")


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
