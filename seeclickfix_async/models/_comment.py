"""Comments on issues, by people and by the city's systems."""

from __future__ import annotations

import re

import attrs

from seeclickfix_async.models._common import Int64, Link, Media, Time, Timed
from seeclickfix_async.models._model import Model
from seeclickfix_async.models._status import Status
from seeclickfix_async.models._user import OFFICIAL_ROLES, UserRef

_AUTOMATIC_PHRASES = tuple(
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
"""Phrases of the city's systems (observed; no field marks their comments)."""

_ID_IN_FLAG_URL = re.compile(r"/comments/([0-9]{1,18})/flag\b")


@attrs.frozen
class CommentedIssue(Model):
    """The part of an issue that is returned with a comment (documented)."""

    rating: Int64 | None = None
    status: Status | None = None


@attrs.frozen
class Comment(Timed):
    """A comment on an issue. Lists of comments start with the oldest.

    Source: API page "Comments"; `last_edited_at` and `show_blocked_comment_text` observed.
    """

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
        """The comment's id, which the service sends as part of `flag_url` only (observed)."""
        match = _ID_IN_FLAG_URL.search(self.flag_url or "")
        return int(match[1]) if match else None

    @property
    def automatic(self) -> bool:
        """True if a city's system wrote it, judged by the author's role and phrases (observed)."""
        role = self.commenter and self.commenter.role
        comment = (self.comment or "").strip()
        return role in OFFICIAL_ROLES and any(
            phrase.search(comment) for phrase in _AUTOMATIC_PHRASES
        )
