"""The stages of a pull: crawl, update, sweep and photos."""

from __future__ import annotations

import logging
import math
import os
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import SupportsIndex, Unpack

import attrs
import msgspec

from seeclickfix_async._api.area import PlaceArea
from seeclickfix_async._api.query import ALL, IssueFilters, IssueQuery, describe_empty
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core import validation
from seeclickfix_async._core.address import is_internal
from seeclickfix_async._core.credentials import is_same_site
from seeclickfix_async._core.duration import Duration, to_seconds
from seeclickfix_async._core.time_zone import parse_zone
from seeclickfix_async._crawl.crawl import Crawl
from seeclickfix_async._crawl.limits import PageSize
from seeclickfix_async._crawl.report import Estimate, Report
from seeclickfix_async.errors import InvalidArgumentError, TruncatedResultsError
from seeclickfix_async.models import DetailedIssue, Issue
from seeclickfix_async.pull._checkpoint import Checkpoint, query_key, query_params
from seeclickfix_async.pull._file_thread import opened, run_in_file_thread
from seeclickfix_async.pull._jsonl import StoredIssues
from seeclickfix_async.pull._late_issues import LateIssues, get_late_issues
from seeclickfix_async.pull._loader import OVERLAP, Loader, state_of_next_update
from seeclickfix_async.pull._lock import lock_for, locked
from seeclickfix_async.pull._paths import check_path, real_path
from seeclickfix_async.pull._photos import PhotoDownloader, make_downloader, photo_folder
from seeclickfix_async.pull._progress import NoProgress, ProgressListener
from seeclickfix_async.pull._pull_files import discard, file_age, open_scratch, opened_file
from seeclickfix_async.pull._reports import add_sweep
from seeclickfix_async.pull._rows import compare_ids, read_ids
from seeclickfix_async.pull._sinks import Sink, check_suffix

_logger = logging.getLogger("seeclickfix_async.pull")

_SWEEP_EXPIRES = timedelta(days=1)
"""The age at which an interrupted sweep begins anew: issues that had vanished may be back."""

_MAX_LATE = 100  # issues of one sweep, at a request each
_SWEPT_FIELDS = ("created_at", "lat", "lng")  # by which crowded seconds are divided

_UNUPDATABLE = (  # and any status but "all"
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
    concurrency: SupportsIndex | None = None,
    update: bool = False,
    sweep: bool = False,
    photos: str | Path | None = None,
    excel: bool = False,
    timezone: str | tzinfo | None = None,
    wait: Duration = 0.0,
    progress: ProgressListener | None = None,
    **filters: Unpack[IssueFilters],
) -> Report:
    """Pull every issue of a query into a file, or continue an interrupted or incomplete pull.

    The process may be killed at any instant: calling this again with the same arguments loses no
    issue, duplicates none, and repeats only the requests that were pending. After a cancelled
    call the file is usable.

    One call at a time may write to a file and to a folder of photos. Both are locked, within this
    process and on this machine, until the call returns or its process ends.

    Args:
        client: The client; the pull's requests have the lowest priority in its quota.
        to: A file: `.jsonl`, `.csv`, `.geojson` or `.db` (SQLite); or the folder of a dataset:
            `.parquet` or `.geoparquet`, with one file for each month.
        details: Include comments, questions, votes and integrations, at 20 issues per request.
        page_size: Issues per request: by default 100, or 20 with details. `"largest"` requests
            1,000 and uses what the service grants, which may make a pull ten times cheaper.
        concurrency: The number of workers, 1 to 32, each on a period of its own; by default as
            many as the quota can keep busy, with at most 3,200 issues in all of their pages. At
            most 16 requests are pending at once.
        update: Complete a pull that has begun, and bring it up to date: pull the issues that were
            updated since it began, and replace their rows. This works for pulls by area and time
            of creation only: the service does not report that an issue left another filter.
        sweep: Update, then find the issues of a complete pull that the service no longer returns,
            and set `vanished_at` in their rows until they are back. Also pull issues that the
            service published late, with old dates. Takes a request for each 100 issues of the
            pull, with details too, or for each `page_size` issues, and 3 bytes of memory for each
            issue. Run it occasionally.
        photos: A folder for the issues' photos in full size, named by the issues' ids. They are
            downloaded after the issues, eight at a time, without the token where links redirect to
            another host; each takes a slot of the quota. Existing photos are not downloaded again;
            one that is not available is counted, and stops nothing. A complete pull can be called
            again with a folder.
        excel: Write a `.csv` file for spreadsheet programs: it begins with a byte order mark, by
            which Excel recognizes UTF-8, and a cell that they would run as a formula has an
            apostrophe in front. Later calls for the file need not repeat it.
        timezone: The place's time zone, such as `"America/New_York"`, or a `ZoneInfo`. Each time
            gets a second column with the local time without an offset, such as `created_at_local`,
            and months are those of the local time. Later calls for the file need not repeat it.
        wait: Seconds or a timedelta to wait while another pull writes to the file or the folder of
            photos; by default the second pull fails at once.
        progress: Receives estimates and reports while the pull runs.
        **filters: The issues to pull; see `IssueFilters`. Archived issues are included unless
            `status` excludes them. `fields` always includes created_at and updated_at.

    Returns:
        The report, which is stored in the file as well: a pull is complete, or says why not. A
        place without any issue, whose name may be wrong, is not complete, and leaves no new file.

    Raises:
        FileLockedError: Another pull is writing to the file or to the folder of photos.
        InvalidArgumentError: The arguments are wrong, the file holds something else or was
            changed since the last call, the pull is complete already, the disk is full, or another
            program has locked the database.
        SeeClickFixError: A request failed permanently; the issues pulled before are stored.
    """
    wait = to_seconds("wait", wait, 0, math.inf)
    path = Path(to)
    check_suffix(path)
    zone = parse_zone(timezone)
    client = client.with_options(background=True)
    crawl: Crawl[Issue] = client.issues.crawl(
        details=details, concurrency=concurrency, page_size=page_size, **filters
    )
    key, query = query_key(crawl.query), crawl.query
    if query.fields is not None:  # an update needs both clocks
        query = attrs.evolve(query, fields=(*query.fields, "created_at", "updated_at"))
    progress = progress or NoProgress()
    job = _Job(client, crawl, key, query, progress, lock_for(path), real_path(path))
    if update or sweep:
        job.check_updatable()
    downloader = None if photos is None else make_downloader(client, Path(photos), query, path)
    async with locked(job.lock, argument="to", wait=wait), photo_folder(downloader, wait):
        is_new = not await run_in_file_thread(os.path.lexists, job.path)
        async with opened_file(path, job.lock, excel=excel, zone=zone) as sink:
            report = await job.run(sink, downloader, update=update, sweep=sweep)
        if is_new and report.expected == report.received == 0 and not report.complete:
            await job.in_file(discard, job.path)  # it would refuse the right name of the place
    return report


@attrs.frozen
class _Job(Loader):
    """The stages of a call of `pull`."""

    @property
    def update_path(self) -> Path:
        """The temporary file of an update."""
        return self.path.with_name(f"{self.path.name}.update.jsonl")

    @property
    def sweep_path(self) -> Path:
        """The temporary file of a sweep."""
        return self.path.with_name(f"{self.path.name}.{self.key[:8]}.sweep.csv")

    async def run(
        self, sink: Sink, downloader: PhotoDownloader | None, *, update: bool, sweep: bool
    ) -> Report:
        """Run the stages of a call, and return its report."""
        checkpoint = await self.in_file(self.read_checkpoint, sink, update or sweep)
        is_first = checkpoint is None
        if checkpoint is None or not checkpoint.is_done or update or sweep:
            checkpoint = await self.complete(sink, checkpoint, update=update or sweep)
        elif downloader is None:
            raise InvalidArgumentError(
                "to",
                f"this pull is complete: {self.path} holds all of it.",
                code="pull_complete",
                advice="To fetch what changed since, pass update=True, unless a filter forbids it; "
                "to pull everything again, choose another file.",
            )
        if sweep and checkpoint.since is not None:  # after a first pull there is nothing to find
            checkpoint = await self.sweep(sink, checkpoint)
        if downloader is not None:
            checkpoint = await self.download_photos(sink, checkpoint, downloader)
        report = checkpoint.report
        if is_first and report.expected == report.received == 0 and self.query.area is not None:
            return await self.explain_empty(report)
        return report

    async def explain_empty(self, report: Report) -> Report:
        """Warn that a first pull found no issue; it is not complete if the place has none at all.

        The name of such a place is probably wrong.
        """
        query = self.query
        if query.is_filtered:
            page = await self.client.issues.list(area=query.area, status=ALL, per_page=1)
            query = query if page.entries else IssueQuery(area=query.area)
        warning = describe_empty(query)
        _logger.warning(warning)
        if query.is_filtered or not isinstance(query.area, PlaceArea):
            return report
        return attrs.evolve(report, complete=False, reasons=(warning,))

    def read_checkpoint(self, sink: Sink, update: bool) -> Checkpoint | None:  # noqa: FBT001
        """Return the checkpoint, if any; refuse an update if the sink holds other pulls only."""
        checkpoint = sink.read_checkpoint(self.key)
        if checkpoint is None and update and not sink.is_empty:
            raise InvalidArgumentError(
                "to",
                f"{self.path} holds other pulls, and none of this query to bring up to date.",
                code="no_pull_to_update",
                advice="Use the same area, filters and details as before; to add a pull, omit "
                "update=True.",
            )
        if checkpoint is not None and checkpoint.site:
            self._check_site(checkpoint.site)
        return checkpoint

    def _check_site(self, site: str) -> None:
        """Refuse to mix the issues of two services; a local one may have another port each time."""
        current = self.client.base_url
        if not (is_internal(site) or is_internal(current) or is_same_site(site, current)):
            raise InvalidArgumentError(
                "to",
                f"{self.path} holds issues of {site}, and base_url is {current}. Use that service, "
                "or choose another file.",
            )

    async def complete(
        self, sink: Sink, checkpoint: Checkpoint | None, *, update: bool
    ) -> Checkpoint:
        """Pull everything, the missing rest, or what changed since."""
        if checkpoint is None:
            return await self.load(sink, self.first_checkpoint())
        is_interrupted = not (checkpoint.finished or checkpoint.is_in_base)
        if is_interrupted or (checkpoint.since is None and not update):
            checkpoint = await self.load(sink, checkpoint)
            if not update:
                return checkpoint
        return await self.update(sink, checkpoint, is_continued=is_interrupted)

    def check_updatable(self) -> None:
        """Refuse filters that an issue can leave unnoticed, and unusable temporary files.

        An update would leave the row of such an issue as it was, and a sweep would mark it as
        vanished.
        """
        for temporary in (self.update_path, self.sweep_path):
            check_path("to", temporary)
        for name in _UNUPDATABLE:
            validation.forbid(
                name,
                getattr(self.query, name) or None,
                "a pull with this filter cannot be brought up to date: the service does not report "
                "that an issue left the filter. Pull without it, or into another file.",
            )
        if set(self.query.status or ()) != set(ALL):
            raise InvalidArgumentError(
                "status",
                "only a pull of all statuses can be updated: the service does not report that an "
                "issue leaves a status. Pull without it, and select by the column status.",
            )

    def first_checkpoint(self, previous: Checkpoint | None = None) -> Checkpoint:
        """Return the checkpoint to begin with: of a pull, or of an update of a previous one."""
        first = Checkpoint(
            key=self.key,
            query=query_params(self.query),
            began=datetime.now(UTC),
            state=msgspec.Raw(),
            report=self.crawl.report,
            finished=False,
            site=self.client.base_url,
        )
        if previous is None:
            return first
        base = previous if previous.since is None else previous.base
        return attrs.evolve(
            first,
            state=state_of_next_update(previous),
            since=previous.covered,
            newest=previous.newest,
            place=previous.place,
            base=None if base is None or base.report.complete else base,
            missing=previous.missing,
        )

    async def update(
        self, sink: Sink, previous: Checkpoint, *, is_continued: bool = False
    ) -> Checkpoint:
        """Pull what was updated since; a sink without upsert merges it from a temporary file.

        The temporary file of an interrupted update covers less than is needed by now, so that
        another update follows it.

        Args:
            sink: Stores the issues.
            previous: The pull or the update before.
            is_continued: Whether this call has continued an interrupted pull or update. Then, and
                before it continues one, the gaps of the pull are left to the next call: they may
                take more requests than succeed in a row.
        """
        path = self.update_path
        if not is_continued and (sink.upserts or not await self.in_file(path.exists)):
            previous = await self.fill_gaps(sink, previous)
        if sink.upserts:
            return await self.load(sink, self.first_checkpoint(previous))
        async with opened(lambda: open_scratch(path, self.key, previous.is_base_of)) as scratch:
            interrupted = await self.in_file(scratch.read_checkpoint, self.key)
            checkpoint = self.first_checkpoint(previous)
            if interrupted is not None:
                checkpoint = attrs.evolve(interrupted, base=checkpoint.base)
            if not checkpoint.finished:
                checkpoint = await self.load(scratch, checkpoint)
        model = DetailedIssue if self.query.details else Issue
        await self.in_file(sink.merge, StoredIssues(path, model), checkpoint)
        await self.in_file(discard, path)
        if interrupted is None:
            return checkpoint
        return await self.update(sink, checkpoint, is_continued=True)

    async def fill_gaps(self, sink: Sink, previous: Checkpoint) -> Checkpoint:
        """Read again what the first pull could not get, before an update begins."""
        base = previous if previous.since is None else previous.base
        if base is None or not (base.lacks_issues or previous.is_in_base):
            return previous
        update = None if base is previous else previous
        try:
            base = await self.load(sink, base, update=update)
        except TruncatedResultsError:  # an area without issues, whose count is always too high
            return previous
        return base if update is None else attrs.evolve(update, base=base)

    async def sweep(self, sink: Sink, checkpoint: Checkpoint) -> Checkpoint:
        """Crawl all ids into a temporary file, then mark the stored rows that are not among them.

        A complete temporary file is used again if a later step failed: it judges only issues that
        were not changed since it was begun.
        """
        updated = checkpoint.report.until or checkpoint.began
        if self.query.after and self.query.after >= updated - OVERLAP:
            return checkpoint  # all issues of the period are too new to be judged
        path = self.sweep_path
        query = attrs.evolve(self.query, fields=_SWEPT_FIELDS, details=False)
        job = attrs.evolve(self, key=query_key(query), query=query)

        def is_usable(found: Checkpoint) -> bool:
            is_worthless = found.finished and not found.report.complete
            return not is_worthless and file_age(path) < _SWEEP_EXPIRES

        async with opened(lambda: open_scratch(path, job.key, is_usable)) as scratch:
            swept = await self.in_file(scratch.read_checkpoint, job.key)
            swept = swept or attrs.evolve(job.first_checkpoint(), began=updated)
            until = swept.began - OVERLAP
            before = min(until, query.before or until)
            job = attrs.evolve(job, query=attrs.evolve(query, before=before))
            swept = await job.load(scratch, swept, "sweep")
        vanished, late, missing = None, LateIssues(), checkpoint.missing
        if swept.report.complete:
            ids = await self.in_file(read_ids, path)
            comparison = await self.in_file(compare_ids, sink.stored_rows(self.key), ids, until)
            if ids or not comparison.marks:  # without any id, the area itself may be gone
                moved = await self.in_file(sink.mark_vanished, self.key, comparison.marks)
                late = await get_late_issues(
                    self.client, comparison.missing[:_MAX_LATE], details=self.query.details
                )
                if late.issues:
                    await self.in_file(sink.merge, late.issues, checkpoint)
                vanished = comparison.vanished - moved
                missing = len(comparison.missing) - len(late.issues)
        report = add_sweep(checkpoint, swept.report, vanished, missing, late)
        checkpoint = attrs.evolve(checkpoint, report=report, missing=missing)
        await self.in_file(sink.write, (), checkpoint)
        await self.in_file(discard, path)
        return checkpoint

    async def download_photos(
        self, sink: Sink, checkpoint: Checkpoint, downloader: PhotoDownloader
    ) -> Checkpoint:
        """Download the photos of all stored issues that are not in the folder."""
        count = await self.in_file(downloader.count, sink.stored_rows(self.key))
        pace = checkpoint.report.quota_seconds / max(1, checkpoint.report.requests)
        self.progress.begin("photos", Estimate(count, count, round(count * pace, 3)))

        def report() -> Report:
            return attrs.evolve(
                checkpoint.report, photos=downloader.present, photos_missing=downloader.missing
            )

        rows = sink.stored_rows(self.key)
        await downloader.download(rows, lambda: self.progress.update(report()))
        checkpoint = attrs.evolve(checkpoint, report=report())
        await self.in_file(sink.write, (), checkpoint)
        return checkpoint
