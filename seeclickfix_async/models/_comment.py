"""What people and the city's systems say about an issue."""

from __future__ import annotations

import re

import attrs

from seeclickfix_async.models._common import Int64, Link, Media, Time, Timed
from seeclickfix_async.models._status import Status
from seeclickfix_async.models._user import UserRef

_AUTOMATIC = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bassigned this issue to\b",
        r"\b(?:this|the) issue (?:has been|was) (?:acknowledged|assigned|closed|reopened)\b",
        r"^(?:acknowledged|closed|reopened|recategorized|transferred)(?:\.|:|$)",
        r"\b(?:marked|closed) (?:this issue )?as (?:a )?duplicate\b",
        r"\b(?:changed|moved) (?:the category|this issue) (?:from|to)\b",
        r"\bservice request (?:#?\w+ )?(?:has been|was) (?:created|completed|closed)\b",
    )
)
"""What the city's systems write (observed: only the text tells)."""

_OFFICIALS = frozenset({"Verified Official", "Admin"})

_ID_IN_FLAG_URL = re.compile(r"/comments/([0-9]{1,18})/flag\b")


@attrs.frozen
class CommentedIssue:
    """What a comment's answer says of its issue (documented)."""

    rating: Int64 | None = None
    status: Status | None = None


@attrs.frozen
class Comment(Timed):
    """One comment, oldest first in its list (documented; the last two fields observed)."""

    comment: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    editable_until: Time | None = None
    last_edited_at: Time | None = None
    commenter: UserRef | None = None
    issue: CommentedIssue | None = None
    issue_url: Link | None = None
    flag_url: Link | None = None
    media: Media | None = None
    moderated: bool | None = None
    show_blocked_comment_text: bool | None = None

    @property
    def id(self) -> int | None:
        """The comment's id, which the service gives in `flag_url` only (observed)."""
        found = _ID_IN_FLAG_URL.search(self.flag_url or "")
        return int(found[1]) if found else None

    @property
    def automatic(self) -> bool:
        """Whether a city's system wrote it and no person, by role and words (observed)."""
        role = self.commenter and self.commenter.role
        text = (self.comment or "").strip()
        return role in _OFFICIALS and any(pattern.search(text) for pattern in _AUTOMATIC)
