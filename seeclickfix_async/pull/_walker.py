"""A walk through the issues of a query, into a sink."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar, TypeVarTuple

import attrs
import msgspec

from seeclickfix_async._api.area import PlaceArea
from seeclickfix_async._api.query import ClockField, IssueQuery
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core.file_lock import FileLock
from seeclickfix_async._crawl.crawl import Batch, Crawl
from seeclickfix_async._crawl.planner import PageSize
from seeclickfix_async._crawl.report import Report
from seeclickfix_async.errors import InvalidArgumentError, SeeClickFixError
from seeclickfix_async.models import Issue, Place
from seeclickfix_async.pull._checkpoint import Checkpoint, unreadable
from seeclickfix_async.pull._file_thread import run_in_file_thread
from seeclickfix_async.pull._lock import check_lock
from seeclickfix_async.pull._progress import ProgressListener, Stage
from seeclickfix_async.pull._sinks import Sink

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

OVERLAP = timedelta(hours=1)
"""An update looks so far back beyond the last one, since clocks differ and replicas lag.

For the same reasons a sweep says nothing about what the service told of in the last hour.
"""

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # long before the service; some rows claim more
_PLACES = 100  # of those around an issue


@attrs.frozen
class Walker:
    """Brings the issues of a query into a sink, with a checkpoint for each page.

    Attributes:
        client: Asks the service.
        key: What the query is known by.
        query: Which issues.
        given: The names of the filters that the query was made of.
        page_size: Issues a request.
        concurrency: How many walk at once.
        teller: Is told what is to come, and what has come.
        lock: The lock of the file that the pull writes to.
        path: That file.
    """

    client: AsyncClient
    key: str
    query: IssueQuery
    given: tuple[str, ...]
    page_size: PageSize | None
    concurrency: int | None
    teller: ProgressListener
    lock: FileLock
    path: Path

    async def in_file(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Work on the file in a thread, while nobody else can."""

        def checked() -> T:
            check_lock(self.lock)
            return work(*args)

        return await run_in_file_thread(checked)

    def until(self, moment: datetime) -> Self:
        """The same, of what was created before a moment."""
        before = min(moment, self.query.before or moment)
        query = attrs.evolve(self.query, before=before)
        return attrs.evolve(self, query=query, given=(*self.given, "before"))

    async def walk(
        self,
        sink: Sink,
        now: Checkpoint,
        stage: Stage = "pull",
        within: Checkpoint | None = None,
    ) -> Checkpoint:
        """Walk on from where it stands, to the end.

        Args:
            sink: Takes the issues.
            now: Where the walk stands.
            stage: What it is called, unless it is an update.
            within: The update that this pull is the base of, whose checkpoint it is kept in.
        """
        stage = stage if now.since is None else "update"
        crawl = await self._crawl_from(sink, now)

        async def keep(batch: Batch[Issue]) -> None:
            nonlocal now
            first = now.report.received == 0
            place = await self.place_of(batch.issues) if first and not now.place else now.place
            now = attrs.evolve(
                now,
                state=msgspec.Raw(batch.state),
                report=_carrying(batch.report, now.base),
                finished=batch.last,
                lacking=batch.last and _lacks(batch.report),
                newest=_newest(now.newest, batch.issues),
                place=place,
            )
            kept = now
            if within is not None:
                kept = attrs.evolve(within, base=now, finished=now.finished)
            await self.in_file(sink.write, batch.issues, kept)
            self.teller.tell(batch.report)

        self.teller.begin(stage, await crawl.estimate())
        await crawl.run(keep)
        return now

    async def _crawl_from(self, sink: Sink, now: Checkpoint) -> Crawl[Issue]:
        """The walk from where it stands; issues that the sink holds do not come again."""
        by: ClockField = "created_at" if now.since is None else "updated_at"
        state = bytes(now.state) or None
        try:
            crawl = self.crawl(by, now.since, state)
        except InvalidArgumentError as error:
            if error.argument != "state":
                raise
            raise unreadable(error.reason.rstrip(".")) from None
        if state is not None and by == "created_at":
            crawl.skip(await self.in_file(_ids_of, sink, self.key))
        return crawl

    async def place_of(self, issues: Sequence[Issue]) -> Place | None:
        """The place of the query, as it stands among those around one of its issues."""
        area = self.query.area
        points = ((issue.lat, issue.lng) for issue in issues)
        lat, lng = next((point for point in points if None not in point), (None, None))
        if not isinstance(area, PlaceArea) or lat is None or lng is None:
            return None
        try:
            around = await self.client.places.near(lat=lat, lng=lng, per_page=_PLACES)
        except SeeClickFixError:  # a pull goes on without its place's name
            return None
        wanted = area.place_url
        return next((one for one in around if wanted in (one.url_name, str(one.id))), None)

    def crawl(
        self, by: ClockField, since: datetime | None = None, state: bytes | None = None
    ) -> Crawl[Issue]:
        """The walk, from where it stood."""
        filters: dict[str, Any] = {name: getattr(self.query, name) for name in self.given}
        if since is not None:
            filters["updated_at_after"] = max(since, _EARLIEST) - OVERLAP
        walk: Crawl[Issue] = self.client.issues.crawl(  # type: ignore[call-overload]
            details=self.query.details,
            by=by,
            concurrency=self.concurrency,
            page_size=self.page_size,
            state=state,
            **filters,
        )
        return walk


def _ids_of(sink: Sink, key: str) -> array[int]:
    """The ids that a pull holds: 8 bytes each."""
    return array("q", (row.id for row in sink.held(key)))


def _lacks(report: Report) -> bool:
    """Whether issues are missing besides those that could not be read, which are one reason."""
    return len(report.reasons) > (report.rejected > 0)


def _carrying(report: Report, base: Checkpoint | None) -> Report:
    """The report of an update, with what the pull lacks that it brings up to date."""
    if base is None:
        return report
    return attrs.evolve(report, complete=False, reasons=(*report.reasons, *base.report.reasons))


def _newest(before: datetime | None, issues: Sequence[Issue]) -> datetime | None:
    updates = (issue.updated_at for issue in issues if issue.updated_at is not None)
    return max(itertools.chain(updates, () if before is None else (before,)), default=None)
