"""Issues as Arrow batches, the format that Parquet, pandas, polars and DuckDB share."""

from __future__ import annotations

import importlib
import os
import struct
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from seeclickfix_async._tables.columns import columns_in, local_name, to_columns, to_local
from seeclickfix_async._tables.licence import ATTRIBUTION, LICENCE
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue, Issue

_POINT = 1
_LITTLE_ENDIAN = 1

_NO_MONTH = "__HIVE_DEFAULT_PARTITION__"  # Hive's name, which engines read as null

# GeoParquet 1.1; without a crs the coordinates are longitude and latitude (OGC:CRS84).
_GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}},
}

Row = dict[str, Any]


def import_pyarrow(argument: str = "to") -> ModuleType:
    """Import the Arrow library, which `argument` needs.

    Raises:
        InvalidArgumentError: The library is not installed.
    """
    try:
        return importlib.import_module("pyarrow")
    except ModuleNotFoundError:
        raise InvalidArgumentError(
            argument,
            "Parquet files and tables require the 'parquet' extra: "
            "pip install 'seeclickfix-async[parquet]'",
        ) from None


def open_file(path: Path, mode: str = "rb") -> Any:
    """Open a file; its name may be any bytes, while Arrow encodes strings in UTF-8 only."""
    return import_pyarrow().OSFile(os.fsencode(path), mode, memory_pool=memory_pool())


def memory_pool() -> Any:
    """Return the memory pool to use: the system's.

    Arrow's default pool keeps freed memory, and takes 2 MB for a few bytes on a system with huge
    pages (measured).
    """
    return import_pyarrow().system_memory_pool()


def release_memory() -> None:
    """Return freed memory to the system, also that of Arrow's default pool.

    Reading and writing Parquet files uses the default pool, whatever pool is passed.
    """
    memory_pool().release_unused()
    import_pyarrow().default_memory_pool().release_unused()


def build_schema(*, geometry: bool, zone: ZoneInfo | None = None) -> Any:
    """Return the schema: the plain columns, the comments, and optionally a geometry."""
    arrow = import_pyarrow()
    types = {
        "integer": arrow.int64(),
        "real": arrow.float64(),
        "text": arrow.string(),
        "time": arrow.timestamp("us", tz="UTC"),
        "local time": arrow.timestamp("us"),
    }
    comment = [
        ("id", arrow.int64()),
        ("created_at", types["time"]),
        ("commenter", arrow.string()),
        ("role", arrow.string()),
        ("comment", arrow.string()),
    ]
    metadata = {"attribution": ATTRIBUTION, "licence": LICENCE}
    if zone is not None:
        comment.append((local_name("created_at"), types["local time"]))
        metadata["timezone"] = zone.key
    fields = [(column.name, types[column.type]) for column in columns_in(zone)]
    fields.append(("comments", arrow.list_(arrow.struct(comment))))
    if geometry:
        fields.append(("geometry", arrow.binary()))
        metadata["geo"] = msgspec.json.encode(_GEO).decode()
    return arrow.schema(fields, metadata=metadata)


def build_batch(
    issues: Sequence[Issue], schema: Any, zone: ZoneInfo | None = None, *, pool: Any = None
) -> Any:
    """Make a record batch of issues, in the schema of the same time zone."""
    columns = columns_in(zone)
    values = to_columns(issues, columns)
    values["comments"] = [_comments(issue, zone) for issue in issues]
    if "geometry" in schema.names:
        values["geometry"] = [_encode_point(issue.lng, issue.lat) for issue in issues]
    arrow: Any = import_pyarrow()
    pool = pool or memory_pool()
    arrays = [arrow.array(values[field.name], field.type, memory_pool=pool) for field in schema]
    return arrow.RecordBatch.from_arrays(arrays, schema=schema)


def _comments(issue: Issue, zone: ZoneInfo | None) -> list[Row] | None:
    if not isinstance(issue, DetailedIssue) or issue.comments is None:
        return None
    rows: list[Row] = [
        {
            "id": comment.id,
            "created_at": comment.created_at,
            "commenter": comment.commenter and comment.commenter.name,
            "role": comment.commenter and comment.commenter.role,
            "comment": comment.comment,
        }
        for comment in issue.comments
    ]
    if zone is not None:
        for row in rows:
            row[local_name("created_at")] = to_local(row["created_at"], zone)
    return rows


def _encode_point(lng: float | None, lat: float | None) -> bytes | None:
    """Encode a point as WKB (OGC 06-103r4 §8.2)."""
    if lng is None or lat is None:
        return None
    return struct.pack("<BIdd", _LITTLE_ENDIAN, _POINT, lng, lat)


def month_name(created: datetime | None, zone: ZoneInfo | None) -> str:
    """Return the name of the folder of a row, by its month of creation in a zone, or in UTC."""
    if created is None:
        return f"month={_NO_MONTH}"
    time = created.astimezone(UTC if zone is None else zone)
    return f"month={msgspec.to_builtins(time)[:7]}"


def to_array(values: array[int]) -> Any:
    """Make an Arrow array of 64-bit integers, without a copy."""
    arrow: Any = import_pyarrow()
    return arrow.Array.from_buffers(arrow.int64(), len(values), [None, arrow.py_buffer(values)])


def to_sorted_array(values: array[int]) -> Any:
    """Make an Arrow array of 64-bit integers in ascending order."""
    compute: Any = importlib.import_module("pyarrow.compute")
    pool = memory_pool()
    unsorted = to_array(values)
    order = compute.array_sort_indices(unsorted, memory_pool=pool)
    return compute.take(unsorted, order, memory_pool=pool)
