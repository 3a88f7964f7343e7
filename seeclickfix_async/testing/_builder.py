"""Objects of the API for tests, with values as the service sends them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, SupportsIndex, TypeVar, cast

import attrs
import msgspec

from seeclickfix_async._core import validation
from seeclickfix_async._core.numbers import (
    as_boolean,
    as_integer,
    as_integer_or_number,
    as_number,
)
from seeclickfix_async.models import Comment, DetailedIssue, Issue, Place, RequestType, Status, User
from seeclickfix_async.sandbox import _forms as forms
from seeclickfix_async.sandbox._bounds import check_at_least
from seeclickfix_async.sandbox._categories import CATEGORIES, COMMUNITY
from seeclickfix_async.sandbox._city import build
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._routes.places import example_places
from seeclickfix_async.sandbox._serializers import Serializer
from seeclickfix_async.sandbox._users import Users

_T = TypeVar("_T")

_ORIGIN = "https://seeclickfix.com"
_ISSUES = 200  # of all statuses; further ones are new
_FIRST_USER = 1000
_CATEGORIES = [
    category
    for category in range(len(CATEGORIES))
    if category not in (COMMUNITY, forms.BLOCKED_CATEGORY)
]


class Builder:
    """Makes issues and other objects: valid ones, and the same ones for the same seed.

        builder = Builder()
        issue = builder.issue(status="closed", reporter={"name": "Ana"})

    Each field can be set: to a value, or to a dict with some fields of an object in it. The others
    fit to each other. Each object has another id.

    Args:
        seed: The same seed makes the same objects in the same order.
    """

    def __init__(self, seed: SupportsIndex = 311) -> None:
        number = as_integer(seed)
        check_at_least("seed", number, -math.inf, integer=True)
        self._city = build(_ISSUES, number)
        self._serializer = Serializer(self._city, _ORIGIN, Overlay())
        self._users = Users()
        self._counts: dict[type, int] = {}

    def issue(self, **fields: Any) -> Issue:
        """Return an issue, as lists have it."""
        return _make(Issue, self._issue(self._next_row(), fields), fields)

    def detailed_issue(self, **fields: Any) -> DetailedIssue:
        """Return an issue with details and comments."""
        row = self._next_row()
        details = self._serializer.details(row)
        return _make(DetailedIssue, {**self._issue(row, fields), **details}, fields)

    def comment(self, **fields: Any) -> Comment:
        """Return a comment of a resident."""
        number, row = self._next(Comment), self._next_row()
        city = self._city
        random = city.random(row)
        content = self._serializer.comment(
            city.id_of(row), number % 10, city.updated[row], "It is still there.", random
        )
        return _make(Comment, content, fields)

    def user(self, **fields: Any) -> User:
        """Return a user."""
        return _make(User, self._users.profile(_FIRST_USER + self._next(User)), fields)

    def place(self, **fields: Any) -> Place:
        """Return a place."""
        number, places = self._next(Place), example_places(_ORIGIN)
        place = places[number % len(places)]
        return _make(Place, _with_id(place, place["id"] + number), fields)

    def request_type(self, **fields: Any) -> RequestType:
        """Return a request type that accepts reports, with its questions."""
        number = self._next(RequestType)
        content = forms.request_type(_CATEGORIES[number % len(_CATEGORIES)])
        return _make(RequestType, {**content, "id": content["id"] + 100 * number}, fields)

    def _next(self, model: type) -> int:
        number = self._counts[model] = self._counts.get(model, -1) + 1
        return number

    def _next_row(self) -> int:
        """Return a row of an issue with a request type."""
        row = self._next(Issue)
        while row >= len(self._city):
            self._city.report()
        return row if self._city.category[row] != COMMUNITY else self._next_row()

    def _issue(self, row: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return an issue as JSON, in which the values that depend on set fields fit to them."""
        issue = _with_id(self._serializer.issue(row), fields.get("id", self._city.id_of(row)))
        if fields.get("status") is not None and "closed_at" not in fields:
            is_closed = Status(fields["status"]) in (Status.CLOSED, Status.ARCHIVED)
            issue["closed_at"] = issue["updated_at"] if is_closed else None
            issue["reopened_at"] = None
        point: list[Any] = [as_number(fields.get(name, issue[name])) for name in ("lng", "lat")]
        issue["point"] = None if None in point else {"type": "Point", "coordinates": point}
        return issue


def _with_id(content: dict[str, Any], number: Any) -> dict[str, Any]:
    """Return an object with another id, also in its links."""
    old = f"/{content['id']}"
    return {**_replace(content, old, f"/{number}"), "id": number}


def _replace(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _replace(item, old, new) for key, item in value.items()}
    return value.replace(old, new) if isinstance(value, str) else value


def _make(model: type[_T], content: dict[str, Any], fields: Mapping[str, Any]) -> _T:
    """Return an object of a model, with some fields set.

    Raises:
        TypeError: There is no such field.
        ValueError: A value is not one of this field.
    """
    known = [field.name for field in attrs.fields(model)]  # type: ignore[arg-type]
    merged = _merge(content, fields, known, model.__name__)
    try:
        made: _T = msgspec.convert(merged, model)
    except msgspec.ValidationError as error:
        raise ValueError(f"{model.__name__}: {error}") from None
    return made


def _merge(
    content: Mapping[str, Any], fields: Mapping[str, Any], known: list[str], name: str
) -> dict[str, Any]:
    unknown = sorted(set(fields) - set(known))
    if unknown:
        names = ", ".join(known)
        raise TypeError(f"{name} has no field {', '.join(unknown)!r}. Its fields are: {names}.")
    merged = dict(content)
    for field, value in fields.items():
        inner = merged.get(field)
        if isinstance(value, Mapping) and isinstance(inner, dict) and inner:
            merged[field] = _merge(inner, value, list(inner), f"{name}.{field}")
        else:
            try:
                merged[field] = msgspec.to_builtins(
                    value, builtin_types=(Decimal,), enc_hook=_to_python
                )
            except (TypeError, UnicodeEncodeError) as error:
                raise ValueError(f"{name}.{field}: {error}") from None
    return merged


def _to_python(value: Any) -> Any:
    """Return a scalar of another library, such as a Timestamp of pandas, as one of Python."""
    if isinstance(value, str):
        return validation.exact_str(value)
    if isinstance(value, datetime) and not validation.is_nat(value):
        return validation.to_utc(value)
    scalar: Any = as_integer_or_number(as_boolean(cast(bool, value)))
    if type(scalar) not in (int, float, bool):
        raise TypeError(f"{type(value).__name__} is not a value of the API.")
    return scalar
