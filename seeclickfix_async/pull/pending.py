"""The rows of a dataset that are in no part yet: a file of Arrow batches, each of one month."""

from __future__ import annotations

import contextlib
import itertools
import os
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull import arrow


@attrs.frozen
class _Position:
    """The place of a batch: its first byte, and the number of its first row among all of them."""

    offset: int
    row: int


class PendingRows:
    """A file that grows by batches.

    Attributes:
        length: Its length in bytes.
        checksum: The CRC-32 of its bytes.
        ids: The ids of its rows, in their order.
    """

    def __init__(self, path: Path, schema: Any, *, length: int, checksum: int) -> None:
        """Open the file as a checkpoint describes it; what is beyond `length` is cut off.

        Raises:
            InvalidArgumentError: It was removed, is shorter, or holds something else.
        """
        self._arrow: Any = arrow.library()
        self._path = path
        self._schema = schema
        self._file: BinaryIO | None = None
        self._batches: dict[str, list[_Position]] = {}
        self.length = 0
        self.checksum = 0
        self.ids: array[int] = array("q")
        if length:
            self._restore(length, checksum)

    @property
    def months(self) -> list[str]:
        """The months that have rows here."""
        return list(self._batches)

    def append(self, batch: Any, months: Iterable[str]) -> None:
        """Append rows, as a batch for each run of rows of one month."""
        start = 0
        messages = []  # for one write: after each, a thread waits for the interpreter
        for month, run in itertools.groupby(months):
            rows = batch.slice(start, sum(1 for _ in run))
            messages.append(rows.serialize())
            self._add(month, rows)
            self.length += messages[-1].size
            start += len(rows)
        self._write(b"".join(messages))

    def batches(self, month: str, last: Mapping[int, int]) -> Iterator[Any]:
        """The rows of a month, without those that `last_rows` excludes."""
        with self._arrow.OSFile(str(self._path)) as file:
            for position in self._batches.get(month, ()):
                file.seek(position.offset)
                batch = self._read(file)
                if last:
                    ids = batch["id"].to_pylist()
                    numbers = enumerate(ids, position.row)
                    batch = batch.filter([last.get(id_, row) == row for row, id_ in numbers])
                yield batch

    def last_rows(self) -> dict[int, int]:
        """The number of the last row of each issue that came more than once."""
        ordered = sorted(self.ids)
        repeated = {id_ for id_, following in itertools.pairwise(ordered) if id_ == following}
        return {id_: row for row, id_ in enumerate(self.ids) if id_ in repeated}

    def clear(self) -> None:
        """Remove the file: its rows are elsewhere."""
        self.close()
        self._path.unlink(missing_ok=True)
        self._batches = {}
        self.length = self.checksum = 0
        self.ids = array("q")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # of what did not fit, which has been reported
                self._file.close()
            self._file = None

    def _add(self, month: str, batch: Any) -> None:
        self._batches.setdefault(month, []).append(_Position(self.length, len(self.ids)))
        self.ids.extend(batch["id"].to_pylist())

    def _write(self, content: bytes) -> None:
        if self._file is None:
            self._file = self._path.open("ab")
        if not os.path.samestat(os.fstat(self._file.fileno()), self._path.stat()):
            raise self._changed()  # what is written to a removed file is lost
        self._file.write(content)
        self._file.flush()
        self.checksum = zlib.crc32(content, self.checksum)

    def _read(self, file: Any) -> Any:
        message = self._arrow.ipc.read_message(file)
        return self._arrow.ipc.read_record_batch(message, self._schema)

    def _restore(self, length: int, checksum: int) -> None:
        if not self._path.exists() or self._path.stat().st_size < length:
            raise self._changed()
        os.truncate(self._path, length)
        if file_checksum(self._path) != checksum:
            raise self._changed()
        with self._arrow.OSFile(str(self._path)) as file:
            while (begin := file.tell()) < length:
                self.length = begin
                batch = self._read(file)
                self._add(arrow.month_of(batch["created_at"][0].as_py()), batch)
        self.length, self.checksum = length, checksum

    def _changed(self) -> InvalidArgumentError:
        return InvalidArgumentError(
            "to",
            f"{self._path} was removed or changed, and holds rows that are nowhere else. "
            f"Restore it; or remove {self._path.with_suffix('')} and what is beside it "
            "to begin anew.",
        )


def file_checksum(path: Path) -> int:
    """The CRC-32 of a file."""
    checksum = 0
    with path.open("rb") as file:
        while content := file.read(1 << 18):
            checksum = zlib.crc32(content, checksum)
    return checksum
