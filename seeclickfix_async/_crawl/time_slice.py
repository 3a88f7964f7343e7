"""A period that one worker reads, and a period that was not read completely."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from seeclickfix_async._api.query import ClockField
from seeclickfix_async._core import validation
from seeclickfix_async._crawl.crowded_second import CrowdedSecond, Listing
from seeclickfix_async._crawl.evidence import RowKey

SECOND = timedelta(seconds=1)

_MAX_CONTRADICTIONS = 2


@attrs.define(eq=False)
class TimeSlice:
    """A period that one worker reads: from `start`, inclusive, to `end`, exclusive.

    Every row that was in the crawl's period when it began, and still exists, is either received
    or in a slice that is left.

    Attributes:
        by: The clock of the period.
        start: None for the beginning of all issues.
        end: None until the first response shows the service's clock.
        is_closing: Whether it is the period of the updates that were made during the crawl.
        rows_left: The number of rows that are still expected, as far as is known.
        known: The received rows that may be received again, each with its timestamp.
        reached: The second of the last row that was read by page number; None between pages.
        listing: The rows since `start` that were read by page number.
        crowd: The progress in this second, if it holds more rows than the service serves.
        contradictions: The number of responses in a row that contradicted themselves.
    """

    by: ClockField
    start: datetime | None = attrs.field(validator=validation.validate_aware)
    end: datetime | None = attrs.field(validator=validation.validate_aware)
    is_closing: bool = False
    rows_left: int = 0
    known: dict[RowKey, datetime | None] = attrs.field(factory=dict)
    reached: datetime | None = attrs.field(default=None, validator=validation.validate_aware)
    listing: Listing = attrs.field(factory=Listing)
    crowd: CrowdedSecond | None = None
    contradictions: int = 0

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
    def reaches_beyond_start(self) -> bool:
        """Whether the read pages reach beyond the second in which the period begins."""
        return self.start is None or self.start.replace(microsecond=0) != self.reached

    @property
    def may_contradict(self) -> bool:
        """Whether a response that contradicts itself is requested again."""
        return self.contradictions < _MAX_CONTRADICTIONS

    def contains(self, timestamp: datetime | None) -> bool:
        """Return whether a row is in this period; its timestamp may lack fractions of a second."""
        if timestamp is None:
            return True
        return not self.is_after(timestamp) and (self.end is None or timestamp < self.end)

    def is_after(self, second: datetime) -> bool:
        """Return whether the period begins after this second."""
        return self.start is not None and second < self.start.replace(microsecond=0)

    def note_contradiction(self) -> bool:
        """Count a response that contradicts itself; return whether to request it again."""
        self.contradictions += 1
        return self.contradictions <= _MAX_CONTRADICTIONS

    def move_to(self, start: datetime) -> None:
        """Begin later: everything before is received."""
        self.start, self.reached, self.contradictions = start, None, 0
        self.listing = Listing()
        self.known = {row: at for row, at in self.known.items() if at is None or at >= start}

    def move_to_second(self, second: datetime, *, min_rows: int) -> None:
        """Begin at a second that was reached; its rows become the front of the listing.

        Args:
            second: The second.
            min_rows: Drop the rows if they are fewer: one page reads them again.
        """
        timestamps = {row: self.known.get(row) for row in self.listing.front}
        rows = [row for row, at in timestamps.items() if at is not None and at >= second]
        self.move_to(second)
        if len(rows) > min_rows and None not in timestamps.values():
            self.listing.front, self.reached = rows, second

    def divide(self, start: datetime, parts: int) -> list[TimeSlice]:
        """Cut the period into equal parts, and return the later ones, oldest first.

        They are equal in time, since the distribution of the rows is unknown.

        Args:
            start: Its start, which is known.
            parts: Their number.
        """
        length = timedelta(seconds=self.seconds // parts)
        self.rows_left //= parts
        later = [
            self.split(start + length * number, self.rows_left)
            for number in range(parts - 1, 0, -1)
        ]
        return later[::-1]

    def split(self, at: datetime, rows_left: int = 0) -> TimeSlice:
        """Cut the period in two; return the later part."""
        later = TimeSlice(self.by, at, self.end, self.is_closing, rows_left)
        later.known = {row: moment for row, moment in self.known.items() if moment and moment >= at}
        self.known = {row: moment for row, moment in self.known.items() if row not in later.known}
        self.end = at
        return later


@attrs.frozen
class Gap:
    """A period of which the service did not send everything."""

    by: ClockField
    start: datetime | None = attrs.field(validator=validation.validate_aware)
    end: datetime | None = attrs.field(validator=validation.validate_aware)
