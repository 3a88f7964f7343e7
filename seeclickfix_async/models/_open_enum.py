"""Enumerations to which the service may add values."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class OpenEnum(StrEnum):
    """A string enumeration in lower case that accepts unknown values.

    An unknown value becomes an instance of the class that equals its lower-case string and does
    not appear in iteration.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        value = value.lower()
        if value == "null":  # makes the decoder fail; the fallback decoder replaces it by None
            return None
        known = cls._value2member_map_.get(value)
        if isinstance(known, cls):
            return known
        # Not registered as a member, so that responses cannot grow this class.
        unknown = str.__new__(cls, value)
        unknown._name_ = value.upper()
        unknown._value_ = value
        return unknown

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        # Not the list of the only valid values: the service may add some.
        described = {key: value for key, value in handler(schema).items() if key != "enum"}
        return {**described, "examples": [member.value for member in cls]}
