"""Enumerations to which the service may add values."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


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
