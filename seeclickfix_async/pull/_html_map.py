"""A pull as an HTML page with a map, charts and a table, for a browser without network."""

from __future__ import annotations

import csv
import importlib
import itertools
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, tzinfo
from datetime import timezone as datetime_timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from seeclickfix_async._core.time_zone import parse_zone
from seeclickfix_async._tables import arrow
from seeclickfix_async._tables.columns import NAMES, local_name, plain_rows
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull._checkpoint import checkpoint_path
from seeclickfix_async.pull._csv import read_rows
from seeclickfix_async.pull._manifest import Manifest

_COLUMNS = (
    "id",
    "status",
    "request_type",
    "summary",
    "address",
    "lat",
    "lng",
    "created_at",
    "closed_at",
    "html_url",
)
_CHUNK = 1000  # issues that are in memory at once
_READ_COLUMNS = (*_COLUMNS, "vanished_at")
_TIMES = ("created_at", "closed_at")
_LOCAL_COLUMNS = tuple(map(local_name, _TIMES))
_DEFAULTS = {"status": "unknown", "request_type": "Post to Neighbors", "summary": "", "address": ""}

# The errors of readers for damaged files; Arrow's are subclasses of these.
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    OverflowError,
    OSError,
    csv.Error,
    sqlite3.Error,
    msgspec.MsgspecError,
)

Row = dict[str, Any]


def map_page(file: Path, *, timezone: str | tzinfo | None = None) -> str:
    """Return the HTML page of a pull's file, without the issues that a sweep marked as vanished.

    Args:
        file: A file or dataset that `pull` wrote.
        timezone: The time zone of days and months; by default that of the pull, or UTC.

    Raises:
        InvalidArgumentError: The file does not exist, holds no issues, or was not written by
            `pull`.
    """
    zone = parse_zone(timezone)
    reader = _READERS.get(file.suffix)
    if reader is None:
        raise InvalidArgumentError("file", f"must end in one of {', '.join(_READERS)}.")
    try:
        is_there = file.is_file() or file.is_dir()
        rows = reader(file) if is_there else iter(())
        shown = (row for row in rows if not row.get("vanished_at"))
        local = (_with_local_times(row, zone) for row in shown)
        issues = sorted(map(_cells, local), key=lambda cells: str(cells[7] or ""))
        name = os.fsencode(file.name).decode("utf-8", "replace")
        data = msgspec.json.encode({"name": name, "issues": issues}).decode()
    except _UNREADABLE as error:
        raise InvalidArgumentError(
            "file",
            f"{file} was not written by a pull, or is damaged: {error!r}. Pull it again, or "
            "restore it.",
        ) from None
    if not is_there:
        raise InvalidArgumentError("file", f"{file} does not exist, or is not a file or dataset.")
    if not issues:
        raise InvalidArgumentError(
            "file",
            f"{file} holds no issues to show. If its pull was interrupted, continue it first.",
        )
    # A string in the data must not end the script element around it.
    safe = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    template = Path(__file__).with_name("map.html").read_text("utf-8")
    return template.replace("@DATA@", safe)


def holds_issues(file: Path) -> bool:
    """Return whether a pull's file holds any issue."""
    return next(_READERS[file.suffix](file), None) is not None


def _with_local_times(row: Row, zone: ZoneInfo | None) -> Row:
    """Return a row with its local times in place of those in UTC."""
    local = {name: _local_time(row, name, zone) for name in _TIMES}
    return {**row, **{name: time for name, time in local.items() if time}}


def _local_time(row: Row, name: str, zone: ZoneInfo | None) -> datetime | None:
    time, local = _parse_time(row.get(name)), _parse_time(row.get(local_name(name)))
    if time is None or zone is not None:
        return time and time.astimezone(zone)
    if local is None:
        return None
    return local.replace(tzinfo=datetime_timezone(local.replace(tzinfo=UTC) - time))


def _parse_time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else value or None


def _cells(row: Row) -> list[Any]:
    cells = {**row, **{name: row.get(name) or default for name, default in _DEFAULTS.items()}}
    return [_parse_cell(name, cells[name]) for name in _COLUMNS]


def _parse_cell(name: str, value: Any) -> Any:
    """Convert a cell, which is a string in a CSV, and empty for None."""
    if name in ("lat", "lng"):
        return float(value) if value not in (None, "") else None
    return int(value) if name == "id" else value or None


class _Added(msgspec.Struct):
    """The members that a pull adds to an issue."""

    vanished_at: str | None = None
    created_at_local: str | None = None
    closed_at_local: str | None = None


def _read_jsonl(file: Path) -> Iterator[Row]:
    decoder, added = msgspec.json.Decoder(Issue), msgspec.json.Decoder(_Added)
    with file.open("rb") as lines:
        while chunk := tuple(itertools.islice(lines, _CHUNK)):
            rows = plain_rows(tuple(map(decoder.decode, chunk)))
            for row, members in zip(rows, map(added.decode, chunk), strict=True):
                yield dict(zip(NAMES, row, strict=True)) | msgspec.structs.asdict(members)


def _read_geojson(file: Path) -> Iterator[Row]:
    for feature in msgspec.json.decode(file.read_bytes())["features"]:
        lng, lat = feature["geometry"]["coordinates"] if feature["geometry"] else (None, None)
        yield {**feature["properties"], "lat": lat, "lng": lng}


def _read_database(file: Path) -> Iterator[Row]:
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        found = {name for _, name, *_ in database.execute("PRAGMA table_info(issues)")}
        columns = (*_READ_COLUMNS, *(name for name in _LOCAL_COLUMNS if name in found))
        for row in database.execute(f"SELECT {', '.join(columns)} FROM issues"):  # noqa: S608  # constants
            yield dict(row)


def _read_dataset(file: Path) -> Iterator[Row]:
    arrow.import_pyarrow()
    datasets: Any = importlib.import_module("pyarrow.dataset")
    manifest = Manifest.read(checkpoint_path(file))
    names = [part.path for part in manifest.parts] if manifest else file.rglob("*.parquet")
    parts = [str(file / name) for name in names]
    if not parts:
        return
    found = datasets.dataset(parts, format="parquet", partitioning="hive")
    local = [name for name in _LOCAL_COLUMNS if name in found.schema.names]
    for batch in found.to_batches(columns=[*_READ_COLUMNS, *local]):
        yield from batch.to_pylist()


_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": _read_jsonl,
    ".csv": read_rows,
    ".geojson": _read_geojson,
    ".db": _read_database,
    ".parquet": _read_dataset,
    ".geoparquet": _read_dataset,
}
