"""The changes of an issue that its current row shows.

The service has no history, but a row has the timestamps of its last status changes, and its
comments have theirs. Each of these is a change with a key of its own. The cursor decides which are
new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import attrs

from seeclickfix_async._api.query import format_timestamp
from seeclickfix_async.models import Comment, DetailedIssue, Status
from seeclickfix_async.models._model import Model


class ChangeKind(StrEnum):
    """The kind of a change: `ChangeKind.OPENED == "opened"`."""

    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    REOPENED = "reopened"
    COMMENTED = "commented"
    ARCHIVED = "archived"
    EDITED = "edited"


@attrs.frozen
class Change(Model):
    """A change of an issue.

    Attributes:
        key: Identifies the change: the same whenever it is delivered, and unique.
        kind: The kind of the change.
        at: The time of the change; for archived and edited issues, of their last update.
        issue: The issue in its current state.
        comment: The new comment, for `COMMENTED`.
    """

    key: str
    kind: ChangeKind
    at: datetime
    issue: DetailedIssue
    comment: Comment | None = None

    @property
    def automatic(self) -> bool:
        """True for a comment that a city's system wrote."""
        return self.comment is not None and self.comment.automatic


_TIMESTAMPS = {
    ChangeKind.OPENED: "created_at",
    ChangeKind.ACKNOWLEDGED: "acknowledged_at",
    ChangeKind.CLOSED: "closed_at",
    ChangeKind.REOPENED: "reopened_at",
}

_STATUSES = {
    ChangeKind.ACKNOWLEDGED: (Status.ACKNOWLEDGED,),
    ChangeKind.CLOSED: (Status.CLOSED, Status.ARCHIVED),  # closed issues are archived
    ChangeKind.REOPENED: (Status.OPEN,),
}


def find_changes(issue: DetailedIssue) -> list[Change]:
    """List the changes that have a timestamp of their own, oldest first."""
    return sorted((*_status_changes(issue), *_comment_changes(issue)), key=lambda change: change.at)


def edit_changes(issue: DetailedIssue) -> list[Change]:
    """Return the edit that explains an update without any other change."""
    updated = issue.updated_at
    if updated is None:
        return []
    key = f"{issue.id}:{ChangeKind.EDITED}:{_format_key_time(updated)}"
    return [Change(key, ChangeKind.EDITED, updated, issue)]


def archive_changes(issue: DetailedIssue) -> list[Change]:
    """Return the archiving of an archived issue, which has no timestamp of its own.

    Its key has the time of the last change of status before, so that an issue that was reopened and
    archived again has another key, and one that is only commented has the same.
    """
    if issue.status != Status.ARCHIVED or issue.updated_at is None:
        return []
    last = max((change.at for change in _status_changes(issue)), default=None)
    key = f"{issue.id}:{ChangeKind.ARCHIVED}" + (f":{_format_key_time(last)}" if last else "")
    return [Change(key, ChangeKind.ARCHIVED, issue.updated_at, issue)]


def identity_key(issue: DetailedIssue) -> str:
    """Return the key that identifies an issue: that of its opening."""
    if issue.created_at is None:
        return f"{issue.id}"
    return f"{issue.id}:{ChangeKind.OPENED}:{_format_key_time(issue.created_at)}"


def is_current(change: Change) -> bool:
    """Check whether the issue still has the status that this change set, or is archived with it."""
    return change.issue.status in _STATUSES.get(change.kind, ())


def _status_changes(issue: DetailedIssue) -> Iterator[Change]:
    for kind, name in _TIMESTAMPS.items():
        at: datetime | None = getattr(issue, name)
        if at is not None:
            yield Change(f"{issue.id}:{kind}:{_format_key_time(at)}", kind, at, issue)


def _comment_changes(issue: DetailedIssue) -> Iterator[Change]:
    for comment in issue.comments or ():
        if comment.created_at is not None:
            key = f"{issue.id}:{ChangeKind.COMMENTED}:{_comment_id(comment)}"
            yield Change(key, ChangeKind.COMMENTED, comment.created_at, issue, comment)


def _comment_id(comment: Comment) -> str:
    """Return the id of a comment, or a digest of its content if it has none."""
    if comment.id is not None:
        return str(comment.id)
    content = f"{comment.created_at}{comment.comment}".encode(errors="backslashreplace")
    return hashlib.sha256(content).hexdigest()[:16]


def _format_key_time(at: datetime) -> str:
    """Format a timestamp for a key, even if its year is out of range in UTC."""
    try:
        return format_timestamp(at)
    except OverflowError:
        return at.isoformat()
