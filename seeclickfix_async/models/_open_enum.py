"""Words of a list that the service may make longer."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """Words in lower case, equal to their text.

    A word that is not in the list yet is kept as it is, as a member without a name.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        text = value.lower()
        if text == "null":  # no word of any list: the decoder takes a second look
            return None
        known = cls._value2member_map_.get(text)
        if isinstance(known, cls):
            return known
        # Not registered as a member: what a server sends must not grow this class.
        stranger = str.__new__(cls, text)
        stranger._name_ = text.upper()
        stranger._value_ = text
        return stranger
