"""What was written through the API: small beside the city, whose rows it covers."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from typing import Any

import attrs

_FIRST_COMMENT = 900_000_001


@attrs.define(eq=False)
class Written:
    """What was written about one issue.

    Attributes:
        fields: Keys of the issue's row that are no longer as the city has them.
        details: The same for its details.
        comments: In the order in which they came.
        voters: Users who voted.
        followers: Users who follow.
        reporter: The user who reported it through the API.
    """

    fields: dict[str, Any] = attrs.field(factory=dict)
    details: dict[str, Any] = attrs.field(factory=dict)
    comments: list[dict[str, Any]] = attrs.field(factory=list)
    voters: set[int] = attrs.field(factory=set)
    followers: set[int] = attrs.field(factory=set)
    reporter: int | None = None


_NOTHING = Written()


@attrs.define(eq=False)
class Overlay:
    """Everything that was written, by the number of the row; a row that nobody touched has none.

    Attributes:
        flags: The last flags: what was flagged, its id, and why.
    """

    flags: deque[tuple[str, int, str]] = attrs.field(factory=lambda: deque(maxlen=1_000))
    _rows: dict[int, Written] = attrs.field(factory=dict)
    _comments: dict[int, int] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(_FIRST_COMMENT))

    def about(self, row: int) -> Written:
        """What was written about a row, for reading."""
        return self._rows.get(row, _NOTHING)

    def open(self, row: int) -> Written:
        """The same, for writing."""
        return self._rows.setdefault(row, Written())

    def new_comment(self, row: int) -> int:
        """The id of one more comment."""
        number = next(self._numbers)
        self._comments[number] = row
        return number

    def has_comment(self, number: int) -> bool:
        """Whether a comment of this id was written."""
        return number in self._comments

    def reported_by(self, user: int) -> list[int]:
        """The rows of a user's own issues, newest first."""
        return sorted((r for r, it in self._rows.items() if it.reporter == user), reverse=True)
