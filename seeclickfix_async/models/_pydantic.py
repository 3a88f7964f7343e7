"""The schemas of models for pydantic; this module is imported when pydantic calls the hooks."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, get_type_hints

import attrs
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import (
    CoreSchema,
    InitErrorDetails,
    PydanticCustomError,
    PydanticKnownError,
    PydanticSerializationUnexpectedValue,
    ValidationError,
    core_schema,
)

from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models._model import Model, field_types

_STEP = re.compile(r"[^.\[\]]+")
_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def model_schema(cls: type[Model], handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return the schema of a model: read by `from_dict`, and written field by field.

    In JSON it is written like `to_dict`, in Python with times and enumerations as they are.
    """
    types = field_types(cls)  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    fields: dict[str, core_schema.TypedDictField] = {  # bytes are strings in Base64
        field.name: core_schema.typed_dict_field(
            handler.generate_schema(str if types[field.name] is bytes else types[field.name]),
            required=field.default is attrs.NOTHING,
            serialization_exclude=hints[field.name] is Secret,
        )
        for field in attrs.fields(cls)  # type: ignore[arg-type]
    }
    schema = core_schema.typed_dict_schema(fields)

    def read(value: Any, _handler: Any) -> Any:
        return value if isinstance(value, cls) else _from_dict(cls, value)

    def write(value: Any, handler: core_schema.SerializerFunctionWrapHandler) -> Any:
        if not isinstance(value, cls):  # the next type of a union is tried
            raise PydanticSerializationUnexpectedValue(f"Expected `{cls.__name__}`")
        plain = {name: getattr(value, name) for name in types}
        return handler({**plain, **value.to_dict()} if cls.__json_types__ else plain)

    read.__name__ = cls.__name__  # shown in the location of an error in a union
    return core_schema.no_info_wrap_validator_function(
        read,
        schema,
        ref=reference(cls),
        serialization=core_schema.wrap_serializer_function_ser_schema(write, schema=schema),
    )


def reference(cls: type, arguments: str = "") -> str:
    """Return the name of a class among the definitions of a schema, as pydantic names them."""
    return f"{cls.__module__}.{cls.__qualname__}:{id(cls)}{arguments}"


def describe(cls: type, schema: dict[str, Any], handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """Complete the JSON schema of a model: its name and docstring; in JSON, no field is missing."""
    described = handler.resolve_ref_schema(schema)
    text, _, attributes = inspect.cleandoc(cls.__doc__ or "").partition("\n\nAttributes:\n")
    described["title"] = cls.__name__
    described["description"] = text
    properties = described.get("properties", {})
    for name, words in _ATTRIBUTE.findall(attributes):
        if name in properties:
            properties[name]["description"] = " ".join(words.split())
    if handler.mode == "serialization" and properties:
        described["required"] = list(properties)
    return schema


def _from_dict(cls: type[Model], value: Any) -> Model:
    if not isinstance(value, Mapping):
        raise PydanticKnownError("model_type", {"class_name": cls.__name__})
    try:
        return cls.from_dict(value)
    except InvalidArgumentError as error:
        location = tuple(
            int(step) if step.isdigit() else step for step in _STEP.findall(error.argument)
        )
        kind = PydanticCustomError("value_error", "{reason}", {"reason": error.reason})
        details = InitErrorDetails(type=kind, loc=location, input=_find(value, location))
        raise ValidationError.from_exception_data(cls.__name__, [details]) from None


def _find(value: Any, location: tuple[int | str, ...]) -> Any:
    """Return the value at a location, or the object that lacks it."""
    for step in location:
        try:
            value = value[step]
        except (LookupError, TypeError):
            break
    return value
