"""Rows of the city as JSON: keys, order and nulls as observed."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any

import attrs

from seeclickfix_async.sandbox._categories import CATEGORIES, COMMUNITY, DAY, FIRST_REQUEST_TYPE
from seeclickfix_async.sandbox._city import OPEN, STATUSES, City
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._photos import PHOTO_PATH, issue_media, photo_links
from seeclickfix_async.sandbox._streets import format_address
from seeclickfix_async.sandbox._timestamps import format_timestamp
from seeclickfix_async.sandbox._users import ANONYMOUS_NAME, OFFICIAL, author

ORGANIZATION = "City of Example"
ORGANIZATION_ID = 311
NO_ANSWER = "No Answer Given"
"""The answer to a question that was left blank (observed)."""

_WORDS = (
    *("the", "street", "light", "near", "our", "school", "has", "been", "dark", "since", "week"),
    *("and", "nobody", "came", "so", "far", "please", "look", "at", "corner", "sidewalk", "sign"),
    *("hydrant", "branch", "lane", "wall", "park", "bench", "gate", "leak", "deep", "again"),
)
_OFFICIAL_COMMENTS = ("{official} assigned this issue to {official}", "This issue has been closed.")
# By role and status: for the public (observed) and for officials (documented).
_TRANSITIONS = (
    (("close",), (), ("open",), ()),
    (("acknowledge", "close"), ("close",), ("open",), ()),
)

Row = dict[str, Any]


@attrs.frozen
class Serializer:
    """Turns rows into JSON, with links to one origin, for one viewer."""

    city: City
    origin: str
    overlay: Overlay
    viewer: int | None = None

    def issue(self, row: int) -> Row:
        """Return an issue as lists have it."""
        city, draws = self.city, _draw(self.city.seed_of(row))
        number = city.id_of(row)
        api = f"{self.origin}/api/v2"
        url = f"{api}/issues/{number}"
        lat, lng = city.lat[row], city.lng[row]
        closed = city.closed[row]
        return {
            "id": number,
            "status": STATUSES[city.status[row]],
            "summary": CATEGORIES[city.category[row]],
            "description": draws.description,
            "rating": city.rating[row],
            "lat": lat,
            "lng": lng,
            "address": format_address(city.lot[row]),
            "created_at": format_timestamp(city.created[row]),
            "acknowledged_at": format_timestamp(max(closed - DAY // 8, city.created[row]))
            if closed and draws.acknowledged
            else None,
            "closed_at": format_timestamp(closed) if closed else None,
            "reopened_at": format_timestamp(closed + 60)
            if closed and city.status[row] == OPEN
            else None,
            "updated_at": format_timestamp(city.updated[row]),
            "url": url,
            "point": {"type": "Point", "coordinates": [lng, lat]},
            "private_visibility": False,
            "html_url": f"{self.origin}/issues/{number}",
            "show_blocked_issue_text": False,
            "request_type": self._request_type(row),
            "comment_url": f"{url}/comments",
            "flag_url": f"{url}/flag",
            "transitions": self._transitions(row, url),
            "reporter": self._author(draws.reporter),
            "media": self._media(draws.photo),
            **self.overlay.get(row).fields,
        }

    def details(self, row: int) -> Row:
        """Return the keys that `details=true` adds."""
        random = self.city.random(-row - 1)
        comments = self.comments(row)
        changes = self.overlay.get(row)
        url = f"{self.origin}/api/v2/issues/{self.city.id_of(row)}"
        return {
            "comments_count": len(comments),
            "actions": {"vote_url": f"{url}/vote", "follow_url": f"{url}/follow"},
            "crm_issue_url": None,
            "organization_issue_url": None,
            "integrations": [
                {"remote_id": f"WO-{row}", "status": "completed", "title": "Work order"}
            ],
            "assignee": None if random.random() < 0.7 else self.author(random, official=True),
            "questions": [{"question": "How large is it?\r\n", "answer": NO_ANSWER}],
            "comments": comments,
            "votes": [],
            "vote_count": self.city.rating[row] - 1,
            "current_user_relationship": {
                "following": self.viewer in changes.followers,
                "voted": self.viewer in changes.voters,
                "reporter": self.viewer is not None and self.viewer == changes.reporter,
                "assignee": False,
            },
            **changes.details,
        }

    def comments(self, row: int) -> list[Row]:
        """Return an issue's comments, oldest first; only `flag_url` has their id (observed)."""
        random = self.city.random(row + 10_000_000)
        number = self.city.id_of(row)
        history_end = self.city.history_ends.get(row, self.city.updated[row])
        is_reported = self.overlay.get(row).is_report
        times = sorted(
            random.randint(self.city.created[row], history_end)
            for _ in range(0 if is_reported else random.randrange(7))
        )
        generated = [
            self.comment(number, index, timestamp, _comment_text(random, index), random)
            for index, timestamp in enumerate(times)
        ]
        return generated + self.overlay.get(row).comments

    def comment(self, issue: int, index: int, timestamp: int, text: str, random: Random) -> Row:
        """Return a generated comment."""
        official = text.endswith(("closed.", "Works"))
        return {
            "comment": text,
            "created_at": format_timestamp(timestamp),
            "updated_at": format_timestamp(timestamp),
            "editable_until": format_timestamp(timestamp + 7 * DAY) if official else None,
            "last_edited_at": None,
            "commenter": self.author(random, official=official),
            "issue_url": f"{self.origin}/api/v2/issues/{issue}",
            "flag_url": f"{self.origin}/api/v2/comments/{issue * 10 + index}/flag",
            "media": photo_links(self.origin, None),
            "show_blocked_comment_text": False,
        }

    def author(self, random: Random, *, official: bool = False) -> Row:
        """Return a generated author."""
        return self._author(_draw_user(random, official=official), official=official)

    def _author(self, user: int, *, official: bool = False) -> Row:
        name = f"Resident {user}" if user else ANONYMOUS_NAME
        return author(self.origin, user, name, official=official)

    def _request_type(self, row: int) -> Row:
        category = self.city.category[row]
        if category == COMMUNITY:
            return {}
        api = f"{self.origin}/api/v2"
        return {
            "id": FIRST_REQUEST_TYPE + category,
            "title": CATEGORIES[category],
            "organization": ORGANIZATION,
            "url": f"{api}/request_types/{FIRST_REQUEST_TYPE + category}",
            "related_issues_url": f"{api}/issues?lat={self.city.lat[row]}&lng={self.city.lng[row]}"
            f"&request_types={FIRST_REQUEST_TYPE + category}&sort=distance",
        }

    def _transitions(self, row: int, url: str) -> Row:
        official = self.viewer == OFFICIAL
        verbs = _TRANSITIONS[official][self.city.status[row]]
        return {f"{verb}_url": f"{url}/{verb}" for verb in verbs}

    def _media(self, photo: tuple[str, str, str] | None) -> Row:
        if photo is None:
            return issue_media(self.origin, photo_links(self.origin, None))
        key, small, large = photo
        photo_url = f"{self.origin}{PHOTO_PATH}/{key}"
        square = f"{photo_url}/{small}/image.jpg"
        return {
            "video_url": None,
            "image_full": f"{photo_url}/{large}/image.jpg",
            "image_square_100x100": square,
            "representative_image_url": square,
        }


def searchable_text(city: City, row: int) -> str:
    """Return the string that `search` matches."""
    return f"{CATEGORIES[city.category[row]]} {_draw(city.seed_of(row)).description}".lower()


@attrs.frozen
class _Draws:
    """The random values of an issue."""

    description: str
    acknowledged: bool
    reporter: int
    photo: tuple[str, str, str] | None
    """The keys of the photo, of its square and of its full size; None without a photo."""


@lru_cache(maxsize=5000)  # drawing takes as long as the rest of a row
def _draw(seed: int) -> _Draws:
    random = Random(seed)  # noqa: S311
    return _Draws(
        description=_description(random),
        # Drawn for open issues as well, so that later draws do not depend on the status.
        acknowledged=random.random() < 0.8,
        reporter=_draw_user(random),
        photo=(_draw_key(random), _draw_key(random), _draw_key(random))
        if random.random() < 0.6
        else None,
    )


def _draw_user(random: Random, *, official: bool = False) -> int:
    """Return a user's id; a quarter of the residents are anonymous (observed), with id 0."""
    anonymous = not official and random.random() < 0.25
    return 0 if anonymous else random.randrange(1, 30_000)


def _draw_key(random: Random) -> str:
    return f"{random.getrandbits(160):040x}"


def _description(random: Random) -> str:
    """Return a description: sometimes empty, sometimes with a CRLF (both observed)."""
    if random.random() < 0.06:
        return ""
    words = [_WORDS[byte % len(_WORDS)] for byte in random.randbytes(random.randrange(6, 60))]
    # Phones write typographic apostrophes and dashes (observed).
    complaint = " \u2013 it\u2019s been weeks" if random.random() < 0.1 else ""
    return " ".join(words) + complaint + ("\r\nThank you" if random.random() < 0.1 else "")


def _comment_text(random: Random, index: int) -> str:
    """Return a resident's or an automatic comment; only its wording differs (observed)."""
    if random.random() < 0.5:
        return _OFFICIAL_COMMENTS[index % 2].format(official="Public Works")
    return " ".join(random.choices(_WORDS, k=random.randrange(3, 25)))
