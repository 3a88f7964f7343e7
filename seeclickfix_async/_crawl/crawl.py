"""Every issue of a query, beyond the depth at which the service stops.

The planner decides what to request, and the driver requests it. Several workers share the period by
splitting it: an idle one takes part of the longest rest, so that planning costs no request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Generic, Literal, SupportsIndex, TypeVar

from seeclickfix_async._api.issue_pages import IssuePages
from seeclickfix_async._api.query import DETAILED_PER_PAGE, PERIODS, ClockField, IssueQuery
from seeclickfix_async._core import validation
from seeclickfix_async._crawl.driver import MAX_WORKERS, Batch, BatchHandler, Driver, PageReader
from seeclickfix_async._crawl.limits import MAX_PAGE_SIZE, PageSize
from seeclickfix_async._crawl.planner import CrawlPlanner
from seeclickfix_async._crawl.report import Estimate, Report
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue

IssueT = TypeVar("IssueT", bound=Issue)


class Crawl(Generic[IssueT]):
    """A crawl of all issues of a query: iterate over it with `async for`, or `run()` it.

    `report` shows the progress, and at the end whether everything was received. Memory is bounded
    by two pages for each worker and the ids of the issues, as bits. After an error or a
    cancellation, iterating again continues where the crawl stopped; the `state` of a batch lets
    another process continue.
    """

    def __init__(
        self,
        pages: IssuePages,
        query: IssueQuery,
        *,
        by: ClockField = "created_at",
        concurrency: SupportsIndex | None = 1,
        page_size: PageSize | None = None,
        state: bytes | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not (isinstance(by, str) and by in PERIODS):
            raise InvalidArgumentError("by", f"must be one of {', '.join(PERIODS)}.")
        if state is not None and not isinstance(state, bytes):
            raise InvalidArgumentError("state", "must be bytes, from Batch.state.")
        workers: int | None = None
        if concurrency is not None:
            workers = validation.integer_in_range("concurrency", concurrency, 1, MAX_WORKERS)
        size: int | Literal["largest"] | None = None
        if isinstance(page_size, str) and page_size == "largest":
            size = "largest"
        elif page_size is not None:
            most = DETAILED_PER_PAGE if query.details else MAX_PAGE_SIZE
            size = validation.integer_in_range("page_size", page_size, 1, most)
        self._planner: CrawlPlanner[IssueT] = CrawlPlanner(
            query, by=by, page_size=size, rate=pages.rate, state=state
        )
        self._pages = pages
        self._page_size: PageSize | None = size
        self._reader: PageReader[IssueT] = PageReader(self._planner, pages, now())
        self._concurrency = workers
        self.query = query
        self._received: deque[IssueT] = deque()  # and not delivered yet

    def __aiter__(self) -> Crawl[IssueT]:
        return self

    async def __anext__(self) -> IssueT:
        while not self._received:
            if self._planner.state.finished:
                raise StopAsyncIteration
            await self._step()
        return self._received.popleft()

    def derive(
        self, query: IssueQuery, *, by: ClockField, state: bytes | None = None
    ) -> Crawl[IssueT]:
        """Return a crawl of another query with the same options, as a pull and its update need."""
        return Crawl(
            self._pages,
            query,
            by=by,
            concurrency=self._concurrency,
            page_size=self._page_size,
            state=state,
        )

    @property
    def report(self) -> Report:
        """The progress so far."""
        return self._planner.state.report(rate=self._pages.rate, pending=len(self._received))

    @property
    def received_until(self) -> datetime | None:
        """Everything before this time, by the clock of the crawl, has been received.

        None if nothing is left to be read. Received issues may not be delivered yet.
        """
        return self._planner.received_until

    @property
    def date(self) -> datetime | None:
        """The time of the first response to this process, by the service's own clock.

        None before that, or if the service sends no `Date`.
        """
        return self._reader.date

    def skip(self, ids: Iterable[int]) -> None:
        """Do not deliver these issues, since an earlier crawl with this state did.

        A crawl that continues from a state and knows all of them finds issues whose timestamp moved
        in between, and reads again what the earlier one could not read.
        """
        self._planner.skip(ids)

    async def estimate(self) -> Estimate:
        """Estimate what the crawl needs, or what is left of it if it continues from a state.

        Sends the first request, unless that was sent. Its issues are delivered when the crawl
        continues.

        Raises:
            SeeClickFixError: The request failed permanently.
        """
        if self._planner.state.expected is None and self._planner.slices:
            await self._step()
        return self._planner.estimate()

    async def run(self, each: BatchHandler[IssueT]) -> Report:
        """Crawl to the end, as fast as the workers can, and deliver the issues in batches.

        Faster than iterating, since no worker waits for another. `each` is awaited for one batch at
        a time, while the workers continue. If it fails, the crawl ends with its error; if a request
        fails, everything that was received before is delivered first. Issues that `each` did not
        process, then or when this is cancelled, are delivered again when the crawl continues.

        Args:
            each: Processes a batch. The last one has no issues, and the final report.

        Raises:
            SeeClickFixError: A request failed permanently, as with `client.issues.list`.
        """
        if self._received:
            await each(self._reader.batch(list(self._received)))
            self._received.clear()
        if not self._planner.state.finished:
            await self._drive(each)
        return self.report

    async def _step(self) -> None:
        """Read one page for each worker."""

        async def receive(batch: Batch[IssueT]) -> None:
            self._received.extend(batch.issues)

        await self._drive(receive, once=True)

    async def _drive(self, each: BatchHandler[IssueT], *, once: bool = False) -> None:
        driver = Driver(
            self._planner,
            self._reader,
            each,
            self._received,
            max_workers=self._concurrency,
            once=once,
        )
        await driver.run()
