"""A checksum of the values of rows, whatever their order and the file that holds them."""

from __future__ import annotations

import importlib
import zlib
from typing import Any

import msgspec

from seeclickfix_async._tables import arrow

_SEPARATOR = b"\x1f"
_NULL = b"\x00"
_CHUNK = 512
"""The rows that are joined at a time: 4,096 took 5 MB more (measured)."""


def sum_rows(table: Any) -> int:
    """Return the sum of the CRC-32 of each row of an Arrow table."""
    compute: Any = importlib.import_module("pyarrow.compute")
    total = 0
    for batch in table.to_batches(max_chunksize=_CHUNK):
        rows = compute.binary_join_element_wise(
            *map(_to_binary, batch.columns),
            _SEPARATOR,
            null_handling="replace",
            null_replacement=_NULL,
            memory_pool=arrow.memory_pool(),
        )
        total += sum(map(zlib.crc32, rows.to_pylist()))
    return total


def _to_binary(column: Any) -> Any:
    """Convert an array to one of bytes, which are the same for the same value."""
    library: Any = arrow.import_pyarrow()
    types = library.types
    if types.is_nested(column.type):
        values = column.to_pylist()
        encoded = [None if value is None else msgspec.json.encode(value) for value in values]
        return library.array(encoded, library.binary())
    if types.is_string(column.type) or types.is_binary(column.type):
        return column.cast(library.binary())
    return column.view(library.binary(column.type.byte_width)).cast(library.binary())
