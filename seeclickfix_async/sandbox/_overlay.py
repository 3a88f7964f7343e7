"""Changes that were written through the API, which override the generated rows of the city."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from typing import Any

import attrs

_FIRST_COMMENT_ID = 900_000_001


@attrs.define(eq=False)
class IssueChanges:
    """The changes to one issue.

    Attributes:
        fields: Keys of the issue, with values that override the generated ones.
        details: The same for its details.
        comments: Added comments, oldest first.
        voters: Users who voted for it.
        followers: Users who follow it.
        is_report: Whether it was reported through the API.
        reporter: The user who reported it through the API; None without an account.
    """

    fields: dict[str, Any] = attrs.field(factory=dict)
    details: dict[str, Any] = attrs.field(factory=dict)
    comments: list[dict[str, Any]] = attrs.field(factory=list)
    voters: set[int] = attrs.field(factory=set)
    followers: set[int] = attrs.field(factory=set)
    is_report: bool = False
    reporter: int | None = None


_NO_CHANGES = IssueChanges()


@attrs.define(eq=False)
class Overlay:
    """All changes, by row.

    Attributes:
        flags: The last flags: `issue` or `comment`, its id, and the message.
    """

    flags: deque[tuple[str, int, str]] = attrs.field(factory=lambda: deque(maxlen=1_000))
    _rows: dict[int, IssueChanges] = attrs.field(factory=dict)
    _comments: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    _comment_ids: Iterator[int] = attrs.field(factory=lambda: itertools.count(_FIRST_COMMENT_ID))

    def get(self, row: int) -> IssueChanges:
        """Return the changes to a row, for reading only."""
        return self._rows.get(row, _NO_CHANGES)

    def edit(self, row: int) -> IssueChanges:
        """Return the changes to a row, to be added to."""
        return self._rows.setdefault(row, IssueChanges())

    def new_comment_id(self) -> int:
        """Return the id of a new comment."""
        return next(self._comment_ids)

    def add_comment(self, row: int, comment_id: int, comment: dict[str, Any]) -> None:
        """Add a comment to a row."""
        self.edit(row).comments.append(comment)
        self._comments[comment_id] = comment

    def has_comment(self, comment_id: int) -> bool:
        """Return whether a comment with this id was added."""
        return comment_id in self._comments

    def reported(self) -> list[int]:
        """Return the rows that were reported through the API, oldest first."""
        return sorted(row for row, changes in self._rows.items() if changes.is_report)

    def comments(self) -> list[dict[str, Any]]:
        """Return the comments that were added, oldest first."""
        return list(self._comments.values())

    def reported_by(self, user: int) -> list[int]:
        """Return the rows that a user reported, newest first."""
        rows = (row for row, changes in self._rows.items() if changes.reporter == user)
        return sorted(rows, reverse=True)
