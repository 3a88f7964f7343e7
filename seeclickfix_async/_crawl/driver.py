"""Send the requests of a crawl's planner, with several workers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar

import anyio
import anyio.abc
import attrs
from anyio import lowlevel

from seeclickfix_async._api.issue_pages import IssuePages
from seeclickfix_async._api.page import Page
from seeclickfix_async._api.pagination import UNSERVED_PAGE_ERRORS
from seeclickfix_async._core.response import Response
from seeclickfix_async._crawl.evidence import PageRequest
from seeclickfix_async._crawl.planner import CrawlPlanner
from seeclickfix_async._crawl.report import Report
from seeclickfix_async._crawl.time_slice import TimeSlice
from seeclickfix_async._transport.pool import MAX_CONCURRENT_REQUESTS
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.models import Issue

IssueT = TypeVar("IssueT", bound=Issue)

MAX_WORKERS = 32  # more than concurrent requests: other workers wait for `each`

_MAX_ROWS = 3_200  # of all workers, so that pages of 1,000 rows do not take 150 MB more (measured)
_MIN_PAGES_PER_WORKER = 20  # each worker may cost one request more than a single one
_MAX_YIELDS = 20  # turns of the event loop; 5 or 10 gain less (measured)
_MAX_YIELD_TIME = 0.005  # seconds, after which the loop is busy with other work


@attrs.frozen
class Batch(Generic[IssueT]):
    """The new issues of one or more responses.

    Attributes:
        issues: The issues that had not been received before.
        state: The state of the crawl after these issues; for `client.issues.crawl(state=)`.
        report: The progress so far.
        last: Whether the crawl has ended.
    """

    issues: tuple[IssueT, ...]
    state: bytes = attrs.field(repr=False)
    report: Report
    last: bool = False


BatchHandler = Callable[[Batch[IssueT]], Awaitable[None]]


@attrs.define(eq=False)
class PageReader(Generic[IssueT]):
    """Sends the planner's requests, and passes it the responses.

    Attributes:
        planner: The planner.
        pages: The pages of issues.
        now: This machine's time, used if the service sends no `Date`.
        date: The `Date` of the first response.
        shortest: The shortest duration of a request so far, in seconds.
    """

    planner: CrawlPlanner[IssueT]
    pages: IssuePages
    now: datetime
    date: datetime | None = None
    shortest: float = math.inf
    _sending: anyio.Semaphore = attrs.field(
        factory=lambda: anyio.Semaphore(MAX_CONCURRENT_REQUESTS)
    )
    _decoding: anyio.Lock = attrs.field(factory=anyio.Lock)
    _unread: dict[TimeSlice, tuple[PageRequest, Response]] = attrs.field(factory=dict)

    def has_unread(self, period: TimeSlice) -> bool:
        """Return whether there is a response of a slice that has not been read."""
        return period in self._unread

    async def request_page(self, period: TimeSlice) -> None:
        """Request the next page of a slice, unless its response is there already."""
        if period in self._unread:
            return
        request = self.planner.request(period)
        try:
            async with self._sending:
                self._unread[period] = request, await self._send(request)
        except UNSERVED_PAGE_ERRORS:
            if not self.planner.refuse(period, request):
                raise

    async def read_page(self, period: TimeSlice) -> list[IssueT]:
        """Return the new issues of the requested page; none if the request was refused."""
        if period not in self._unread:
            return []
        async with self._decoding:
            await self._yield_to_requests()
            request, response = self._unread.pop(period)
            page: Page[IssueT] = self.pages.decode(response, request.query, request.number)
        return self.planner.receive(period, request, page, response.date or self.now)

    async def count(self) -> int | None:
        """Return the service's count of issues."""
        if self.planner.state.is_counted:
            return self.planner.state.expected
        request = self.planner.count_request
        response = await self._send(request)
        return self.pages.decode(response, request.query, request.number).entries

    def batch(self, issues: list[IssueT]) -> Batch[IssueT]:
        """Return issues with the state and the report after them."""
        state = self.planner.state
        report = state.report(rate=self.pages.rate)
        return Batch(tuple(issues), state.encode(), report, state.finished)

    async def _send(self, request: PageRequest) -> Response:
        started = self.pages.clock.now()
        try:
            response = await self.pages.send(request.query, request.number)
        except SeeClickFixError as error:
            self.planner.count_requests(error.requests)
            raise
        if self.shortest == math.inf:
            self.date = response.date
        self.shortest = min(self.shortest, self.pages.clock.now() - started)
        self.planner.count_requests(response.requests)
        return response

    async def _yield_to_requests(self) -> None:
        """Yield, so that pending requests are sent before this response is decoded.

        Responses arrive in bursts, and decoding one takes longer than sending a request.
        """
        until = self.pages.clock.now() + _MAX_YIELD_TIME
        for _ in range(_MAX_YIELDS):
            await lowlevel.checkpoint()
            is_sending = self._sending.value < MAX_CONCURRENT_REQUESTS
            if not is_sending or self.pages.clock.now() > until:
                break


class Driver(Generic[IssueT]):
    """Runs workers, each on a slice of its own, until nothing is left or one failed.

    A worker requests the next page only after `each` has processed its issues, so that a process
    that ends at any moment repeats only the requests that were in flight.

    Args:
        planner: Decides what to request.
        reader: Sends the requests.
        each: Processes a batch of issues.
        unprocessed: Receives the issues that `each` did not process.
        max_workers: The number of workers; None for as many as the quota can keep busy.
        once: Whether each worker reads one page only.
    """

    def __init__(
        self,
        planner: CrawlPlanner[IssueT],
        reader: PageReader[IssueT],
        each: BatchHandler[IssueT],
        unprocessed: deque[IssueT],
        *,
        max_workers: int | None,
        once: bool,
    ) -> None:
        self._planner = planner
        self._reader = reader
        self._each = each
        self._unprocessed = unprocessed
        self._max_workers = max_workers
        self._once = once
        self._busy: set[TimeSlice] = set()  # slices with a worker
        self._decoded = anyio.Semaphore(MAX_CONCURRENT_REQUESTS)  # pages; others wait as bytes
        self._waiting: list[IssueT] = []  # for the next call of `each`
        self._processing: list[IssueT] = []
        self._processed = anyio.Event()  # set when the waiting issues have been processed
        self._in_progress: anyio.Event | None = None  # the same for the current call of `each`
        self._failures: list[BaseException] = []
        self._last_time = reader.pages.clock.now()

    async def run(self) -> None:
        """Work to the end, or to the first failure."""
        planner = self._planner
        if planner.slices:
            self._share(self._longest())  # after an estimate, or an earlier run
            try:
                async with anyio.create_task_group() as workers:
                    self._start_workers(workers)
            finally:
                self._unprocessed.extend(self._processing + self._waiting)
            if self._failures:
                raise self._failures[0]
            if self._once:
                return
        planner.finish(await self._reader.count())
        await self._each(self._reader.batch([]))

    def _start_workers(self, workers: anyio.abc.TaskGroup) -> None:
        """Start a worker for each slice without one, as many as are useful."""
        for period in self._planner.slices:
            if self._failures or len(self._busy) >= self._useful_workers():
                return
            if period not in self._busy:
                self._busy.add(period)
                workers.start_soon(self._work, period, workers)

    async def _work(self, period: TimeSlice, workers: anyio.abc.TaskGroup) -> None:
        try:
            while period in self._planner.slices and not self._failures:
                await self._reader.request_page(period)
                async with self._decoded:
                    new = await self._reader.read_page(period)
                    self._waiting += new  # after the await, since others add to it, too
                    self._count_seconds()
                    self._share(period)
                    if not self._once:
                        self._start_workers(workers)
                    await self._process(workers)
                if self._once:
                    return
        except SeeClickFixError as error:
            self._failures.append(error)  # other workers end their pages, which are processed
        except (anyio.get_cancelled_exc_class(), GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001  # raised by `run`, without a group
            self._fail(error, workers)
        self._busy.discard(period)
        self._start_workers(workers)

    def _fail(self, error: BaseException, workers: anyio.abc.TaskGroup) -> None:
        self._failures.insert(0, error)
        workers.cancel_scope.cancel()

    def _count_seconds(self) -> None:
        now = self._reader.pages.clock.now()
        self._planner.count_seconds(now - self._last_time)
        self._last_time = now

    async def _process(self, workers: anyio.abc.TaskGroup) -> None:
        """Wait until the waiting issues are processed; one worker calls `each` for all."""
        processed = self._processed
        while self._in_progress is not None:
            await self._in_progress.wait()
            if processed.is_set():
                return
        self._processing, self._waiting = self._waiting, []
        self._processed, self._in_progress = anyio.Event(), processed
        try:
            await self._each(self._reader.batch(self._processing))
            self._processing = []
        except Exception as error:  # noqa: BLE001  # raised by `run`, without a group
            self._fail(error, workers)
        self._in_progress = None
        processed.set()

    def _useful_workers(self) -> int:
        """Return the number of workers that the quota can keep busy, or the requested one."""
        if self._max_workers is not None:
            return self._max_workers
        shortest, slices = self._reader.shortest, self._planner.slices
        if shortest == math.inf:
            return 1
        rate = self._reader.pages.rate
        busy = rate if rate == math.inf else rate * shortest
        per_page = self._planner.per_page
        pages = sum(period.rows_left for period in slices) // per_page
        wanted = max(len(slices), pages // _MIN_PAGES_PER_WORKER)
        most = min(MAX_WORKERS, _MAX_ROWS // per_page, wanted)
        return max(1, math.ceil(min(most, busy)))

    def _longest(self) -> TimeSlice:
        """Return the slice with the most rows left that can be split."""
        return max(
            self._planner.slices,
            key=lambda period: period.rows_left if period.is_between_pages else 0,
        )

    def _share(self, period: TimeSlice) -> None:
        """Split a slice among idle workers if it has the most rows left.

        Only a slice whose response was just read is split: a response in flight, or unread, would
        reach beyond the period that is left to it.
        """
        if period not in self._planner.slices or period is not self._longest():
            return
        idle = self._useful_workers() - len(self._planner.slices)
        if idle > 0 and not self._reader.has_unread(period):
            self._planner.share(period, idle)
