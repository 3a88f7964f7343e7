"""The schema of a page for pydantic; imported when pydantic calls the hook."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticSerializationUnexpectedValue, core_schema

from seeclickfix_async._api.page import ITEMS, NUMBERS, Page, page_of
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models._pydantic import reference


def page_schema(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return the schema of `Page[...]`: its rows by their own schema, and its numbers.

    Raises:
        InvalidArgumentError: It is a `Page` without the class of its rows.
    """
    if source is Page:
        raise InvalidArgumentError("Page", "needs the class of its rows here, as in Page[Issue].")
    (model,) = get_args(source)
    number = core_schema.int_schema()
    fields = {
        ITEMS: core_schema.typed_dict_field(
            core_schema.tuple_schema([handler.generate_schema(model)], variadic_item_index=0)
        ),
        NUMBERS[0]: core_schema.typed_dict_field(number),
    }
    for name in NUMBERS[1:]:
        count = core_schema.nullable_schema(number)
        fields[name] = core_schema.typed_dict_field(
            core_schema.with_default_schema(count, default=None)
        )
    schema = core_schema.typed_dict_schema(fields)

    def read(value: Any, read_fields: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, Page):
            read_fields(_to_fields(value))
            return value
        return page_of(read_fields(value))

    def write(value: Any, write_fields: core_schema.SerializerFunctionWrapHandler) -> Any:
        if not isinstance(value, Page):  # the next type of a union is tried
            raise PydanticSerializationUnexpectedValue("Expected `Page`")
        return write_fields(_to_fields(value))

    read.__name__ = "Page"  # shown in the location of an error in a union
    return core_schema.no_info_wrap_validator_function(
        read,
        schema,
        ref=reference(Page, f"[{reference(model)}]") if isinstance(model, type) else None,
        serialization=core_schema.wrap_serializer_function_ser_schema(write, schema=schema),
    )


def _to_fields(page: Page[Any]) -> dict[str, Any]:
    return {name: getattr(page, name) for name in (ITEMS, *NUMBERS)}
