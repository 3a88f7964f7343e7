"""Every issue of a query, however many there are.

Page numbers are no way through: the service stops after about 1,000 rows without saying so, and
rows shift while one reads (both observed). So the walk goes by the clock: sorted by time, oldest
first, each request starts at the second where the last page ended, and rows of that second that
come again are dropped. Only inside one crowded second does it go by page number.

Several walkers share the period by splitting it: whoever is done takes half of the longest rest, so
that no request is spent on planning. They go in step, one page each, and what they bring is
given out in the order of their periods.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import anyio
import attrs

from seeclickfix_async import checks
from seeclickfix_async.errors import (
    BadRequestError,
    DecodeError,
    NotFoundError,
    SeeClickFixError,
    TruncatedResultsError,
    ValidationError,
)
from seeclickfix_async.models import Issue
from seeclickfix_async.paging import Page
from seeclickfix_async.queries import DETAILED_PER_PAGE, By, IssueQuery

IssueT = TypeVar("IssueT", bound=Issue)

Fetch = Callable[[IssueQuery, int], Awaitable[Page[IssueT]]]

PER_PAGE = 100
"""Rows a request, as documented."""

_SECOND = timedelta(seconds=1)
_BEYOND = (BadRequestError, NotFoundError, ValidationError)
# When this share of a page is of its last second, the next page number is cheaper than the clock.
_CROWDED = 0.05


@attrs.frozen
class Report:
    """What a crawl has brought, so far or in the end.

    Attributes:
        expected: How many issues the service says there are; None before the first answer.
        received: How many different issues were given out.
        duplicates: How many rows came again and were dropped; the clock's overlap is in it.
        rejected: How many rows could not be read; each was logged with its path.
        requests: Requests used on the wire, with redirects, retries and the final count.
        minimum: The fewest requests that so many rows can take.
        complete: Whether everything has been received.
        reasons: Why it is not complete.
    """

    expected: int | None
    received: int
    duplicates: int
    rejected: int
    requests: int
    minimum: int
    complete: bool
    reasons: tuple[str, ...]


Row = int | bytes  # what a row is known by: its id, or its bytes where that cannot be read


@attrs.define(eq=False)
class _Slice:
    """A period that one walker walks: from `start`, inclusive, to `end`, exclusive."""

    start: datetime | None
    end: datetime
    page: int = 1
    reached: datetime | None = None  # the last second that was seen
    left: int = 0  # rows that are still to come, as far as is known
    entries: int | None = None  # rows of the period, by the last answer
    known: set[Row] = attrs.field(factory=set)  # rows given out that may come again
    last_rows: list[Row] = attrs.field(factory=list)

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).total_seconds()) if self.start else 0

    def move_to(self, second: datetime | None, known: set[Row]) -> None:
        self.start, self.page, self.entries, self.known = second, 1, None, known


class Crawl(Generic[IssueT]):
    """A walk over all issues of a query; iterate over it with `async for`.

    `report` tells at any time what came, and in the end whether that was all. Memory is bounded
    by a page for each walker. After an error or a cancellation, iterating again goes on where
    the walk stood.
    """

    def __init__(
        self,
        fetch: Fetch[IssueT],
        query: IssueQuery,
        *,
        by: By = "created_at",
        walkers: int = 1,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        checks.number("walkers", walkers, 1, 16, whole=True)
        self._fetch = fetch
        self._by: By = by
        self._walkers = walkers
        start, end = query.bounds(by)
        end = end or now().replace(microsecond=0)
        self._query = _ordered(query, by).between(by, start, end)
        self._slices = [_Slice(start, end)]
        self._ready: deque[IssueT] = deque()
        self._per_page: int = self._query.per_page or PER_PAGE
        self._expected: int | None = None
        self._received = self._duplicates = self._rejected = self._requests = 0
        self._reasons: list[str] = []
        self._finished = False

    def __aiter__(self) -> Crawl[IssueT]:
        return self

    async def __anext__(self) -> IssueT:
        while not self._ready:
            if self._finished:
                raise StopAsyncIteration
            if self._slices:
                await self._step()
            else:
                await self._finish()
        self._received += 1
        return self._ready.popleft()

    @property
    def report(self) -> Report:
        """What has come so far."""
        reasons = tuple(self._reasons)
        if not self._finished:
            reasons += ("The walk is not at its end.",)
        if self._rejected:
            reasons += (f"{self._rejected} rows could not be read.",)
        return Report(
            expected=self._expected,
            received=self._received,
            duplicates=self._duplicates,
            rejected=self._rejected,
            requests=self._requests,
            minimum=max(1, -(-(self._received + self._rejected) // self._per_page)),
            complete=not reasons,
            reasons=reasons,
        )

    async def _step(self) -> None:
        """One page for each walker."""
        self._share()
        walking = self._slices[: self._walkers]
        answers: dict[int, Page[IssueT] | SeeClickFixError | None] = {}

        async def walk(place: int, part: _Slice) -> None:
            answers[place] = await self._ask(part)

        if len(walking) == 1:
            await walk(0, walking[0])
        else:
            async with anyio.create_task_group() as tasks:
                for place, part in enumerate(walking):
                    tasks.start_soon(walk, place, part)
        errors: list[SeeClickFixError] = []
        for place, part in enumerate(walking):
            answer = answers[place]
            try:
                if isinstance(answer, SeeClickFixError):
                    raise answer
                self._take(part, answer)
            except SeeClickFixError as error:
                errors.append(error)  # what the others brought is kept
        if errors:
            raise errors[0]

    async def _ask(self, part: _Slice) -> Page[IssueT] | SeeClickFixError | None:
        """The next page of a slice; None when the service does not serve it."""
        query = self._query.between(self._by, part.start, part.end)
        try:
            page = await self._fetch(query, part.page)
        except _BEYOND as error:
            self._requests += 1
            return error if part.page == 1 else None
        except SeeClickFixError as error:
            return error
        self._requests += page.response.requests
        return page

    def _take(self, part: _Slice, page: Page[IssueT] | None) -> None:
        rows = _rows(page)
        vanished = page is not None and (page.entries or 0) < (part.entries or 0)
        if page is None or (part.page > 1 and not vanished and rows in ([], part.last_rows)):
            self._jump(part)
            return
        self._per_page = page.per_page or self._per_page
        if self._expected is None:
            self._expected = page.entries
        left = self._left(page)
        if left > 0 and not rows:
            raise TruncatedResultsError(
                "The service gave an empty page before the end.",
                page=part.page,
                received=self._received,
                entries=page.entries,
            )
        self._keep(part, page)
        part.last_rows = rows
        if vanished and part.page > 1:
            part.move_to(part.start, part.known.union(rows))
        elif left <= 0:
            self._slices.remove(part)
        else:
            part.left = left
            part.entries = page.entries
            self._go_on(part, page, rows)

    def _keep(self, part: _Slice, page: Page[IssueT]) -> None:
        fresh = [issue for issue in page.items if issue.id not in part.known]
        self._ready.extend(fresh)
        self._duplicates += len(page.items) - len(fresh)
        self._rejected += sum(row.raw not in part.known for row in page.rejected)

    def _go_on(self, part: _Slice, page: Page[IssueT], rows: list[Row]) -> None:
        """To the second where this page ended, or to the next page of a crowded one."""
        clocks = [clock for issue in page.items if (clock := getattr(issue, self._by)) is not None]
        if not clocks:
            raise DecodeError(
                "No row tells its time.", path=f"issues[0].{self._by}", route=page.response.route
            )
        last = max(clocks).replace(microsecond=0)
        if part.start is not None and last < part.start.replace(microsecond=0):
            raise TruncatedResultsError(
                "The service answered rows from before the time that was asked for.",
                page=part.page,
                received=self._received,
                entries=page.entries,
            )
        part.reached = last
        crowd = sum(clock >= last for clock in clocks)
        stuck = part.start is not None and last <= part.start
        if stuck or crowd > max(1, _CROWDED * self._per_page):
            part.page += 1
            part.known.update(rows)
        else:
            ended = {issue.id for issue in page.items if (getattr(issue, self._by) or last) >= last}
            part.move_to(last, ended.union(row.raw for row in page.rejected))

    def _jump(self, part: _Slice) -> None:
        """The service serves no more pages: start anew at the second reached, or after it."""
        second = part.reached
        if second is not None and (part.start is None or second > part.start):
            part.move_to(second, part.known)
            return
        second = part.start or part.end
        self._reasons.append(
            f"The second {second.isoformat()} holds more issues than the service serves."
        )
        part.move_to(second.replace(microsecond=0) + _SECOND, set())
        if part.start is None or part.start >= part.end:
            self._slices.remove(part)

    def _left(self, page: Page[IssueT]) -> int:
        if page.entries is None:
            return 0 if page.size < self._per_page else self._per_page
        return page.entries - page.page * self._per_page

    def _share(self) -> None:
        """Let idle walkers have half of the longest rest."""
        while len(self._slices) < self._walkers:
            part = max(self._slices, key=lambda one: one.left if one.page == 1 else 0)
            divisible = part.start is not None and part.page == 1 and part.seconds >= 2
            if part.start is None or not divisible or part.left <= 2 * self._per_page:
                return
            middle = part.start + timedelta(seconds=part.seconds // 2)
            half = _Slice(middle, part.end, left=part.left // 2)
            self._slices.insert(self._slices.index(part) + 1, half)
            part.end, part.left = middle, part.left - half.left

    async def _finish(self) -> None:
        """Compare with the service's count; count anew when it has changed on the way."""
        got = self._received + self._rejected
        if got != self._expected:
            page = await self._fetch(attrs.evolve(self._query, per_page=1), 1)
            self._requests += page.response.requests
            self._expected = page.entries
        self._finished = True
        if self._expected is None:
            self._reasons.append("The service does not say how many there are.")
        elif got < self._expected:
            self._reasons.append(
                f"{self._expected - got} issues that the service counts did not come."
            )


def _ordered(query: IssueQuery, by: By) -> IssueQuery:
    """The query as a walk needs it: oldest first, full pages, and every row with its time."""
    fields = query.fields and tuple(dict.fromkeys((*query.fields, by)))
    per_page = query.per_page or (DETAILED_PER_PAGE if query.details else PER_PAGE)
    return attrs.evolve(query, sort=by, sort_direction="ASC", fields=fields, per_page=per_page)


def _rows(page: Page[Issue] | None) -> list[Row]:
    if page is None:
        return []
    return [*(issue.id for issue in page.items), *(row.raw for row in page.rejected)]
