"""A pull into memory."""

from __future__ import annotations

from typing import Any, Unpack

from seeclickfix_async._api.query import IssueFilters
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._crawl.crawl import Batch, Crawl
from seeclickfix_async._crawl.planner import PageSize
from seeclickfix_async.errors import TruncatedResultsError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull import _arrow as arrow


async def table(
    client: AsyncClient,
    *,
    details: bool = False,
    page_size: PageSize | None = None,
    **filters: Unpack[IssueFilters],
) -> Any:
    """Pull every issue of a query into an Arrow table, for pandas, polars or DuckDB.

    `table.to_pandas()` and `polars.from_arrow(table)` make frames of it. The columns are those of
    a Parquet dataset; times are UTC, `lat` and `lng` are degrees.

    Args:
        client: Asks the service.
        details: Bring comments too, 20 issues a request.
        page_size: Issues a request, as for `pull`.
        **filters: Which issues; see `IssueFilters`. Archived ones are included unless `status`
            says otherwise.

    Returns:
        A `pyarrow.Table`.

    Raises:
        InvalidArgumentError: The arguments are wrong, or the extra `parquet` is not installed.
        TruncatedResultsError: Not everything came.
        SeeClickFixError: A request failed for good.
    """
    schema = arrow.schema(geometry=False)
    parts: list[Any] = []

    async def keep(batch: Batch[Issue]) -> None:
        parts.append(arrow.batch(batch.issues, schema))

    crawl: Crawl[Issue] = client.with_options(background=True).issues.crawl(
        details=details, concurrency=None, page_size=page_size, **filters
    )
    report = await crawl.run(keep)
    if not report.complete:
        raise TruncatedResultsError(
            " ".join(report.reasons), received=report.received, entries=report.expected
        )
    whole: Any = arrow.library()
    return whole.Table.from_batches(parts, schema)
