"""The pending rows of a dataset: a file of Arrow batches, each of one month.

Rows stay in this file after they have been written to parts, until each month is rewritten as one
part: reading them from Parquet takes far more time and memory.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import attrs

from seeclickfix_async._crawl.id_set import IdSet
from seeclickfix_async._tables import arrow
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._checksum import file_checksum

_MESSAGE_START = b"\xff\xff\xff\xff"  # of an Arrow message; a power failure may leave zeros


@attrs.define
class _Month:
    """The batches of a month.

    Attributes:
        offsets: The offset of each batch in bytes.
        numbers: The number of the first row of each batch, counted over all months.
        rows: The number of rows of all batches.
        stored_batches: The number of batches that are in parts.
        stored_rows: The number of rows of these.
    """

    offsets: array[int] = attrs.field(factory=lambda: array("q"))
    numbers: array[int] = attrs.field(factory=lambda: array("q"))
    rows: int = 0
    stored_batches: int = 0
    stored_rows: int = 0


class PendingRows:
    """A file to which batches are appended.

    Attributes:
        length: Its length in bytes.
        checksum: The CRC-32 of its bytes.
        stored: The length in bytes of the batches that are in parts; they come first.
        ids: The ids of the other rows.
        last_rows: The number of the last of these rows, for each issue that has several.
    """

    def __init__(
        self,
        path: Path,
        schema: Any,
        zone: ZoneInfo | None,
        *,
        length: int = 0,
        checksum: int = 0,
        stored: int = 0,
    ) -> None:
        """Open the file that a checkpoint describes, and cut off bytes beyond `length`.

        Raises:
            InvalidArgumentError: The file was removed, is shorter, or holds something else.
        """
        self._arrow: Any = arrow.import_pyarrow()
        self._pool = arrow.memory_pool()
        self._path = path
        self._schema = schema
        self._zone = zone
        self._file: BinaryIO | None = None
        self._months: dict[str, _Month] = {}
        self._rows = 0
        self.length: int = 0
        self.checksum: int = 0
        self.stored: int = 0
        self.ids: IdSet = IdSet()
        self.last_rows: dict[int, int] = {}
        if length:
            self._restore(length, checksum, stored)
        else:  # a killed process may have left rows that were not committed
            self._remove_uncommitted()

    @property
    def months(self) -> set[str]:
        """The months with rows that are in no part."""
        return {name for name, month in self._months.items() if month.rows > month.stored_rows}

    @property
    def new_rows(self) -> int:
        """The number of rows that are in no part."""
        return sum(month.rows - month.stored_rows for month in self._months.values())

    def stored_rows(self, month: str) -> int:
        """Return the number of a month's rows that are in parts."""
        return self._months[month].stored_rows if month in self._months else 0

    def append(self, batch: Any, months: Iterable[str]) -> None:
        """Append rows, as a batch for each run of rows of the same month."""
        start = 0
        messages = []  # joined for one write: a thread waits for the interpreter after each
        for month, run in itertools.groupby(months):
            rows = batch.slice(start, sum(1 for _ in run))
            messages.append(rows.serialize(memory_pool=self._pool))
            self._add(month, rows)
            self.length += messages[-1].size
            start += len(rows)
        self._write(b"".join(messages))

    def batches(self, name: str, last: Mapping[int, int], *, stored: bool) -> Iterator[Any]:
        """Iterate over the rows of a month.

        Args:
            name: The month.
            last: The number of the last row of issues, whose earlier rows are excluded.
            stored: Whether rows that are in parts are included.
        """
        if name not in self._months:
            return
        month = self._months[name]
        start = 0 if stored else month.stored_batches
        with arrow.open_file(self._path) as file:
            for offset, first in zip(month.offsets[start:], month.numbers[start:], strict=True):
                file.seek(offset)
                batch = self._read(file)
                if last:
                    numbers = enumerate(batch["id"].to_pylist(), first)
                    batch = batch.filter([last.get(id_, row) == row for row, id_ in numbers])
                yield batch

    def mark_stored(self) -> None:
        """Record that all rows are in parts."""
        for month in self._months.values():
            month.stored_batches, month.stored_rows = len(month.offsets), month.rows
        self.stored = self.length
        self.ids, self.last_rows = IdSet(), {}

    def clear(self) -> None:
        """Remove the file, when all its rows are in parts."""
        self.close()
        self._path.unlink(missing_ok=True)
        self._months = {}
        self._rows = self.length = self.checksum = self.stored = 0
        self.ids, self.last_rows = IdSet(), {}

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # of a write that failed, which was reported
                self._file.close()
            self._file = None

    def _add(self, name: str, batch: Any) -> None:
        month = self._months.setdefault(name, _Month())
        month.offsets.append(self.length)
        month.numbers.append(self._rows)
        month.rows += len(batch)
        numbers = enumerate(batch["id"].to_pylist(), self._rows)
        self.last_rows.update((id_, row) for row, id_ in numbers if not self.ids.add(id_))
        self._rows += len(batch)

    def _write(self, content: bytes) -> None:
        if self._file is None:
            self._file = self._path.open("ab")
        opened, found = os.fstat(self._file.fileno()), self._path.stat()
        if not os.path.samestat(opened, found) or found.st_size != self.length - len(content):
            raise self._changed()  # what is written to a removed file would be lost
        self._file.write(content)
        self._file.flush()
        self.checksum = zlib.crc32(content, self.checksum)

    def _read(self, file: Any) -> Any:
        try:
            message = self._arrow.ipc.read_message(file)
            return self._arrow.ipc.read_record_batch(message, self._schema)
        except (self._arrow.ArrowException, EOFError):
            raise self._changed() from None

    def _restore(self, length: int, checksum: int, stored: int) -> None:
        if not self._path.exists() or self._path.stat().st_size < length:
            raise self._changed()
        os.truncate(self._path, length)
        if file_checksum(self._path) != checksum:
            raise self._changed()
        with arrow.open_file(self._path) as file:
            while self.length < length:
                batch = self._read(file)
                self._add(arrow.month_name(batch["created_at"][0].as_py(), self._zone), batch)
                self.length = file.tell()
                if self.length == stored:
                    self.mark_stored()
        self.checksum = checksum

    def _remove_uncommitted(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            with self._path.open("rb") as file:
                start = file.read(len(_MESSAGE_START))
            if start.strip(b"\0") and start != _MESSAGE_START[: len(start)]:
                raise InvalidArgumentError(
                    "to",
                    f"{self._path} is needed for new rows, but was not written by a pull. Move it "
                    "elsewhere, and pull again.",
                )
            self._path.unlink()

    def _changed(self) -> InvalidArgumentError:
        return InvalidArgumentError(
            "to",
            f"{self._path} was removed or changed, and some rows are stored nowhere else. "
            f"Restore it, or remove {self._path.with_suffix('')} and the files beside it "
            "to begin anew.",
        )
