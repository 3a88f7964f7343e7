"""Readers of pulled files, which return the columns of a map in chunks."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from seeclickfix_async._tables import arrow
from seeclickfix_async._tables.columns import COLUMNS, local_name, to_columns
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull._checkpoint import CheckpointFile, checkpoint_path
from seeclickfix_async.pull._csv import read_rows
from seeclickfix_async.pull._geojson import HEADER
from seeclickfix_async.pull._manifest import Manifest
from seeclickfix_async.pull._sqlite_lock import error_code

Chunk = Mapping[str, Sequence[Any]]
"""Values by column; times are seconds since 1970, and local times as if their zone were UTC."""

_ROWS = 5000  # of a chunk, which is in memory
_TIMES = ("created_at", "closed_at")
_LOCAL_TIMES = tuple(map(local_name, _TIMES))
_PLACE = ("lat", "lng")
_PLAIN = ("id", "status", "request_type", "summary", "address", *_PLACE, "html_url", "image")
_NAMES = (*_PLAIN, *_TIMES, "vanished_at")
_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_ISSUE_COLUMNS = tuple(column for column in COLUMNS if column.name in _NAMES[:-1])


def read_chunks(file: Path) -> Iterator[Chunk]:
    """Iterate over the rows of a file that `pull` wrote."""
    # The other files of the pull are beside the target of a symbolic link.
    return READERS[file.suffix](Path(os.path.realpath(file)))


def is_complete(file: Path) -> bool:
    """Check whether the pulls of a file are complete, as far as it says so."""
    file = Path(os.path.realpath(file))
    with contextlib.suppress(InvalidArgumentError, sqlite3.Error):  # the rows are readable
        if file.suffix == ".db":
            with closing(_open_database(file)) as database:
                return not database.execute("SELECT 1 FROM pulls WHERE NOT complete").fetchall()
        saved = CheckpointFile.read(checkpoint_path(file))
        return saved is None or saved.checkpoint is None or saved.checkpoint.is_done
    return True


class _Added(msgspec.Struct):
    """The members that a pull adds to an issue."""

    vanished_at: str | None = None
    created_at_local: str | None = None
    closed_at_local: str | None = None


def _read_lines(file: Path) -> Generator[bytes]:
    """Yield the lines of a file, without what its pull has written beyond its checkpoint.

    The last row there may be torn: the pull is writing it, or was killed then.
    """
    saved = None
    with contextlib.suppress(InvalidArgumentError):  # the rows are readable without it
        saved = CheckpointFile.read(checkpoint_path(file))
    left = -1 if saved is None else saved.length
    with file.open("rb") as lines:
        for line in lines:
            if not left:
                return
            yield line
            left -= len(line)


def _read_jsonl(file: Path) -> Iterator[Chunk]:
    decoder, added = msgspec.json.Decoder(Issue), msgspec.json.Decoder(list[_Added])
    with closing(_read_lines(file)) as lines:
        while rows := list(itertools.islice(lines, _ROWS)):
            columns: dict[str, Sequence[Any]] = {}
            columns |= to_columns(list(map(decoder.decode, rows)), _ISSUE_COLUMNS)
            members = added.decode(b"[" + b",".join(rows) + b"]")
            for name in ("vanished_at", *_LOCAL_TIMES):
                columns[name] = [getattr(row, name) for row in members]
            yield _with_seconds(columns)


def _read_csv(file: Path) -> Iterator[Chunk]:
    with closing(_read_lines(file)) as lines:
        for chunk in _to_chunks(read_rows(lines)):
            degrees = {
                name: [float(cell) if cell else None for cell in chunk[name]] for name in _PLACE
            }
            yield {**chunk, **degrees}


def _read_geojson(file: Path) -> Iterator[Chunk]:
    with closing(_read_lines(file)) as lines:
        if next(lines, HEADER) != HEADER:
            raise ValueError("The header is missing.")
        yield from _to_chunks(map(_feature_row, itertools.takewhile(_is_feature, lines)))


def _is_feature(line: bytes) -> bool:
    return not line.startswith(b"]")


def _feature_row(line: bytes) -> dict[str, Any]:
    feature = msgspec.json.decode(line.removeprefix(b","))
    lng, lat = feature["geometry"]["coordinates"] if feature["geometry"] else (None, None)
    return {**feature["properties"], "lat": lat, "lng": lng}


def _read_database(file: Path) -> Iterator[Chunk]:
    with closing(_open_database(file)) as database:
        found = {name for _, name, *_ in database.execute("PRAGMA table_info(issues)")}
        names = [*_NAMES, *(name for name in _LOCAL_TIMES if name in found)]
        cursor = database.execute(f"SELECT {', '.join(names)} FROM issues")  # noqa: S608  # constants
        while rows := cursor.fetchmany(_ROWS):
            yield _with_seconds(dict(zip(names, zip(*rows, strict=True), strict=True)))


def _open_database(file: Path) -> sqlite3.Connection:
    """Open a database for reading; as unchanging if its folder is read-only.

    SQLite needs a file for locks beside it, unless the last pull has ended and left no log.
    """
    database = sqlite3.connect(file)
    try:
        database.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        database.close()
        if error_code(error) not in _UNWRITABLE or Path(f"{file}-wal").exists():
            raise
        database = sqlite3.connect(f"{file.resolve().as_uri()}?immutable=1", uri=True)
    return database


def _read_dataset(file: Path) -> Iterator[Chunk]:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    manifest = Manifest.read(checkpoint_path(file))
    paths = [file / part.path for part in manifest.parts] if manifest else file.rglob("*.parquet")
    for path in paths:
        # A dataset of all parts would read hundreds of megabytes ahead.
        with (
            arrow.open_file(path) as source,
            parquet.ParquetFile(source, pre_buffer=False) as part,
        ):
            found = part.schema_arrow.names
            columns = [*_NAMES, *(name for name in _LOCAL_TIMES if name in found)]
            for batch in part.iter_batches(_ROWS, columns=columns, use_threads=False):
                yield {name: _arrow_values(name, batch.column(name)) for name in columns}


def _arrow_values(name: str, column: Any) -> list[Any]:
    if name in (*_TIMES, *_LOCAL_TIMES):
        # One conversion in Arrow takes a tenth of the time of a datetime for each value.
        column = column.cast("timestamp[s]", safe=False).cast("int64")
    values: list[Any] = column.to_pylist()
    return values


def _to_chunks(rows: Iterable[Mapping[str, Any]]) -> Iterator[Chunk]:
    rows = iter(rows)
    while chunk := list(itertools.islice(rows, _ROWS)):
        if "id" not in chunk[0]:
            raise ValueError("The column id is missing.")
        names = (*_NAMES, *(name for name in _LOCAL_TIMES if name in chunk[0]))
        yield _with_seconds({name: [row.get(name) for row in chunk] for name in names})


def _with_seconds(columns: dict[str, Sequence[Any]]) -> Chunk:
    for name in _TIMES:
        columns[name] = [int(_parse(time).timestamp()) if time else None for time in columns[name]]
    for name in set(_LOCAL_TIMES).intersection(columns):
        local = [_parse(time) if time else None for time in columns[name]]
        columns[name] = [time and int(time.replace(tzinfo=UTC).timestamp()) for time in local]
    return columns


def _parse(time: str | datetime) -> datetime:
    return datetime.fromisoformat(time) if isinstance(time, str) else time


READERS: dict[str, Callable[[Path], Iterator[Chunk]]] = {
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
    ".geojson": _read_geojson,
    ".db": _read_database,
    ".parquet": _read_dataset,
    ".geoparquet": _read_dataset,
}
