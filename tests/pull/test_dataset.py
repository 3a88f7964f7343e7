"""Parquet datasets that were interrupted, damaged, or changed by other programs."""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seeclickfix_async.errors import InvalidArgumentError, ServerError
from seeclickfix_async.pull import _parquet as parquet
from seeclickfix_async.pull import pull, write_map
from seeclickfix_async.sandbox import Sandbox, Settings
from seeclickfix_async.sandbox._categories import DAY
from tests.support.event_loops import on_alternate_loops
from tests.support.faults import ProcessEnded, end_process_at
from tests.support.map_pages import read_map
from tests.support.pulled_files import read_dataset
from tests.support.sandboxes import CopyOfPull, changing_client, failing_client, make_client

pytestmark = pytest.mark.anyio

pd: Any = importlib.import_module("pandas")  # which has no types

_ROWS = 300


@pytest.fixture
def city() -> Sandbox:
    return Sandbox(_ROWS, settings=Settings(quota=None))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(parquet, "_MAX_PENDING", 100)  # so that a small city fills parts
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "city.parquet"


def _ids(path: Path) -> Counter[int]:
    return Counter(row["id"] for row in read_dataset(path))


def _hidden(path: Path) -> list[Path]:
    return list(path.glob("_*"))


def _part(path: Path) -> Path:
    return max(path.glob("month=*/part-*.parquet"), key=lambda part: part.stat().st_size)


def _sibling(path: Path, name: str) -> Path:
    return path.with_name(f"{path.name}.{name}")


async def _interrupt(path: Path, issues: int) -> None:
    """Interrupt a pull, which leaves parts and pending rows."""
    city = Sandbox(issues, settings=Settings(quota=None))
    with pytest.raises(ServerError):
        await pull(failing_client(city, after=5), to=path, page_size=40, concurrency=1)
    manifest = json.loads(_sibling(path, "pull.json").read_bytes())
    assert 0 < manifest["stored"] < manifest["length"]


async def test_polars_reads_the_folder_during_and_after_a_pull(
    city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, write=_interrupt)
    some = pl.scan_parquet(path).collect()
    await pull(make_client(city), to=path)

    whole = pl.scan_parquet(path).collect()
    assert 100 <= some.height < whole.height == _ROWS
    assert {"month"} < set(whole.columns)
    assert {found.name for found in path.parent.glob("*")} == {path.name, f"{path.name}.pull.json"}
    assert len(pd.read_parquet(path)) == _ROWS


def _zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def _zero_middle(file: Path) -> None:
    content = bytearray(file.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 500] = bytes(500)
    file.write_bytes(content)


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


_DAMAGES = [Path.unlink, _zero, _zero_middle, _truncate, _empty, _replace_by_folder]
_REPORTED = "removed or changed|was changed|cannot be read|not a regular file|not written by a pull"


@on_alternate_loops("damage", _DAMAGES)
@pytest.mark.parametrize("what", ["part", "pending", "pull.json"])
async def test_a_changed_file_of_a_dataset_is_reported(
    what: str, damage: Callable[[Path], None], city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, write=_interrupt)
    damage(_part(path) if what == "part" else _sibling(path, what))

    for _ in range(2):
        with pytest.raises(InvalidArgumentError, match=_REPORTED):
            await pull(make_client(city), to=path)


@on_alternate_loops("damage", _DAMAGES)
async def test_a_damaged_part_of_a_complete_pull_is_reported(
    damage: Callable[[Path], None], city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path)
    damage(_part(path))

    for options in ({"update": True}, {"sweep": True}, {}):
        with pytest.raises(InvalidArgumentError, match=_REPORTED):
            await pull(make_client(city), to=path, **options)  # type: ignore[arg-type]


@on_alternate_loops("what", ["part", "pending", "folder"])
async def test_a_file_removed_during_a_pull_is_reported(
    what: str, city: Sandbox, path: Path
) -> None:
    def meddle() -> None:
        if what == "folder":
            shutil.rmtree(path)
        else:
            (_part(path) if what == "part" else _sibling(path, what)).unlink()

    client = changing_client(city, 6, meddle)

    with pytest.raises(InvalidArgumentError, match=r"removed or changed|cannot be used"):
        await pull(client, to=path, page_size=40, concurrency=1)
    with pytest.raises(InvalidArgumentError, match="begin anew"):
        await pull(make_client(city), to=path)


async def test_a_dataset_checkpoint_removed_during_a_pull_is_written_again(
    city: Sandbox, path: Path
) -> None:
    client = changing_client(city, 4, lambda: _sibling(path, "pull.json").unlink())

    report = await pull(client, to=path, page_size=70, concurrency=1)

    assert report.complete
    assert set(_ids(path).values()) == {1}
    assert (await pull(make_client(city), to=path, update=True)).complete


def _with_pandas(part: Path) -> None:
    pd.read_parquet(part, partitioning=None).to_parquet(part)


def _with_polars(part: Path) -> None:
    pl.read_parquet(part, hive_partitioning=False).write_parquet(part)


def _with_duckdb(part: Path) -> None:
    fresh = part.with_suffix(".fresh")
    duckdb.execute(
        f"COPY (SELECT * FROM read_parquet('{part}', hive_partitioning = false) ORDER BY id DESC) "
        f"TO '{fresh}' (FORMAT parquet)"
    )
    fresh.replace(part)


def _with_other_types(part: Path) -> None:
    table = pq.ParquetFile(part).read()
    others = {
        "id": pa.int32(),
        "status": pa.dictionary(pa.int8(), pa.string()),
        "summary": pa.large_string(),
        "created_at": pa.timestamp("ns", "America/New_York"),
        "rating": pa.float64(),
    }
    for name, kind in others.items():
        column = table.schema.get_field_index(name)
        table = table.set_column(column, name, table[name].cast(kind))
    pq.write_table(table.select(sorted(table.column_names)), part)


@on_alternate_loops("rewrite", [_with_pandas, _with_polars, _with_duckdb, _with_other_types])
async def test_a_part_rewritten_by_another_program_is_converted_back(
    rewrite: Callable[[Path], None],
    city: Sandbox,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    copy_of_pull: CopyOfPull,
) -> None:
    await copy_of_pull(path)
    part, schema, before = _part(path), pq.read_schema(_part(path)), read_dataset(path)
    rewrite(part)

    with caplog.at_level(logging.WARNING):
        report = await pull(make_client(city), to=path, update=True)

    assert report.complete
    assert "was converted back" in caplog.text
    assert pq.read_schema(part).equals(schema)
    assert sorted(map(repr, read_dataset(path))) == sorted(map(repr, before))


def _with_a_column(table: Any) -> Any:
    return table.append_column("ward", pa.array([7] * len(table)))


def _without_a_column(table: Any) -> Any:
    return table.drop_columns(["comments"])


def _without_a_row(table: Any) -> Any:
    return table.slice(1)


def _with_another_issue(table: Any) -> Any:
    return table.set_column(0, "id", pa.array([*table["id"].to_pylist()[:-1], 7]))


def _without_zones(table: Any) -> Any:
    column = table.schema.get_field_index("created_at")
    return table.set_column(column, "created_at", table["created_at"].cast(pa.timestamp("us")))


def _with_another_value(table: Any) -> Any:
    column = table.schema.get_field_index("summary")
    texts = table["summary"].to_pylist()
    return table.set_column(column, "summary", pa.array(["changed", *texts[1:]]))


def _with_strings_for_numbers(table: Any) -> Any:
    return table.set_column(0, "id", pa.array(["x"] * len(table)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_with_a_column, "unknown columns: ward"),
        (_without_a_column, "without the columns comments"),
        (_without_a_row, "does not hold the issues"),
        (_with_another_issue, "does not hold the issues"),
        (_with_another_value, "or holds other values"),
        (_without_zones, "no time zone"),
        (_with_strings_for_numbers, "cannot be read"),
    ],
)
async def test_a_part_that_cannot_be_converted_is_reported(
    change: Callable[[Any], Any], message: str, city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path)
    part = _part(path)
    pq.write_table(change(pq.ParquetFile(part).read()), part)
    changed = part.read_bytes()

    with pytest.raises(InvalidArgumentError, match=message):
        await pull(make_client(city), to=path, update=True)
    assert part.read_bytes() == changed
    assert not _sibling(path, "new").exists()


@on_alternate_loops("name", ["city.parquet", "city.geoparquet"])
async def test_a_part_of_before_an_update_is_refused(
    name: str, city: Sandbox, tmp_path: Path
) -> None:
    """A program for synchronization may put it back: it holds the same issues, out of date."""
    path = tmp_path / name
    await pull(make_client(city), to=path, details=True)
    part = _part(path)
    older = part.read_bytes()
    for row in range(_ROWS):
        city.city.touch(row)
    assert (await pull(make_client(city), to=path, details=True, update=True)).complete
    assert part.read_bytes() != older
    part.write_bytes(older)

    for _ in range(2):
        with pytest.raises(InvalidArgumentError, match=r"other values\. Restore its last version"):
            await pull(make_client(city), to=path, details=True, update=True)


@on_alternate_loops("half", [0, 1])
async def test_a_flipped_bit_of_a_part_is_repaired_or_refused(
    half: int, city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path)
    part = _part(path)
    before, content = sorted(map(repr, read_dataset(path))), part.read_bytes()
    for place in range(7, len(content), len(content) // 40)[half::2]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        part.write_bytes(damaged)

        with contextlib.suppress(InvalidArgumentError):
            await pull(make_client(city), to=path, update=True)
            assert sorted(map(repr, read_dataset(path))) == before
        part.write_bytes(content)


@on_alternate_loops(
    "name",
    [
        "part-0 (John's conflicted copy 2026-02-01).parquet",
        "part-0-LAPTOP.parquet",
        "part-0.sync-conflict-20260201-101010-ABC.parquet",
        "part-1.parquet",
    ],
)
async def test_a_foreign_file_among_the_parts_is_ignored(
    name: str, city: Sandbox, path: Path, caplog: pytest.LogCaptureFixture, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path)
    stranger = _part(path).with_name(name)
    shutil.copy(_part(path), stranger)
    city.city.touch(5)

    with caplog.at_level(logging.WARNING):
        report = await pull(make_client(city), to=path, sweep=True)

    assert report.complete
    assert str(stranger) in caplog.text
    assert len(read_map(path)) == _ROWS  # the map reads parts only
    stranger.unlink()
    assert set(_ids(path).values()) == {1}
    assert len(_ids(path)) == _ROWS


async def test_an_issue_that_moves_to_another_month_is_stored_once(
    city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path)
    city.city.created[0] -= 60 * DAY
    city.city.touch(0)

    report = await pull(make_client(city), to=path, update=True)

    assert report.complete
    assert len(_ids(path)) == _ROWS
    assert set(_ids(path).values()) == {1}


@on_alternate_loops("first", [0, 3])
async def test_an_update_killed_at_any_step_shows_no_row_twice(
    first: int,
    city: Sandbox,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    copy_of_pull: CopyOfPull,
) -> None:
    await copy_of_pull(path)
    for step in range(first, 24, 6):
        city.city.created[0] -= 60 * DAY
        for row in range(0, _ROWS, 40):
            city.city.touch(row)
        with monkeypatch.context() as patched, contextlib.suppress(ProcessEnded):
            end_process_at(patched, step)
            await pull(make_client(city), to=path, update=True)
        assert set(_ids(path).values()) == {1}

        with contextlib.suppress(InvalidArgumentError):  # the pull is complete, and was repaired
            await pull(make_client(city), to=path)
        ids = _ids(path)
        assert len(ids) == _ROWS
        assert set(ids.values()) == {1}

    assert (await pull(make_client(city), to=path, update=True)).complete


@on_alternate_loops("rows", [b"", b"\xff\xff", b"\xff\xff\xff\xff of no account", bytes(90)])
async def test_an_update_killed_before_its_commit_is_repeated(
    rows: bytes, city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path)
    _sibling(path, "pending").write_bytes(rows)
    city.city.touch(0)

    assert (await pull(make_client(city), to=path, update=True)).complete
    assert len(_ids(path)) == _ROWS
    assert set(_ids(path).values()) == {1}


@on_alternate_loops("first", [0, 7])
async def test_a_first_pull_killed_at_any_step_shows_no_row_twice(
    first: int, city: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(first, 100, 14):
        path = tmp_path / f"{step}.parquet"
        with monkeypatch.context() as patched, contextlib.suppress(ProcessEnded):
            end_process_at(patched, step)
            await pull(make_client(city), to=path, page_size=50)
        if any(path.glob("*/*.parquet")):
            assert set(_ids(path).values()) == {1}

        with contextlib.suppress(InvalidArgumentError):  # the pull may be complete
            await pull(make_client(city), to=path)
        ids = _ids(path)
        assert len(ids) == _ROWS
        assert set(ids.values()) == {1}


@on_alternate_loops("suffix", [".pending", ".parquet", ".new", ".json.new"])
async def test_a_full_disk_is_reported_and_the_pull_can_be_continued(
    suffix: str,
    city: Sandbox,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    copy_of_pull: CopyOfPull,
) -> None:
    await copy_of_pull(path, write=_interrupt)

    def full(change: Callable[..., Any]) -> Callable[..., Any]:
        def maybe(self: Path, *arguments: Any, **options: Any) -> Any:
            if self.name.endswith(suffix):
                raise OSError(errno.ENOSPC, "No space left on device")
            return change(self, *arguments, **options)

        return maybe

    with monkeypatch.context() as patched:
        for name in ("open", "replace", "mkdir", "write_bytes"):
            patched.setattr(Path, name, full(getattr(Path, name)))
        with pytest.raises(InvalidArgumentError, match=r"No space left|cannot be written"):
            await pull(make_client(city), to=path)
    report = await pull(make_client(city), to=path)

    assert report.complete
    assert len(_ids(path)) == _ROWS
    assert set(_ids(path).values()) == {1}


def _convert_to_early_version(path: Path, number: int) -> None:
    """Move the checkpoint and the pending rows into the folder, as early versions did."""
    manifest = json.loads(_sibling(path, "pull.json").read_bytes())
    checkpoint_file = {
        "checkpoint": manifest["checkpoint"],
        "length": manifest["length"] - manifest["stored"],
        "number": number,
    }
    pending = _sibling(path, "pending")
    rest = pending.read_bytes()[manifest["stored"] :] if pending.exists() else b""
    (path / f"_pending-{number}.arrow").write_bytes(rest)
    (path / "_pull.json").write_text(json.dumps(checkpoint_file), "utf-8")
    _sibling(path, "pull.json").unlink()
    pending.unlink(missing_ok=True)


async def test_an_unfinished_dataset_of_an_early_version_is_continued(
    city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, write=_interrupt)
    _convert_to_early_version(path, 1)
    shutil.copy(_part(path), _part(path).with_name("part-1.parquet"))  # not committed yet

    report = await pull(make_client(city), to=path)

    assert report.complete
    assert len(_ids(path)) == _ROWS
    assert set(_ids(path).values()) == {1}
    assert not _hidden(path)


async def test_a_dataset_of_an_early_version_is_converted_by_any_call(
    city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path)
    shutil.copy(_part(path), _part(path).with_name("part-1.parquet"))  # its predecessor remained
    _convert_to_early_version(path, 2)

    with pytest.raises(InvalidArgumentError, match="was begun without it"):
        await pull(make_client(city), to=path, timezone="America/New_York")
    with pytest.raises(InvalidArgumentError, match="is complete"):
        await pull(make_client(city), to=path)

    assert len(_ids(path)) == _ROWS
    assert set(_ids(path).values()) == {1}
    assert not _hidden(path)


@on_alternate_loops("name", ["new", "stale"])
@pytest.mark.parametrize(
    "file",
    ["../thesis.txt", "..", "{folder}/thesis.txt", "month=1/../../thesis.txt", r"..\thesis.txt"],
)
async def test_a_manifest_cannot_name_files_outside_of_its_dataset(
    city: Sandbox, path: Path, name: str, file: str, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path)
    thesis = path.with_name("thesis.txt")
    thesis.touch()
    manifest = json.loads(_sibling(path, "pull.json").read_bytes())
    del manifest["checkpoint_checksum"]  # anyone can compute it
    manifest[name] = [file.format(folder=path.parent)]
    _sibling(path, "pull.json").write_text(json.dumps(manifest), "utf-8")

    with pytest.raises(InvalidArgumentError, match="checkpoint cannot be read"):
        await pull(make_client(city), to=path, update=True)

    assert thesis.exists()
    assert len(_ids(path)) == _ROWS


async def test_a_dataset_behind_a_symbolic_link_stays_in_its_folder(
    city: Sandbox, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "real.parquet").mkdir()
    (tmp_path / "city.parquet").symlink_to(elsewhere / "real.parquet")

    await pull(make_client(city), to=tmp_path / "city.parquet")

    assert (tmp_path / "city.parquet").is_symlink()
    assert len(_ids(elsewhere / "real.parquet")) == _ROWS


async def test_a_map_of_a_dataset_with_a_missing_part_is_refused(
    path: Path, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path)
    _part(path).unlink()

    with pytest.raises(InvalidArgumentError, match="was not written by a pull, or is damaged"):
        write_map(path, tmp_path / "page.html")
