"""The request types and their questions: every question type and every rule occurs."""

from __future__ import annotations

from typing import Any

from seeclickfix_async.sandbox._categories import CATEGORIES, COMMUNITY, FIRST_REQUEST_TYPE
from seeclickfix_async.sandbox._listing import parse_int
from seeclickfix_async.sandbox._serializers import ORGANIZATION

COMMON_QUESTIONS = 3
"""The number of questions that all categories share; they come first."""
_MAX_SUMMARY = 150

BLOCKED_CATEGORY = CATEGORIES.index("Parking Complaint")
"""A category that accepts no reports (`block_submission`)."""
SIGNED_IN_CATEGORY = CATEGORIES.index("Abandoned Vehicle")
"""A category that guests cannot report."""
NAMED_CATEGORY = CATEGORIES.index("Noise")
"""A category that cannot be reported anonymously."""

Question = dict[str, Any]


def parse_category(number: str) -> int | None:
    """Return the category of a request type's id, or of `other`; None if unknown."""
    if number == "other":
        return COMMUNITY
    category = parse_int(number, 0) - FIRST_REQUEST_TYPE
    return category if 0 < category < len(CATEGORIES) else None


def request_type_option(category: int, api: str, lat: str, lng: str) -> dict[str, Any]:
    """Return a category as `/issues/new` lists it; the community's has no id (documented)."""
    community = category == COMMUNITY
    number = FIRST_REQUEST_TYPE + category
    return {
        "title": CATEGORIES[category],
        "id": None if community else number,
        "location_required": True,
        "block_submission": category == BLOCKED_CATEGORY,
        "permit_guest_reporting": category != SIGNED_IN_CATEGORY,
        "is_other": community,
        "permit_anonymous_reporting": category != NAMED_CATEGORY,
        "private_visibility": False,
        "organization": None if community else ORGANIZATION,
        "url": f"{api}/request_types/{'other' if community else number}",
        "potential_duplicate_issues_url": None
        if community
        else f"{api}/issues?details=true&lat={lat}&lng={lng}"
        f"&{_bounding_box(float(lat), float(lng))}"
        f"&per_page=5&request_types={number}&sort=distance&status=open%2Cacknowledged",
    }


def request_type(category: int) -> dict[str, Any]:
    """Return a category with its questions (observed shape)."""
    community = category == COMMUNITY
    return {
        "id": None if community else FIRST_REQUEST_TYPE + category,
        "title": CATEGORIES[category],
        "permit_guest_reporting": category != SIGNED_IN_CATEGORY,
        "permit_anonymous_reporting": category != NAMED_CATEGORY,
        "questions": questions(category),
        "private_visibility": False,
        "block_submission": category == BLOCKED_CATEGORY,
        "organization": None if community else ORGANIZATION,
    }


def questions(category: int) -> list[Question]:
    """Return a category's questions; a pothole has every type, and one that no client knows."""
    common = [
        _question("summary", "Issue Title", "text", required=True, max_length=_MAX_SUMMARY),
        _question("description", "Issue Description", "textarea"),
        _question("issue_image", "Photo", "file"),
    ]
    return [*common, *_POTHOLE] if CATEGORIES[category] == "Pothole" else common


def _question(
    key: str,
    text: str,
    question_type: str,
    *,
    required: bool = False,
    max_length: int | None = None,
    select: tuple[str, ...] = (),
) -> Question:
    choices = {"select_values": [{"key": name.lower(), "name": name} for name in select]}
    return {
        "primary_key": key,
        "question": text,
        "question_type": question_type,
        "answer_kept_private": False,
        "max_length": max_length,
        "response_required": required,
        **(choices if select else {}),
    }


_POTHOLE = (
    _question("401", "The city mends potholes within a week.", "note"),
    _question("402", "How large is it?\r\n", "select", required=True, select=("Fist", "Wheel")),
    _question("403", "Who is in danger:", "multivaluelist", select=("Cars", "Bikes", "People")),
    _question("404", "How deep is it in inches?", "number"),
    _question("405", "Since when?", "datetime"),
    _question("406", "Did it damage a car?", "boolean"),
    _question("407", "Draw it", "sketch"),
)


def _bounding_box(lat: float, lng: float) -> str:
    """Return the parameters of the service's box around a point (observed)."""
    half = 0.0008
    return f"max_lat={lat + half}&max_lng={lng + half}&min_lat={lat - half}&min_lng={lng - half}"
