"""Parameters of the smaller listings: places, users, questions and Open311 requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal

import attrs
from attrs.converters import optional

from seeclickfix_async._api.query import format_param
from seeclickfix_async._core import numbers, validation
from seeclickfix_async._core.numbers import Id
from seeclickfix_async.errors import InvalidArgumentError

Subset = Literal["answered", "unanswered"]
"""The questions that are answered, or those that are not."""


def plain_params(query: attrs.AttrsInstance) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a query by its fields, whose metadata may have another name."""
    for field in attrs.fields(type(query)):
        value = getattr(query, field.name)
        if value is not None:
            yield field.metadata.get("param", field.name), format_param(value)


@attrs.frozen(kw_only=True)
class PointQuery:
    """The parameters of `GET /places` and `GET /users`, which list the nearest to a point."""

    lat: float = attrs.field(converter=numbers.as_number, validator=validation.LATITUDE)
    lng: float = attrs.field(converter=numbers.as_number, validator=validation.LONGITUDE)
    per_page: int | None = attrs.field(
        default=None, converter=optional(numbers.as_integer), validator=validation.PER_PAGE
    )

    def __attrs_post_init__(self) -> None:
        validation.require("lat", self.lat)
        validation.require("lng", self.lng)


def _codes(value: Iterable[Id] | None) -> tuple[str, ...] | None:
    return validation.non_empty_tuple("service_codes", value, "codes", validation.to_open311_code)


@attrs.frozen(kw_only=True)
class RequestQuery:
    """The parameters of Open311's `requests.json` and `services.json`; its longitude is `long`."""

    lat: float | None = attrs.field(
        default=None, converter=optional(numbers.as_number), validator=validation.LATITUDE
    )
    lng: float | None = attrs.field(
        default=None,
        converter=optional(numbers.as_number),
        validator=validation.LONGITUDE,
        metadata={"param": "long"},
    )
    status: Literal["open", "closed"] | None = attrs.field(
        default=None, validator=validation.validate_choice("open", "closed")
    )
    service_code: tuple[str, ...] | None = attrs.field(default=None, converter=_codes)
    start_date: datetime | None = attrs.field(
        default=None, converter=validation.to_utc, validator=validation.validate_aware
    )
    end_date: datetime | None = attrs.field(
        default=None, converter=validation.to_utc, validator=validation.validate_aware
    )
    per_page: int | None = attrs.field(
        default=None, converter=optional(numbers.as_integer), validator=validation.PER_PAGE
    )

    def __attrs_post_init__(self) -> None:
        if (self.lat is None) != (self.lng is None):
            raise InvalidArgumentError("lat", "lat and lng must be passed together.")
        start, end = self.start_date, self.end_date
        if start is not None and end is not None and start >= end:
            raise InvalidArgumentError("start_date", "must be earlier than end_date.")


@attrs.frozen(kw_only=True)
class QuestionQuery:
    """The parameters of `GET /:place_url/questions` (documented)."""

    search: str | None = attrs.field(default=None, validator=validation.validate_non_empty)
    subset: Subset | None = attrs.field(
        default=None, validator=validation.validate_choice("answered", "unanswered")
    )
    per_page: int | None = attrs.field(
        default=None, converter=optional(numbers.as_integer), validator=validation.PER_PAGE
    )
