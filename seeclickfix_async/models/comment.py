"""What people and the city's systems say about an issue."""

from __future__ import annotations

import re

import attrs

from seeclickfix_async.models.common import Link, Media, Time
from seeclickfix_async.models.status import Status
from seeclickfix_async.models.user import UserRef

_ID_IN_FLAG_URL = re.compile(r"/comments/(\d{1,18})/flag\b")


@attrs.frozen
class CommentedIssue:
    """What a comment's answer says of its issue (documented)."""

    rating: int | None = None
    status: Status | None = None


@attrs.frozen
class Comment:
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
