"""A pull: everything of a query into a file, however often it is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Unpack

import attrs
import msgspec
from anyio import to_thread

from seeclickfix_async import checks
from seeclickfix_async.client import AsyncClient
from seeclickfix_async.crawl import Batch, Crawl
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue, Issue
from seeclickfix_async.pull.checkpoint import Checkpoint, asked, beside, key_of, remove
from seeclickfix_async.pull.sinks import Sink, open_sink
from seeclickfix_async.queries import ALL, By, IssueFilters, IssueQuery
from seeclickfix_async.report import Estimate, Report
from seeclickfix_async.walk import PageSize

OVERLAP = timedelta(hours=1)
"""An update looks so far back beyond the last one, since clocks differ and replicas lag."""


class Teller(Protocol):
    """Tells a person how a pull goes."""

    def begin(self, estimate: Estimate) -> None:
        """So much is to come."""
        ...

    def tell(self, report: Report) -> None:
        """So much has come."""
        ...


class Silent:
    """Tells nobody."""

    def begin(self, estimate: Estimate) -> None:
        """Say nothing."""

    def tell(self, report: Report) -> None:
        """Say nothing."""


async def pull(
    client: AsyncClient,
    *,
    to: str | Path,
    details: bool = False,
    page_size: PageSize | None = None,
    walkers: int | None = None,
    update: bool = False,
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
            come again, and replace what the file holds of them.
        teller: Is told what is to come, and what has come.
        **filters: Which issues; see `IssueFilters`. Archived ones are included unless `status`
            says otherwise.

    Returns:
        What came, and whether that is everything; a pull is complete or says why not. The file
        holds it too.

    Raises:
        InvalidArgumentError: The arguments are wrong, or the file holds something else, or the
            pull is done already.
        SeeClickFixError: A request failed for good; what had come is kept.
    """
    for own in ("sort", "sort_direction"):
        checks.absent(own, filters.get(own), "a pull sorts by its own clock.")
    query = IssueQuery.of({"status": "all", **filters}, details=details, per_page=None)
    job = _Job(
        client.with_options(background=True),
        query,
        tuple(filters),
        page_size,
        walkers,
        teller or Silent(),
    )
    job.crawl("created_at")  # refuses wrong arguments before there is a file
    path = Path(to)
    with open_sink(path) as sink:
        before = sink.load(key_of(query))
        if before is None or not before.finished:
            return await job.walk(sink, before, since=before.since if before else None)
        if not update:
            raise InvalidArgumentError(
                "to",
                f"this pull is done, and {path} holds it. What changed since comes with "
                "update=True, or scf pull --update; to bring all of it again, name another file.",
            )
        job.check_updatable()
        if sink.upserts:
            return await job.walk(sink, None, since=before.began)
        return await job.update(sink, before, path.with_name(f"{path.name}.update.jsonl"))


@attrs.frozen
class _Job:
    """One call of `pull`."""

    client: AsyncClient
    query: IssueQuery
    given: tuple[str, ...]  # names of the filters
    page_size: PageSize | None
    walkers: int | None
    teller: Teller

    def check_updatable(self) -> None:
        """Refuse filters that an issue can leave without a word."""
        why = "a pull with this filter cannot be brought up to date."
        for name in ("updated_at_after", "updated_at_before"):
            checks.absent(name, getattr(self.query, name), why)
        if set(self.query.status or ()) != set(ALL):
            raise InvalidArgumentError(
                "status",
                "an issue that leaves a status is not told; only a pull of all can be updated.",
            )

    async def update(self, sink: Sink, done: Checkpoint, path: Path) -> Report:
        """Walk by updates into a file beside, then put what came in its place."""
        with _scratch(path) as changes:
            before = changes.load(done.key)
            if before is None or not before.finished:
                await self.walk(changes, before, since=done.began)
            now = changes.load(done.key) or done
        kind = DetailedIssue if self.query.details else Issue
        await to_thread.run_sync(sink.merge, _issues_in(path, kind), now)
        remove(path)
        return now.report

    async def walk(
        self, sink: Sink, before: Checkpoint | None, *, since: datetime | None
    ) -> Report:
        """Walk from where it stood, by creation, or by updates since a moment."""
        began = before.began if before else datetime.now(UTC)
        by: By = "created_at" if since is None else "updated_at"
        crawl = self.crawl(by, since, bytes(before.state) if before else None)
        key, query = key_of(self.query), asked(self.query)

        async def keep(batch: Batch[Issue]) -> None:
            state = msgspec.Raw(batch.state)
            now = Checkpoint(key, query, began, state, batch.report, batch.last, since)
            await to_thread.run_sync(sink.write, batch.issues, now)
            self.teller.tell(batch.report)

        self.teller.begin(await crawl.estimate())
        return await crawl.run(keep)

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


def _scratch(path: Path) -> Sink:
    """A file beside, for what is not in its place yet.

    A process may have ended while it removed the last one, data first.
    """
    if not path.exists():
        beside(path).unlink(missing_ok=True)
    return open_sink(path)


def _issues_in(path: Path, kind: type[Issue]) -> Iterator[Issue]:
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
