"""Decide what a crawl asks for next, and what an answer proves.

Page numbers do not lead through a listing: the service stops after about 1,000 rows without
saying so, and rows shift while one reads (both observed). So a crawl goes by a clock, oldest row
first. What it relies on:

* **One page proves a period.** An answer that begins with the first row of a period holds every
  row up to its last one, as they were at that moment. The next request begins at the second of
  that last row, so that rows that are inserted or deleted meanwhile shift nothing. Rows of that
  second come again and are dropped by their ids.
* **A second that fills a page** is read by page number, each page beginning with the last rows
  that are known already. A page that begins with others, or with these in another order, proves
  nothing, and is read again from further inside. Where the service serves no more pages, the
  second is read from its other end, until both meet; where they cannot meet, it is divided by
  status and by area.
* **The end** is reached when a first page is not full, names no next page, and the service counts
  no more rows. As long as one of these three says otherwise, the crawl goes on. A later page may
  be short because the service stops there, so that it ends nothing. An answer that contradicts
  itself is asked for again; if it stays so, its period becomes a gap in the report.
* **What moved** meanwhile was updated: in the end the crawl asks for what was updated since it
  began, and gives out what is new. This does not rest on any count.
  Updates that come faster than they are read become a gap.

So every issue that is there from the first request to the last is given out once, or the report
says why not. The planner sends nothing itself; its state goes to JSON and back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Literal, TypeVar

import attrs

from seeclickfix_async._api.pagination import Page
from seeclickfix_async._api.query import DETAILED_PER_PAGE, ClockField, IssueQuery, period
from seeclickfix_async._crawl.crowd import CrowdedSecond, Listing
from seeclickfix_async._crawl.evidence import Evidence, PageRequest
from seeclickfix_async._crawl.id_set import IdSet
from seeclickfix_async._crawl.limits import DOCUMENTED, Limits
from seeclickfix_async._crawl.report import Estimate
from seeclickfix_async._crawl.state import SECOND, CrawlState, Gap, TimeSlice
from seeclickfix_async.errors import DecodeError, TruncatedResultsError
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.models import Issue

IssueT = TypeVar("IssueT", bound=Issue)

LARGEST = 1000
"""The most rows a page that were seen granted (observed in 2026)."""

FAR = datetime(2100, 1, 1, tzinfo=UTC)
"""The end of a period that has none."""

PageSize = int | Literal["largest"]

_CROWDED = 0.1  # share of a page in its last second above which page numbers are cheaper
_SKEW = timedelta(minutes=5)  # between the clocks of the service's own machines
_PATIENCE = 100  # requests for what changes all the time, besides as many as the crawl took


class CrawlPlanner(Generic[IssueT]):
    """The decisions of a crawl.

    Args:
        query: Which issues.
        by: The clock to go by.
        page_size: Rows a request; the most that is granted with `"largest"`.
        rate: Requests a second that the quota allows.
        state: The state of an earlier crawl of the same query.

    Raises:
        InvalidArgumentError: The state is not one, or the query asks for pages that are too large.
    """

    def __init__(
        self,
        query: IssueQuery,
        *,
        by: ClockField,
        page_size: PageSize | None = None,
        rate: float = math.inf,
        state: bytes | None = None,
    ) -> None:
        self.by: ClockField = by
        self._rate = rate
        # In UTC: two moments of a zone with a clock change are not to be compared.
        self._start, self._before = (at and at.astimezone(UTC) for at in query.bounds(by))
        usual = DETAILED_PER_PAGE if query.details else DOCUMENTED
        if page_size == "largest":
            page_size = usual if query.details else LARGEST
        requested = page_size or usual
        self._query = attrs.evolve(query, sort_direction="ASC", per_page=requested)
        if state is None:
            whole = TimeSlice(by, self._start, self._before)
            begun = CrawlState([whole], Limits(requested), end=self._before)
        else:
            begun = CrawlState.decode(state)
            begun.limits.requested = requested
        self.state: CrawlState = begun
        self._earlier = self.state.received + self.state.rejected
        known = [row for part in self.slices for row in part.known]
        self._seen = IdSet(known)
        self._rejected = {row for row in known if row < 0}
        self._remembers_all = state is None
        self._now: datetime | None = None  # by the service's clock

    @property
    def slices(self) -> list[TimeSlice]:
        """The periods that are left, oldest first."""
        return self.state.slices

    @property
    def per_page(self) -> int:
        """Rows a page, as far as is known."""
        return self.state.limits.per_page

    def skip(self, ids: Iterable[int]) -> None:
        """Do not give out these issues, since an earlier crawl did: all that it received.

        So a crawl that ended without being complete can read again what it did not get.
        """
        for number in ids:
            self._seen.add(number)
        self._remembers_all = True
        if self.state.finished and (self.state.reasons or self.state.rejected):
            self._reopen()

    def count_requests(self, requests: int) -> None:
        """Count requests that were sent."""
        self.state.requests += requests

    def count_seconds(self, seconds: float) -> None:
        """Count seconds that the crawl took."""
        self.state.seconds += seconds

    # -- what to ask for ----------------------------------------------------------------------

    def request(self, part: TimeSlice) -> PageRequest:
        """Return what to ask for next in a slice."""
        listings = [part.listing] if part.crowd is None else part.crowd.listings
        if not listings:
            return PageRequest(self._query_of(part, per_page=1))
        listing = listings[0]
        limits = self.state.limits
        number, per_page = limits.window(len(listing.edge)) or (1, limits.per_page)
        changes: dict[str, Any] = {"per_page": per_page}
        if listing.after is not None:
            changes["after"] = listing.after
        if listing.before is not None:
            changes["before"] = listing.before
        if listing.status is not None:
            changes["status"] = (listing.status,)
        if listing.box is not None:
            changes["area"] = listing.box
        if listing.backwards:
            changes["sort_direction"] = "DESC"
        return PageRequest(self._query_of(part, **changes), number)

    @property
    def count_request(self) -> PageRequest:
        """The request whose answer counts everything."""
        whole = TimeSlice(self.by, self._start, self.state.end)
        return PageRequest(self._query_of(whole, per_page=1))

    def _query_of(self, part: TimeSlice, **changes: Any) -> IssueQuery:
        """The query for a slice, whose rows tell both clocks."""
        query = self._query
        if query.fields is not None:
            changes["fields"] = tuple(dict.fromkeys((*query.fields, self.by, part.by)))
        periods = period(self.by, self._start, self.state.end)
        periods |= period(part.by, part.start, part.end)
        return attrs.evolve(query, sort=part.by, **periods | changes)

    # -- what an answer proves ----------------------------------------------------------------

    def take(
        self, part: TimeSlice, request: PageRequest, page: Page[IssueT], now: datetime
    ) -> list[IssueT]:
        """Return the new issues of an answer; the slice moves on.

        Args:
            part: The slice.
            request: What was asked for.
            page: The answer.
            now: When it came, by the service's clock.

        Raises:
            DecodeError: No row tells its time.
            TruncatedResultsError: The service does not heed the clock, or gives nothing at all.
        """
        self._now = now
        evidence = Evidence.of(request, page, part.by, counts=not part.closing)
        self._check(part, evidence)
        fresh = self._receive(part, evidence, self._within_end(part, page, now))
        if part.crowd is None:
            self._read_on(part, evidence)
        else:
            part.crowd.take(evidence, self.state.limits, self._query)
            self._leave_crowd(part, part.crowd)
        if part.closing and part in self.slices and self.state.requests > self.state.patience:
            self._give_up(part, "Issues were updated faster than they could be read.")
            self._close(part)
        return fresh

    def refuse(self, part: TimeSlice, request: PageRequest) -> bool:
        """Take note of a refused request; returns whether something else may be asked instead."""
        limits = self.state.limits
        if request.number == 1:
            return limits.request_less()
        limits.note_unserved(request)
        if part.crowd is None:
            self._fall_back(part)
        else:
            part.crowd.turn(limits, self._query)
            self._leave_crowd(part, part.crowd)
        return True

    def _check(self, part: TimeSlice, evidence: Evidence) -> None:
        """Refuse an answer by which a slice cannot go on, before its rows count as received."""
        page, last = evidence.page, evidence.last
        if not evidence.says_more or part.crowd is not None:
            return
        if last is None and page.items and not part.closing:
            path = f"issues[0].{part.by}"
            raise DecodeError("No row tells its time.", path=path, route=page.response.route)
        if last is not None and part.is_after(last) and not part.may_doubt:
            raise TruncatedResultsError(
                "The service answers rows from before the time that was asked for.",
                page=page.page,
                received=self.state.received,
                entries=page.entries,
            )

    def _within_end(self, part: TimeSlice, page: Page[IssueT], now: datetime) -> Sequence[IssueT]:
        """Return the issues of the crawl's period, whose end the first answer tells."""
        state = self.state
        if state.began is None:
            state.began = now.replace(microsecond=0)
            state.first_count = state.expected = page.entries
        if part.end is not None:
            return page.items
        end = part.end = state.end = max(state.began, (part.start or _NEVER) + SECOND)
        return [issue for issue in page.items if (getattr(issue, part.by) or _NEVER) < end]

    def _receive(
        self, part: TimeSlice, evidence: Evidence, issues: Sequence[IssueT]
    ) -> list[IssueT]:
        """Sort out the issues that are new, and remember those that may come again."""
        if self.by == "updated_at":
            fresh = [issue for issue in issues if self._is_new_version(part, issue)]
        elif part.closing and not self._remembers_all:
            fresh = []  # an earlier process may have given them out
        else:
            fresh = [issue for issue in issues if self._seen.add(issue.id)]
        self.state.received += len(fresh)
        self.state.duplicates += len(issues) - len(fresh)
        if evidence.page.rejected:
            self._reject(part, evidence)
        part.known.update(evidence.clocks)
        return fresh

    def _is_new_version(self, part: TimeSlice, issue: IssueT) -> bool:
        """Whether a crawl by updates has not received an issue as it is, or later than that.

        What was updated before the crawl began can come once only. An issue that is updated later
        comes again; so does one of which a machine with a slow clock says that it was before.
        """
        at = issue.updated_at
        is_in_crawl = at is None or self._start is None or at >= self._start
        if is_in_crawl and not part.holds(at):
            return False  # comes, or came, in its own period
        if at is None or at < (self.state.began or FAR) - _SKEW:
            return self._seen.add(issue.id)
        recent = self.state.recent
        if recent.get(issue.id, _NEVER) >= at:
            return False
        recent[issue.id] = at
        return True

    def _reject(self, part: TimeSlice, evidence: Evidence) -> None:
        """Count the rows that cannot be read, and note that their page has to be read again."""
        unreadable = {row for row in evidence.rows if row < 0}
        self.state.rejected += len(unreadable - self._rejected)
        self._rejected |= unreadable
        end = part.end
        if evidence.last is not None and evidence.says_more:
            end = evidence.last + SECOND
        gap = Gap(part.by, part.start, end)
        if gap not in self.state.gaps:
            self.state.gaps.append(gap)

    # -- how a slice goes on ------------------------------------------------------------------

    def _read_on(self, part: TimeSlice, evidence: Evidence) -> None:
        """Go on in a period: from the second where a page ended, or by page number."""
        page = evidence.page
        first = evidence.request.number == 1
        if first:
            self.state.limits.grant(page.per_page, page.size)
            part.listing = Listing(setbacks=part.listing.setbacks)
        listing = part.listing
        known = len(listing.front)
        joins = listing.extend(evidence.rows, evidence.offset)
        if first and not evidence.says_more:
            self._close(part)
        elif joins and not evidence.says_more:
            # Only a first page is believed: another one may be cut off where the service stops.
            part.reached = evidence.last or part.reached
            self._fall_back(part)
        elif first or (joins and len(listing.front) > known):
            self._advance(part, evidence)
        elif page.size and not joins:
            if part.has_moved or not listing.step_back(page.size):
                self._fall_back(part)
        else:
            if evidence.says_more:
                self.state.limits.note_unserved(evidence.request)
            self._fall_back(part)

    def _advance(self, part: TimeSlice, evidence: Evidence) -> None:
        """Note how far a page reaches, and choose how to go on from there."""
        page, last = evidence.page, evidence.last
        if last is None:
            self._go_on_without_clock(part, page)
        elif part.is_after(last):
            part.doubt()
        elif part.end is not None and last >= part.end:
            self._close(part)  # the service went beyond the period
        else:
            part.reached = last
            part.left = self._left_after(part, page)
            few = _CROWDED * self.per_page
            self._choose_way(part, is_crowded=evidence.rows_of_last_second > few)

    def _choose_way(self, part: TimeSlice, *, is_crowded: bool) -> None:
        """Go on by page number within a crowded second, or else by the clock."""
        if part.has_moved and not is_crowded:
            self._fall_back(part)
            return
        number, _ = self.state.limits.window(len(part.listing.front)) or (0, 0)
        # The first page again would mean that it is short, and yet says that there is more.
        if number == 0 or (number == 1 and not part.doubt()):
            self._fall_back(part)

    def _go_on_without_clock(self, part: TimeSlice, page: Page[Issue]) -> None:
        """Go on after a page that tells no time: of unreadable rows, or without rows."""
        if page.items:
            self._give_up(part, "The service does not say when issues were updated.")
            self._close(part)
            return
        number, _ = self.state.limits.window(len(part.listing.front)) or (0, 0)
        if number < 2 and not part.doubt():
            self._abandon(part, page.entries)

    def _abandon(self, part: TimeSlice, entries: int | None) -> None:
        """Leave a period alone of which nothing comes, although the service says otherwise.

        Of what changed meanwhile the count is not believed that often: it may always be too high.
        """
        if not part.closing:
            count = counted(entries, "issue") if entries else "more issues"
            period = f"between {_name(part.start)} and {_name(part.end)}"
            self._give_up(part, f"The service announces {count} {period}, and sends none.")
        self._close(part)

    def _left_after(self, part: TimeSlice, page: Page[Issue]) -> int:
        """How many rows are still to come, as far as a page tells."""
        if page.entries is None:
            return self.per_page
        return max(0, page.entries - len(part.listing.front))

    def _fall_back(self, part: TimeSlice) -> None:
        """Go on from the second that was reached; if the slice began in it, it is a crowd."""
        if part.reached is None:
            self._abandon(part, part.left)
            return
        if part.has_moved:
            part.move_to_second(part.reached, keep=self.per_page)
            return
        after = part.reached + SECOND
        if part.end is None or after < part.end:
            later = part.split(after, part.left)
            self.slices.insert(self.slices.index(part) + 1, later)
        part.crowd = CrowdedSecond([part.listing], set(part.listing.front))
        part.left = 0
        part.crowd.turn(self.state.limits, self._query)
        self._leave_crowd(part, part.crowd)

    def _leave_crowd(self, part: TimeSlice, crowd: CrowdedSecond) -> None:
        """Close the slice of a second when it is read."""
        if not crowd.is_read:
            return
        if crowd.problem is not None:
            self._give_up(part, f"The second {_name(part.start)} {crowd.problem}.")
        self._close(part)

    # -- shares of the work, and the end ------------------------------------------------------

    def share(self, part: TimeSlice, among: int) -> None:
        """Split a slice among so many more workers, as far as it is worth it.

        The parts are equal in time, since it is not known how the rows are spread.
        """
        parts = min(among + 1, part.left // (2 * self.per_page), part.seconds)
        if part.start is None or part.closing or not part.is_between_pages or parts < 2:
            return
        length = timedelta(seconds=part.seconds // parts)
        left = part.left // parts
        part.left = left
        place = self.slices.index(part)
        for number in range(parts - 1, 0, -1):
            self.slices.insert(place + 1, part.split(part.start + length * number, left))
        self.state.parts += parts - 1

    def estimate(self) -> Estimate:
        """Estimate what is left to this crawl, by the service's first count."""
        count = self.state.first_count
        issues = None if count is None else max(0, count - self._earlier)
        requests = max(1, -(-(issues or 0) // self.per_page))
        return Estimate(issues, requests, round(requests / self._rate, 3))

    @property
    def is_counted(self) -> bool:
        """Whether the last count is what came, so that it need not be asked for again."""
        return self.state.received + self.state.rejected == self.state.expected

    def finish(self, count: int | None) -> None:
        """End the crawl.

        Args:
            count: How many issues the service counts in the end.

        Raises:
            TruncatedResultsError: The service counts issues and gave none at all.
        """
        state = self.state
        came = state.received + state.rejected
        if state.gaps and not came:
            reason = state.reasons[0]
            self._reopen()
            raise TruncatedResultsError(reason, page=1, received=0, entries=count)
        state.expected = count
        state.finished = True
        if count is not None and came < count:
            state.reasons.append(f"{count - came} issues that the service counts did not come.")

    def _close(self, part: TimeSlice) -> None:
        """Remove a slice that is done; after the last one, ask for what changed meanwhile."""
        self.slices.remove(part)
        if not self.slices and not self.state.checked:
            self.state.checked = True
            self._be_patient()
            self.slices.extend(self._changed())

    def _changed(self) -> list[TimeSlice]:
        """The updates since the crawl began, or since it asked for them the last time.

        There are none where all came in one response. A crawl by creation that does not remember
        what an earlier one received could not find out what is new; one by updates up to a given
        moment meets there what moved.
        """
        state = self.state
        is_of_use = self._remembers_all if self.by == "created_at" else self._before is None
        if state.began is None or not is_of_use:
            return []
        start, end = self._query.bounds("updated_at")
        since = max(start or _NEVER, (state.looked or state.began) - _SKEW)
        state.looked = self._now
        came_at_once = state.requests < 2 and self.is_counted
        if came_at_once or since >= (end or FAR):
            return []
        return [TimeSlice("updated_at", since, end or FAR, closing=True)]

    def _give_up(self, part: TimeSlice, reason: str) -> None:
        self.state.gaps.append(Gap(part.by, part.start, part.end))
        if reason not in self.state.reasons:
            self.state.reasons.append(reason)

    def _reopen(self) -> None:
        """Read again what an incomplete crawl did not get: its gaps, or else everything."""
        state = self.state
        gaps = state.gaps or [Gap(self.by, self._start, state.end)]
        state.slices = [
            TimeSlice(gap.by, gap.start, gap.end, closing=gap.by != self.by) for gap in gaps
        ]
        state.gaps, state.reasons, state.rejected = [], [], 0
        self._rejected.clear()
        state.limits.forget()
        state.checked = state.finished = False
        self._be_patient()

    def _be_patient(self) -> None:
        """Allow as many requests for what changes all the time as the crawl took, and some."""
        self.state.patience = 2 * self.state.requests + _PATIENCE


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _name(moment: datetime | None) -> str:
    return "the beginning" if moment is None else moment.isoformat()
