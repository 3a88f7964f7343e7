"""A crawl into a sink, with a checkpoint after each batch of issues."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import attrs
import msgspec

from seeclickfix_async._api.area import PlaceArea
from seeclickfix_async._api.query import ClockField, IssueQuery
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core.file_lock import FileLock
from seeclickfix_async._crawl.crawl import Crawl
from seeclickfix_async._crawl.driver import Batch
from seeclickfix_async._crawl.report import Report
from seeclickfix_async._crawl.state import CrawlState
from seeclickfix_async.errors import InvalidArgumentError, SeeClickFixError
from seeclickfix_async.models import Issue, Place
from seeclickfix_async.pull._checkpoint import Checkpoint, unreadable
from seeclickfix_async.pull._file_thread import run_in_file_thread
from seeclickfix_async.pull._lock import check_lock
from seeclickfix_async.pull._progress import ProgressListener, Stage
from seeclickfix_async.pull._reports import with_earlier_reasons, with_requests
from seeclickfix_async.pull._sinks import Sink

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

OVERLAP = timedelta(hours=1)
"""The time before the last update that the next one reads again: clocks differ and replicas lag.

For the same reasons a sweep does not judge issues that were updated within the last hour.
"""

_NEARBY_PLACES = 100


@attrs.frozen
class Loader:
    """Loads the issues of a query into a sink.

    Attributes:
        client: Sends the requests, in the background of others.
        crawl: The crawl that others are derived from, with page size and concurrency.
        key: The key of the query in checkpoints.
        query: The query.
        progress: Is informed of each stage and each batch.
        lock: The lock of the file that the pull writes to.
        path: That file.
    """

    client: AsyncClient
    crawl: Crawl[Issue]
    key: str
    query: IssueQuery
    progress: ProgressListener
    lock: FileLock
    path: Path

    async def in_file(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run work on the file in a thread, after a check that the lock is still ours."""

        def run() -> T:
            check_lock(self.lock)
            return work(*args)

        return await run_in_file_thread(run)

    async def load(
        self,
        sink: Sink,
        checkpoint: Checkpoint,
        stage: Stage = "pull",
        *,
        update: Checkpoint | None = None,
    ) -> Checkpoint:
        """Crawl from a checkpoint to the end, and return the checkpoint of the end.

        Args:
            sink: Stores the issues.
            checkpoint: The start.
            stage: The name of the stage; an update is always named so.
            update: The update whose base this pull is: its checkpoint then holds this one.
        """
        crawl = await self._crawl_from(sink, checkpoint)
        place_requests = checkpoint.report.requests - crawl.report.requests

        async def write(batch: Batch[Issue]) -> None:
            nonlocal checkpoint, place_requests
            place = checkpoint.place
            if place is None and checkpoint.report.received == 0 and stage != "sweep":
                place, requests = await self._find_place(batch.issues)
                place_requests += requests
            report = with_requests(batch.report, place_requests)
            checkpoint = attrs.evolve(
                checkpoint,
                state=msgspec.Raw(batch.state),
                report=with_earlier_reasons(report, checkpoint),
                finished=batch.last,
                lacks_issues=batch.last and _lacks_issues(batch.report, checkpoint.since),
                newest=_newest_update(checkpoint.newest, batch.issues),
                place=place,
            )
            saved = checkpoint
            if update is not None:
                saved = attrs.evolve(update, base=checkpoint, finished=checkpoint.finished)
            await self.in_file(sink.write, batch.issues, saved)
            self.progress.update(report)

        self.progress.begin(stage if checkpoint.since is None else "update", await crawl.estimate())
        await crawl.run(write)
        return checkpoint

    async def _crawl_from(self, sink: Sink, checkpoint: Checkpoint) -> Crawl[Issue]:
        """Return the crawl that continues from a checkpoint, without issues that are stored."""
        query, state = self.query, bytes(checkpoint.state) or None
        by: ClockField = "created_at"
        if checkpoint.since is not None:
            by = "updated_at"
            query = attrs.evolve(query, updated_at_after=checkpoint.since - OVERLAP)
        try:
            crawl = self.crawl.derive(query, by=by, state=state)
        except InvalidArgumentError as error:
            if error.argument != "state":
                raise
            raise unreadable(error.reason.rstrip(".")) from None
        if state is not None and by == "created_at":
            stored = (row.id for row in sink.stored_rows(self.key))
            await self.in_file(crawl.skip, stored)
        return crawl

    async def _find_place(self, issues: Sequence[Issue]) -> tuple[Place | None, int]:
        """Return the queried place, and the number of requests for it.

        It is in the list of the places around one of its issues.
        """
        area = self.query.area
        points = ((issue.lat, issue.lng) for issue in issues)
        lat, lng = next((point for point in points if None not in point), (None, None))
        if not isinstance(area, PlaceArea) or lat is None or lng is None:
            return None, 0
        try:
            places = await self.client.places.near(lat=lat, lng=lng, per_page=_NEARBY_PLACES)
        except SeeClickFixError as error:  # the name of the place is not worth a failed pull
            return None, error.requests
        found = (place for place in places if area.place_url in (place.url_name, str(place.id)))
        return next(found, None), places.response.requests


def _lacks_issues(report: Report, since: datetime | None) -> bool:
    """Check whether the next call has to read something again.

    Unreadable rows, which add one reason, count for a first pull only. Those of an update are read
    again with the next one, which otherwise begins where this one ended.
    """
    return len(report.reasons) > (report.rejected > 0 and since is not None)


def state_of_next_update(previous: Checkpoint) -> msgspec.Raw:
    """Return the state with which an update begins: it reads what the last one could not."""
    if previous.since is None or previous.report.complete:
        return msgspec.Raw()
    state = CrawlState.decode(bytes(previous.state))
    return msgspec.Raw(state.next_updates(previous.covered - OVERLAP).encode())


def _newest_update(newest: datetime | None, issues: Sequence[Issue]) -> datetime | None:
    updates = (issue.updated_at for issue in issues if issue.updated_at is not None)
    return max(itertools.chain(updates, () if newest is None else (newest,)), default=None)
