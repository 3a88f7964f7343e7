"""A pull: everything of a query into a file, however often it is interrupted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Unpack

import attrs
import msgspec

from seeclickfix_async import checks
from seeclickfix_async.areas import PlaceArea
from seeclickfix_async.client import AsyncClient
from seeclickfix_async.crawl import Batch, Crawl
from seeclickfix_async.errors import InvalidArgumentError, SeeClickFixError
from seeclickfix_async.models import DetailedIssue, Issue, Place
from seeclickfix_async.planner import PageSize
from seeclickfix_async.pull.checkpoint import Checkpoint, asked, key_of, remove
from seeclickfix_async.pull.files import in_file, issues_in, scratch
from seeclickfix_async.pull.held import ids_in, marks_of
from seeclickfix_async.pull.photos import Album
from seeclickfix_async.pull.sinks import Sink, open_sink
from seeclickfix_async.pull.teller import Silent, Stage, Teller
from seeclickfix_async.queries import ALL, By, IssueFilters, IssueQuery
from seeclickfix_async.report import Estimate, Report
from seeclickfix_async.transport.detached import in_thread

OVERLAP = timedelta(hours=1)
"""An update looks so far back beyond the last one, since clocks differ and replicas lag.

For the same reasons a sweep says nothing about what the service told of in the last hour.
"""

_ABANDONED = timedelta(days=1)
"""A sweep that was left alone for so long begins anew: what had gone by then may be back."""

_PLACES = 100  # of those around an issue
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
    walkers: int | None = None,
    update: bool = False,
    sweep: bool = False,
    photos: str | Path | None = None,
    teller: Teller | None = None,
    **filters: Unpack[IssueFilters],
) -> Report:
    """Pull every issue of a query into a file, and go on where an earlier call stopped.

    A process may be killed at any instant: calling this again with the same arguments loses no
    issue, doubles none, and repeats no request but those that were under way. A cancelled call
    leaves a usable file behind.

    Args:
        client: Asks the service.
        to: The file: `.jsonl`, `.csv`, `.geojson` or `.db` (SQLite); or the folder of a dataset:
            `.parquet` or `.geoparquet`, one file for each month.
        details: Bring comments, questions, votes and integrations too, 20 issues a request.
        page_size: Issues a request: 100 unless told, 20 with details. `"largest"` asks for
            1,000 and keeps what is granted, which may make a pull ten times cheaper.
        walkers: How many walk at once, 1 to 32, each through a period of its own; as many as
            the quota can keep busy unless told. 16 requests at most are under way at once.
        update: Bring a pull that is done up to date: issues that were updated since it began
            come again, and replace what the file holds of them. Only a pull by area and time of
            creation can be: an issue that leaves another filter is not told.
        sweep: Update, and then look which issues of a pull that was done the service gives no
            longer; `vanished_at` says so in their rows until they come again. Takes a request for
            each 100 issues of the whole pull, with details too, or as `page_size` says; now and
            then is enough. Memory grows by 8 bytes for each of them.
        photos: A folder for the issues' photos in full size, each named by its issue's id. They
            come when the issues are there, some at once, from where the links redirect to, which
            gets no token, and take one place of the quota each. One that is there is not fetched
            again; one that cannot be had is counted, and stops nothing. A pull that is done may be
            given a folder later.
        teller: Is told what is to come, and what has come.
        **filters: Which issues; see `IssueFilters`. Archived ones are included unless `status`
            says otherwise. With `fields`, created_at and updated_at come too.

    Returns:
        What came, and whether that is everything; a pull is complete or says why not. The file
        holds it too.

    Raises:
        InvalidArgumentError: The arguments are wrong, or the file holds something else, or the
            pull is done already, or the disk is full, or somebody else holds the database.
        SeeClickFixError: A request failed for good; what had come is kept.
    """
    for own in ("sort", "sort_direction"):
        checks.absent(own, filters.get(own), "a pull sorts by its own clock.")
    query = IssueQuery.of({"status": "all", **filters}, details=details, per_page=None)
    key = key_of(query)
    if query.fields is not None:  # both clocks: an update replaces whole rows, found by creation
        query = attrs.evolve(query, fields=(*query.fields, "created_at", "updated_at"))
    job = _Job(
        client.with_options(background=True),
        key,
        query,
        tuple(filters),
        page_size,
        walkers,
        teller or Silent(),
    )
    job.crawl("created_at")  # refuses wrong arguments before there is a file
    if photos is not None and query.fields is not None and "media" not in query.fields:
        raise InvalidArgumentError("fields", "must bring media, for the photos.")
    path = Path(to)
    album = None if photos is None else Album(job.client, Path(photos))
    with open_sink(path) as sink:
        begun = job.begun(sink, path, later=update or sweep)
        if album is not None:
            await in_thread(album.open)
        if begun is None or not begun.finished:
            now = await job.walk(sink, begun or job.start())
        elif update or sweep:
            job.check_updatable()
            now = await job.update(sink, begun, path)
        elif album is not None:
            now = begun
        else:
            raise InvalidArgumentError(
                "to",
                f"this pull is done, and {path} holds it. What changed since comes with "
                "update=True; to bring all of it again, name another file.",
            )
        if sweep and now.since is not None:  # otherwise everything has just come
            now = await job.sweep(sink, now, path)
        if album is not None:
            now = await job.photograph(sink, now, album)
        return now.report


@attrs.frozen
class _Job:
    """One call of `pull`."""

    client: AsyncClient
    key: str
    query: IssueQuery
    given: tuple[str, ...]  # names of the filters
    page_size: PageSize | None
    walkers: int | None
    teller: Teller

    def begun(self, sink: Sink, path: Path, *, later: bool) -> Checkpoint | None:
        """Where it stands; an update is refused where only other pulls are."""
        found = sink.load(self.key)
        if found is None and later and not sink.empty:
            raise InvalidArgumentError(
                "to",
                f"{path} holds other pulls, and none of this query to bring up to date. Give the "
                "same area (such as --place) and filters as before; a pull that is to be added "
                "comes without update=True.",
            )
        return found

    def check_updatable(self) -> None:
        """Refuse filters that an issue can leave without a word.

        An update would keep its row as it was, and a sweep would say that it has vanished.
        """
        why = (
            "a pull with this filter cannot be brought up to date: an issue that leaves it is not "
            "told. Pull without it, or into another file."
        )
        for name in _LEFT:
            checks.absent(name, getattr(self.query, name) or None, why)
        if set(self.query.status or ()) != set(ALL):
            raise InvalidArgumentError(
                "status",
                "an issue that leaves a status is not told; only a pull of all can be updated.",
            )

    def start(self, done: Checkpoint | None = None) -> Checkpoint:
        """Where a walk begins: by creation, or by updates since another one."""
        since = done.covered if done else None
        by: By = "created_at" if since is None else "updated_at"
        return Checkpoint(
            key=self.key,
            query=asked(self.query),
            began=datetime.now(UTC),
            state=msgspec.Raw(),
            report=self.crawl(by, since).report,
            finished=False,
            since=since,
            newest=done.newest if done else None,
            place=done.place if done else None,
        )

    async def update(self, sink: Sink, done: Checkpoint, path: Path) -> Checkpoint:
        """Walk by updates; where that replaces no rows, into a file beside, and then merge it."""
        if sink.upserts:
            return await self.walk(sink, self.start(done))
        path = path.with_name(f"{path.name}.update.jsonl")
        with scratch(path) as changes:
            now = changes.load(self.key) or self.start(done)
            if not now.finished:
                now = await self.walk(changes, now)
        kind = DetailedIssue if self.query.details else Issue
        await in_file(sink.merge, issues_in(path, kind), now)
        remove(path)
        return now

    async def sweep(self, sink: Sink, done: Checkpoint, path: Path) -> Checkpoint:
        """Walk through the ids, into a file beside; then mark what the sink holds beyond them."""
        if self.query.after and self.query.after >= datetime.now(UTC) - OVERLAP:
            return done  # nothing of this period is old enough
        path = path.with_name(f"{path.name}.{self.key[:8]}.sweep.csv")
        ids = attrs.evolve(self.query, fields=("created_at",), details=False)
        job = attrs.evolve(self, key=key_of(ids), query=ids, given=(*self.given, "fields"))
        with scratch(path, _ABANDONED) as met:
            now = met.load(job.key) or job.start()
            until = now.began - OVERLAP
            if not now.finished:
                now = await job.until(until).walk(met, now, "sweep")
        swept, vanished = now.report, None
        if swept.complete and swept.received:
            there = await in_file(ids_in, path)
            held = sink.held(self.key)
            marks, vanished = await in_file(marks_of, held, there, until)
            await in_file(sink.mark, marks)
        done = attrs.evolve(done, report=_together(done.report, swept, vanished))
        await in_file(sink.write, (), done)
        remove(path)
        return done

    async def photograph(self, sink: Sink, done: Checkpoint, album: Album) -> Checkpoint:
        """Fetch the photos of everything that the sink holds and that are not there."""
        left = await in_file(album.count, sink.held(self.key))
        each = done.report.quota_seconds / done.report.requests
        self.teller.begin("photos", Estimate(left, left, round(left * each, 3)))

        def report() -> Report:
            return attrs.evolve(done.report, photos=album.kept, photos_missing=album.missing)

        await album.fill(sink.held(self.key), lambda: self.teller.tell(report()))
        done = attrs.evolve(done, report=report())
        await in_file(sink.write, (), done)
        return done

    def until(self, moment: datetime) -> _Job:
        """The same, of what was created before a moment."""
        before = min(moment, self.query.before or moment)
        query = attrs.evolve(self.query, before=before)
        return attrs.evolve(self, query=query, given=(*self.given, "before"))

    async def walk(self, sink: Sink, now: Checkpoint, stage: Stage = "pull") -> Checkpoint:
        """Walk on from where it stands, to the end."""
        by: By = "created_at" if now.since is None else "updated_at"
        stage = stage if now.since is None else "update"
        crawl = self.crawl(by, now.since, bytes(now.state) or None)

        async def keep(batch: Batch[Issue]) -> None:
            nonlocal now
            first = now.report.received == 0
            place = await self.place_of(batch.issues) if first and not now.place else now.place
            state = msgspec.Raw(batch.state)
            now = attrs.evolve(
                now,
                state=state,
                report=batch.report,
                finished=batch.last,
                newest=_newest(now.newest, batch.issues),
                place=place,
            )
            await in_file(sink.write, batch.issues, now)
            self.teller.tell(batch.report)

        self.teller.begin(stage, await crawl.estimate())
        await crawl.run(keep)
        return now

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
        self, by: By, since: datetime | None = None, state: bytes | None = None
    ) -> Crawl[Issue]:
        """The walk, from where it stood."""
        filters: dict[str, Any] = {name: getattr(self.query, name) for name in self.given}
        if since is not None:
            filters["updated_at_after"] = since - OVERLAP
        walk: Crawl[Issue] = self.client.issues.crawl(  # type: ignore[call-overload]
            details=self.query.details,
            by=by,
            walkers=self.walkers,
            page_size=self.page_size,
            state=state,
            **filters,
        )
        return walk


def _newest(before: datetime | None, issues: Sequence[Issue]) -> datetime | None:
    updates = (issue.updated_at for issue in issues if issue.updated_at is not None)
    return max(itertools.chain(updates, () if before is None else (before,)), default=None)


def _together(update: Report, sweep: Report, vanished: int | None) -> Report:
    """The report of an update and a sweep."""
    reasons = update.reasons
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
