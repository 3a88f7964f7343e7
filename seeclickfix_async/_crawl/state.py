"""The state of a crawl, as a value that goes to JSON and back."""

from __future__ import annotations

from datetime import datetime

import attrs
import msgspec

from seeclickfix_async._api.query import ClockField
from seeclickfix_async._core import validation
from seeclickfix_async._crawl.evidence import RowKey
from seeclickfix_async._crawl.limits import Limits
from seeclickfix_async._crawl.report import Report
from seeclickfix_async._crawl.time_slice import Gap, TimeSlice
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.errors._counting import counted

_MIN_CLOSING_REQUESTS = 100


@attrs.define(eq=False)
class CrawlState:
    """The progress of a crawl.

    Attributes:
        slices: The periods that are left, oldest first.
        limits: How much of a listing the service serves.
        began: The time of the first response, by the service's clock.
        end: The end of the period; None until then.
        gaps: The periods that have to be read again.
        parts: The number of slices into which the period was divided.
        first_count: The number of rows that the service counted in its first response.
        expected: The number that it counted last.
        received: The number of issues that were received, and had not been received before.
        duplicates: The number of rows that were received again.
        rejected: The number of unreadable rows.
        requests: The number of requests.
        seconds: The time that the crawl took, without pauses.
        is_closing: Whether the requests for the updates during the crawl have been planned.
        updates_read_at: When they were requested last, by the service's clock; None before.
        recent: In a crawl by updates, the timestamps of received rows that are so new that the
            closing requests return them again.
        max_requests: The number of requests at which the closing requests stop.
        reasons: Why the crawl is not complete.
        finished: Whether the crawl has ended.
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
    is_closing: bool = False
    updates_read_at: datetime | None = attrs.field(
        default=None, validator=validation.validate_aware
    )
    recent: dict[RowKey, datetime] = attrs.field(factory=dict)
    max_requests: int = 0
    reasons: list[str] = attrs.field(factory=list)
    finished: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, as far as the crawl has come."""
        return not self.reasons and not self.rejected

    @property
    def is_counted(self) -> bool:
        """Whether the last count is the number of received rows, so that no other is needed."""
        return self.received + self.rejected == self.expected

    @property
    def lacks_everything(self) -> bool:
        """Whether the service counted issues, and sent none at all."""
        return bool(self.gaps) and not self.received + self.rejected

    def add_gap(self, period: TimeSlice, reason: str) -> None:
        """Note that a period has to be read again, and why."""
        self.gaps.append(Gap(period.by, period.start, period.end))
        if reason not in self.reasons:
            self.reasons.append(reason)

    def begin_closing(self) -> None:
        """Allow about as many requests for updates during the crawl as the crawl itself took."""
        self.is_closing = True
        self._limit_requests()

    def reopen(self, by: ClockField, start: datetime | None) -> None:
        """Plan to read again what an incomplete crawl lacks: its gaps, or else everything.

        Args:
            by: The clock of the crawl.
            start: The start of its period.
        """
        gaps = self.gaps or [Gap(by, start, self.end)]
        self.slices = [TimeSlice(gap.by, gap.start, gap.end, gap.by != by) for gap in gaps]
        self.gaps, self.reasons, self.rejected = [], [], 0
        self.limits.forget()
        self._limit_requests()
        self.is_closing = self.finished = False

    def _limit_requests(self) -> None:
        self.max_requests = 2 * self.requests + _MIN_CLOSING_REQUESTS

    def next_updates(self, start: datetime) -> CrawlState:
        """Return the state of the next crawl by updates, which reads earlier gaps, too.

        Args:
            start: The start of its period.
        """
        gaps = (
            TimeSlice(gap.by, gap.start, gap.end)
            for gap in self.gaps
            if gap.by != "updated_at" or gap.start is None or gap.start < start
        )
        return CrawlState([TimeSlice("updated_at", start, None), *gaps], self.limits)

    def finish(self, count: int | None) -> None:
        """End the crawl with the service's last count of issues."""
        self.expected, self.finished = count, True
        missing = 0 if count is None else count - self.received - self.rejected
        if missing > 0:
            verb = "is" if missing == 1 else "are"
            issues = counted(missing, "issue")
            self.reasons.append(f"{issues} that the service counts {verb} missing.")

    def encode(self) -> bytes:
        """Encode as JSON."""
        return msgspec.json.encode(self)

    def report(self, *, rate: float, pending: int = 0) -> Report:
        """Return the progress so far.

        Args:
            rate: Requests a second that the quota allows.
            pending: The number of issues that have not been delivered yet, which do not count.
        """
        reasons = tuple(self.reasons)
        if not self.finished:
            reasons += ("The crawl has not reached its end.",)
        if self.rejected:
            reasons += (f"{counted(self.rejected, 'row')} could not be read.",)
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
