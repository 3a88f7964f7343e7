"""Text files that grow issue by issue, each with a checkpoint file beside it.

The checkpoint holds the length of the rows in bytes and their digest. What a killed process wrote
beyond that length, torn rows included, is cut off when the pull continues. The digest keeps a pull
from continuing in a file that another program changed.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

import attrs
import msgspec

from seeclickfix_async._core.file_replacement import (
    flush_to_disk,
    move_into_place,
    new_file,
    new_path,
)
from seeclickfix_async._crawl.id_set import IdSet
from seeclickfix_async._tables.columns import Column, columns_in, mark_cells
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull._checkpoint import (
    Checkpoint,
    CheckpointFile,
    checkpoint_path,
    choose_zone,
)
from seeclickfix_async.pull._digest import Digest
from seeclickfix_async.pull._rows import StoredRow, VanishedMarks, last_versions
from seeclickfix_async.pull._sinks import Sink


class TextSink(Sink):
    """A file of issues: a header, rows with a separator between them, and a footer."""

    upserts: ClassVar[bool] = False
    separator: ClassVar[bytes] = b""

    def __init__(self, path: Path, *, zone: ZoneInfo | None = None) -> None:
        self._path = path
        self._checkpoint_file = saved = CheckpointFile.read(checkpoint_path(path))
        self.zone: ZoneInfo | None = choose_zone(
            path, zone, name=None if saved is None else saved.timezone, is_begun=not self.is_empty
        )
        self.columns: tuple[Column, ...] = columns_in(self.zone)
        self.names: tuple[str, ...] = tuple(column.name for column in self.columns)
        self._length, self._digest = self._recover()
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._size = os.fstat(self._file.fileno()).st_size

    @property
    def header(self) -> bytes:
        """The start of the file, before its first row."""
        return b""

    @abstractmethod
    def encode(self, issues: Iterable[Issue]) -> Iterator[bytes]:
        """Encode issues as rows, each with the line end after it."""

    @abstractmethod
    def split_rows(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Return the rows as `encode` made them, from the lines of a file without its footer."""

    @abstractmethod
    def decode(self, row: bytes) -> StoredRow:
        """Decode a row."""

    @abstractmethod
    def with_marks(self, row: bytes, cells: dict[str, str | None]) -> bytes:
        """Return a row with other values in its last columns; see `mark_cells`."""

    def footer(self, checkpoint: Checkpoint) -> bytes:  # noqa: ARG002  # for subclasses
        """Return the end of the file, after its last row."""
        return b""

    @property
    def is_empty(self) -> bool:
        """True if the file holds no pull."""
        return self._checkpoint_file is None or self._checkpoint_file.checkpoint is None

    def read_checkpoint(self, key: str) -> Checkpoint | None:
        """Return the checkpoint of the pull."""
        return None if self._checkpoint_file is None else self._checkpoint_file.for_query(key)

    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Append rows, then save the checkpoint that covers them."""
        self._check_unchanged()
        if self._checkpoint_file is None:  # the next call would refuse a file without a checkpoint
            self._save(CheckpointFile(None))
        content = bytearray() if self._length else bytearray(self.header)
        for row in self.encode(issues):
            if self._length + len(content) > len(self.header):
                content += self.separator
            content += row
        self._file.seek(self._length)
        self._file.truncate()
        self._file.write(content)
        self._file.write(self.footer(checkpoint))
        self._file.flush()
        self._size = self._file.tell()
        self._length += len(content)
        self._digest.update(content)
        if checkpoint.finished:
            self._check_content()
            flush_to_disk(self._file)
        self._save(CheckpointFile(checkpoint, self._length, self._digest.hex()))

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Rewrite the file, with these issues at its end."""
        ids = IdSet()
        repeated = Counter(issue.id for issue in issues if not ids.add(issue.id))
        unchanged = (row for row, stored in self._rows() if stored.id not in ids)
        new_rows = self.encode(last_versions(issues, repeated))
        self._rewrite(itertools.chain(unchanged, new_rows), checkpoint)

    def stored_rows(self, key: str) -> Iterator[StoredRow]:  # noqa: ARG002  # a file holds one pull
        """Iterate over the rows of the file."""
        return (stored for _, stored in self._rows())

    def mark_vanished(self, key: str, marks: VanishedMarks) -> int:  # noqa: ARG002  # one pull
        """Rewrite the file, with the marks in its rows."""
        checkpoint = self._checkpoint_file and self._checkpoint_file.checkpoint
        if marks and checkpoint:
            rows = (self._apply(marks, row, stored) for row, stored in self._rows())
            self._rewrite(rows, checkpoint)
        return 0

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):  # of a write that failed, which was reported
            self._file.close()

    def _apply(self, marks: VanishedMarks, row: bytes, stored: StoredRow) -> bytes:
        if stored.id not in marks:
            return row
        try:
            return self.with_marks(row, mark_cells(marks[stored.id], self.zone))
        except ValueError:  # the row has no member for the mark
            raise self._changed() from None

    def _rewrite(self, rows: Iterable[bytes], checkpoint: Checkpoint) -> None:
        """Replace the file; a killed process leaves the old file or the new one."""
        self._check_unchanged()
        self._refuse_foreign_file()
        if self._checkpoint_file is not None:
            self._save(attrs.evolve(self._checkpoint_file, is_replaced=True))
        digest = Digest()
        with new_file(self._path) as file:
            file.write(digest.update(self.header))
            for row in rows:
                separator = self.separator if file.tell() > len(self.header) else b""
                file.write(digest.update(separator + row))
            length = file.tell()
            file.write(self.footer(checkpoint))
        if self._checkpoint_file is not None:
            self._save(
                attrs.evolve(self._checkpoint_file, next_length=length, next_digest=digest.hex())
            )
        self._file.close()
        move_into_place(new_path(self._path), self._path)
        self._file = self._path.open("r+b")
        self._size = os.fstat(self._file.fileno()).st_size
        self._length, self._digest = length, digest
        self._save(CheckpointFile(checkpoint, length, digest.hex()))

    def _rows(self) -> Iterator[tuple[bytes, StoredRow]]:
        """Iterate over the rows, encoded and decoded.

        A file whose checkpoint has no digest may hold anything: an unreadable row means a change.
        """
        try:
            for row in self.split_rows(self._lines()):
                yield row, self.decode(row)
        except (ValueError, KeyError, IndexError, csv.Error, msgspec.MsgspecError):
            raise self._changed() from None

    def _lines(self) -> Iterator[bytes]:
        """Iterate over the lines of the rows, and compare their digest at the end."""
        self._file.seek(0)
        digest = Digest()
        left = self._length
        while left > 0 and (line := self._file.readline()):
            digest.update(line)
            left -= len(line)
            yield line
        if digest.hex() != self._digest.hex():
            raise self._changed()

    def _save(self, checkpoint_file: CheckpointFile) -> None:
        if self.zone is not None:
            checkpoint_file = attrs.evolve(checkpoint_file, timezone=self.zone.key)
        checkpoint_file.save(checkpoint_path(self._path))
        self._checkpoint_file = checkpoint_file

    def _recover(self) -> tuple[int, Digest]:
        """Return the length and the digest of the rows, after a check of the file.

        The file may be longer than its checkpoint says, but not shorter or different.
        """
        found = self._path.stat().st_size if self._path.exists() else 0
        if self._checkpoint_file is None:
            if found:
                raise InvalidArgumentError(
                    "to",
                    f"{self._path} exists already and was not written by a pull. "
                    "Choose another name.",
                )
            return 0, Digest()
        saved = self._checkpoint_file
        new = new_path(self._path)
        if saved.next_length is not None:
            if not new.exists():
                saved = attrs.evolve(saved, length=saved.next_length, digest=saved.next_digest)
            saved = attrs.evolve(saved, next_length=None, next_digest=None)
        digest = self._verify(saved.length, saved.digest, found)
        if saved != self._checkpoint_file:  # before the new file, if any, is removed
            self._save(saved)
        if saved.is_replaced:
            new.unlink(missing_ok=True)
        return saved.length, digest

    def _verify(self, length: int, expected: str | None, found: int) -> Digest:
        """Compare the file with its checkpoint; those of early versions have no digest."""
        if length == 0:
            return Digest()
        checkpoint_name = checkpoint_path(self._path).name
        if not self._path.exists():
            raise InvalidArgumentError(
                "to",
                f"{self._path} is gone, but its checkpoint exists. "
                f"Restore the file, or remove {checkpoint_name} to begin anew.",
            )
        if found < length:
            raise InvalidArgumentError(
                "to",
                f"{self._path} is shorter than its checkpoint says. "
                f"Remove it and {checkpoint_name} to begin anew.",
            )
        with self._path.open("rb") as file:
            is_ours = file.read(len(self.header)) == self.header
            file.seek(length - 1)
            is_ours = is_ours and file.read(1) == b"\n"
            file.seek(0)
            digest = Digest.from_file(file, length)
        if not is_ours or expected not in (None, digest.hex()):
            raise self._changed()
        return digest

    def _refuse_foreign_file(self) -> None:
        """Refuse to replace a file of another program by the new data file."""
        new = new_path(self._path)
        if new.exists() and not (self._checkpoint_file and self._checkpoint_file.is_replaced):
            raise InvalidArgumentError(
                "to",
                f"{new} is needed for the new file, but was not written by this pull. Move it "
                "elsewhere, and pull again.",
            )

    def _check_unchanged(self) -> None:
        """Refuse to write if the file was replaced or changed since it was opened.

        Rows written to a file that was removed or replaced would be lost.
        """
        opened = os.fstat(self._file.fileno())
        try:
            is_same = os.path.samestat(opened, self._path.stat())
        except FileNotFoundError:
            is_same = False
        if not is_same or opened.st_size != self._size:
            raise InvalidArgumentError(
                "to",
                f"{self._path} was removed, replaced or changed while the pull ran. Restore it, "
                f"or remove it and {checkpoint_path(self._path).name} to begin anew.",
            )

    def _check_content(self) -> None:
        """Refuse to finish if another program wrote into the file while the pull ran."""
        self._file.seek(0)
        if Digest.from_file(self._file, self._length).hex() != self._digest.hex():
            raise self._changed()

    def _changed(self) -> InvalidArgumentError:
        return InvalidArgumentError(
            "to",
            f"{self._path} is not as the pull left it: another program changed it, or a power "
            "failure damaged it. Restore it from a copy, or remove it and "
            f"{checkpoint_path(self._path).name} to begin anew.",
        )
