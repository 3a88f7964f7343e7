"""What happened to an issue, told from what its row says now.

The service keeps no history; but a row names the moments of what was done last, and its comments
name theirs. Each of them is a change with a key of its own. Which of them are new is not decided
here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import attrs

from seeclickfix_async._api.query import format_timestamp
from seeclickfix_async.models import Comment, DetailedIssue, Status


class ChangeKind(StrEnum):
    """What kind of change it is: `Kind.OPENED == "opened"`."""

    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    REOPENED = "reopened"
    COMMENTED = "commented"
    ARCHIVED = "archived"
    EDITED = "edited"


@attrs.frozen
class Change:
    """One thing that happened to an issue.

    Attributes:
        key: The same whenever this change is told, and no other change's.
        kind: What happened.
        at: When it happened; for archived and edited issues, when they were updated.
        issue: The issue, as it is by now.
        comment: The comment that was written.
    """

    key: str
    kind: ChangeKind
    at: datetime
    issue: DetailedIssue
    comment: Comment | None = None

    @property
    def automatic(self) -> bool:
        """Whether it is a comment that a city's system wrote."""
        return self.comment is not None and self.comment.automatic


_MOMENTS = {
    ChangeKind.OPENED: "created_at",
    ChangeKind.ACKNOWLEDGED: "acknowledged_at",
    ChangeKind.CLOSED: "closed_at",
    ChangeKind.REOPENED: "reopened_at",
}

_STATUSES = {
    ChangeKind.ACKNOWLEDGED: Status.ACKNOWLEDGED,
    ChangeKind.CLOSED: Status.CLOSED,
    ChangeKind.REOPENED: Status.OPEN,
}


def find_changes(issue: DetailedIssue) -> list[Change]:
    """List everything that a row gives a moment of its own to, oldest first."""
    return sorted((*_dated(issue), *_comments(issue)), key=lambda change: change.at)


def edit_changes(issue: DetailedIssue) -> list[Change]:
    """Return the update itself, for a row that says nothing else about it."""
    updated = issue.updated_at
    if updated is None:
        return []
    key = f"{issue.id}:{ChangeKind.EDITED}:{_stamp(updated)}"
    return [Change(key, ChangeKind.EDITED, updated, issue)]


def archive_changes(issue: DetailedIssue) -> list[Change]:
    """Return that an issue was archived, which has no moment of its own."""
    if issue.status != Status.ARCHIVED or issue.updated_at is None:
        return []
    return [
        Change(f"{issue.id}:{ChangeKind.ARCHIVED}", ChangeKind.ARCHIVED, issue.updated_at, issue)
    ]


def identity_keys(issue: DetailedIssue) -> tuple[str, str]:
    """Return the two keys that an issue is known by: of its opening, and of its archiving."""
    archiving = f"{issue.id}:{ChangeKind.ARCHIVED}"
    if issue.created_at is None:
        return f"{issue.id}", archiving
    return f"{issue.id}:{ChangeKind.OPENED}:{_stamp(issue.created_at)}", archiving


def is_current(change: Change) -> bool:
    """Tell whether an issue has the status that this change gave it."""
    return change.kind in _STATUSES and change.issue.status == _STATUSES[change.kind]


def _dated(issue: DetailedIssue) -> Iterator[Change]:
    for kind, name in _MOMENTS.items():
        at: datetime | None = getattr(issue, name)
        if at is not None:
            yield Change(f"{issue.id}:{kind}:{_stamp(at)}", kind, at, issue)


def _comments(issue: DetailedIssue) -> Iterator[Change]:
    for comment in issue.comments or ():
        if comment.created_at is not None:
            key = f"{issue.id}:{ChangeKind.COMMENTED}:{_name_of(comment)}"
            yield Change(key, ChangeKind.COMMENTED, comment.created_at, issue, comment)


def _name_of(comment: Comment) -> str:
    """A comment's id, or what else tells it from others."""
    if comment.id is not None:
        return str(comment.id)
    text = f"{comment.created_at}{comment.comment}".encode(errors="backslashreplace")
    return hashlib.sha256(text).hexdigest()[:16]


def _stamp(at: datetime) -> str:
    """Format a moment for a key, also one that UTC has no year for."""
    try:
        return format_timestamp(at)
    except OverflowError:
        return at.isoformat()
