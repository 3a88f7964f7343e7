"""A pull: everything of a query into a file, however often it is interrupted."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Unpack

import attrs
import msgspec

from seeclickfix_async._api.query import ALL, IssueFilters
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core import validation
from seeclickfix_async._crawl.crawl import Crawl
from seeclickfix_async._crawl.planner import PageSize
from seeclickfix_async._crawl.report import Estimate, Report
from seeclickfix_async.errors import DecodeError, InvalidArgumentError, NotFoundError
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.models import DetailedIssue, Issue
from seeclickfix_async.pull._checkpoint import Checkpoint, query_key, query_params, remove
from seeclickfix_async.pull._file_thread import (
    file_age,
    open_scratch,
    opened,
    read_issues,
    run_in_file_thread,
)
from seeclickfix_async.pull._loader import OVERLAP, Loader
from seeclickfix_async.pull._lock import lock_for, locked, real_path
from seeclickfix_async.pull._photos import PhotoDownloader
from seeclickfix_async.pull._progress import NoProgress, ProgressListener
from seeclickfix_async.pull._rows import compare_ids, read_ids
from seeclickfix_async.pull._sinks import Sink, check_ending, open_sink

_ABANDONED = timedelta(days=1)
"""A sweep that was left alone for so long begins anew: what had gone by then may be back."""

_MOST_LATE = 100  # of one sweep

_LEFT = (  # besides status
    "updated_at_after",
    "updated_at_before",
    "search",
    "request_types",
    "assigned",
    "assigned_to_me",
)


async def pull(
    client: AsyncClient,
    *,
    to: str | Path,
    details: bool = False,
    page_size: PageSize | None = None,
    concurrency: int | None = None,
    update: bool = False,
    sweep: bool = False,
    photos: str | Path | None = None,
    wait: float = 0.0,
    teller: ProgressListener | None = None,
    **filters: Unpack[IssueFilters],
) -> Report:
    """Pull every issue of a query into a file, and go on where an earlier call stopped.

    A process may be killed at any instant: calling this again with the same arguments loses no
    issue, doubles none, and repeats no request but those that were under way. A cancelled call
    leaves a usable file behind. A pull that ended without being complete goes on in the same way
    with what is missing.

    One call at a time may write to a file, and to a folder of photos: both are locked, in this
    process and on the whole machine, until the call ends or its process does.

    Args:
        client: Asks the service.
        to: The file: `.jsonl`, `.csv`, `.geojson` or `.db` (SQLite); or the folder of a dataset:
            `.parquet` or `.geoparquet`, one file for each month.
        details: Bring comments, questions, votes and integrations too, 20 issues a request.
        page_size: Issues a request: 100 unless told, 20 with details. `"largest"` asks for
            1,000 and keeps what is granted, which may make a pull ten times cheaper.
        concurrency: How many walk at once, 1 to 32, each through a period of its own; as many as
            the quota can keep busy unless told. 16 requests at most are under way at once.
        update: Complete a pull that was begun, and bring it up to date: issues that were updated
            since it began come again, and replace what the file holds of them. Only a pull by area
            and time of creation can be: an issue that leaves another filter is not told.
        sweep: Update, and then look which issues of a pull that was done the service gives no
            longer; `vanished_at` says so in their rows until they come again. Issues that it shows
            late, with the times of long before, come too. Takes a request for each 100 issues of
            the whole pull, with details too, or as `page_size` says; now and then is enough. Memory
            grows by 8 bytes for each of them.
        photos: A folder for the issues' photos in full size, each named by its issue's id. They
            come when the issues are there, some at once, from where the links redirect to, which
            gets no token, and take one place of the quota each. One that is there is not fetched
            again; one that cannot be had is counted, and stops nothing. A pull that is done may be
            given a folder later.
        wait: Seconds to wait, while another pull writes to the file or to the folder of photos; a
            second pull is refused at once by default.
        teller: Is told what is to come, and what has come.
        **filters: Which issues; see `IssueFilters`. Archived ones are included unless `status`
            says otherwise. With `fields`, created_at and updated_at come too.

    Returns:
        What came, and whether that is everything; a pull is complete or says why not. The file
        holds it too.

    Raises:
        FileLockedError: Another pull is writing to the file or to the folder of photos.
        InvalidArgumentError: The arguments are wrong, or the file holds something else, or is not
            as the last call left it, or the pull is done already, or the disk is full, or another
            program holds the database.
        SeeClickFixError: A request failed for good; what had come is kept.
    """
    path = Path(to)
    check_ending(path)
    validation.in_range("wait", wait, 0, math.inf, integer=False)
    client = client.with_options(background=True)
    crawl: Crawl[Issue] = client.issues.crawl(
        details=details, concurrency=concurrency, page_size=page_size, **filters
    )
    key, query = query_key(crawl.query), crawl.query
    if query.fields is not None:  # both clocks: an update replaces whole rows, found by creation
        query = attrs.evolve(query, fields=(*query.fields, "created_at", "updated_at"))
    job = _Job(client, crawl, key, query, teller or NoProgress(), lock_for(path), real_path(path))
    if update or sweep:
        job.check_updatable()
    if photos is not None and query.fields is not None and "media" not in query.fields:
        raise InvalidArgumentError("fields", "must bring media, for the photos.")
    album = None if photos is None else PhotoDownloader(client, Path(photos))
    async with (
        locked(job.lock, argument="to", wait=wait),
        _prepared(album, wait),
        opened(lambda: open_sink(path)) as sink,
    ):
        now = await job.in_file(job.begun, sink, update or sweep)
        if now is None or not now.is_done or update or sweep:
            now = await job.bring(sink, now, later=update or sweep)
        elif album is None:
            raise InvalidArgumentError(
                "to",
                f"this pull is done, and {path} holds it.",
                code="pull_complete",
                advice="What changed since comes with update=True; to bring all of it again, name "
                "another file.",
            )
        if sweep and now.since is not None:  # otherwise everything has just come
            now = await job.sweep(sink, now)
        if album is not None:
            now = await job.photograph(sink, now, album)
        return now.report


@asynccontextmanager
async def _prepared(album: PhotoDownloader | None, wait: float) -> AsyncGenerator[None]:
    """Have the folder of the photos, if there are to be some, and nobody else writing to it."""
    if album is None:
        yield
        return
    await run_in_file_thread(album.make)
    async with locked(lock_for(album.folder), argument="photos", wait=wait):
        await run_in_file_thread(album.drop_torn)
        yield


@attrs.frozen
class _Job(Loader):
    """One call of `pull`."""

    def begun(self, sink: Sink, later: bool) -> Checkpoint | None:  # noqa: FBT001  # for in_file
        """Where it stands; an update is refused where only other pulls are."""
        found = sink.load(self.key)
        if found is None and later and not sink.empty:
            raise InvalidArgumentError(
                "to",
                f"{self.path} holds other pulls, and none of this query to bring up to date.",
                code="no_pull_to_update",
                advice="Give the same area and filters as before; a pull that is to be added comes "
                "without update=True.",
            )
        return found

    async def bring(self, sink: Sink, begun: Checkpoint | None, *, later: bool) -> Checkpoint:
        """Bring what is missing: all of it, the rest, or what changed since."""
        if begun is None:
            return await self.load(sink, self.start())
        is_interrupted = not (begun.finished or begun.is_in_base)
        if is_interrupted or (begun.since is None and (begun.lacking or not later)):
            begun = await self.load(sink, begun)
            if not later:
                return begun
        return await self.update(sink, begun)

    def check_updatable(self) -> None:
        """Refuse filters that an issue can leave without a word.

        An update would keep its row as it was, and a sweep would say that it has vanished.
        """
        why = (
            "a pull with this filter cannot be brought up to date: an issue that leaves it is not "
            "told. Pull without it, or into another file."
        )
        for name in _LEFT:
            validation.forbid(name, getattr(self.query, name) or None, why)
        if set(self.query.status or ()) != set(ALL):
            raise InvalidArgumentError(
                "status",
                "an issue that leaves a status is not told; only a pull of all can be updated.",
            )

    def start(self, done: Checkpoint | None = None) -> Checkpoint:
        """Where a walk begins: by creation, or by updates since another one."""
        since = done.covered if done else None
        base = done and (done if done.since is None else done.base)
        return Checkpoint(
            key=self.key,
            query=query_params(self.query),
            began=datetime.now(UTC),
            state=msgspec.Raw(),
            report=self.crawl.report,
            finished=False,
            since=since,
            newest=done.newest if done else None,
            place=done.place if done else None,
            base=None if base is None or base.report.complete else base,
        )

    async def update(self, sink: Sink, done: Checkpoint) -> Checkpoint:
        """Walk by updates; where that replaces no rows, into a file beside, and then merge it.

        What an earlier call left there goes up to where that one looked, so that it is asked again.
        """
        if done.base is not None and (done.base.lacking or done.is_in_base):
            base = await self.load(sink, done.base, update=done)
            done = attrs.evolve(done, base=base)
        if sink.upserts:
            return await self.load(sink, self.start(done))
        path = self.path.with_name(f"{self.path.name}.update.jsonl")

        def changes() -> Sink:
            return open_scratch(path, self.key, done.is_base_of)

        async with opened(changes) as beside:
            now = self.start(done)
            left = await self.in_file(beside.load, self.key)
            if left is not None:
                now = attrs.evolve(left, base=now.base)
            if not now.finished:
                now = await self.load(beside, now)
        kind = DetailedIssue if self.query.details else Issue
        await self.in_file(sink.merge, read_issues(path, kind), now)
        await self.in_file(remove, path)
        return now if left is None else await self.update(sink, now)

    async def sweep(self, sink: Sink, done: Checkpoint) -> Checkpoint:
        """Walk through the ids, into a file beside; then mark what the sink holds beyond them."""
        looked = done.report.until or done.began
        if self.query.after and self.query.after >= looked - OVERLAP:
            return done  # nothing of this period is old enough
        path = self.path.with_name(f"{self.path.name}.{self.key[:8]}.sweep.csv")
        ids = attrs.evolve(self.query, fields=("created_at",), details=False)
        job = attrs.evolve(self, key=query_key(ids), query=ids)

        def there() -> Sink:
            # What has come since one that is finished would be marked by it, or left unmarked.
            return open_scratch(
                path, job.key, lambda found: not found.finished and file_age(path) < _ABANDONED
            )

        async with opened(there) as met:
            begun = await self.in_file(met.load, job.key)
            now = begun or attrs.evolve(job.start(), began=looked)
            until = now.began - OVERLAP
            before = attrs.evolve(ids, before=min(until, ids.before or until))
            now = await attrs.evolve(job, query=before).load(met, now, "sweep")
        swept, vanished, missing = now.report, None, 0
        if swept.complete:
            ids_there = await self.in_file(read_ids, path)
            found = await self.in_file(compare_ids, sink.held(self.key), ids_there, until)
            if ids_there or not found.marks:  # an area that is empty at once may be gone itself
                await self.in_file(sink.mark, found.marks)
                late = await self.late(found.missing[:_MOST_LATE])
                if late:
                    await self.in_file(sink.merge, late, done)
                vanished, missing = found.vanished, len(found.missing) - len(late)
        done = attrs.evolve(done, report=_together(done.report, swept, vanished, missing))
        await self.in_file(sink.write, (), done)
        await self.in_file(remove, path)
        return done

    async def late(self, ids: Sequence[int]) -> list[Issue]:
        """Get issues that no pull or update could see, one by one.

        The service shows some issues late, with the times of long before: those that a moderator
        held back, or that another system brings.
        """
        issues: list[Issue] = []
        get, details = self.client.issues.get, self.query.details
        for number in ids:
            with suppress(NotFoundError, DecodeError):
                issues.append(await get(number, details=details))
        return issues

    async def photograph(self, sink: Sink, done: Checkpoint, album: PhotoDownloader) -> Checkpoint:
        """Fetch the photos of everything that the sink holds and that are not there."""
        left = await self.in_file(album.count, sink.held(self.key))
        each = done.report.quota_seconds / max(1, done.report.requests)
        self.progress.begin("photos", Estimate(left, left, round(left * each, 3)))

        def report() -> Report:
            return attrs.evolve(done.report, photos=album.kept, photos_missing=album.missing)

        await album.fill(sink.held(self.key), lambda: self.progress.tell(report()))
        done = attrs.evolve(done, report=report())
        await self.in_file(sink.write, (), done)
        return done


def _together(update: Report, sweep: Report, vanished: int | None, missing: int) -> Report:
    """The report of an update and a sweep."""
    reasons = update.reasons
    if missing:
        reasons += (f"{counted(missing, 'issue')} that the service has did not come.",)
    if vanished is None:
        why = " ".join(sweep.reasons) or "It met no issue at all; is the area still there?"
        reasons += (f"The sweep marked nothing, since it was not complete: {why}",)
    return attrs.evolve(
        update,
        requests=update.requests + sweep.requests,
        minimum=update.minimum + sweep.minimum,
        seconds=round(update.seconds + sweep.seconds, 3),
        quota_seconds=round(update.quota_seconds + sweep.quota_seconds, 3),
        complete=not reasons,
        reasons=reasons,
        vanished=vanished,
    )
