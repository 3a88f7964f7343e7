"""Models become dictionaries and JSON, and the same models again."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeclickfix_async import (
    BoundingBox,
    PlaceArea,
    Rejected,
    Report,
    Status,
    WatchArea,
    Zoom,
    models,
    near,
)
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Comment, DetailedIssue, Draft, Email, Issue, RequestType
from tests.support.model_values import DECODED, RESULTS, recorded, values_of

pd: Any = importlib.import_module("pandas")  # which has no types

_TOKEN = "token-of-a-watch-area"
_DRAFT = Draft(request_type_id=7, lat=41.0, lng=-73.5, address="1 Main St", answers={"q": ["a"]})
_OTHERS = [
    BoundingBox(41.0, -73.6, 41.2, -73.4),
    Zoom(41.0, -73.5, 12),
    PlaceArea("example-city"),
    near(41.0, -73.5, 500),
    _DRAFT,
    attrs.evolve(_DRAFT, image="photo.png", request_type_id="other"),
]


@pytest.mark.parametrize("model", [*DECODED, *RESULTS], ids=lambda model: model.__name__)
@settings(max_examples=8)
@given(st.data())
def test_any_model_is_the_same_after_json(model: Any, data: st.DataObject) -> None:
    value = data.draw(values_of(model))
    document = value.to_dict()

    assert list(document) == [field.name for field in attrs.fields(model)]
    assert json.loads(value.to_json()) == document
    assert model.from_dict(document) == model.from_json(value.to_json()) == value


@pytest.mark.parametrize("value", _OTHERS, ids=lambda value: type(value).__name__)
def test_areas_and_drafts_are_the_same_after_json(value: Any) -> None:
    assert type(value).from_json(value.to_json()) == value
    assert json.loads(json.dumps(value.to_dict())) == value.to_dict()


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (Issue, recorded("issue_show")),
        (DetailedIssue, recorded("issue_show_details")),
        (Comment, recorded("issue_comments")["comments"][0]),
        (RequestType, recorded("request_type_show")),
    ],
)
def test_objects_of_the_service_are_read(model: Any, document: Any) -> None:
    value = model.from_dict(MappingProxyType(document))

    assert value == model.from_json(json.dumps(document))
    assert value == model.from_dict(value.to_dict())
    if "id" in document:
        assert value.id == document["id"]


def test_known_deviations_of_the_service_are_repaired() -> None:
    document = {"id": "7", "status": "On_Hold", "rating": "5", "comments_url": "http://x/c"}
    issue = DetailedIssue.from_dict({**document, "request_type": {}, "votes": {}})

    assert issue == DetailedIssue(
        id=7, status=Status("on_hold"), rating=5, comment_url="http://x/c"
    )
    assert issue.to_dict()["status"] == "on_hold"


def test_times_are_iso_8601_and_keep_their_offset() -> None:
    issue = Issue.from_dict({"id": 1, "created_at": "2026-01-01T22:04:05-05:00"})

    assert issue.to_dict()["created_at"] == "2026-01-01T22:04:05-05:00"


def test_a_data_frame_has_a_column_for_each_field_and_its_records_are_read() -> None:
    issues = [Issue.from_dict(row) for row in recorded("issues_array")]
    issues.append(Issue(id=1, lat=41.5))
    frame = pd.DataFrame([issue.to_dict() for issue in issues])

    assert list(frame.columns) == [field.name for field in attrs.fields(Issue)]
    # A record has NaN for missing values, and floats for integers in their column.
    again = [Issue.from_dict(record) for record in frame.to_dict("records")]
    assert [attrs.evolve(issue, transitions=None) for issue in again] == [
        attrs.evolve(issue, transitions=None) for issue in issues
    ]


def test_scalars_of_data_frames_are_read() -> None:
    created = "2026-01-01T22:04:05-05:00"
    frame = pd.DataFrame({"id": [7], "lat": [41.5], "private_visibility": [True]})
    record = frame.iloc[0].to_dict() | {"id": frame["id"].iloc[0], "lat": frame["lat"].iloc[0]}
    times = {"created_at": pd.Timestamp(created), "closed_at": pd.NaT}

    assert Issue.from_dict({**record, **times, "summary": float("nan")}) == Issue.from_dict(
        {"id": 7, "lat": 41.5, "private_visibility": True, "created_at": created}
    )


def test_personal_data_is_in_the_dictionary_and_not_in_the_repr() -> None:
    email = Email(id=1, email="mary@example.org")

    assert "mary" not in repr(email) + email._repr_html_()
    assert Email.from_dict(email.to_dict()) == email


def test_a_watch_areas_token_is_left_out_and_required() -> None:
    area = WatchArea(_TOKEN)

    assert area.to_dict() == {}
    assert _TOKEN not in area.to_json() + area._repr_html_()
    assert WatchArea.from_dict({"watcher_token": _TOKEN}) == area
    with pytest.raises(InvalidArgumentError, match="watcher_token: is required"):
        WatchArea.from_dict(area.to_dict())


def test_only_the_path_of_a_drafts_photo_is_converted(tmp_path: Path) -> None:
    draft = attrs.evolve(_DRAFT, image=tmp_path / "photo.png")

    assert Draft.from_dict(draft.to_dict()).image == str(tmp_path / "photo.png")
    with pytest.raises(InvalidArgumentError, match="image: must be a path"):
        attrs.evolve(_DRAFT, image=b"\x89PNG").to_dict()


@pytest.mark.parametrize(
    ("model", "document", "argument"),
    [
        (Issue, {}, "id"),
        (Issue, [], "data"),
        (Issue, None, "data"),
        (Issue, {"id": 1, "created_at": "2026-01-01T22:04:05"}, "created_at"),
        (Issue, {"id": 1, "reporter": {"id": {}}}, "reporter.id"),
        (DetailedIssue, {"id": 1, "comments": [{}, {"media": 5}]}, "comments[1].media"),
        (models.Created, {"issue": {}}, "issue.id"),
        (Report, {"received": 1}, "expected"),
        (Rejected, {"index": 1, "path": "", "reason": "", "raw": "?"}, "raw"),
        (Draft, {**_DRAFT.to_dict(), "lat": "north"}, "lat"),
        (WatchArea, {"watcher_token": " "}, "watcher_token"),
        (Zoom, {"lat": 41.0, "lng": 400, "zoom": 3}, "lng"),
        (
            type(near(41.0, 2.0, 500)),
            {"lat": 1, "lng": 2, "box": BoundingBox(1, 2, 3, 4).to_dict() | {"max_lat": 0}},
            "box.min_lat",
        ),
    ],
)
def test_an_error_has_the_path_of_the_field(model: Any, document: Any, argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        model.from_dict(document)

    assert caught.value.argument == argument


@pytest.mark.parametrize("document", ["", "{", b"\xff", "[1]", "5", 5, None, "[" * 200])
def test_what_is_no_json_object_is_refused(document: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="data"):
        Issue.from_json(document)


def test_an_error_does_not_quote_the_value() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Issue.from_dict({"id": "mary@example.org", "reporter": {"id": "Mary"}})

    assert "ary" not in str(caught.value)


def test_the_missing_values_of_pandas_are_none() -> None:
    fields = {"status": pd.NA, "rating": pd.NA, "created_at": pd.NA, "summary": pd.NA}

    assert Issue.from_dict({"id": 7, **fields}) == Issue(id=7)
