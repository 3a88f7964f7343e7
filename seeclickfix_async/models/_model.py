"""The base of the models: conversion to dictionaries and JSON, and types for pydantic."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_type_hints

import attrs
import msgspec

from seeclickfix_async._core import lenient_json
from seeclickfix_async._core.lenient_json import UNREADABLE
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

_MISSING_FIELD = re.compile("Object missing required field `(.+)`")


class Model:
    """Base class of the models.

    Models work as types of pydantic and FastAPI, which are not required for anything else. Errors
    are then a `ValidationError` of pydantic with the location of the invalid field.
    """

    __slots__ = ()

    __json_types__: ClassVar[Mapping[str, Any]] = {}
    """The types of fields in a dictionary, of those that have another one there."""

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as JSON types, in the order of the class: `from_dict` reverses it.

        Times are ISO 8601 strings, and models inside are dictionaries. Personal data is included,
        also what the repr omits; a `Secret` is left out.
        """
        plain: dict[str, Any] = msgspec.json.decode(self.to_json())
        return plain

    def to_json(self) -> str:
        """Return `to_dict()` as a JSON document."""
        fields = attrs.asdict(self, filter=_is_public)  # type: ignore[arg-type]
        return msgspec.json.encode(fields, enc_hook=os.fspath).decode()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make an object of what `to_dict()` returned, or of an object in a response.

        Known deviations of the service are repaired as in its responses, so that stored JSON of the
        service can be read, too. The scalars of data frames are converted; NaN is a missing value.
        Unknown keys are ignored.

        Raises:
            InvalidArgumentError: A value is invalid; `argument` is its path, such as
                `comments[0].created_at`.
        """
        if not isinstance(data, Mapping):
            raise InvalidArgumentError(
                "data", f"must be a dictionary with the fields of {cls.__name__}."
            )
        if cls.__json_types__:
            form = struct_class(cls)  # type: ignore[arg-type]
            return cls(**msgspec.structs.asdict(convert(dict(data), form, repair=False)))
        model: Self = convert(dict(data), cls)
        return model

    @classmethod
    def from_json(cls, data: str | bytes) -> Self:
        """Make an object of what `to_json()` returned, or of the JSON of a response.

        Raises:
            InvalidArgumentError: It is not JSON, or a value is invalid, as in `from_dict()`.
        """
        return cls.from_dict(parse_json(data))

    def _repr_html_(self) -> str:
        """Return a table of what the repr shows, which notebooks display."""
        from seeclickfix_async.models._html import to_html  # noqa: PLC0415  # for notebooks only

        return to_html(self)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from seeclickfix_async.models import _pydantic  # noqa: PLC0415  # imports pydantic

        return _pydantic.model_schema(cls, handler)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        from seeclickfix_async.models import _pydantic  # noqa: PLC0415  # imports pydantic

        return _pydantic.describe(cls, handler(schema), handler)


@cache
def field_types(cls: Any) -> dict[str, Any]:
    """Return the types of a model's fields in a dictionary."""
    hints = {**get_type_hints(cls, include_extras=True), **cls.__json_types__}
    return {field.name: hints[field.name] for field in attrs.fields(cls)}


def convert(document: dict[str, Any], form: Any, *, repair: bool = True) -> Any:
    """Convert a document to a class, with the repairs that responses get.

    Raises:
        InvalidArgumentError: A value is invalid.
    """
    # It needs the fields of all models.
    from seeclickfix_async.models import _normalize  # noqa: PLC0415

    try:
        if not (repair and _normalize.has_renamed_keys(document)):
            return msgspec.convert(document, form)
    except UNREADABLE as error:
        if not repair:
            raise _refusal(error) from None
    try:
        return msgspec.convert(_normalize.normalize(document), form, strict=False)
    except UNREADABLE as error:
        raise _refusal(error) from None


def parse_json(data: str | bytes) -> Any:
    """Parse a JSON document.

    Raises:
        InvalidArgumentError: It is not JSON.
    """
    if not isinstance(data, (str, bytes, bytearray)):
        raise InvalidArgumentError("data", "must be a string or bytes.")
    content = data.encode(errors="surrogatepass") if isinstance(data, str) else bytes(data)
    try:
        return lenient_json.loads(content)
    except UNREADABLE as error:
        reason = lenient_json.path_and_reason(error)[1]
        raise InvalidArgumentError("data", f"is not JSON. {reason}") from None


def _is_public(_: Any, value: Any) -> bool:
    return not isinstance(value, Secret)


@cache
def struct_class(cls: Any) -> Any:
    """Return a `Struct` of a model's dictionary, with the types that its fields have there."""
    types = field_types(cls)
    fields: list[Any] = [
        (f.name, types[f.name], *(() if f.default is attrs.NOTHING else (f.default,)))
        for f in attrs.fields(cls)
    ]
    # They live for a moment, and JSON has no cycles: the garbage collector need not track them.
    return msgspec.defstruct(cls.__name__, fields, kw_only=True, gc=False)


def _refusal(error: Exception) -> InvalidArgumentError:
    """Return the error for a document that cannot be converted, with the path of its field."""
    path, reason = lenient_json.path_and_reason(error)
    field = ""
    if missing := _MISSING_FIELD.match(reason):
        field, reason = missing[1], "is required."
    elif isinstance(error.__cause__, InvalidArgumentError):  # raised by a validator of the class
        field, reason = error.__cause__.argument, error.__cause__.reason
    return InvalidArgumentError(".".join(filter(None, (path, field))) or "data", reason)
