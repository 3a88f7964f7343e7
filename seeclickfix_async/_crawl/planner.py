"""Decide what a crawl requests next, and what a response proves.

Page numbers cannot be followed to the end of a listing: the service stops after about 1,000 rows
without saying so, and rows shift during the reading (both observed). A crawl therefore follows a
clock, oldest row first. It relies on the following:

* **One page proves a period.** A response that begins with the first row of a period contains every
  row up to its last one, as of that moment. The next request begins at the second of that last row,
  so that rows that are inserted or deleted in between shift nothing. Rows of that second are
  returned again and are dropped by their ids.
* **A second that fills a page** is read by page number. Each page must begin with the last rows
  that are known already. A page that begins with other rows, or with these in another order, proves
  nothing, and is read again from further inside. Where the service serves no more pages, the second
  is read from its other end, until both ends meet; if they cannot meet, it is divided by creation,
  by status and by area.
* **The end** is reached when a first page is not full, names no next page, and the service counts
  no more rows. As long as one of these three disagrees, the crawl continues. A later page may be
  short because the service stops there, so it does not end anything. A response that contradicts
  itself is requested again; if it stays so, its period becomes a gap in the report.
* **What moved** during the crawl was updated: at the end the crawl requests everything that was
  updated since it began, and delivers what is new. This relies on no count. Updates that are made
  faster than they can be read become a gap.

Every issue that exists from the first request to the last is therefore delivered once, or the
report says why not. The planner sends nothing itself; its state goes to JSON and back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

import attrs

from seeclickfix_async._api.page import Page
from seeclickfix_async._api.query import DETAILED_PER_PAGE, ClockField, IssueQuery, period_filters
from seeclickfix_async._core.timestamps import EARLIEST, LATEST
from seeclickfix_async._crawl.crowded_second import CrowdedSecond, Listing
from seeclickfix_async._crawl.evidence import Evidence, PageRequest
from seeclickfix_async._crawl.limits import DOCUMENTED_PAGE_SIZE, MAX_PAGE_SIZE, Limits
from seeclickfix_async._crawl.received import MAX_CLOCK_SKEW, ReceivedIssues
from seeclickfix_async._crawl.report import Estimate
from seeclickfix_async._crawl.state import CrawlState
from seeclickfix_async._crawl.time_slice import SECOND, TimeSlice
from seeclickfix_async.errors import TruncatedResultsError
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.models import Issue

IssueT = TypeVar("IssueT", bound=Issue)

_CROWDED = 0.1  # share of a page in its last second above which page numbers are cheaper


class CrawlPlanner(Generic[IssueT]):
    """The decisions of a crawl.

    Args:
        query: The issues to read.
        by: The clock to follow.
        page_size: Rows a page; `"largest"` for as many as the service grants.
        rate: Requests a second that the quota allows.
        state: The state of an earlier crawl of the same query.

    Raises:
        InvalidArgumentError: `state` is not the state of a crawl, or the pages of the query are too
            large.
    """

    def __init__(
        self,
        query: IssueQuery,
        *,
        by: ClockField,
        page_size: int | Literal["largest"] | None = None,
        rate: float = math.inf,
        state: bytes | None = None,
    ) -> None:
        self.by: ClockField = by
        self._rate = rate
        self._start, self._before = query.bounds(by)
        default = DETAILED_PER_PAGE if query.details else DOCUMENTED_PAGE_SIZE
        if page_size == "largest":
            page_size = default if query.details else MAX_PAGE_SIZE
        requested = page_size or default
        self._query = attrs.evolve(query, sort_direction="ASC", per_page=requested)
        if state is None:
            whole = TimeSlice(by, self._start, self._before)
            crawl_state = CrawlState([whole], Limits(requested), end=self._before)
        else:
            crawl_state = CrawlState.decode(state)
            crawl_state.limits.requested = requested
        self.state: CrawlState = crawl_state
        self._received_before = crawl_state.received + crawl_state.rejected
        self._received = ReceivedIssues(by, self._start, crawl_state, is_whole=state is None)
        self._now: datetime | None = None  # by the service's clock
        if by == "created_at" and crawl_state.lacks_everything and not crawl_state.slices:
            self._reopen()  # it ended with an error

    @property
    def slices(self) -> list[TimeSlice]:
        """The periods that are left, oldest first."""
        return self.state.slices

    @property
    def received_until(self) -> datetime | None:
        """Everything before this time has been received; None if nothing is left."""
        return (self.slices[0].start or EARLIEST) if self.slices else None

    @property
    def per_page(self) -> int:
        """Rows a page, as far as is known."""
        return self.state.limits.per_page

    def skip(self, ids: Iterable[int]) -> None:
        """Do not deliver these issues: all that an earlier crawl received.

        A crawl that ended without being complete then reads again what it lacks.
        """
        self._received.skip(ids)
        if self.state.finished and not self.state.is_complete:
            self._reopen()

    def count_requests(self, requests: int) -> None:
        """Count requests that were sent."""
        self.state.requests += requests

    def count_seconds(self, seconds: float) -> None:
        """Count seconds that the crawl took."""
        self.state.seconds += seconds

    def request(self, period: TimeSlice) -> PageRequest:
        """Return the next request of a slice."""
        listings = [period.listing] if period.crowd is None else period.crowd.listings
        if not listings:
            return PageRequest(self._query_for(period, per_page=1))
        listing = listings[0]
        limits = self.state.limits
        number, per_page = limits.window(len(listing.edge)) or (1, limits.per_page)
        return PageRequest(self._query_for(period, per_page=per_page, **listing.filters), number)

    @property
    def count_request(self) -> PageRequest:
        """The request whose response counts everything."""
        whole = TimeSlice(self.by, self._start, self.state.end)
        return PageRequest(self._query_for(whole, per_page=1))

    def _query_for(self, period: TimeSlice, **filters: Any) -> IssueQuery:
        """Return the query of a slice, whose rows contain both timestamps."""
        query = self._query
        if query.fields is not None:
            filters["fields"] = tuple(dict.fromkeys((*query.fields, self.by, period.by)))
        bounds = period_filters(self.by, self._start, self.state.end)
        bounds |= period_filters(period.by, period.start, period.end)
        return attrs.evolve(query, sort=period.by, **bounds | filters)

    def receive(
        self, period: TimeSlice, request: PageRequest, page: Page[IssueT], now: datetime
    ) -> list[IssueT]:
        """Return the new issues of a response, and advance the slice.

        Args:
            period: The slice.
            request: The request.
            page: The response.
            now: When it was received, by the service's clock.

        Raises:
            DecodeError: No row contains its timestamp.
            TruncatedResultsError: The service ignores the period, or sends nothing at all.
        """
        self._now = now
        evidence = Evidence.from_page(request, page, period.by, counts=not period.is_closing)
        self._check(period, evidence)
        self._note_first_response(page, now)
        issues = page.items if period.end is not None else self._bound(period, page)
        new = self._received.add(period, evidence, issues)
        if period.crowd is None:
            self._continue(period, evidence)
        else:
            period.crowd.add_page(evidence, self.state.limits, self._query)
            self._close_if_read(period, period.crowd)
        is_over_limit = self.state.requests > self.state.max_requests
        if period.is_closing and is_over_limit and period in self.slices:
            self.state.add_gap(period, "Issues were updated faster than they could be read.")
            self._close(period)
        return new

    def refuse(self, period: TimeSlice, request: PageRequest) -> bool:
        """Note a refused request; return whether another one may succeed."""
        limits = self.state.limits
        if request.number == 1:
            return limits.request_less()
        limits.note_unserved(request)
        if period.crowd is None:
            self._fall_back(period)
        else:
            period.crowd.read_other_end_or_divide(limits, self._query)
            self._close_if_read(period, period.crowd)
        return True

    def _check(self, period: TimeSlice, evidence: Evidence) -> None:
        """Refuse a response after which a slice cannot continue, before its rows are received."""
        page, last = evidence.page, evidence.last
        if not evidence.may_have_more or period.crowd is not None:
            return
        if last is None and page.items and not period.is_closing:
            reason, path = f"No row contains {period.by}.", f"issues[0].{period.by}"
            raise page.response.decode_error(reason, path)
        if last is not None and period.is_after(last) and not period.may_contradict:
            error = TruncatedResultsError(
                "The service sends rows from before the requested period.",
                page=page.page,
                received=self.state.received,
                entries=page.entries,
            )
            raise page.response.identify(error)

    def _note_first_response(self, page: Page[IssueT], now: datetime) -> None:
        """Note when the crawl began, and its first count."""
        state = self.state
        if state.began is None:
            state.began = now.replace(microsecond=0)
            state.first_count = state.expected = page.entries

    def _bound(self, period: TimeSlice, page: Page[IssueT]) -> Sequence[IssueT]:
        """End a period without an end when the crawl began, and return its issues of a page."""
        state = self.state
        end = max(state.began or EARLIEST, (period.start or EARLIEST) + SECOND)
        period.end = state.end = end
        issues = [issue for issue in page.items if (getattr(issue, period.by) or EARLIEST) < end]
        if len(issues) < len(page.items):
            state.expected = None  # a count of other issues
        return issues

    def _continue(self, period: TimeSlice, evidence: Evidence) -> None:
        """Continue in a period: from the second where a page ended, or by page number."""
        page, is_first = evidence.page, evidence.request.number == 1
        if is_first:
            self.state.limits.grant(page.per_page, page.size)
            period.listing = Listing(setbacks=period.listing.setbacks)
        listing = period.listing
        known = len(listing.front)
        joins = listing.extend(evidence.rows, evidence.offset)
        if is_first and not evidence.may_have_more:
            self._close(period)
        elif joins and not evidence.may_have_more:
            # A later page may be cut off where the service stops: only a first page ends a period.
            period.reached = evidence.last or period.reached
            self._fall_back(period)
        elif is_first or (joins and len(listing.front) > known):
            self._advance(period, evidence)
        elif page.size and not joins:
            if period.reaches_beyond_start or not listing.step_back(page.size):
                self._fall_back(period)
        else:
            if evidence.may_have_more:
                self.state.limits.note_unserved(evidence.request)
            self._fall_back(period)

    def _advance(self, period: TimeSlice, evidence: Evidence) -> None:
        """Note how far a page reaches, and choose how to continue from there."""
        page, last = evidence.page, evidence.last
        if last is None:
            self._advance_without_timestamp(period, page)
        elif period.is_after(last):
            period.note_contradiction()
        elif period.end is not None and last >= period.end:
            self._close(period)  # the service went beyond the period
        else:
            period.reached = last
            known, entries = len(period.listing.front), page.entries
            period.rows_left = self.per_page if entries is None else max(0, entries - known)
            few = _CROWDED * self.per_page
            self._choose_direction(period, is_crowded=evidence.rows_of_last_second > few)

    def _choose_direction(self, period: TimeSlice, *, is_crowded: bool) -> None:
        """Continue by page number within a crowded second, or else by the clock."""
        if period.reaches_beyond_start and not is_crowded:
            self._fall_back(period)
            return
        number, _ = self.state.limits.window(len(period.listing.front)) or (0, 0)
        # The first page again would mean that it is short, and yet says that there is more.
        if number == 0 or (number == 1 and not period.note_contradiction()):
            self._fall_back(period)

    def _advance_without_timestamp(self, period: TimeSlice, page: Page[Issue]) -> None:
        """Continue after a page without timestamps: of unreadable rows, or without rows."""
        if page.items:
            self.state.add_gap(period, "The service does not say when issues were updated.")
            self._close(period)
            return
        number, _ = self.state.limits.window(len(period.listing.front)) or (0, 0)
        if number < 2 and not period.note_contradiction():
            self._abandon(period, page.entries)

    def _abandon(self, period: TimeSlice, entries: int | None) -> None:
        """Close a period that stays empty, although the service says otherwise.

        In a closing slice the count is ignored after that: it may be permanently too high.
        """
        if not period.is_closing:
            count = counted(entries, "issue") if entries else "more issues"
            when = f"between {_format(period.start)} and {_format(period.end)}"
            self.state.add_gap(period, f"The service announces {count} {when}, and sends none.")
        self._close(period)

    def _fall_back(self, period: TimeSlice) -> None:
        """Continue from the second that was reached; if the slice begins there, it is a crowd."""
        if period.reached is None:
            self._abandon(period, period.rows_left)
            return
        if period.reaches_beyond_start:
            period.move_to_second(period.reached, min_rows=self.per_page)
            return
        after = period.reached + SECOND
        if period.end is None or after < period.end:
            later = period.split(after, period.rows_left)
            self.slices.insert(self.slices.index(period) + 1, later)
        period.crowd = CrowdedSecond([period.listing], set(period.listing.front))
        period.rows_left = 0
        period.crowd.read_other_end_or_divide(self.state.limits, self._query)
        self._close_if_read(period, period.crowd)

    def _close_if_read(self, period: TimeSlice, crowd: CrowdedSecond) -> None:
        """Close the slice of a second when it is read."""
        if not crowd.is_read:
            return
        if crowd.problem is not None:
            self.state.add_gap(period, f"The second {_format(period.start)} {crowd.problem}.")
        self._close(period)

    def share(self, period: TimeSlice, workers: int) -> None:
        """Divide a slice among up to this many more workers, if that saves time."""
        parts = min(workers + 1, period.rows_left // (2 * self.per_page), period.seconds)
        if period.start is None or period.is_closing or not period.is_between_pages or parts < 2:
            return
        index = self.slices.index(period) + 1
        self.slices[index:index] = period.divide(period.start, parts)
        self.state.parts += parts - 1

    def estimate(self) -> Estimate:
        """Estimate what is left of this crawl, by the service's first count."""
        count = self.state.first_count
        issues = None if count is None else max(0, count - self._received_before)
        requests = max(1, -(-(issues or 0) // self.per_page))
        return Estimate(issues, requests, round(requests / self._rate, 3))

    def finish(self, count: int | None) -> None:
        """End the crawl.

        Args:
            count: How many issues the service counts at the end.

        Raises:
            TruncatedResultsError: The service counts issues and sent none at all. A crawl by
                updates ends without this error: it often has no issues, and the count may be
                permanently too high.
        """
        if self.by == "created_at" and self.state.lacks_everything:
            reason = self.state.reasons[0]
            self._reopen()
            raise TruncatedResultsError(reason, page=1, received=0, entries=count)
        self.state.finish(count)

    def _close(self, period: TimeSlice) -> None:
        """Remove a slice that is done; after the last one, request what was updated in between."""
        self.slices.remove(period)
        if not self.slices and not self.state.is_closing:
            self.state.begin_closing()
            self.slices.extend(self._closing_slices())

    def _closing_slices(self) -> list[TimeSlice]:
        """Return the period of the updates since the crawl began, or since they were read last.

        There is none if everything was received in one response. A crawl by creation that does not
        know what an earlier process received could not recognize what is new. A crawl by updates
        needs it if its period includes them; a feed, which reads up to `LATEST`, polls again.
        """
        state = self.state
        if state.began is None:
            return []
        is_open = self._before is None or state.began < self._before != LATEST
        if not (self._received.is_whole if self.by == "created_at" else is_open):
            return []
        start, end = self._query.bounds("updated_at")
        since = max(start or EARLIEST, (state.updates_read_at or state.began) - MAX_CLOCK_SKEW)
        state.updates_read_at = self._now
        if (state.requests < 2 and state.is_counted) or since >= (end or LATEST):
            return []
        return [TimeSlice("updated_at", since, end or LATEST, is_closing=True)]

    def _reopen(self) -> None:
        self.state.reopen(self.by, self._start)
        self._received.forget_rejected()


def _format(moment: datetime | None) -> str:
    return "the beginning" if moment is None else moment.isoformat()
