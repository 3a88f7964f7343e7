"""Any value of a model, from the types of its fields; and recorded responses as models."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st
from msgspec import Meta

import seeclickfix_async
from seeclickfix_async import Issue, Page, Response, models
from seeclickfix_async._api.reading import read_page
from seeclickfix_async.models import Draft, Status
from tests.support.repository import RECORDED

DECODED: list[Any] = [
    value for value in vars(models).values() if attrs.has(value) and value is not Draft
]
"""The models of responses."""

RESULTS: list[Any] = [
    seeclickfix_async.Change,
    seeclickfix_async.Estimate,
    seeclickfix_async.Rejected,
    seeclickfix_async.Report,
]
"""The other public classes of results."""

_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=5.5))])
_TIMES = st.datetimes(datetime(2, 1, 3), datetime(9998, 12, 30), timezones=_ZONES)  # noqa: DTZ001
_STRINGS = st.text(max_size=6)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _STRINGS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_STRINGS, inner, max_size=2),
    max_leaves=3,
)
_BY_TYPE: dict[Any, Any] = {
    Any: _JSON,
    bool: st.booleans(),
    bytes: st.binary(max_size=6),
    datetime: _TIMES,
    float: st.floats(allow_nan=False, allow_infinity=False),
    int: st.integers(-(2**63), 2**63 - 1),
    str: _STRINGS,
    type(None): st.none(),
    Status: st.sampled_from(["open", "Closed", "on_hold", "Straße"]).map(Status),
}


@cache
def values_of(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911  # one per kind of type
    """Return the strategy for the values of a type, with missing values first."""
    if kind in _BY_TYPE:
        return st.just(None) if kind is type(None) else _BY_TYPE[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _within(arguments[0], arguments[1])
    if origin in (Union, UnionType):
        options = sorted(arguments, key=lambda option: option is not type(None))
        return st.one_of([values_of(option) for option in options])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=2)
    if attrs.has(kind):
        hints = get_type_hints(kind, include_extras=True)
        fields = {field.name: values_of(hints[field.name]) for field in attrs.fields(kind)}
        return st.builds(kind, **fields)
    return st.sampled_from(list(kind))  # an enumeration


def _within(kind: Any, meta: Meta) -> st.SearchStrategy[Any]:
    if kind is int:
        return st.integers(meta.ge, meta.le)  # type: ignore[arg-type]
    if kind is float:
        return st.floats(meta.ge, meta.le)
    return st.text(min_size=meta.min_length or 0, max_size=9) if kind is str else values_of(kind)


def recorded(name: str) -> Any:
    """Return the JSON of a recorded response."""
    return json.loads((RECORDED / f"{name}.json").read_text("utf-8"))


def recorded_page(rows: Any = None, key: str = "issues", model: Any = Issue) -> Page[Any]:
    """Return a page of recorded issues, or of other rows."""
    body = {key: recorded("issues_array") if rows is None else rows, "metadata": {}}
    return read_page(Response(200, {}, json.dumps(body).encode(), route="GET /x"), model, key)
