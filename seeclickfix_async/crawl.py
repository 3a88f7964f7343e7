"""Every issue of a query, however many there are.

The decisions are those of `walk`; here they are carried out. Several walkers share the period by
splitting it: whoever is done takes half of the longest rest, so that no request is spent on
planning.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Generic, TypeVar

import anyio
import anyio.abc
import attrs
from anyio import lowlevel

from seeclickfix_async import checks
from seeclickfix_async.errors import (
    BadRequestError,
    NotFoundError,
    SeeClickFixError,
    ValidationError,
)
from seeclickfix_async.models import Issue
from seeclickfix_async.paging import Page
from seeclickfix_async.queries import DETAILED_PER_PAGE, By, IssueQuery
from seeclickfix_async.report import Estimate, Report
from seeclickfix_async.response import Response
from seeclickfix_async.slices import Slice
from seeclickfix_async.transport.clock import SYSTEM, Clock
from seeclickfix_async.transport.lanes import IN_FLIGHT
from seeclickfix_async.walk import LARGEST, PageSize, Walk

IssueT = TypeVar("IssueT", bound=Issue)

Fetch = Callable[[IssueQuery, int], Awaitable[Response]]
Read = Callable[[Response, IssueQuery, int], Page[IssueT]]
Answer = Page[IssueT] | SeeClickFixError

_BEYOND = (BadRequestError, NotFoundError, ValidationError)
_MOST_WALKERS = 32  # more than ask at once: others wait until what they brought has been kept
_WORTH_A_WALKER = 20  # pages: each walker may cost one request more than one alone
_TURNS = 20  # of the event loop; 5 or 10 gain less (measured)
_PATIENCE = 0.005  # seconds, after which a loop is busy with other work


@attrs.frozen
class Batch(Generic[IssueT]):
    """What one answer brought.

    Attributes:
        issues: Those that had not come before.
        state: Where the walk stands when these have been kept; for `client.issues.crawl(state=)`.
        report: What has come so far.
        last: Whether the walk is at its end.
    """

    issues: tuple[IssueT, ...]
    state: bytes = attrs.field(repr=False)
    report: Report
    last: bool = False


class Crawl(Generic[IssueT]):
    """A walk over all issues of a query: iterate over it with `async for`, or `run()` it.

    `report` tells at any time what came, and in the end whether that was all. Memory is bounded
    by two pages for each walker. After an error or a cancellation, iterating again goes on where
    the walk stood; a batch's `state` lets another process go on.
    """

    def __init__(
        self,
        fetch: Fetch,
        read: Read[IssueT],
        query: IssueQuery,
        *,
        by: By = "created_at",
        walkers: int | None = 1,
        page_size: PageSize | None = None,
        state: bytes | None = None,
        rate: float = math.inf,
        clock: Clock = SYSTEM,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if walkers is not None:
            checks.number("walkers", walkers, 1, _MOST_WALKERS, whole=True)
        if page_size is not None and page_size != "largest":
            most = DETAILED_PER_PAGE if query.details else LARGEST
            checks.number("page_size", page_size, 1, most, whole=True)
        end = now().replace(microsecond=0)
        walk: Walk[IssueT] = Walk(
            query, by=by, end=end, page_size=page_size, rate=rate, state=state
        )
        self._guide = _Guide(walk, fetch, read, walkers, rate, clock)
        self._ready: deque[IssueT] = deque()

    def __aiter__(self) -> Crawl[IssueT]:
        return self

    async def __anext__(self) -> IssueT:
        while not self._ready:
            if self._guide.walk.state.finished:
                raise StopAsyncIteration
            if self._guide.walk.slices:
                await self._step()
            else:
                await self._guide.finish()
        return self._ready.popleft()

    @property
    def report(self) -> Report:
        """What has come so far."""
        return self._guide.walk.report(len(self._ready))

    def skip(self, ids: Iterable[int]) -> None:
        """Do not give out these issues, which are known from before."""
        self._guide.skipped = array("q", sorted(ids))

    async def estimate(self) -> Estimate:
        """What the walk takes, or what is left of it when it goes on from a state.

        Makes its first request, unless that was made.

        What that brings is kept, and given out when the walk goes on.
        """
        if self._guide.walk.state.expected is None and self._guide.walk.slices:
            await self._step()
        return self._guide.walk.estimate()

    async def run(self, each: Callable[[Batch[IssueT]], Awaitable[None]]) -> Report:
        """Walk to the end, as fast as the walkers can, and give out what each answer brings.

        Faster than iterating, since no walker waits for another. `each` is awaited for one batch
        at a time, while the walkers go on. When it fails, the walk ends with its error; when a
        request fails, everything that came before is given out first. What `each` was not done
        with, then or when this is cancelled, is given out again when the walk goes on.

        Args:
            each: Keeps a batch. The last one has no issues, and the report of the end.

        Raises:
            SeeClickFixError: A request failed for good, as with `client.issues.list`.
        """
        if self._ready:
            await each(self._guide.batch(list(self._ready)))
            self._ready.clear()
        await _Run(self._guide, each, self._ready).run()
        if not self._guide.walk.state.finished:
            await self._guide.finish()
            await each(self._guide.batch([]))
        return self.report

    async def _step(self) -> None:
        """One page for each walker."""
        guide = self._guide
        guide.share(guide.longest())
        walking = guide.walk.slices[: guide.useful()]
        answers: dict[int, Answer[IssueT]] = {}

        async def walk(place: int, part: Slice) -> None:
            answers[place] = await guide.ask(part)

        started = guide.clock.now()
        if len(walking) == 1:
            await walk(0, walking[0])
        else:
            async with anyio.create_task_group() as tasks:
                for place, part in enumerate(walking):
                    tasks.start_soon(walk, place, part)
        guide.walk.state.seconds += guide.clock.now() - started
        errors: list[SeeClickFixError] = []
        for place, part in enumerate(walking):
            try:
                self._ready.extend(guide.take(part, answers[place]))
            except SeeClickFixError as error:
                errors.append(error)  # what the others brought is kept
        if errors:
            raise errors[0]


@attrs.define(eq=False)
class _Guide(Generic[IssueT]):
    """Carries the decisions of a walk to the service, and the answers back."""

    walk: Walk[IssueT]
    fetch: Fetch
    read: Read[IssueT]
    walkers: int | None
    rate: float
    clock: Clock
    quickest: float = math.inf  # seconds of the quickest answer yet
    asking: anyio.Semaphore = attrs.field(factory=lambda: anyio.Semaphore(IN_FLIGHT))
    reading: anyio.Lock = attrs.field(factory=anyio.Lock)
    unread: dict[Slice, tuple[IssueQuery, Response]] = attrs.field(factory=dict)
    skipped: array[int] = attrs.field(factory=lambda: array("q"))  # ids, ascending

    async def ask(self, part: Slice) -> Answer[IssueT]:
        """The next page of a slice, or why there is none."""
        try:
            if part not in self.unread:
                self.unread[part] = await self._fetch(part)
            async with self.reading:
                await self._give_way()
                query, response = self.unread.pop(part)
                return self.read(response, query, part.page)
        except SeeClickFixError as error:
            return error

    async def _fetch(self, part: Slice) -> tuple[IssueQuery, Response]:
        """Ask for the next page of a slice."""
        async with self.asking:
            query = self.walk.query_of(part)
            started = self.clock.now()
            try:
                response = await self.fetch(query, part.page)
            except _BEYOND:
                self.walk.state.requests += 1
                raise
            self.quickest = min(self.quickest, self.clock.now() - started)
        self.walk.state.requests += response.requests
        return query, response

    async def _give_way(self) -> None:
        """Let requests go out that can, before an answer is read.

        Answers come in bursts, and to read one takes longer than to send a request.
        """
        until = self.clock.now() + _PATIENCE
        for _ in range(_TURNS):
            await lowlevel.checkpoint()
            if self.clock.now() > until:
                break

    def take(self, part: Slice, answer: Answer[IssueT]) -> list[IssueT]:
        """The new issues of an answer; a refusal may be no more than the end of the pages."""
        if not isinstance(answer, SeeClickFixError):
            return self._without_skipped(self.walk.take(part, answer))
        if isinstance(answer, _BEYOND) and self.walk.refuse(part):
            return []
        raise answer

    def _without_skipped(self, issues: list[IssueT]) -> list[IssueT]:
        fresh = []
        for issue in issues:
            place = bisect_left(self.skipped, issue.id)
            if place == len(self.skipped) or self.skipped[place] != issue.id:
                fresh.append(issue)
        self.walk.state.received -= len(issues) - len(fresh)
        self.walk.state.duplicates += len(issues) - len(fresh)
        return fresh

    def useful(self) -> int:
        """How many walkers there shall be: no more than the quota can keep walking."""
        if self.walkers is not None:
            return self.walkers
        if self.quickest == math.inf:
            return 1
        busy = self.rate if self.rate == math.inf else self.rate * self.quickest
        pages = sum(part.left for part in self.walk.slices) // self.walk.per_page
        most = min(_MOST_WALKERS, max(len(self.walk.slices), pages // _WORTH_A_WALKER))
        return max(1, math.ceil(min(most, busy)))

    def longest(self) -> Slice:
        """The slice with the longest rest that could be split."""
        return max(self.walk.slices, key=lambda part: part.left if part.page == 1 else 0)

    def share(self, part: Slice) -> None:
        """Split a slice among idle walkers; its unread answer would go beyond what is left."""
        idle = self.useful() - len(self.walk.slices)
        if idle > 0 and part not in self.unread:
            self.walk.share(part, idle)

    def batch(self, issues: list[IssueT]) -> Batch[IssueT]:
        """What was just taken, and where the walk stands now."""
        walk = self.walk
        return Batch(tuple(issues), walk.dump(), walk.report(), walk.state.finished)

    async def finish(self) -> None:
        """Compare with the service's count; count anew when it has changed on the way."""
        state = self.walk.state
        count = state.expected
        if state.received + state.rejected != count:
            response = await self.fetch(self.walk.whole, 1)
            state.requests += response.requests
            count = self.read(response, self.walk.whole, 1).entries
        self.walk.finish(count)


class _Run(Generic[IssueT]):
    """One `Crawl.run()`: walkers, each on a slice of its own.

    A walker asks for more only when what it brought has been kept, so that a process that ends
    at any instant has no more to ask again than what was under way.
    """

    def __init__(
        self,
        guide: _Guide[IssueT],
        each: Callable[[Batch[IssueT]], Awaitable[None]],
        ready: deque[IssueT],
    ) -> None:
        self._guide = guide
        self._each = each
        self._ready = ready  # takes in the end what was not kept
        self._walking: set[Slice] = set()
        self._taken: list[IssueT] = []  # and not being kept yet
        self._keeping: list[IssueT] = []
        self._kept = anyio.Event()  # when what was taken has been kept
        self._under_way: anyio.Event | None = None  # the same of what is being kept
        self._failures: list[Exception] = []
        self._clocked = guide.clock.now()

    async def run(self) -> None:
        """Walk until nothing is left, or something failed."""
        if self._guide.walk.slices:
            self._share(self._guide.longest())  # by an estimate's answer, or an earlier walk's
        try:
            async with anyio.create_task_group() as walkers:
                self._engage(walkers)
        finally:
            self._ready.extend(self._keeping + self._taken)
        if self._failures:
            raise self._failures[0]

    def _engage(self, walkers: anyio.abc.TaskGroup) -> None:
        """Send a walker to each slice that has none, as many as are useful."""
        for part in self._guide.walk.slices:
            if self._failures or len(self._walking) >= self._guide.useful():
                return
            if part not in self._walking:
                self._walking.add(part)
                walkers.start_soon(self._walk, part, walkers)

    async def _walk(self, part: Slice, walkers: anyio.abc.TaskGroup) -> None:
        guide = self._guide
        try:
            while part in guide.walk.slices and not self._failures:
                self._take(part, await guide.ask(part))
                self._share(part)
                self._engage(walkers)
                await self._keep(walkers)
        except SeeClickFixError as error:
            self._failures.append(error)  # the others end their pages, and what they bring is kept
        self._walking.discard(part)
        self._engage(walkers)

    def _take(self, part: Slice, answer: Answer[IssueT]) -> None:
        guide = self._guide
        self._taken += guide.take(part, answer)
        now = guide.clock.now()
        guide.walk.state.seconds += now - self._clocked
        self._clocked = now

    async def _keep(self, walkers: anyio.abc.TaskGroup) -> None:
        """Wait until what was taken has been kept; one hands it on for all who wait."""
        kept = self._kept
        while self._under_way is not None:
            await self._under_way.wait()
            if kept.is_set():
                return
        self._keeping, self._taken = self._taken, []
        self._kept, self._under_way = anyio.Event(), kept
        try:
            await self._each(self._guide.batch(self._keeping))
            self._keeping = []
        except Exception as error:  # noqa: BLE001  # reaches the caller, without a group
            self._failures.insert(0, error)
            walkers.cancel_scope.cancel()
        self._under_way = None
        kept.set()

    def _share(self, part: Slice) -> None:
        """Split this slice when it has the longest rest and walkers are idle.

        Only the one whose answer was just taken: the others are being asked about.
        """
        guide = self._guide
        if part in guide.walk.slices and part is guide.longest():
            guide.share(part)
