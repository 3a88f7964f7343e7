"""Parquet datasets and tables, read by query engines and data frame libraries."""

from __future__ import annotations

import contextlib
import struct
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import msgspec
import polars as pl
import pyarrow.dataset
import pyarrow.parquet
import pytest

from seeclickfix_async import AsyncClient, Issue
from seeclickfix_async._tables import arrow
from seeclickfix_async.errors import InvalidArgumentError, ServerError, TruncatedResultsError
from seeclickfix_async.pull import _parquet as parquet
from seeclickfix_async.pull import open_sink, pull, table
from seeclickfix_async.pull._checkpoint import Checkpoint
from seeclickfix_async.pull._parts import PartFiles
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.faults import ProcessEnded, end_process_at
from tests.support.sandboxes import failing_client, make_client

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def city() -> Sandbox:
    return Sandbox(600, settings=Settings(quota=None))


@pytest.fixture
def client(city: Sandbox) -> AsyncClient:
    return make_client(city)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(parquet, "_MAX_PENDING", 150)  # so that a small city fills parts
        yield


def _names(folder: Path) -> set[str]:
    return {found.name for found in folder.iterdir()}


@pytest.mark.usefixtures("small_parts")
async def test_a_dataset_has_one_file_per_month(client: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "city.parquet"
    await pull(client, to=path, concurrency=4)

    files = [str(file.relative_to(path)) for file in path.glob("**/*.parquet")]
    assert 30 < len(files) == len({file.partition("/")[0] for file in files})
    whole = pyarrow.dataset.dataset(path, partitioning="hive").to_table()
    months = {created.strftime("%Y-%m") for created in whole["created_at"].to_pylist()}
    assert {str(month) for month in whole["month"].to_pylist()} == months
    assert len(set(whole["id"].to_pylist())) == len(whole) == 600


@pytest.mark.usefixtures("small_parts")
async def test_a_dataset_interrupted_at_any_step_becomes_complete(
    client: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "city.parquet"
    for step in range(0, 90, 4):
        with (
            monkeypatch.context() as patched,
            contextlib.suppress(ProcessEnded, InvalidArgumentError),
        ):
            end_process_at(patched, step)
            await pull(client, to=path)
    report = await pull(client, to=path, update=True)

    whole = pyarrow.dataset.dataset(path, partitioning="hive").to_table()
    assert report.complete
    assert len(set(whole["id"].to_pylist())) == len(whole) == 600
    assert _names(tmp_path) == {"city.parquet", "city.parquet.pull.json"}


@pytest.mark.usefixtures("small_parts")
async def test_rows_are_readable_before_the_pull_is_complete(city: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "city.parquet"
    with pytest.raises(ServerError):
        await pull(failing_client(city, after=4), to=path)

    whole = pyarrow.dataset.dataset(path, partitioning="hive").to_table()
    assert 150 <= len(set(whole["id"].to_pylist())) == len(whole) < 600


async def test_months_are_in_utc(client: AsyncClient, tmp_path: Path) -> None:
    decoder = msgspec.json.Decoder(Issue)
    late = decoder.decode(b'{"id": 1, "created_at": "2024-12-31T23:30:00-05:00"}')
    never = decoder.decode(b'{"id": 2}')
    checkpoint = Checkpoint(
        key="key",
        query={},
        began=datetime.now(UTC),
        state=msgspec.Raw(b"{}"),
        report=client.issues.crawl().report,
        finished=True,
    )
    with open_sink(tmp_path / "city.parquet") as sink:
        sink.write([late, never], checkpoint)

    months = {path.name for path in (tmp_path / "city.parquet").glob("month=*")}
    assert months == {"month=2025-01", "month=__HIVE_DEFAULT_PARTITION__"}


async def test_query_engines_read_a_dataset(client: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "city.parquet"
    await pull(client, to=path)
    files = f"{path}/*/*.parquet"

    with duckdb.connect() as database:
        question = "SELECT count(*), min(created_at) FROM read_parquet(?)"
        opened = database.execute(question, [files]).fetchone()
    frame = pl.read_parquet(files, hive_partitioning=True)
    assert opened is not None
    assert opened[0] == frame.height == 600
    assert frame["created_at"].dtype == pl.Datetime("us", "UTC")
    assert opened[1] == frame["created_at"].min()


async def test_points_follow_geoparquet(client: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "city.geoparquet"
    await pull(client, to=path, after=None)

    file = next(path.glob("**/*.parquet"))
    metadata = pyarrow.parquet.read_schema(file).metadata
    geo = msgspec.json.decode(metadata[b"geo"])
    row = pyarrow.parquet.read_table(file, partitioning=None).to_pylist()[0]
    assert geo["columns"][geo["primary_column"]]["encoding"] == "WKB"
    assert struct.unpack("<BIdd", row["geometry"]) == (1, 1, row["lng"], row["lat"])
    assert metadata[b"attribution"] == b"seeclickfix.com"


async def test_comments_are_stored_with_details(client: AsyncClient) -> None:
    whole = (await table(client, status="open", details=True)).to_pylist()

    assert sum(len(row["comments"]) for row in whole) == sum(row["comments_count"] for row in whole)
    assert any(row["comments"] and row["comments"][0]["comment"] for row in whole)


async def test_a_table_holds_every_issue(client: AsyncClient) -> None:
    whole = await table(client)

    pandas = whole.to_pandas()
    frame = pl.from_arrow(whole)
    assert isinstance(frame, pl.DataFrame)
    assert len(pandas) == frame.height == 600
    assert str(pandas["created_at"].dtype) == "datetime64[us, UTC]"
    assert set(pandas["status"]) <= {"open", "acknowledged", "closed", "archived"}


async def test_an_incomplete_table_raises_an_error() -> None:
    from seeclickfix_async import PlaceArea

    sandbox = Sandbox(1000, settings=Settings(quota=None, depth=100))

    with pytest.raises(TruncatedResultsError, match="more issues than the service serves"):
        await table(make_client(sandbox), area=PlaceArea("example-city"))


async def test_one_row_group_is_in_memory_at_a_time(client: AsyncClient, tmp_path: Path) -> None:
    issues = (await client.issues.list(per_page=64, status="all")).items
    schema = arrow.build_schema(geometry=False)
    pool = pyarrow.system_memory_pool()
    before, gathered = pool.bytes_allocated(), list[int]()

    def batches() -> Iterator[pyarrow.RecordBatch]:
        for _ in range(256):  # 64 chunks make a row group
            yield arrow.build_batch(issues, schema)
            gathered.append(pool.bytes_allocated() - before)

    part = PartFiles(schema).write(batches(), tmp_path / "part.parquet", "part.parquet")

    assert part is not None
    assert part.rows == 256 * 64
    assert max(gathered) < 1.1 * max(gathered[:63])


async def test_a_missing_library_is_named(
    client: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(InvalidArgumentError, match=r"seeclickfix-async\[parquet\]"):
        await pull(client, to=tmp_path / "city.parquet")
    with pytest.raises(InvalidArgumentError, match=r"seeclickfix-async\[parquet\]"):
        await table(client)
