"""A pull into an Arrow table in memory."""

from __future__ import annotations

from typing import Any, Unpack

from seeclickfix_async._api.query import IssueFilters
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._crawl.crawl import Crawl
from seeclickfix_async._crawl.driver import Batch
from seeclickfix_async._crawl.limits import PageSize
from seeclickfix_async._tables import arrow
from seeclickfix_async.errors import TruncatedResultsError
from seeclickfix_async.models import Issue


async def table(
    client: AsyncClient,
    *,
    details: bool = False,
    page_size: PageSize | None = None,
    **filters: Unpack[IssueFilters],
) -> Any:
    """Pull every issue of a query into an Arrow table, for pandas, polars or DuckDB.

    `table.to_pandas()` and `polars.from_arrow(table)` make data frames of it. The columns are those
    of a Parquet dataset; times are UTC, `lat` and `lng` are degrees.

    Args:
        client: The client; the pull's requests have the lowest priority in its quota.
        details: Include comments, at 20 issues per request.
        page_size: Issues per request, as for `pull`.
        **filters: The issues to pull; see `IssueFilters`. Archived issues are included unless
            `status` excludes them.

    Returns:
        A `pyarrow.Table`.

    Raises:
        InvalidArgumentError: The arguments are wrong, or the extra `parquet` is not installed.
        TruncatedResultsError: The service did not return all issues.
        SeeClickFixError: A request failed permanently.
    """
    schema = arrow.build_schema(geometry=False)
    batches: list[Any] = []

    async def append(batch: Batch[Issue]) -> None:
        batches.append(arrow.build_batch(batch.issues, schema))

    crawl: Crawl[Issue] = client.with_options(background=True).issues.crawl(
        details=details, concurrency=None, page_size=page_size, **filters
    )
    report = await crawl.run(append)
    if not report.complete:
        raise TruncatedResultsError(
            " ".join(report.reasons), received=report.received, entries=report.expected
        )
    pyarrow: Any = arrow.import_pyarrow()
    return pyarrow.Table.from_batches(batches, schema)
