"""The issues that a crawl has received, and which of a page are new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from seeclickfix_async._api.query import ClockField
from seeclickfix_async._crawl.evidence import Evidence
from seeclickfix_async._crawl.id_set import IdSet
from seeclickfix_async._crawl.state import CrawlState
from seeclickfix_async._crawl.time_slice import SECOND, Gap, TimeSlice
from seeclickfix_async.models import Issue

IssueT = TypeVar("IssueT", bound=Issue)

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""The most by which the clocks of the service's own machines are expected to differ."""


class ReceivedIssues:
    """The issues that a crawl has received.

    Args:
        by: The clock of the crawl.
        start: The start of its period; None for the beginning of all issues.
        state: The state of the crawl, whose counts are kept here.
        is_whole: Whether this is everything that the crawl received: not if an earlier process
            received some of it, unless `skip` adds that.
    """

    def __init__(
        self, by: ClockField, start: datetime | None, state: CrawlState, *, is_whole: bool
    ) -> None:
        self.is_whole = is_whole
        self._by = by
        self._start = start
        self._state = state
        known = [row for period in state.slices for row in period.known]
        self._ids = IdSet(known)
        self._rejected = {row for row in known if row < 0}

    def skip(self, ids: Iterable[int]) -> None:
        """Add the issues that an earlier process received: all of them."""
        for number in ids:
            self._ids.add(number)
        self.is_whole = True

    def add(self, period: TimeSlice, evidence: Evidence, issues: Sequence[IssueT]) -> list[IssueT]:
        """Add the issues of a page; return those that are new."""
        if self._by == "updated_at":
            new = [issue for issue in issues if self._is_new_version(period, issue)]
        elif period.is_closing and not self.is_whole:
            new = []  # an earlier process may have received them
        else:
            new = [issue for issue in issues if self._ids.add(issue.id)]
        self._state.received += len(new)
        self._state.duplicates += len(issues) - len(new)
        if evidence.page.rejected:
            self._reject(period, evidence)
        period.known.update(evidence.timestamps)
        return new

    def forget_rejected(self) -> None:
        """Count the unreadable rows again when they are read again."""
        self._rejected.clear()

    def _is_new_version(self, period: TimeSlice, issue: Issue) -> bool:
        """Return whether an issue in a crawl by updates is new, or newer than when it was received.

        An issue that was updated before the crawl began is received once. One that is updated later
        is received again, also if a machine with a slow clock dates that a little earlier. Rows of
        another period are left to its slice; a service that ignores the start of the crawl is
        believed.
        """
        at = issue.updated_at
        is_in_crawl = at is None or self._start is None or at >= self._start
        if is_in_crawl and not period.contains(at):
            return False
        recent = self._state.recent
        if issue.id in recent and (at is None or recent[issue.id] >= at):
            return False  # a slow response, processed after one with a newer version
        if at is None or self._state.began is None or at < self._state.began - MAX_CLOCK_SKEW:
            return self._ids.add(issue.id)
        recent[issue.id] = at
        return True

    def _reject(self, period: TimeSlice, evidence: Evidence) -> None:
        """Count the unreadable rows, and note that their page has to be read again."""
        unreadable = {row for row in evidence.rows if row < 0}
        self._state.rejected += len(unreadable - self._rejected)
        self._rejected |= unreadable
        end = period.end
        if evidence.last is not None and evidence.may_have_more:
            end = evidence.last + SECOND
        gap = Gap(period.by, period.start, end)
        if gap not in self._state.gaps:
            self._state.gaps.append(gap)
