"""Models are decoded from observed, documented and deviating JSON."""

from __future__ import annotations

import copy
import json
import pickle
import weakref
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import (
    Comment,
    DetailedIssue,
    Issue,
    RequestType,
    RequestTypeOption,
    Response,
    Status,
    models,
)
from seeclickfix_async._api.decoding import decode_object, decode_rows
from seeclickfix_async.errors import DecodeError
from seeclickfix_async.models import OrganizationIssue, OrganizationServiceRequest
from tests.support.repository import RECORDED


def _response(body: Any) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(200, {"content-type": "application/json"}, content, route="GET /issues")


def _recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text("utf-8"))


def _differences(decoded: Any, raw: Any, path: str = "") -> list[str]:  # noqa: PLR0911  # one per type
    """Return the paths at which a model differs from the JSON that it was decoded from."""
    if raw == {} or raw is None:
        return []
    if isinstance(raw, dict):
        if isinstance(decoded, dict):
            return [] if decoded == raw else [path]
        return [
            difference
            for name, value in raw.items()
            for difference in _differences(
                getattr(decoded, name, "no such field"), value, f"{path}.{name}"
            )
        ]
    if isinstance(raw, list):
        pairs = zip(decoded, raw, strict=True)
        return [
            difference
            for index, (a, b) in enumerate(pairs)
            for difference in _differences(a, b, f"{path}[{index}]")
        ]
    if isinstance(decoded, datetime):
        return [] if decoded == datetime.fromisoformat(raw) else [path]
    if isinstance(decoded, Status):
        return [] if decoded == raw.lower() else [path]
    return [] if decoded == raw else [path]


@pytest.mark.parametrize(
    ("name", "model"), [("issue_show", Issue), ("issue_show_details", DetailedIssue)]
)
def test_a_recorded_issue_is_decoded_without_loss(name: str, model: type[Issue]) -> None:
    raw = _recorded(name)

    assert _differences(decode_object(_response(raw), model), raw) == []


def test_recorded_lists_are_decoded_without_loss() -> None:
    raw = {"issues": _recorded("issues_array")}
    rows = decode_rows(_response(raw), "issues", Issue)

    assert rows.rejected == ()
    assert _differences(rows.items, raw["issues"]) == []
    assert any(issue.request_type is None for issue in rows.items)


def test_a_recorded_sparse_page_is_decoded_without_loss() -> None:
    raw = _recorded("issues_list_sparse")
    rows = decode_rows(_response(raw), "issues", Issue)

    assert _differences(rows.items, raw["issues"]) == []
    assert rows.pagination.entries == 916
    assert rows.items[0].status is Status.OPEN
    assert rows.items[0].closed_at is not None
    assert rows.items[0].is_open


def test_recorded_comments_have_an_id() -> None:
    raw = _recorded("issue_comments")
    rows = decode_rows(_response(raw), "comments", Comment)

    assert _differences(rows.items, raw["comments"]) == []
    assert [comment.id for comment in rows.items][:2] == [132315712, 132315885]


def test_a_recorded_form_and_its_categories_are_decoded_without_loss() -> None:
    options = _recorded("issues_new")["request_types"]
    rows = decode_rows(_response(_recorded("issues_new")), "request_types", RequestTypeOption)
    form = _recorded("request_type_show")

    assert _differences(rows.items, options) == []
    assert _differences(decode_object(_response(form), RequestType), form) == []


@pytest.mark.parametrize(
    ("raw", "field", "value"),
    [
        ({"status": "Open"}, "status", Status.OPEN),
        ({"status": "ARCHIVED"}, "status", Status.ARCHIVED),
        ({"status": "null"}, "status", None),
        ({"rating": "5"}, "rating", 5),
        ({"rating": ""}, "rating", None),
        ({"rating": " 5 "}, "rating", 5),
        ({"rating": "null"}, "rating", None),
        ({"lat": "41.5"}, "lat", 41.5),
        ({"lat": ""}, "lat", None),
        ({"id": "7"}, "id", 7),
        ({"request_type": {}}, "request_type", None),
        ({"request_type": None}, "request_type", None),
        ({"request_type": {"id": "other"}}, "request_type", models.RequestTypeRef("other")),
        ({"request_type": {"id": "12"}}, "request_type", models.RequestTypeRef(12)),
        ({"transitions": {}}, "transitions", {}),
        ({"assignee": {}}, "assignee", None),
        ({"questions": {}}, "questions", None),
        ({"integrations": {}}, "integrations", None),
        (
            {"integrations": {"remote_id": 5, "status": "done"}},
            "integrations",
            (models.Integration(5, "done"),),
        ),
        ({"comments_url": "http://x"}, "comment_url", "http://x"),
        ({"comment_count": 4}, "comments_count", 4),
        ({"flag_url": "null"}, "flag_url", None),
        ({"point": {"coordinates": None}}, "point", models.Point()),
        ({"transitions": {"a": [], "close_url": "u"}}, "transitions", {"close_url": "u"}),
        ({"summary": "null"}, "summary", "null"),
        ({"summary": 5}, "summary", "5"),
        ({"media": {"video_url": "null"}}, "media", models.Media()),
        (
            {"created_at": "2026-01-02T03:04:05Z"},
            "created_at",
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ),
        (
            {"created_at": "2026-01-01T22:04:05-05:00"},
            "created_at",
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ),
        (
            {"created_at": "2026/01/01 22:04:05 -0500"},
            "created_at",
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ),
        (
            {"created_at": "2026-01-02 03:04:05 UTC"},
            "created_at",
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ),
        ({"created_at": ""}, "created_at", None),
        ({"new_field": {"a": 1}}, "summary", None),
    ],
)
def test_deviating_json_is_decoded_in_objects_and_lists(raw: Any, field: str, value: Any) -> None:
    row = {"id": 1, **raw}

    issue = decode_object(_response(row), DetailedIssue)
    rows = decode_rows(_response({"issues": [row], "metadata": {}}), "issues", DetailedIssue)

    assert getattr(issue, field) == value
    assert rows.items == (issue,)


def test_an_unknown_status_is_kept() -> None:
    first, second = (decode_object(_response({"id": 1, "status": "On_Hold"}), Issue) for _ in "ab")

    assert first.status == second.status == "on_hold"
    assert isinstance(first.status, Status)
    assert len(Status) == 4
    assert first == pickle.loads(pickle.dumps(first)) == copy.deepcopy(second)


def test_a_status_equals_its_string() -> None:
    words: list[str] = [Status.OPEN, "open"]
    assert words[0] == words[1]
    assert Status("Open") is Status("open") is Status.OPEN
    assert f"{Status.CLOSED}" == "closed"


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({}, ""),
        ({"id": None}, "id"),
        ({"id": "x"}, "id"),
        ({"id": 1, "lat": []}, "lat"),
        ({"id": 1, "created_at": "yesterday"}, "created_at"),
        ({"id": 1, "created_at": "2026-01-02T03:04:05"}, "created_at"),
        ({"id": 1, "media": [1]}, "media"),
        ({"id": 1, "comments": [{}, {"commenter": {"id": {}}}]}, "comments[1].commenter.id"),
    ],
)
def test_a_value_that_cannot_be_decoded_is_reported_with_its_path(raw: Any, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_object(_response(raw), DetailedIssue)
    rows = decode_rows(_response({"issues": [{"id": 2}, raw]}), "issues", DetailedIssue)

    assert caught.value.path == path
    assert [issue.id for issue in rows.items] == [2]
    assert rows.rejected[0].path == ("issues[1]." + path).rstrip(".")
    assert json.loads(rows.rejected[0].raw) == raw


@pytest.mark.parametrize(
    "body", [[], 5, "text", None, {}, {"issues": None}, {"issues": {}}, {"result": []}]
)
def test_a_body_without_a_list_raises(body: Any) -> None:
    with pytest.raises(DecodeError):
        decode_rows(_response(body), "issues", Issue)


def test_a_renamed_field_after_a_long_description_is_found() -> None:
    row = {"id": 1, "description": "x" * 10_000, "comments_url": "http://x"}

    [issue] = decode_rows(_response({"issues": [row]}), "issues", Issue).items

    assert issue.comment_url == "http://x"


def test_the_string_null_in_the_pagination_is_decoded_as_none() -> None:
    pagination = {"entries": "5", "previous_page": "null", "previous_page_url": "null", "page": 1}
    body: Any = {"issues": [], "metadata": {"pagination": pagination}, "errors": None}

    rows = decode_rows(_response(body), "issues", Issue)

    assert rows.pagination == models.Pagination(entries=5, page=1)


def test_models_are_frozen_and_hashable() -> None:
    issue = decode_object(_response(_recorded("issue_show_details")), DetailedIssue)

    assert {issue} == {pickle.loads(pickle.dumps(issue))}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        issue.summary = "other"  # type: ignore[misc]


@pytest.mark.parametrize("model", [Issue, DetailedIssue, models.OrganizationIssue])
@pytest.mark.parametrize("more", [{}, {"request_type": {}, "assignee": {}, "closed_at": None}])
def test_a_row_of_a_page_is_like_an_object_by_itself(
    model: type[Issue], more: dict[str, Any]
) -> None:
    raw = {**_recorded("issue_show_details"), **more}
    issue = decode_object(_response(raw), model)

    [row] = decode_rows(_response({"issues": [raw]}), "issues", model).items

    assert type(row) is model
    assert (row, repr(row), hash(row)) == (issue, repr(issue), hash(issue))
    assert row == pickle.loads(pickle.dumps(row)) == attrs.evolve(row)
    assert weakref.ref(row)() is row
    assert row.response is None
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        row.summary = "other"  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del row.summary


@pytest.mark.parametrize("more", [{"transitions": {}}, {"new": 10**400}], ids=["empty", "large"])
def test_a_row_does_not_depend_on_the_other_rows(more: dict[str, Any]) -> None:
    raw = {**_recorded("issue_show_details"), **more}
    [alone] = decode_rows(_response({"issues": [raw]}), "issues", DetailedIssue).items

    page = decode_rows(_response({"issues": [raw, {"id": "unreadable"}]}), "issues", DetailedIssue)

    assert page.items == (alone,)
    assert [row.path for row in page.rejected] == ["issues[1].id"]


@pytest.mark.parametrize("transitions", [{}, [], None])
def test_a_service_request_may_have_an_object_for_no_transitions(transitions: object) -> None:
    work = {"status": "accepted", "created_at": "2026-01-02T03:04:05Z", "transitions": transitions}

    issue = OrganizationIssue.from_dict({"id": 1, "active_service_request": work})

    assert issue.active_service_request is not None
    assert not issue.active_service_request.transitions
    assert not OrganizationServiceRequest.from_dict(work).transitions


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(
        ["null", "", "5", "Open", "other", "2026-01-02T03:04:05Z", "2026/01/02 03:04:05"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
_FIELDS = [field.name for field in attrs.fields(DetailedIssue)]
_ROWS = st.fixed_dictionaries({"id": st.integers(1, 2**40)}) | st.dictionaries(
    st.sampled_from([*_FIELDS, "comments_url", "comment_count", "new"]), _JSON
)


@given(st.lists(st.tuples(_ROWS, st.dictionaries(st.sampled_from(_FIELDS), _JSON)), max_size=4))
def test_any_row_of_a_list_is_decoded_or_rejected(pairs: list[tuple[Any, Any]]) -> None:
    raw = [{**row, **more} for row, more in pairs]

    rows = decode_rows(_response({"issues": raw}), "issues", DetailedIssue)

    assert len(rows.items) + len(rows.rejected) == len(raw)
    assert all(row.path.startswith(f"issues[{row.index}]") for row in rows.rejected)


@given(_JSON | st.binary(max_size=50) | _ROWS)
def test_any_body_is_an_issue_or_a_decode_error(body: Any) -> None:
    try:
        issue = decode_object(_response(body), DetailedIssue)
    except DecodeError:
        return
    assert isinstance(issue.id, int)


def test_a_field_of_details_is_explained_to_who_did_not_request_them() -> None:
    issue: Any = Issue(id=1)

    with pytest.raises(AttributeError, match=r"'comments' only .* details=True"):
        _ = issue.comments
    with pytest.raises(AttributeError, match="no 'colour'"):
        _ = issue.colour
    assert not hasattr(DetailedIssue(id=1), "colour")
