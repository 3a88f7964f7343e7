"""What the city asks about each kind of problem: every type of question, and every rule."""

from __future__ import annotations

from typing import Any

from seeclickfix_async.sandbox._city import CATEGORIES, COMMUNITY
from seeclickfix_async.sandbox._listing import parse_int
from seeclickfix_async.sandbox._serializers import ORGANIZATION

FIRST_TYPE = 1000
USUAL = 3
"""How many of a form's questions every category asks."""
_LONGEST_SUMMARY = 150

BLOCKED = CATEGORIES.index("Parking Complaint")
"""The city takes no reports of this kind."""
SIGNED_IN_ONLY = CATEGORIES.index("Abandoned Vehicle")
"""Guests may not report this kind."""
NAMED_ONLY = CATEGORIES.index("Noise")
"""Nobody reports this kind anonymously."""

Question = dict[str, Any]


def category_of(number: str) -> int | None:
    """The category of a request type's number, or of `other`."""
    if number == "other":
        return COMMUNITY
    category = parse_int(number, 0) - FIRST_TYPE
    return category if 0 < category < len(CATEGORIES) else None


def option(category: int, api: str, lat: str, lng: str) -> dict[str, Any]:
    """A category as the report form lists it; the community's has no number (documented)."""
    community = category == COMMUNITY
    number = FIRST_TYPE + category
    return {
        "title": CATEGORIES[category],
        "id": None if community else number,
        "location_required": True,
        "block_submission": category == BLOCKED,
        "permit_guest_reporting": category != SIGNED_IN_ONLY,
        "is_other": community,
        "permit_anonymous_reporting": category != NAMED_ONLY,
        "private_visibility": False,
        "organization": None if community else ORGANIZATION,
        "url": f"{api}/request_types/{'other' if community else number}",
        "potential_duplicate_issues_url": None
        if community
        else f"{api}/issues?details=true&lat={lat}&lng={lng}&{_box(float(lat), float(lng))}"
        f"&per_page=5&request_types={number}&sort=distance&status=open%2Cacknowledged",
    }


def form(category: int) -> dict[str, Any]:
    """A category with its questions (observed shape)."""
    community = category == COMMUNITY
    return {
        "id": None if community else FIRST_TYPE + category,
        "title": CATEGORIES[category],
        "permit_guest_reporting": category != SIGNED_IN_ONLY,
        "permit_anonymous_reporting": category != NAMED_ONLY,
        "questions": questions(category),
        "private_visibility": False,
        "block_submission": category == BLOCKED,
        "organization": None if community else ORGANIZATION,
    }


def questions(category: int) -> list[Question]:
    """The questions of a category; a pothole has one of every type, and one of a new type."""
    asked = [
        _question("summary", "Issue Title", "text", required=True, longest=_LONGEST_SUMMARY),
        _question("description", "Issue Description", "textarea"),
        _question("issue_image", "Photo", "file"),
    ]
    return [*asked, *_POTHOLE] if CATEGORIES[category] == "Pothole" else asked


def _question(
    key: str,
    words: str,
    kind: str,
    *,
    required: bool = False,
    longest: int | None = None,
    select: tuple[str, ...] = (),
) -> Question:
    choices = {"select_values": [{"key": name.lower(), "name": name} for name in select]}
    return {
        "primary_key": key,
        "question": words,
        "question_type": kind,
        "answer_kept_private": False,
        "max_length": longest,
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


def _box(lat: float, lng: float) -> str:
    """The server's own box around a point (observed)."""
    near = 0.0008
    return f"max_lat={lat + near}&max_lng={lng + near}&min_lat={lat - near}&min_lng={lng - near}"
