"""CSV files (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

from seeclickfix_async.models import Issue
from seeclickfix_async.pull._columns import NAMES, plain_rows
from seeclickfix_async.pull._rows import StoredRow
from seeclickfix_async.pull._text import TextSink

csv.field_size_limit(2**31 - 1)  # for the process: the default is below what people can write


class Csv(TextSink):
    """A file of the plain columns; times are ISO 8601 in UTC."""

    header: ClassVar[bytes] = ",".join(NAMES).encode() + b"\r\n"

    def encode(self, issues: Sequence[Issue]) -> Iterator[bytes]:
        """Encode issues as rows, each of which may span several lines."""
        return map(_encode_cells, plain_rows(issues))

    def split_rows(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Return the rows below the header."""
        reader = csv.reader(line.decode() for line in lines)
        next(reader, None)
        return map(_encode_cells, reader)

    def decode(self, row: bytes) -> StoredRow:
        """Decode a row."""
        cells = dict(zip(NAMES, _decode_cells(row), strict=True))
        return StoredRow(
            int(cells["id"]),
            created=_parse_time(cells["created_at"]),
            updated=_parse_time(cells["updated_at"]),
            vanished=_parse_time(cells["vanished_at"]),
            image=cells["image"] or None,
        )

    def with_mark(self, row: bytes, vanished_at: str | None) -> bytes:
        """Return a row with another value in its last cell, `vanished_at`."""
        return _encode_cells([*_decode_cells(row)[:-1], vanished_at])


def _encode_cells(cells: Sequence[Any]) -> bytes:
    row = io.StringIO()
    csv.writer(row).writerow(cells)
    return row.getvalue().encode()


def _decode_cells(row: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(row.decode(), newline="")))


def _parse_time(cell: str) -> datetime | None:
    return datetime.fromisoformat(cell) if cell else None
