"""Rows of the city as the service writes them: keys, order and nulls as observed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import attrs

from seeclickfix_async.sandbox._city import CATEGORIES, COMMUNITY, DAY, OPEN, STATUSES, City
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._timestamps import format_timestamp
from seeclickfix_async.sandbox._users import OFFICIAL

ORGANIZATION = "City of Example"

_WORDS = (
    *("the", "street", "light", "near", "our", "school", "has", "been", "dark", "since", "week"),
    *("and", "nobody", "came", "so", "far", "please", "look", "at", "corner", "sidewalk", "sign"),
    *("hydrant", "branch", "lane", "wall", "park", "bench", "gate", "leak", "deep", "again"),
)
_STREETS = ("Elm St", "Main St", "Oak Ave", "Mill Rd", "Harbor Dr", "School Ln")
_AUTOMATIC = ("{official} assigned this issue to {official}", "This issue has been closed.")
# By the status, for the public and for officials (observed; documented).
_TRANSITIONS = (
    (("close",), (), ("open",), ()),
    (("acknowledge", "close"), ("close",), ("open",), ()),
)

Row = dict[str, Any]


@attrs.frozen
class Serializer:
    """Makes rows with links that point to one address of the sandbox."""

    city: City
    origin: str
    ledger: Overlay
    viewer: int | None = None

    def issue(self, row: int) -> Row:
        """An issue as lists have it."""
        city, random = self.city, self.city.random(row)
        number = city.id_of(row)
        api = f"{self.origin}/api/v2"
        here = f"{api}/issues/{number}"
        lat, lng = city.lat[row], city.lng[row]
        closed = city.closed[row]
        description = _description(random)
        address = f"{random.randrange(1, 900)} {random.choice(_STREETS)} Example, EX"
        acknowledged = random.random() < 0.8  # whether it is closed or not: the rest stays the same
        return {
            "id": number,
            "status": STATUSES[city.status[row]],
            "summary": CATEGORIES[city.category[row]],
            "description": description,
            "rating": city.rating[row],
            "lat": lat,
            "lng": lng,
            "address": address,
            "created_at": format_timestamp(city.created[row]),
            "acknowledged_at": format_timestamp(closed - DAY // 8)
            if closed and acknowledged
            else None,
            "closed_at": format_timestamp(closed) if closed else None,
            "reopened_at": format_timestamp(closed + 60)
            if closed and city.status[row] == OPEN
            else None,
            "updated_at": format_timestamp(city.updated[row]),
            "url": here,
            "point": {"type": "Point", "coordinates": [lng, lat]},
            "private_visibility": False,
            "html_url": f"{self.origin}/issues/{number}",
            "show_blocked_issue_text": False,
            "request_type": self._request_type(row),
            "comment_url": f"{here}/comments",
            "flag_url": f"{here}/flag",
            "transitions": self._transitions(row, here),
            "reporter": self.person(random),
            "media": self._media(random, photo=random.random() < 0.6),
            **self.ledger.about(row).fields,
        }

    def details(self, row: int) -> Row:
        """What `details=true` adds."""
        random = self.city.random(-row - 1)
        comments = self.comments(row)
        written = self.ledger.about(row)
        here = f"{self.origin}/api/v2/issues/{self.city.id_of(row)}"
        return {
            "comments_count": len(comments),
            "actions": {"vote_url": f"{here}/vote", "follow_url": f"{here}/follow"},
            "crm_issue_url": None,
            "organization_issue_url": None,
            "integrations": [
                {"remote_id": f"WO-{row}", "status": "completed", "title": "Work order"}
            ],
            "assignee": None if random.random() < 0.7 else self.person(random, official=True),
            "questions": [{"question": "How large is it?\r\n", "answer": "No Answer Given"}],
            "comments": comments,
            "votes": [],
            "vote_count": self.city.rating[row] - 1,
            "current_user_relationship": {
                "following": self.viewer in written.followers,
                "voted": self.viewer in written.voters,
                "reporter": self.viewer is not None and self.viewer == written.reporter,
                "assignee": False,
            },
            **written.details,
        }

    def comments(self, row: int) -> list[Row]:
        """The comments of an issue, oldest first; they have no id but in `flag_url` (observed)."""
        random = self.city.random(row + 10_000_000)
        number = self.city.id_of(row)
        new = self.ledger.about(row).reporter is not None
        moments = sorted(
            random.randint(self.city.created[row], self.city.updated[row])
            for _ in range(0 if new else random.randrange(7))
        )
        written = [
            self.comment(number, place, moment, _remark(random, place), random)
            for place, moment in enumerate(moments)
        ]
        return written + self.ledger.about(row).comments

    def comment(self, issue: int, place: int, moment: int, text: str, random: Random) -> Row:
        """One comment."""
        official = text.endswith(("closed.", "Works"))
        return {
            "comment": text,
            "created_at": format_timestamp(moment),
            "updated_at": format_timestamp(moment),
            "editable_until": format_timestamp(moment + 7 * DAY) if official else None,
            "last_edited_at": None,
            "commenter": self.person(random, official=official),
            "issue_url": f"{self.origin}/api/v2/issues/{issue}",
            "flag_url": f"{self.origin}/api/v2/comments/{issue * 10 + place}/flag",
            "media": {"video_url": None, "image_full": None, "image_square_100x100": None},
            "show_blocked_comment_text": False,
        }

    def person(self, random: Random, *, official: bool = False) -> Row:
        """A reporter or commenter; a quarter of the reporters are nobody (observed)."""
        anonymous = not official and random.random() < 0.25
        number = 0 if anonymous else random.randrange(1, 30_000)
        role = "Verified Official" if official else "Registered User"
        picture = f"{self.origin}/assets/no-avatar-100.png"
        return {
            "id": number,
            "name": "An anonymous SeeClickFix user" if anonymous else f"Resident {number}",
            "role": role,
            "avatar": {"full": picture, "square_100x100": picture},
            "html_url": f"{self.origin}/users/{'anonymous' if anonymous else number}",
            "witty_title": "",
            "civic_points": 0,
        }

    def _request_type(self, row: int) -> Row:
        category = self.city.category[row]
        if category == COMMUNITY:
            return {}
        api = f"{self.origin}/api/v2"
        return {
            "id": 1000 + category,
            "title": CATEGORIES[category],
            "organization": ORGANIZATION,
            "url": f"{api}/request_types/{1000 + category}",
            "related_issues_url": f"{api}/issues?lat={self.city.lat[row]}&lng={self.city.lng[row]}"
            f"&request_types={1000 + category}&sort=distance",
        }

    def _transitions(self, row: int, here: str) -> Row:
        official = self.viewer == OFFICIAL
        verbs = _TRANSITIONS[official][self.city.status[row]]
        return {f"{verb}_url": f"{here}/{verb}" for verb in verbs}

    def _media(self, random: Random, *, photo: bool) -> Row:
        if not photo:
            icon = f"{self.origin}/assets/categories/no-image.png"
            empty = dict.fromkeys(("video_url", "image_full", "image_square_100x100"))
            return {**empty, "representative_image_url": icon}
        stored = f"{self.origin}/rails/active_storage/representations/redirect/"
        key = f"{random.getrandbits(160):040x}"
        square = f"{stored}{key}/{random.getrandbits(160):040x}/image.jpg"
        return {
            "video_url": None,
            "image_full": f"{stored}{key}/{random.getrandbits(160):040x}/image.jpg",
            "image_square_100x100": square,
            "representative_image_url": square,
        }


def search_text(city: City, row: int) -> str:
    """What `search` looks through."""
    return f"{CATEGORIES[city.category[row]]} {_description(city.random(row))}".lower()


def _description(random: Random) -> str:
    """Often empty, sometimes with a line break as Windows writes it (both observed)."""
    if random.random() < 0.06:
        return ""
    words = random.choices(_WORDS, k=random.randrange(6, 60))
    # Phones write typographic apostrophes and dashes (observed).
    wish = " \u2013 it\u2019s been weeks" if random.random() < 0.1 else ""
    return " ".join(words) + wish + ("\r\nThank you" if random.random() < 0.1 else "")


def _remark(random: Random, place: int) -> str:
    """Officials' systems write comments like people do; only the text tells (observed)."""
    if random.random() < 0.5:
        return _AUTOMATIC[place % 2].format(official="Public Works")
    return " ".join(random.choices(_WORDS, k=random.randrange(3, 25)))


def every_status() -> Iterator[tuple[str, int]]:
    """The statuses as queries name them, and as columns hold them."""
    for code, name in enumerate(STATUSES):
        yield name.lower(), code
