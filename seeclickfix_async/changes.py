"""What happened to an issue, told from what its row says now.

The service keeps no history; but a row names the moments of what was done last, and its comments
name theirs. Each of them is a change with a key of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from seeclickfix_async.models import Comment, DetailedIssue, Status
from seeclickfix_async.queries import moment


class Kind(StrEnum):
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
    kind: Kind
    at: datetime
    issue: DetailedIssue
    comment: Comment | None = None

    @property
    def automatic(self) -> bool:
        """Whether it is a comment that a city's system wrote."""
        return self.comment is not None and self.comment.automatic


_MOMENTS = {
    Kind.OPENED: "created_at",
    Kind.ACKNOWLEDGED: "acknowledged_at",
    Kind.CLOSED: "closed_at",
    Kind.REOPENED: "reopened_at",
}

# One act writes several clocks: a status, its comment and the row may be some seconds apart.
_ONE_ACT = timedelta(seconds=10)


def changes_of(issue: DetailedIssue) -> list[Change]:
    """Everything that a row tells, oldest first."""
    known = sorted((*_dated(issue), *_comments(issue)), key=lambda change: change.at)
    updated = issue.updated_at
    if updated is None or any(abs(change.at - updated) <= _ONE_ACT for change in known):
        return known
    archived = issue.status == Status.ARCHIVED
    kind = Kind.ARCHIVED if archived else Kind.EDITED
    key = f"{issue.id}:{kind}" if archived else f"{issue.id}:{kind}:{moment(updated)}"
    return [*known, Change(key, kind, updated, issue)]


def _dated(issue: DetailedIssue) -> Iterator[Change]:
    for kind, name in _MOMENTS.items():
        at: datetime | None = getattr(issue, name)
        if at is not None:
            yield Change(f"{issue.id}:{kind}:{moment(at)}", kind, at, issue)


def _comments(issue: DetailedIssue) -> Iterator[Change]:
    for comment in issue.comments or ():
        if comment.created_at is not None:
            key = f"{issue.id}:{Kind.COMMENTED}:{_name_of(comment)}"
            yield Change(key, Kind.COMMENTED, comment.created_at, issue, comment)


def _name_of(comment: Comment) -> str:
    """A comment's id, or what else tells it from others."""
    if comment.id is not None:
        return str(comment.id)
    text = f"{comment.created_at}{comment.comment}".encode()
    return hashlib.sha256(text).hexdigest()[:16]
