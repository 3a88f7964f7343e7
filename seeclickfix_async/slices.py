"""The parts of a walk, as values that go to JSON and back."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Sequence
from datetime import datetime

import attrs
import msgspec

from seeclickfix_async.areas import BoundingBox
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue, Status

Row = int | str  # what a row is known by: its id, or a digest of its bytes if that is unreadable


@attrs.frozen
class Cut:
    """A part of one second: the issues of one status, and of an area if there is one."""

    status: Status
    box: BoundingBox | None = None

    def finer(self, issues: Sequence[Issue]) -> list[Cut]:
        """The same in four, that meet in the middle of these issues; none where that is no use."""
        points = {(one.lat, one.lng) for one in issues if None not in (one.lat, one.lng)}
        if self.box is None or len(points) < 2:
            return []
        lat = statistics.median(one.lat for one in issues if one.lat is not None)
        lng = statistics.median(one.lng for one in issues if one.lng is not None)
        return [Cut(self.status, box) for box in self.box.quarters(lat, lng)]


@attrs.define(eq=False)
class Slice:
    """A period that one walker walks: from `start`, inclusive, to `end`, exclusive."""

    start: datetime | None
    end: datetime
    page: int = 1
    size: int = 0  # rows a page, by which `page` counts
    reached: datetime | None = None  # the last second that was seen
    left: int = 0  # rows that are still to come, as far as is known
    entries: int | None = None  # rows of the period, by the last answer
    known: set[Row] = attrs.field(factory=set)  # rows given out that may come again
    last_rows: list[Row] = attrs.field(factory=list)
    cuts: list[Cut] = attrs.field(factory=list)  # what is still to be read of the second `start`

    @property
    def seconds(self) -> int:
        """The length of the period, 0 where its start is not known yet."""
        return int((self.end - self.start).total_seconds()) if self.start else 0

    def move_to(self, second: datetime | None, known: set[Row]) -> None:
        """Go on from a second, of which these rows are known."""
        self.start, self.page, self.entries, self.known = second, 1, None, known
        self.last_rows = []


@attrs.define(eq=False)
class State:
    """Where a walk stands, as a value for JSON."""

    end: datetime
    slices: list[Slice]
    parts: int = 1
    granted: int | None = None  # rows a page, as the service grants them
    depth: int | None = None  # rows that the service serves of one query, once it has been met
    first_count: int | None = None
    expected: int | None = None
    received: int = 0
    duplicates: int = 0
    rejected: int = 0
    requests: int = 0
    seconds: float = 0.0
    reasons: list[str] = attrs.field(factory=list)
    finished: bool = False


def read(state: bytes) -> State:
    """A state from its JSON.

    Raises:
        InvalidArgumentError: It is none.
    """
    try:
        return msgspec.json.decode(state, type=State)
    except msgspec.DecodeError as error:
        raise InvalidArgumentError("state", f"is not where a walk stood: {error}.") from None


def digest(raw: bytes) -> str:
    """What an unreadable row is known by."""
    return hashlib.sha256(raw).hexdigest()[:32]
