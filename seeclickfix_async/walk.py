"""Where a walk through all issues of a query stands, and where it goes next.

Page numbers are no way through: the service stops after about 1,000 rows without saying so, and
rows shift while one reads (both observed). So the walk goes by the clock: sorted by time, oldest
first, each request starts at the second where the last page ended, and rows of that second that
come again are dropped. Only inside one crowded second does it go by page number; and a second
that alone holds more than the service serves is read status by status, and quarter by quarter of
the area.

All of it is a value that goes to JSON and back: whoever keeps it can go on in another process.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeVar

import attrs
import msgspec

from seeclickfix_async.areas import WORLD, Area, BoundingBox, Near
from seeclickfix_async.errors import DecodeError, TruncatedResultsError
from seeclickfix_async.models import Issue
from seeclickfix_async.paging import Page
from seeclickfix_async.queries import ALL, DETAILED_PER_PAGE, By, IssueQuery
from seeclickfix_async.report import Estimate, Report
from seeclickfix_async.slices import Cut, Row, Slice, State, digest, read

IssueT = TypeVar("IssueT", bound=Issue)

PER_PAGE = 100
"""Rows a request, as documented."""

LARGEST = 1000
"""The most rows a page that were seen granted (observed in 2026)."""

PageSize = int | Literal["largest"]

_SECOND = timedelta(seconds=1)
# When this share of a page is of its last second, the next page number is cheaper than the clock.
_CROWDED = 0.05


class Walk(Generic[IssueT]):
    """The decisions of a walk; it asks nobody by itself.

    Args:
        query: Which issues.
        by: The clock to go by.
        end: Where the walk ends, unless the query says it.
        page_size: Rows a request; the most that is granted with `"largest"`.
        rate: Requests a second that the quota allows.
        state: Where an earlier walk of the same query stood.

    Raises:
        InvalidArgumentError: The state is none, or the query asks for pages that are too large.
    """

    def __init__(
        self,
        query: IssueQuery,
        *,
        by: By,
        end: datetime,
        page_size: PageSize | None = None,
        rate: float = math.inf,
        state: bytes | None = None,
    ) -> None:
        start, before = query.bounds(by)
        end = before or end
        self.by: By = by
        self._rate = rate
        self.state: State = State(end, [Slice(start, end)]) if state is None else read(state)
        self._before = self.state.received + self.state.rejected  # rows of an earlier walk
        self._query = _ordered(query, by, page_size).between(by, start, self.state.end)
        self._asked: int = self._query.per_page or PER_PAGE

    @property
    def slices(self) -> list[Slice]:
        """What is still to be walked, oldest first."""
        return self.state.slices

    @property
    def per_page(self) -> int:
        """Rows a page, as far as is known."""
        return self.state.granted or self._asked

    @property
    def whole(self) -> IssueQuery:
        """The query for everything, whose answer's `entries` counts all."""
        return attrs.evolve(self._query, per_page=1)

    def dump(self) -> bytes:
        """The state as JSON."""
        return msgspec.json.encode(self.state)

    def query_of(self, part: Slice) -> IssueQuery:
        """What to ask for next in a slice."""
        size = part.size if part.page > 1 else self.per_page
        query = self._query
        if size != query.per_page:
            query = attrs.evolve(query, per_page=size)
        if not part.cuts or part.start is None:
            return query.between(self.by, part.start, part.end)
        cut = part.cuts[0]
        area = query.area if cut.box is None else cut.box
        query = attrs.evolve(query, status=(cut.status,), area=area)
        return query.between(self.by, part.start, part.start + _SECOND)

    def refuse(self, part: Slice) -> bool:
        """The service refuses to answer a slice; whether something else may be asked instead."""
        if part.page > 1:
            self._jump(part)
            return True
        if self.state.granted is None and self._asked > PER_PAGE:
            self.state.granted = PER_PAGE
            return True
        return False

    def take(self, part: Slice, page: Page[IssueT]) -> list[IssueT]:
        """The new issues of an answer; the slice moves on.

        Raises:
            DecodeError: No row tells its time.
            TruncatedResultsError: The service stops before the end, or does not heed the clock.
        """
        rows = _rows(page)
        vanished = (page.entries or 0) < (part.entries or 0)
        if part.page > 1 and not vanished and rows in ([], part.last_rows):
            self._jump(part)
            return []
        size = self._grant(page.per_page)
        if self.state.expected is None:
            self.state.first_count = self.state.expected = page.entries
        left = self._left(page)
        if left > 0 and not rows:
            raise self._truncated("The service gave an empty page before the end.", part, page)
        fresh = self._keep(part, page)
        part.last_rows = rows
        other = size != (part.size if part.page > 1 else self.per_page)
        if (other and left > 0) or (vanished and part.page > 1):
            part.move_to(part.start, part.known.union(rows))
        elif part.cuts:
            self._go_on_cutting(part, page, rows, left)
        elif left <= 0:
            self.slices.remove(part)
        else:
            part.left = left
            part.entries = page.entries
            self._go_on(part, page, rows)
        return fresh

    def share(self, part: Slice, among: int) -> list[Slice]:
        """Split a rest among so many more walkers, as far as it is worth it; gives the new parts.

        The parts are equal in time, since nobody knows how the rows are spread.
        """
        parts = min(among + 1, part.left // (2 * self.per_page), part.seconds)
        if part.start is None or part.page > 1 or part.cuts or parts < 2:
            return []
        length = timedelta(seconds=part.seconds // parts)
        left = part.left // parts
        bounds = [part.start + length * number for number in range(1, parts)]
        ends = [*bounds[1:], part.end]
        more = [Slice(start, end, left=left) for start, end in zip(bounds, ends, strict=True)]
        place = self.slices.index(part) + 1
        self.slices[place:place] = more
        part.end, part.left = bounds[0], left
        self.state.parts += len(more)
        return more

    def estimate(self) -> Estimate:
        """What is left to this walk, by the service's first count."""
        count = self.state.first_count
        issues = None if count is None else max(0, count - self._before)
        requests = max(1, -(-(issues or 0) // self.per_page))
        return Estimate(issues, requests, round(requests / self._rate, 3))

    def finish(self, count: int | None) -> None:
        """The walk is at its end, and the service counts so many."""
        state = self.state
        state.expected = count
        state.finished = True
        got = state.received + state.rejected
        if count is None:
            state.reasons.append("The service does not say how many there are.")
        elif got < count:
            state.reasons.append(f"{count - got} issues that the service counts did not come.")

    def report(self, waiting: int = 0) -> Report:
        """What has come so far, without so many that were not given out yet."""
        state = self.state
        reasons = tuple(state.reasons)
        if not state.finished:
            reasons += ("The walk is not at its end.",)
        if state.rejected:
            reasons += (f"{state.rejected} rows could not be read.",)
        received = state.received - waiting
        return Report(
            expected=state.expected,
            received=received,
            duplicates=state.duplicates,
            rejected=state.rejected,
            drift=(state.expected or 0) - (state.first_count or 0),
            slices=state.parts,
            requests=state.requests,
            minimum=max(1, -(-(received + state.rejected) // self.per_page)),
            seconds=round(state.seconds, 3),
            quota_seconds=round(state.requests / self._rate, 3),
            complete=not reasons,
            reasons=reasons,
        )

    def _grant(self, per_page: int | None) -> int:
        """Keep what is granted; gives the size of this page.

        A service that answers a wish for large pages with tiny ones gets the documented wish.
        """
        if per_page is None:
            return self.per_page
        tiny = self._asked > PER_PAGE > per_page and self.state.granted is None
        self.state.granted = PER_PAGE if tiny else per_page
        return per_page

    def _keep(self, part: Slice, page: Page[IssueT]) -> list[IssueT]:
        fresh = [issue for issue in page.items if issue.id not in part.known]
        self.state.received += len(fresh)
        self.state.duplicates += len(page.items) - len(fresh)
        self.state.rejected += sum(digest(row.raw) not in part.known for row in page.rejected)
        return fresh

    def _go_on(self, part: Slice, page: Page[IssueT], rows: list[Row]) -> None:
        """To the second where this page ended, or to the next page of a crowded one."""
        clocks = [clock for issue in page.items if (clock := getattr(issue, self.by)) is not None]
        if not clocks:
            raise DecodeError(
                "No row tells its time.", path=f"issues[0].{self.by}", route=page.response.route
            )
        last = max(clocks).replace(microsecond=0)
        if part.start is not None and last < part.start.replace(microsecond=0):
            raise self._truncated(
                "The service answered rows from before the time that was asked for.", part, page
            )
        part.reached = last
        crowd = sum(clock >= last for clock in clocks)
        stuck = part.start is not None and last <= part.start
        if stuck or crowd > max(1, _CROWDED * self.per_page):
            self._turn(part, page, rows)
        else:
            ended: set[Row] = set()
            if part.page > 1:
                ended |= part.known  # this page may be the end of a long second
            ended.update(i.id for i in page.items if (getattr(i, self.by) or last) >= last)
            ended.update(digest(row.raw) for row in page.rejected)
            part.move_to(last, ended)

    def _go_on_cutting(self, part: Slice, page: Page[IssueT], rows: list[Row], left: int) -> None:
        """To the next page of a part of a second, or to its next part."""
        self._turn(part, page, rows)
        part.entries = page.entries
        beyond = self.state.depth is not None and (page.entries or 0) > self.state.depth
        finer = part.cuts[0].finer(page.items) if beyond else []
        if left <= 0 or finer:
            self._next_cut(part, finer + part.cuts[1:])

    def _turn(self, part: Slice, page: Page[IssueT], rows: list[Row]) -> None:
        """To the next page by its number."""
        part.size = page.per_page or self.per_page
        part.page += 1
        part.known.update(rows)

    def _jump(self, part: Slice) -> None:
        """The service serves no more pages: start anew at the second reached, or cut it up."""
        second = part.reached
        if second is not None and (part.start is None or second > part.start):
            part.move_to(second, part.known)
            return
        self.state.depth = (part.page - 1) * part.size
        if not part.cuts:
            box = _box_of(self._query.area)
            self._next_cut(part, [Cut(status, box) for status in self._query.status or ALL])
            return
        self._give_up(part)
        self._next_cut(part, part.cuts[1:])

    def _next_cut(self, part: Slice, cuts: list[Cut]) -> None:
        """Read this of the crowded second; after the last of it, what comes after the second."""
        part.cuts = cuts
        second = part.start or part.end
        if cuts:
            part.move_to(second, part.known)
            return
        part.move_to(second.replace(microsecond=0) + _SECOND, set())
        if part.start is None or part.start >= part.end:
            self.slices.remove(part)

    def _give_up(self, part: Slice) -> None:
        second = (part.start or part.end).isoformat()
        reason = f"The second {second} holds more issues than the service serves."
        if reason not in self.state.reasons:
            self.state.reasons.append(reason)

    def _left(self, page: Page[IssueT]) -> int:
        if page.entries is None:
            return 0 if page.size < self.per_page else self.per_page
        return page.entries - page.page * (page.per_page or self.per_page)

    def _truncated(self, reason: str, part: Slice, page: Page[IssueT]) -> TruncatedResultsError:
        return TruncatedResultsError(
            reason, page=part.page, received=self.state.received, entries=page.entries
        )


def _box_of(area: Area | None) -> BoundingBox | None:
    """The box that an area is, if it is one."""
    match area:
        case None:
            return WORLD
        case Near():
            return area.box
        case BoundingBox():
            return area
        case _:
            return None


def _ordered(query: IssueQuery, by: By, page_size: PageSize | None) -> IssueQuery:
    """The query as a walk needs it: oldest first, full pages, and every row with its time."""
    fields = query.fields and tuple(dict.fromkeys((*query.fields, by)))
    usual = DETAILED_PER_PAGE if query.details else PER_PAGE
    if page_size == "largest":
        page_size = usual if query.details else LARGEST
    return attrs.evolve(
        query, sort=by, sort_direction="ASC", fields=fields, per_page=page_size or usual
    )


def _rows(page: Page[Issue]) -> list[Row]:
    return [*(issue.id for issue in page.items), *(digest(row.raw) for row in page.rejected)]
