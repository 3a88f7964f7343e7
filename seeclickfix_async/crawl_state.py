"""The state of a crawl, as values that go to JSON and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import attrs
import msgspec

from seeclickfix_async.areas import BoundingBox
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue, Status
from seeclickfix_async.paging import Page
from seeclickfix_async.queries import By

Row = int
"""The key of a row: its id, or a negative digest of its bytes if it cannot be read."""

SECOND = timedelta(seconds=1)

_MOST_DOUBTS = 2
_MOST_SETBACKS = 10


@attrs.define(eq=False)
class Partition:
    """A listing that is read by page number: a period's, or a part of a crowded second.

    Attributes:
        status: Only issues of this status; None for all that the query asks for.
        box: Only issues in this box; None for the area of the query.
        front: The first rows, oldest first. None between them is missing.
        back: The last rows, newest first. None between them is missing.
        backwards: Whether the front cannot be read further, so that the back is read.
        setbacks: How many pages did not join the rows that were known.
        halves: Boxes that divide this one between the issues that were seen last.
    """

    status: Status | None = None
    box: BoundingBox | None = None
    front: list[Row] = attrs.field(factory=list)
    back: list[Row] = attrs.field(factory=list)
    backwards: bool = False
    setbacks: int = 0
    halves: list[BoundingBox] = attrs.field(factory=list)

    @property
    def edge(self) -> list[Row]:
        """The rows that the next page continues."""
        return self.back if self.backwards else self.front

    @property
    def is_covered(self) -> bool:
        """Whether front and back have met, so that no row between them is missing."""
        return not set(self.back).isdisjoint(self.front)

    def extend(self, rows: Sequence[Row], *, first: bool) -> bool:
        """Add a page to the edge if it continues it; returns whether it does.

        A page continues the edge if it is the first one or begins with a known row: then every
        row before it is known, whatever was inserted or deleted since the last page.
        """
        edge = self.edge
        known = set(edge)
        if not first and (not rows or rows[0] not in known):
            return False
        edge += [row for row in dict.fromkeys(rows) if row not in known]
        return True

    def step_back(self, rows: int) -> bool:
        """Let the next page begin further inside; returns False when that was in vain too often."""
        self.setbacks += 1
        del self.edge[-rows:]
        return self.setbacks < _MOST_SETBACKS

    def note_points(self, issues: Iterable[Issue]) -> None:
        """Remember how these issues divide the box."""
        if self.box is not None:
            points = [(i.lat, i.lng) for i in issues if i.lat is not None and i.lng is not None]
            self.halves = self.box.halves(points) or self.halves


@attrs.define(eq=False)
class Crowd:
    """One second with more issues than a page holds.

    Attributes:
        partitions: What is still to be read, one after the other; at first all of the second.
        rows: The rows that came.
        divided: Whether it had to be divided, since the service did not serve all of it.
        is_incomplete: Whether a partition of it was given up.
        entries: How many rows the service counted, the last time when all of it was asked for.
        attempts: How many times it has been read.
    """

    partitions: list[Partition] = attrs.field(factory=lambda: [Partition()])
    rows: set[Row] = attrs.field(factory=set)
    divided: bool = False
    is_incomplete: bool = False
    entries: int | None = None
    attempts: int = 1


@attrs.define(eq=False)
class TimeSlice:
    """A period that one worker reads: from `start`, inclusive, to `end`, exclusive.

    Every row that was in the crawl's period when it began, and is still there, is either
    received or in a slice that is left.

    Attributes:
        by: The clock that the period is of.
        start: None for the beginning of all issues.
        end: None until the service has told its time.
        left: How many rows are still to come, as far as is known.
        known: The received rows that may come again, each with its clock.
        reached: The second of the last row that came by page number; None between pages.
        listing: The rows since `start` that came by page number.
        crowd: How far this second has been read, if it holds more than the service serves.
        doubts: How many answers in a row contradicted themselves.
    """

    by: By
    start: datetime | None
    end: datetime | None
    left: int = 0
    known: dict[Row, datetime | None] = attrs.field(factory=dict)
    reached: datetime | None = None
    listing: Partition = attrs.field(factory=Partition)
    crowd: Crowd | None = None
    doubts: int = 0

    @property
    def seconds(self) -> int:
        """The length of the period, 0 as long as one of its ends is unknown."""
        if self.start is None or self.end is None:
            return 0
        return int((self.end - self.start).total_seconds())

    @property
    def partition(self) -> Partition:
        """The listing that is being read."""
        return self.crowd.partitions[0] if self.crowd else self.listing

    @property
    def is_between_pages(self) -> bool:
        """Whether the next request is for the first page of the period."""
        return self.crowd is None and not self.listing.front

    @property
    def has_moved(self) -> bool:
        """Whether pages have reached beyond the second in which the period begins."""
        return self.start is None or self.start.replace(microsecond=0) != self.reached

    def doubt(self) -> bool:
        """Count an answer that contradicts itself; returns whether to ask again."""
        self.doubts += 1
        return self.doubts <= _MOST_DOUBTS

    def move_to(self, start: datetime) -> None:
        """Begin later: everything before is received."""
        self.start, self.reached, self.doubts = start, None, 0
        self.listing = Partition()
        self.known = {row: at for row, at in self.known.items() if at is None or at >= start}

    def split(self, at: datetime, left: int = 0) -> TimeSlice:
        """Cut the period in two; returns the later part."""
        later = TimeSlice(self.by, at, self.end, left)
        later.known = {row: clock for row, clock in self.known.items() if clock and clock >= at}
        self.known = {row: clock for row, clock in self.known.items() if row not in later.known}
        self.end = at
        return later


@attrs.frozen
class Gap:
    """A period of which the service did not give everything."""

    by: By
    start: datetime | None
    end: datetime | None


@attrs.define(eq=False)
class CrawlState:
    """How far a crawl has come, as a value for JSON.

    Attributes:
        began: When the service gave its first answer, by its own clock.
        end: The end of the period; None until then.
        slices: The periods that are left, oldest first.
        gaps: The periods that have to be read again.
        parts: In how many parts the period was read.
        per_page: How many rows a page has, as granted by the service.
        depth: How many rows of one query the service serves, once a crawl has met this cap.
        first_count: How many rows the service counted in its first answer.
        expected: How many it counted last.
        checked: Whether the rows that changed during the crawl have been asked for.
        reasons: Why the crawl is not complete.
    """

    slices: list[TimeSlice]
    began: datetime | None = None
    end: datetime | None = None
    gaps: list[Gap] = attrs.field(factory=list)
    parts: int = 1
    per_page: int | None = None
    depth: int | None = None
    first_count: int | None = None
    expected: int | None = None
    received: int = 0
    duplicates: int = 0
    rejected: int = 0
    requests: int = 0
    seconds: float = 0.0
    checked: bool = False
    reasons: list[str] = attrs.field(factory=list)
    finished: bool = False

    def encode(self) -> bytes:
        """Encode as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, state: bytes) -> CrawlState:
        """Decode from JSON.

        Raises:
            InvalidArgumentError: It is not the state of a crawl.
        """
        try:
            return msgspec.json.decode(state, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidArgumentError("state", f"is not the state of a crawl: {error}.") from None


def row_keys(page: Page[Issue]) -> list[Row]:
    """Return the keys of a page's rows, in their order."""
    keys: list[Row] = [issue.id for issue in page.items]
    for row in page.rejected:
        digest = hashlib.sha256(row.raw).digest()[:7]
        keys.insert(row.index, -1 - int.from_bytes(digest))
    return keys
