"""CSV files (RFC 4180)."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import attrs

from seeclickfix_async._tables.columns import plain_rows
from seeclickfix_async._tables.excel import BOM, escape_formulas, unescape_formula
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull._checkpoint import CheckpointFile, checkpoint_path
from seeclickfix_async.pull._rows import StoredRow
from seeclickfix_async.pull._text import TextSink

csv.field_size_limit(2**31 - 1)  # for the process: the default is below what people can write


class Csv(TextSink):
    """A file of the plain columns; times are ISO 8601, in UTC, or local without an offset.

    Args:
        path: The file.
        zone: The time zone of the local times, if it has some.
        excel: Whether it is for spreadsheet programs: it begins with a byte order mark, and no cell
            is a formula. A file that a pull has begun stays as it was begun.
    """

    id_mark: ClassVar[bytes] = b""

    def __init__(self, path: Path, *, zone: ZoneInfo | None = None, excel: bool = False) -> None:
        saved = CheckpointFile.read(checkpoint_path(path))
        if saved is not None and saved.length and excel and not saved.excel:
            raise InvalidArgumentError(
                "excel",
                f"{path} was begun without it, and stays so. Omit it, or choose another file.",
            )
        self._excel = excel or (saved is not None and saved.excel)
        super().__init__(path, zone=zone)

    @property
    def header(self) -> bytes:
        """The names of the columns, after the byte order mark."""
        return f"{BOM if self._excel else ''}{','.join(self.names)}\r\n".encode()

    def encode(self, issues: Iterable[Issue]) -> Iterator[bytes]:
        """Encode issues as rows, each of which may span several lines."""
        rows = plain_rows(issues, self.columns)
        return map(_encode_cells, map(escape_formulas, rows) if self._excel else rows)

    def split_rows(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Return the rows: a line ends within a cell if the quotes before that are unbalanced."""
        row: list[bytes] = []
        quotes = 0
        for line in lines:
            row.append(line)
            quotes += line.count(b'"')
            if quotes % 2 == 0:
                yield b"".join(row)
                row.clear()

    def decode(self, row: bytes) -> StoredRow:
        """Decode a row."""
        cells = dict(zip(self.names, _decode_cells(row), strict=True))
        return StoredRow(
            int(cells["id"]),
            created=_parse_time(cells["created_at"]),
            updated=_parse_time(cells["updated_at"]),
            vanished=_parse_time(cells["vanished_at"]),
            image=(unescape_formula(cells["image"]) if self._excel else cells["image"]) or None,
        )

    def with_marks(self, row: bytes, cells: dict[str, str | None]) -> bytes:
        """Return a row with other values in its last cells."""
        return _encode_cells([*_decode_cells(row)[: -len(cells)], *cells.values()])

    def _save(self, checkpoint_file: CheckpointFile) -> None:
        super()._save(attrs.evolve(checkpoint_file, excel=self._excel))


def read_rows(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Iterate over the rows of the lines of a CSV file, by column.

    Raises:
        ValueError: A row has fewer cells than the header: it was cut off.
    """
    contents = (line.decode() for line in lines)
    header = next(contents, "")
    is_for_excel = header.startswith(BOM)
    rows = csv.DictReader(itertools.chain([header.removeprefix(BOM)], contents))
    for row in rows:
        if None in row.values():
            raise ValueError(f"The row before line {rows.line_num + 1} is cut off.")
        yield (
            {name: unescape_formula(cell) for name, cell in row.items()} if is_for_excel else row
        )


def _encode_cells(cells: Sequence[Any]) -> bytes:
    row = io.StringIO()
    csv.writer(row).writerow(cells)
    return row.getvalue().encode()


def _decode_cells(row: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(row.decode(), newline="")))


def _parse_time(cell: str) -> datetime | None:
    time = datetime.fromisoformat(cell) if cell else None
    if time is not None and time.tzinfo is None:
        raise ValueError("The time has no time zone.")
    return time
