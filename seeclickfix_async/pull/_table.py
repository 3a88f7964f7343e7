"""A pull into an Arrow table in memory."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any, Unpack

from seeclickfix_async._api.query import IssueFilters
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core.time_zone import parse_zone
from seeclickfix_async._crawl.crawl import Crawl
from seeclickfix_async._crawl.driver import Batch
from seeclickfix_async._crawl.limits import PageSize
from seeclickfix_async._tables import arrow
from seeclickfix_async.models import Issue

_MIN_COMBINED = 20_000
"""The rows of batches that are combined: apart they take 0.2 kB more for each issue, and 5,000 at a
time leave holes of 12 MB for each million issues (measured)."""


async def table(
    client: AsyncClient,
    *,
    details: bool = False,
    page_size: PageSize | None = None,
    timezone: str | tzinfo | None = None,
    **filters: Unpack[IssueFilters],
) -> Any:
    """Pull every issue of a query into an Arrow table, for pandas, polars or DuckDB.

    `table.to_pandas()` and `polars.from_arrow(table)` make data frames of it. The columns are those
    of a Parquet dataset; times are UTC or local, `lat` and `lng` are degrees. If this is cancelled,
    what was received is lost: `pull` into a file can be continued.

    Args:
        client: The client; the pull's requests have the lowest priority in its quota.
        details: Include comments, at 20 issues per request.
        page_size: Issues per request, as for `pull`.
        timezone: The place's time zone: each time gets a second column with the local time, as for
            `pull`.
        **filters: The issues to pull; see `IssueFilters`. Archived issues are included unless
            `status` excludes them.

    Returns:
        A `pyarrow.Table`.

    Raises:
        InvalidArgumentError: The arguments are wrong, or the extra `parquet` is not installed.
        TruncatedResultsError: The service did not return all issues.
        SeeClickFixError: A request failed permanently.
    """
    zone = parse_zone(timezone)
    schema = arrow.build_schema(geometry=False, zone=zone)
    pyarrow: Any = arrow.import_pyarrow()
    tables: list[Any] = []
    batches: list[Any] = []

    def combine() -> None:
        table = pyarrow.Table.from_batches(batches, schema)
        tables.append(table.combine_chunks(memory_pool=arrow.memory_pool()))
        batches.clear()

    async def append(batch: Batch[Issue]) -> None:
        # In another pool than the table, which would grow around the freed memory of batches.
        pool = pyarrow.default_memory_pool()
        batches.append(arrow.build_batch(batch.issues, schema, zone, pool=pool))
        if sum(map(len, batches)) >= _MIN_COMBINED:
            combine()

    crawl: Crawl[Issue] = client.with_options(background=True).issues.crawl(
        details=details, concurrency=None, page_size=page_size, **filters
    )
    (await crawl.run(append)).raise_if_incomplete()
    combine()
    return pyarrow.concat_tables(tables)
