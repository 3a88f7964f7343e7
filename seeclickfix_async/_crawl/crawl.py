"""Every issue of a query, however many there are.

The decisions are the planner's; here they are carried out. Several workers share the period by
splitting it: an idle one takes part of the longest rest, so that no request is spent on planning.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Generic, TypeVar

import anyio
import anyio.abc
import attrs
from anyio import lowlevel

from seeclickfix_async._api.issue_pages import IssuePages
from seeclickfix_async._api.pagination import BEYOND, Page
from seeclickfix_async._api.query import DETAILED_PER_PAGE, ClockField, IssueQuery
from seeclickfix_async._core import validation
from seeclickfix_async._crawl.evidence import PageRequest
from seeclickfix_async._crawl.planner import LARGEST, CrawlPlanner, PageSize
from seeclickfix_async._crawl.report import Estimate, Report
from seeclickfix_async._crawl.state import TimeSlice
from seeclickfix_async._transport.pool import IN_FLIGHT
from seeclickfix_async._transport.response import Response
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.models import Issue

IssueT = TypeVar("IssueT", bound=Issue)

Keep = Callable[["Batch[IssueT]"], Awaitable[None]]

_MOST_WORKERS = 32  # more than requests under way: others wait for their issues to be kept
_WORTH_A_WORKER = 20  # pages: each worker may cost one request more than one alone
_TURNS = 20  # of the event loop; 5 or 10 gain less (measured)
_PATIENCE = 0.005  # seconds, after which a loop is busy with other work


@attrs.frozen
class Batch(Generic[IssueT]):
    """The issues of one or more answers.

    Attributes:
        issues: Those that had not come before.
        state: The state of the crawl when these have been kept; for
            `client.issues.crawl(state=)`.
        report: What has come so far.
        last: Whether the crawl is at its end.
    """

    issues: tuple[IssueT, ...]
    state: bytes = attrs.field(repr=False)
    report: Report
    last: bool = False


class Crawl(Generic[IssueT]):
    """A crawl of all issues of a query: iterate over it with `async for`, or `run()` it.

    `report` tells at any time what came, and in the end whether that was all. Memory is bounded
    by two pages for each worker and the ids of the issues, as bits. After an error or a
    cancellation, iterating again goes on where the crawl stopped; a batch's `state` lets another
    process go on.
    """

    def __init__(
        self,
        pages: IssuePages,
        query: IssueQuery,
        *,
        by: ClockField = "created_at",
        concurrency: int | None = 1,
        page_size: PageSize | None = None,
        state: bytes | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if concurrency is not None:
            validation.in_range("concurrency", concurrency, 1, _MOST_WORKERS, integer=True)
        if page_size is not None and page_size != "largest":
            most = DETAILED_PER_PAGE if query.details else LARGEST
            validation.in_range("page_size", page_size, 1, most, integer=True)
        self._planner: CrawlPlanner[IssueT] = CrawlPlanner(
            query, by=by, page_size=page_size, rate=pages.rate, state=state
        )
        self._pages = pages
        self._page_size: PageSize | None = page_size
        self._reader: _Reader[IssueT] = _Reader(self._planner, pages, now())
        self._workers = concurrency
        self.query = query
        self._ready: deque[IssueT] = deque()

    def __aiter__(self) -> Crawl[IssueT]:
        return self

    async def __anext__(self) -> IssueT:
        while not self._ready:
            if self._planner.state.finished:
                raise StopAsyncIteration
            await self._step()
        return self._ready.popleft()

    def derive(
        self, query: IssueQuery, *, by: ClockField, state: bytes | None = None
    ) -> Crawl[IssueT]:
        """Return a crawl of another query with the same options, as a pull and its update need."""
        return Crawl(
            self._pages,
            query,
            by=by,
            concurrency=self._workers,
            page_size=self._page_size,
            state=state,
        )

    @property
    def report(self) -> Report:
        """What has come so far."""
        return self._planner.state.report(rate=self._pages.rate, pending=len(self._ready))

    @property
    def date(self) -> datetime | None:
        """When the service gave its first answer to this process, by its own clock.

        None before that, or if it does not tell its time.
        """
        return self._reader.date

    def skip(self, ids: Iterable[int]) -> None:
        """Do not give out these issues, since an earlier crawl of this state did.

        A crawl of a state that is given all of them finds issues whose clock moved meanwhile,
        and reads again what the earlier one could not get.
        """
        self._planner.skip(ids)

    async def estimate(self) -> Estimate:
        """Estimate what the crawl takes, or what is left of it when it goes on from a state.

        Makes its first request, unless that was made. Its issues are given out when the crawl
        goes on.
        """
        if self._planner.state.expected is None and self._planner.slices:
            await self._step()
        return self._planner.estimate()

    async def run(self, each: Keep[IssueT]) -> Report:
        """Crawl to the end, as fast as the workers can, and give out what each answer brings.

        Faster than iterating, since no worker waits for another. `each` is awaited for one batch
        at a time, while the workers go on. When it fails, the crawl ends with its error; when a
        request fails, everything that came before is given out first. Issues that `each` was not
        done with, then or when this is cancelled, are given out again when the crawl goes on.

        Args:
            each: Keeps a batch. The last one has no issues, and the report of the end.

        Raises:
            SeeClickFixError: A request failed for good, as with `client.issues.list`.
        """
        if self._ready:
            await each(self._reader.batch(list(self._ready)))
            self._ready.clear()
        if not self._planner.state.finished:
            await self._driver(each).run()
        return self.report

    async def _step(self) -> None:
        """Read one page for each worker."""

        async def hold(batch: Batch[IssueT]) -> None:
            self._ready.extend(batch.issues)

        await self._driver(hold, once=True).run()

    def _driver(self, each: Keep[IssueT], *, once: bool = False) -> _Driver[IssueT]:
        return _Driver(
            self._planner,
            self._reader,
            each,
            self._ready,
            most=self._workers,
            once=once,
        )


@attrs.define(eq=False)
class _Reader(Generic[IssueT]):
    """Sends the planner's requests, and gives it the answers."""

    planner: CrawlPlanner[IssueT]
    pages: IssuePages
    now: datetime  # by this machine, where the service does not tell its time
    date: datetime | None = None  # of the first answer, by the service's clock
    quickest: float = math.inf  # seconds of the quickest answer yet
    asking: anyio.Semaphore = attrs.field(factory=lambda: anyio.Semaphore(IN_FLIGHT))
    reading: anyio.Lock = attrs.field(factory=anyio.Lock)
    unread: dict[TimeSlice, tuple[PageRequest, Response]] = attrs.field(factory=dict)

    async def request_page(self, part: TimeSlice) -> None:
        """Request the next page of a slice, unless its answer is there already."""
        if part in self.unread:
            return
        request = self.planner.request(part)
        try:
            async with self.asking:
                self.unread[part] = request, await self._send(request)
        except BEYOND:
            if not self.planner.refuse(part, request):
                raise

    async def read_page(self, part: TimeSlice) -> list[IssueT]:
        """Return the new issues of the page that was requested; none if it was refused."""
        if part not in self.unread:
            return []
        async with self.reading:
            await self._give_way()
            request, response = self.unread.pop(part)
            page: Page[IssueT] = self.pages.decode(response, request.query, request.number)
        return self.planner.take(part, request, page, response.date or self.now)

    async def count(self) -> int | None:
        """Return how many issues the service counts."""
        if self.planner.is_counted:
            return self.planner.state.expected
        request = self.planner.count_request
        response = await self._send(request)
        return self.pages.decode(response, request.query, request.number).entries

    async def _send(self, request: PageRequest) -> Response:
        started = self.pages.clock.now()
        try:
            response = await self.pages.send(request.query, request.number)
        except BEYOND:
            self.planner.count_requests(1)
            raise
        if self.quickest == math.inf:
            self.date = response.date
        self.quickest = min(self.quickest, self.pages.clock.now() - started)
        self.planner.count_requests(response.requests)
        return response

    async def _give_way(self) -> None:
        """Yield, so that pending requests are sent before this response is decoded.

        Answers come in bursts, and to decode one takes longer than to send a request.
        """
        until = self.pages.clock.now() + _PATIENCE
        for _ in range(_TURNS):
            await lowlevel.checkpoint()
            if self.pages.clock.now() > until:
                break

    def batch(self, issues: list[IssueT]) -> Batch[IssueT]:
        """Put issues together with the state and the report that they lead to."""
        state = self.planner.state
        report = state.report(rate=self.pages.rate)
        return Batch(tuple(issues), state.encode(), report, state.finished)


class _Driver(Generic[IssueT]):
    """Runs workers, each on a slice of its own, until nothing is left or something failed.

    A worker asks for more only when its issues have been kept, so that a process that ends at
    any instant has no more to ask again than what was under way.

    Args:
        planner: Decides what to ask for.
        reader: Asks.
        each: Keeps issues.
        ready: Takes in the end what was not kept.
        most: How many workers; None for as many as the quota can keep busy.
        once: Whether each worker reads one page only.
    """

    def __init__(
        self,
        planner: CrawlPlanner[IssueT],
        reader: _Reader[IssueT],
        each: Keep[IssueT],
        ready: deque[IssueT],
        *,
        most: int | None,
        once: bool,
    ) -> None:
        self._planner = planner
        self._reader = reader
        self._each = each
        self._ready = ready
        self._most = most
        self._once = once
        self._busy: set[TimeSlice] = set()  # slices that have a worker
        self._decoded = anyio.Semaphore(IN_FLIGHT)  # pages; the others wait as bytes
        self._taken: list[IssueT] = []  # and not being kept yet
        self._keeping: list[IssueT] = []
        self._kept = anyio.Event()  # when what was taken has been kept
        self._under_way: anyio.Event | None = None  # the same of what is being kept
        self._failures: list[BaseException] = []
        self._clocked = reader.pages.clock.now()

    async def run(self) -> None:
        """Work to the end, or to the first failure."""
        planner = self._planner
        if planner.slices:
            self._share(self._longest())  # by an estimate's answer, or an earlier run's
            try:
                async with anyio.create_task_group() as workers:
                    self._engage(workers)
            finally:
                self._ready.extend(self._keeping + self._taken)
            if self._failures:
                raise self._failures[0]
            if self._once:
                return
        planner.finish(await self._reader.count())
        await self._each(self._reader.batch([]))

    def _engage(self, workers: anyio.abc.TaskGroup) -> None:
        """Start a worker for each slice that has none, as many as are useful."""
        for part in self._planner.slices:
            if self._failures or len(self._busy) >= self._useful():
                return
            if part not in self._busy:
                self._busy.add(part)
                workers.start_soon(self._work, part, workers)

    async def _work(self, part: TimeSlice, workers: anyio.abc.TaskGroup) -> None:
        try:
            while part in self._planner.slices and not self._failures:
                await self._reader.request_page(part)
                async with self._decoded:
                    fresh = await self._reader.read_page(part)
                    self._taken += fresh
                    self._count_seconds()
                    self._share(part)
                    if not self._once:
                        self._engage(workers)
                    await self._keep(workers)
                if self._once:
                    return
        except SeeClickFixError as error:
            self._failures.append(error)  # the others end their pages, and their issues are kept
        except (anyio.get_cancelled_exc_class(), GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001  # reaches the caller, without a group
            self._end(error, workers)
        self._busy.discard(part)
        self._engage(workers)

    def _end(self, error: BaseException, workers: anyio.abc.TaskGroup) -> None:
        self._failures.insert(0, error)
        workers.cancel_scope.cancel()

    def _count_seconds(self) -> None:
        now = self._reader.pages.clock.now()
        self._planner.count_seconds(now - self._clocked)
        self._clocked = now

    async def _keep(self, workers: anyio.abc.TaskGroup) -> None:
        """Wait until what was taken has been kept; one worker hands it on for all who wait."""
        kept = self._kept
        while self._under_way is not None:
            await self._under_way.wait()
            if kept.is_set():
                return
        self._keeping, self._taken = self._taken, []
        self._kept, self._under_way = anyio.Event(), kept
        try:
            await self._each(self._reader.batch(self._keeping))
            self._keeping = []
        except Exception as error:  # noqa: BLE001  # reaches the caller, without a group
            self._end(error, workers)
        self._under_way = None
        kept.set()

    def _useful(self) -> int:
        """How many workers there shall be: no more than the quota can keep busy."""
        if self._most is not None:
            return self._most
        quickest, slices = self._reader.quickest, self._planner.slices
        if quickest == math.inf:
            return 1
        rate = self._reader.pages.rate
        busy = rate if rate == math.inf else rate * quickest
        pages = sum(part.left for part in slices) // self._planner.per_page
        most = min(_MOST_WORKERS, max(len(slices), pages // _WORTH_A_WORKER))
        return max(1, math.ceil(min(most, busy)))

    def _longest(self) -> TimeSlice:
        """The slice with the longest rest that could be split."""
        return max(self._planner.slices, key=lambda part: part.left if part.is_between_pages else 0)

    def _share(self, part: TimeSlice) -> None:
        """Split this slice among idle workers when it has the longest rest.

        Only one whose answer was just taken: an answer under way, or unread, would go beyond
        what is left of it.
        """
        if part not in self._planner.slices or part is not self._longest():
            return
        idle = self._useful() - len(self._planner.slices)
        if idle > 0 and part not in self._reader.unread:
            self._planner.share(part, idle)
