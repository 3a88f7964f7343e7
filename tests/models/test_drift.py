"""Every answer that has a model, drifted as the service drifts: read, or refused with a path."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeclickfix_async import Response, models
from seeclickfix_async._api.decoding import decode_object
from seeclickfix_async.errors import DecodeError
from seeclickfix_async.models import (
    Comment,
    DetailedIssue,
    OrganizationIssue,
    Place,
    PlaceAnswer,
    PlaceQuestion,
    RequestType,
    RequestTypeOption,
    User,
)
from tests.support.repository import RECORDED

_PERSON = {
    "id": 41,
    "name": "Mary",
    "avatar": {"full": "http://x/a.png", "square_100x100": "http://x/b.png"},
    "civic_points": 7,
    "reported_issue_count": 3,
    "permissions": {"can_acknowledge": False},
    "created_at": "2026-01-02T03:04:05Z",
}
_ANSWER = {
    "id": 5,
    "answer": "On Saturday",
    "answerer": {"id": 41, "name": "Mary"},
    "question_id": 4,
    "total_votes": 0,
    "accepted_at": None,
    "created_at": "2026-01-02T03:04:05Z",
}
_PLACE = {
    "id": 7001,
    "name": "Example City",
    "url_name": "example-city",
    "center": {"type": "Point", "coordinates": [-73.5, 41.0]},
    "avatar": {"full": None, "square": None},
    "html_report_url": "http://x/report",
}
_SERVICE_REQUEST = {
    "status": "accepted",
    "created_at": "2026-01-02T03:04:05-05:00",
    "priority": {"code": 2, "label": "Medium"},
    "transitions": [{"resulting_status": "closed", "url": "http://x/closed"}],
}


def _recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text("utf-8"))


_ISSUE = _recorded("issue_show_details")
_ISSUE["comments"] = _ISSUE["comments"][:1]  # one is enough, and many take long
_SAMPLES: dict[type[Any], Any] = {
    DetailedIssue: _ISSUE,
    OrganizationIssue: {**_ISSUE, "is_private": True, "active_service_request": _SERVICE_REQUEST},
    Comment: _recorded("issue_comments")["comments"][0],
    RequestType: _recorded("request_type_show"),
    RequestTypeOption: _recorded("issues_new")["request_types"][0],
    User: _PERSON,
    Place: _PLACE,
    PlaceAnswer: _ANSWER,
    PlaceQuestion: {"id": 4, "question": "When?", "asker": {"id": 41}, "locale": "en"},
}
# Everything but what is only sent.
_MODELS = [v for v in vars(models).values() if attrs.has(v) and v is not models.Draft]


def _answer(body: Any) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(200, {}, content, route="GET /anything")


# What the service is known to make of a value: nothing, null as text, `{}`, numbers as text, and
# one object for a list of one.
_MANY = frozenset({"request_type", "transitions", "assignee", "questions", "integrations"})


@st.composite
def _drifted(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict):
        drifted: dict[str, Any] = {"a new key": draw(st.sampled_from([None, 1, "x", [], {}]))}
        for key, item in value.items():
            fate = draw(st.sampled_from(["keep", "keep", "drop", "null", "drift"]))
            if key == "id" or fate == "keep":
                drifted[key] = draw(_drifted(item))
            elif fate != "drop":
                drifted[key] = None if fate == "null" else draw(_odd(key, item))
        return drifted
    if isinstance(value, list):
        return [draw(_drifted(item)) for item in value]
    return value


@st.composite
def _odd(draw: st.DrawFn, key: str, value: Any) -> Any:
    odd = [value]
    if key in _MANY and not isinstance(value, bool):
        odd.append({})
    if key == "integrations" and len(value) == 1:
        odd.append(value[0])
    if isinstance(value, int) and not isinstance(value, bool):
        odd.append(str(value))
    if key == "status":
        odd += [value.upper(), value.lower(), "On_Hold"]
    if value is None or key.endswith(("url", "_at")):
        odd.append("null")
    return draw(st.sampled_from(odd))


@pytest.mark.parametrize("model", _SAMPLES, ids=lambda model: model.__name__)
@settings(max_examples=50)
@given(st.data())
def test_what_has_drifted_as_it_does_is_read(model: type[Any], data: st.DataObject) -> None:
    sample = _SAMPLES[model]

    read = decode_object(_answer(data.draw(_drifted(sample))), model)

    assert getattr(read, "id", None) == sample.get("id", getattr(read, "id", None))


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9)
    | st.sampled_from(["null", "", "5", "Open", "other", "2026-01-02T03:04:05Z"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("model", _MODELS, ids=lambda model: model.__name__)
@settings(max_examples=50)
@given(st.data())
def test_any_object_is_read_or_refused_with_a_path(model: type[Any], data: st.DataObject) -> None:
    names = [field.name for field in attrs.fields(model)]
    body = data.draw(st.dictionaries(st.sampled_from(names), _JSON) if names else st.just({}))
    try:
        read = decode_object(_answer(body), model)
    except DecodeError as error:
        assert error.path or "required field" in str(error)  # noqa: PT017  # either is well
        return
    assert isinstance(read, model)


def test_the_documented_examples_are_read() -> None:
    """Their shapes, where they differ from what was observed."""
    issue = decode_object(
        _answer(
            {
                "id": 7,
                "rating": "5",
                "comments_url": "http://x/comments",
                "comment_count": 2,
                "integrations": {"remote_id": 5, "status": "done", "title": "Work order"},
                "votes": [{"created_at": "2026-01-02T03:04:05Z"}],
                "shortened_url": "null",
            }
        ),
        DetailedIssue,
    )
    comment = decode_object(
        _answer({"comment": "Hi", "moderated": False, "issue": {"rating": "18", "status": "Open"}}),
        Comment,
    )
    other = decode_object(_answer({"title": "Other", "url": "http://x/other"}), RequestTypeOption)

    assert (issue.rating, issue.comments_count, issue.shortened_url) == (5, 2, None)
    assert issue.integrations == (models.Integration(5, "done", "Work order"),)
    assert comment.issue == models.CommentedIssue(18, models.Status.OPEN)
    plain = decode_object(_answer({"url": "http://x/request_types/12"}), RequestTypeOption)
    assert (other.key, other.organization) == ("other", None)
    assert plain.key == 12
