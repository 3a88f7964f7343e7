"""Models decode JSON that deviates as the service is known to deviate, or fail with a path."""

from __future__ import annotations

import json
from random import Random
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
# A draft is only sent, never decoded.
_MODELS = [v for v in vars(models).values() if attrs.has(v) and v is not models.Draft]


def _response(body: Any) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(200, {}, content, route="GET /anything")


# Known deviations: a missing value, the string "null", `{}`, a number as a string, and an object
# in place of a list of one.
_MAY_BE_EMPTY_OBJECT = frozenset(
    {"request_type", "transitions", "assignee", "questions", "integrations"}
)


@st.composite
def _drifted(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict):
        drifted: dict[str, Any] = {"a new key": draw(st.sampled_from([None, 1, "x", [], {}]))}
        for key, item in value.items():
            change = draw(st.sampled_from(["keep", "keep", "drop", "null", "deviate"]))
            if key == "id" or change == "keep":
                drifted[key] = draw(_drifted(item))
            elif change != "drop":
                drifted[key] = None if change == "null" else draw(_deviation(key, item))
        return drifted
    if isinstance(value, list):
        return [draw(_drifted(item)) for item in value]
    return value


@st.composite
def _deviation(draw: st.DrawFn, key: str, value: Any) -> Any:
    deviations = [value]
    if key in _MAY_BE_EMPTY_OBJECT and not isinstance(value, bool):
        deviations.append({})
    if key == "integrations" and len(value) == 1:
        deviations.append(value[0])
    if isinstance(value, int) and not isinstance(value, bool):
        deviations.append(str(value))
    if key == "status":
        deviations += [value.upper(), value.lower(), "On_Hold"]
    if value is None or key.endswith(("url", "_at")):
        deviations.append("null")
    return draw(st.sampled_from(deviations))


@pytest.mark.parametrize("model", _SAMPLES, ids=lambda model: model.__name__)
@settings(max_examples=50)
@given(st.data())
def test_known_deviations_are_decoded(model: type[Any], data: st.DataObject) -> None:
    sample = _SAMPLES[model]

    body = data.draw(_drifted(sample))
    decoded = decode_object(_response(body), model)

    assert model.from_dict(body) == decoded
    assert getattr(decoded, "id", None) == sample.get("id", getattr(decoded, "id", None))


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


@given(st.lists(_JSON, max_size=12), st.randoms(use_true_random=True))
def test_any_object_is_decoded_or_fails_with_a_path(values: list[Any], random: Random) -> None:
    """Each example is tried with every model: generating it takes longer than to decode it."""
    for model in _MODELS:
        names = [field.name for field in attrs.fields(model)]
        random.shuffle(names)
        body = dict(zip(names, values, strict=False))
        try:
            decoded = decode_object(_response(body), model)
        except DecodeError as error:
            assert error.path or "required field" in str(error), model  # noqa: PT017
        else:
            assert isinstance(decoded, model), model


def test_documented_examples_are_decoded() -> None:
    """Documented shapes that differ from the observed ones."""
    issue = decode_object(
        _response(
            {
                "id": 7,
                "rating": "5",
                "comments_url": "http://x/comments",
                "comment_count": 2,
                "integrations": {"remote_id": 5, "status": "done", "title": "Work order"},
                "votes": [{"created_at": "2026-01-02T03:04:05Z"}],
                "flag_url": "null",
            }
        ),
        DetailedIssue,
    )
    comment = decode_object(
        _response(
            {"comment": "Hi", "moderated": False, "issue": {"rating": "18", "status": "Open"}}
        ),
        Comment,
    )
    other = decode_object(_response({"title": "Other", "url": "http://x/other"}), RequestTypeOption)

    assert (issue.rating, issue.comments_count, issue.flag_url) == (5, 2, None)
    assert issue.integrations == (models.Integration(5, "done", "Work order"),)
    assert comment.issue == models.CommentedIssue(18, models.Status.OPEN)
    plain = decode_object(_response({"url": "http://x/request_types/12"}), RequestTypeOption)
    assert (other.key, other.organization) == ("other", None)
    assert plain.key == 12
