"""Builders: valid objects, the same ones for the same seed, with any field set."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import msgspec
import pytest

from seeclickfix_async.models import Status, UserRef
from seeclickfix_async.testing import Builder

_KINDS = ("issue", "detailed_issue", "comment", "user", "place", "request_type")


def _make(builder: Builder, kind: str, **fields: Any) -> Any:
    return getattr(builder, kind)(**fields)


@pytest.fixture(scope="module")
def builder() -> Builder:
    return Builder()


@pytest.mark.parametrize("kind", _KINDS)
def test_objects_are_valid_repeatable_and_different(kind: str) -> None:
    first, second, other = Builder(1), Builder(1), Builder(2)
    made = [_make(first, kind) for _ in range(5)]

    assert made == [_make(second, kind) for _ in range(5)]
    assert len({str(row) for row in made}) == 5
    for row in made:
        assert msgspec.json.decode(msgspec.json.encode(row), type=type(row)) == row
    if kind in ("issue", "detailed_issue", "comment"):
        assert made[0] != _make(other, kind)


@pytest.mark.parametrize("kind", _KINDS)
def test_each_field_can_be_set(kind: str, builder: Builder) -> None:
    made = _make(builder, kind)
    for field in attrs.fields(type(made)):
        value = getattr(_make(builder, kind), field.name)
        assert getattr(_make(builder, kind, **{field.name: value}), field.name) == value
        if field.name != "id":
            assert getattr(_make(builder, kind, **{field.name: None}), field.name) is None


def test_fields_fit_to_those_that_are_set(builder: Builder) -> None:
    time = datetime(2026, 11, 1, tzinfo=UTC)
    issue = builder.issue(
        id=7, status="closed", lat=41.5, reporter={"name": "Ana"}, created_at=time
    )

    assert issue.status is Status.CLOSED
    assert issue.closed_at is not None
    assert builder.issue(status=Status.OPEN).closed_at is None
    assert issue.url == "https://seeclickfix.com/api/v2/issues/7"
    assert issue.point is not None
    assert issue.point.coordinates == (issue.lng, 41.5)
    assert issue.reporter is not None
    assert issue.reporter.name == "Ana"
    assert issue.reporter.id
    assert issue.created_at == time
    assert builder.issue(reporter=UserRef(id=3)).reporter == UserRef(id=3)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"sumary": "Hole"}, TypeError, "Issue has no field 'sumary'. Its fields are: id, status"),
        ({"reporter": {"nam": "Ana"}}, TypeError, "Issue.reporter has no field 'nam'"),
        ({"lat": 91}, ValueError, "lat"),
        ({"rating": "many"}, ValueError, "rating"),
        ({"id": None}, ValueError, "id"),
    ],
)
def test_a_wrong_field_is_refused(
    builder: Builder, fields: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        builder.issue(**fields)
