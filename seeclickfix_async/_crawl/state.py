"""The state of a crawl, as values that go to JSON and back."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
import msgspec

from seeclickfix_async._api.query import ClockField
from seeclickfix_async._core import validation
from seeclickfix_async._crawl.crowd import CrowdedSecond, Listing
from seeclickfix_async._crawl.evidence import Row
from seeclickfix_async._crawl.limits import Limits
from seeclickfix_async._crawl.report import Report
from seeclickfix_async.errors import InvalidArgumentError

SECOND = timedelta(seconds=1)

_MOST_DOUBTS = 2


@attrs.define(eq=False)
class TimeSlice:
    """A period that one worker reads: from `start`, inclusive, to `end`, exclusive.

    Every row that was in the crawl's period when it began, and is still there, is either
    received or in a slice that is left.

    Attributes:
        by: The clock that the period is of.
        closing: Whether it is of the updates that came while the crawl ran.
        start: None for the beginning of all issues.
        end: None until the service has told its time.
        left: How many rows are still to come, as far as is known.
        known: The received rows that may come again, each with its clock.
        reached: The second of the last row that came by page number; None between pages.
        listing: The rows since `start` that came by page number.
        crowd: How far this second has been read, if it holds more than the service serves.
        doubts: How many answers in a row contradicted themselves.
    """

    by: ClockField
    start: datetime | None = attrs.field(validator=validation.validate_aware)
    end: datetime | None = attrs.field(validator=validation.validate_aware)
    closing: bool = False
    left: int = 0
    known: dict[Row, datetime | None] = attrs.field(factory=dict)
    reached: datetime | None = attrs.field(default=None, validator=validation.validate_aware)
    listing: Listing = attrs.field(factory=Listing)
    crowd: CrowdedSecond | None = None
    doubts: int = 0

    @property
    def seconds(self) -> int:
        """The length of the period, 0 as long as one of its ends is unknown."""
        if self.start is None or self.end is None:
            return 0
        return int((self.end - self.start).total_seconds())

    @property
    def is_between_pages(self) -> bool:
        """Whether the next request is for the first page of the period."""
        return self.crowd is None and not self.listing.front

    @property
    def has_moved(self) -> bool:
        """Whether pages have reached beyond the second in which the period begins."""
        return self.start is None or self.start.replace(microsecond=0) != self.reached

    @property
    def may_doubt(self) -> bool:
        """Whether an answer that contradicts itself is asked for again."""
        return self.doubts < _MOST_DOUBTS

    def holds(self, clock: datetime | None) -> bool:
        """Return whether a clock is of this period, as far as it shows: it may lack fractions."""
        if clock is None:
            return True
        return not self.is_after(clock) and (self.end is None or clock < self.end)

    def is_after(self, second: datetime) -> bool:
        """Whether the period begins after this second."""
        return self.start is not None and second < self.start.replace(microsecond=0)

    def doubt(self) -> bool:
        """Count an answer that contradicts itself; returns whether to ask again."""
        self.doubts += 1
        return self.doubts <= _MOST_DOUBTS

    def move_to(self, start: datetime) -> None:
        """Begin later: everything before is received."""
        self.start, self.reached, self.doubts = start, None, 0
        self.listing = Listing()
        self.known = {row: at for row, at in self.known.items() if at is None or at >= start}

    def move_to_second(self, second: datetime, *, keep: int) -> None:
        """Begin at a second that was reached; what came of it by page number is the front of it.

        Args:
            second: The second.
            keep: How many rows of it there have to be: fewer are read again in one page.
        """
        clocks = {row: self.known.get(row) for row in self.listing.front}
        rows = [row for row, at in clocks.items() if at is not None and at >= second]
        self.move_to(second)
        if len(rows) > keep and None not in clocks.values():
            self.listing.front, self.reached = rows, second

    def split(self, at: datetime, left: int = 0) -> TimeSlice:
        """Cut the period in two; returns the later part."""
        later = TimeSlice(self.by, at, self.end, self.closing, left)
        later.known = {row: clock for row, clock in self.known.items() if clock and clock >= at}
        self.known = {row: clock for row, clock in self.known.items() if row not in later.known}
        self.end = at
        return later


@attrs.frozen
class Gap:
    """A period of which the service did not give everything."""

    by: ClockField
    start: datetime | None = attrs.field(validator=validation.validate_aware)
    end: datetime | None = attrs.field(validator=validation.validate_aware)


@attrs.define(eq=False)
class CrawlState:
    """How far a crawl has come, as a value for JSON.

    Attributes:
        slices: The periods that are left, oldest first.
        limits: How much of a listing the service serves.
        began: When the service gave its first answer, by its own clock.
        end: The end of the period; None until then.
        gaps: The periods that have to be read again.
        parts: In how many parts the period was read.
        first_count: How many rows the service counted in its first answer.
        expected: How many it counted last.
        checked: Whether the rows that changed during the crawl have been asked for.
        looked: When that was begun the last time, by the service's clock; None before.
        recent: The clocks of received rows that are so new that they come again in the end, where
            the crawl goes by updates.
        patience: At how many requests it stops to do so, where they change all the time.
        reasons: Why the crawl is not complete.
    """

    slices: list[TimeSlice]
    limits: Limits
    began: datetime | None = attrs.field(default=None, validator=validation.validate_aware)
    end: datetime | None = attrs.field(default=None, validator=validation.validate_aware)
    gaps: list[Gap] = attrs.field(factory=list)
    parts: int = 1
    first_count: int | None = None
    expected: int | None = None
    received: int = 0
    duplicates: int = 0
    rejected: int = 0
    requests: int = 0
    seconds: float = 0.0
    checked: bool = False
    looked: datetime | None = attrs.field(default=None, validator=validation.validate_aware)
    recent: dict[Row, datetime] = attrs.field(factory=dict)
    patience: int = 0
    reasons: list[str] = attrs.field(factory=list)
    finished: bool = False

    def encode(self) -> bytes:
        """Encode as JSON."""
        return msgspec.json.encode(self)

    def report(self, *, rate: float, pending: int = 0) -> Report:
        """Return what has come.

        Args:
            rate: Requests a second that the quota allows.
            pending: How many of the issues have not been given out yet.
        """
        reasons = tuple(self.reasons)
        if not self.finished:
            reasons += ("The walk is not at its end.",)
        if self.rejected:
            reasons += (f"{self.rejected} rows could not be read.",)
        received = self.received - pending
        return Report(
            expected=self.expected,
            received=received,
            duplicates=self.duplicates,
            rejected=self.rejected,
            drift=(self.expected or 0) - (self.first_count or 0),
            slices=self.parts,
            requests=self.requests,
            minimum=max(1, -(-(received + self.rejected) // self.limits.per_page)),
            seconds=round(self.seconds, 3),
            quota_seconds=round(self.requests / rate, 3),
            complete=not reasons,
            reasons=reasons,
            until=self.began,
        )

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
