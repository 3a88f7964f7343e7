"""Text files that grow issue by issue, each with a checkpoint file beside it.

The checkpoint holds the length of the rows in bytes and their checksum. What a killed process wrote
beyond that length, torn rows included, is cut off when the pull continues. The checksum keeps a
pull from continuing in a file that another program changed; so do bytes beyond the length of
a pull that has ended.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import os
import zlib
from abc import abstractmethod
from array import array
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
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
from seeclickfix_async.pull._checksum import content_checksum
from seeclickfix_async.pull._rows import StoredRow, VanishedMarks, last_versions
from seeclickfix_async.pull._sinks import Sink

_PIECE = 1 << 20  # bytes that are copied at a time

_Span = tuple[int, int]  # the positions of a row's start and end


class TextSink(Sink):
    """A file of issues: a header, rows with a separator between them, and a footer."""

    upserts: ClassVar[bool] = False
    separator: ClassVar[bytes] = b""
    footer_start: ClassVar[bytes] = b""
    """The first bytes of a footer, with which no row begins; empty if there is no footer."""
    id_mark: ClassVar[bytes] = b'"id":'
    """The bytes before the id of a row, at their first occurrence; a comma follows the id."""

    def __init__(self, path: Path, *, zone: ZoneInfo | None = None) -> None:
        self._path = path
        self._checkpoint_file = saved = CheckpointFile.read(checkpoint_path(path))
        self.zone: ZoneInfo | None = choose_zone(
            path, zone, name=None if saved is None else saved.timezone, is_begun=not self.is_empty
        )
        self.columns: tuple[Column, ...] = columns_in(self.zone)
        self.names: tuple[str, ...] = tuple(column.name for column in self.columns)
        self._length, self._checksum = self._recover()
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._size = os.fstat(self._file.fileno()).st_size

    @property
    def header(self) -> bytes:
        """The start of the file, before its first row."""
        return b""

    @abstractmethod
    def encode(self, issues: Iterable[Issue]) -> Iterator[bytes]:
        """Encode issues as rows, each with the line end after it."""

    def split_rows(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Return the rows of the lines between header and footer: by default, each line is one."""
        return lines

    @abstractmethod
    def decode(self, row: bytes) -> StoredRow:
        """Decode a row without the separator before it."""

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
        saved = self._checkpoint_file
        # The next call would refuse a file without a checkpoint, and additions to a whole file.
        if saved is None or (issues and saved.is_whole):
            self._save(attrs.evolve(saved or CheckpointFile(None), is_growing=True))
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
        self._checksum = zlib.crc32(content, self._checksum)
        if checkpoint.finished:
            self._check_content()
            flush_to_disk(self._file)
        self._save(CheckpointFile(checkpoint, self._length, self._checksum))

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Rewrite the file, with these issues at its end, unless it holds the same rows already."""
        ids, count = IdSet(), 0
        repeated: Counter[int] = Counter()
        for issue in issues:
            if ids.add(issue.id):
                count += 1
            else:
                repeated[issue.id] += 1

        def new_rows() -> Iterator[bytes]:
            return self.encode(last_versions(issues, repeated.copy()))

        starts, ends = array("q"), array("q")  # a list would take four times as much memory
        digest = 0  # of the stored rows, in any order
        for _, (start, end), row in self._find(ids):
            starts.append(start)
            ends.append(end)
            digest += hash(row.removeprefix(self.separator))
        if len(starts) == count and digest == sum(map(hash, new_rows())):
            self.write((), checkpoint)
            return
        unmoved = self._edited(zip(starts, ends, strict=True), lambda _: b"")
        added = (self.separator + row for row in new_rows())
        self._rewrite(itertools.chain(unmoved, added), checkpoint)

    def stored_rows(self, key: str) -> Iterator[StoredRow]:  # noqa: ARG002  # a file holds one pull
        """Iterate over the rows of the file, and compare its checksum at the end."""
        with self._unreadable_as_changed():
            for row in self._rows():
                yield self.decode(row.removeprefix(self.separator))
        self._check_content()

    def mark_vanished(self, key: str, marks: VanishedMarks) -> int:  # noqa: ARG002  # one pull
        """Rewrite the file, with the marks in its rows."""

        def mark(row: bytes) -> bytes:
            return self.with_marks(row, mark_cells(marks[self._id(row)], self.zone))

        checkpoint = self._checkpoint_file and self._checkpoint_file.checkpoint
        if marks and checkpoint:
            spans = [span for _, span, _ in self._find(marks)]
            self._rewrite(self._edited(spans, mark), checkpoint)
        return 0

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):  # of a write that failed, which was reported
            self._file.close()

    def _rewrite(self, rows: Iterator[bytes], checkpoint: Checkpoint) -> None:
        """Replace the file; a killed process leaves the old file or the new one.

        Args:
            rows: The rows, in pieces of any length, each row with the separator before it.
            checkpoint: The checkpoint to save.
        """
        self._check_unchanged()
        self._refuse_foreign_file()
        if self._checkpoint_file is not None:
            self._save(attrs.evolve(self._checkpoint_file, is_replaced=True))
        length, checksum = 0, 0
        with new_file(self._path) as file, self._unreadable_as_changed():
            for content in itertools.chain([self.header], rows):
                if length == len(self.header):
                    content = content.removeprefix(self.separator)  # noqa: PLW2901
                file.write(content)
                length += len(content)
                checksum = zlib.crc32(content, checksum)
            file.write(self.footer(checkpoint))
        if self._checkpoint_file is not None:
            self._save(
                attrs.evolve(self._checkpoint_file, next_length=length, next_checksum=checksum)
            )
        self._file.close()
        move_into_place(new_path(self._path), self._path)
        self._file = self._path.open("r+b")
        self._size = os.fstat(self._file.fileno()).st_size
        self._length, self._checksum = length, checksum
        self._save(CheckpointFile(checkpoint, length, checksum))

    def _edited(self, spans: Iterable[_Span], edit: Callable[[bytes], bytes]) -> Iterator[bytes]:
        """Iterate over the rows in large pieces, those at some spans edited.

        Compares the checksum of the file at the end.
        """
        self._file.seek(0)
        position = min(len(self.header), self._length)  # nothing was written yet: 0
        checksum = zlib.crc32(self._file.read(position))
        for start, end in itertools.chain(spans, [(self._length, self._length)]):
            while content := self._file.read(min(start - position, _PIECE)):
                checksum = zlib.crc32(content, checksum)
                position += len(content)
                yield content
            row = self._file.read(end - start)
            checksum = zlib.crc32(row, checksum)
            position = end
            yield edit(row) if row else b""
        if checksum != self._checksum:
            raise self._changed()

    def _find(self, ids: IdSet | VanishedMarks) -> Iterator[tuple[int, _Span, bytes]]:
        """Iterate over the stored rows of some issues, with the id and the position of each."""
        position = len(self.header)
        with self._unreadable_as_changed():
            for row in self._rows():
                end = position + len(row)
                if (id_ := self._id(row)) in ids:
                    yield id_, (position, end), row
                position = end

    def _id(self, row: bytes) -> int:
        """Return the id of a row, in a tenth of the time of decoding it.

        A file of an early version, without a checksum, may have been written in another way.
        """
        if self._checkpoint_file is None or self._checkpoint_file.checksum is None:
            return self.decode(row.removeprefix(self.separator)).id
        start = row.index(self.id_mark) + len(self.id_mark)
        return int(row[start : row.index(b",", start)])

    def _rows(self) -> Iterator[bytes]:
        """Iterate over the rows, each with the separator before it."""
        return self.split_rows(self._lines())

    def _lines(self) -> Iterator[bytes]:
        self._file.seek(len(self.header))
        left = self._length - len(self.header)
        while left > 0 and (line := self._file.readline()):
            left -= len(line)
            yield line

    @contextlib.contextmanager
    def _unreadable_as_changed(self) -> Generator[None]:
        """Report an unreadable row as a change of the file.

        A file whose checkpoint has no checksum may hold anything.
        """
        try:
            yield
        except (ValueError, KeyError, IndexError, csv.Error, msgspec.MsgspecError):
            raise self._changed() from None

    def _save(self, checkpoint_file: CheckpointFile) -> None:
        if self.zone is not None:
            checkpoint_file = attrs.evolve(checkpoint_file, timezone=self.zone.key)
        checkpoint_file.save(checkpoint_path(self._path))
        self._checkpoint_file = checkpoint_file

    def _recover(self) -> tuple[int, int]:
        """Return the length and the checksum of the rows, after a check of the file.

        The file may be longer than its checkpoint says, but not shorter or different.
        """
        found = self._path.stat().st_size if self._path.exists() else 0
        if self._checkpoint_file is None:
            if found:
                raise InvalidArgumentError(
                    "to",
                    f"{self._path} exists already and was not written by a pull, or "
                    f"{checkpoint_path(self._path).name} is missing. Choose another name, or "
                    "restore that file.",
                )
            return 0, 0
        saved = self._checkpoint_file
        new = new_path(self._path)
        if saved.next_length is not None:
            if not new.exists():
                saved = attrs.evolve(saved, length=saved.next_length, checksum=saved.next_checksum)
            saved = attrs.evolve(saved, next_length=None, next_checksum=None)
        checksum = self._verify(saved.length, saved.checksum, found)
        if saved.is_whole and found:
            self._refuse_additions(saved.length)
        if saved != self._checkpoint_file:  # before the new file, if any, is removed
            self._save(saved)
        if saved.is_replaced:
            new.unlink(missing_ok=True)
        return saved.length, checksum

    def _verify(self, length: int, expected: int | None, found: int) -> int:
        """Compare the file with its checkpoint; those of early versions have no checksum."""
        if length == 0:
            return 0
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
            checksum = content_checksum(file, length)
        if not is_ours or expected not in (None, checksum):
            raise self._changed()
        return checksum

    def _refuse_additions(self, length: int) -> None:
        """Refuse anything but one footer, perhaps a torn one, after the rows of a whole file."""
        with self._path.open("rb") as file:
            file.seek(length)
            footer, more = file.readline(), file.read(1)
        is_footer = self.footer_start and footer.startswith(self.footer_start) and not more
        if footer and not is_footer:
            raise InvalidArgumentError(
                "to",
                f"{self._path} is longer than the pull left it: another program added to it. "
                "Remove what was added, or remove the file and "
                f"{checkpoint_path(self._path).name} to begin anew.",
            )

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
        if content_checksum(self._file, self._length) != self._checksum:
            raise self._changed()

    def _changed(self) -> InvalidArgumentError:
        return InvalidArgumentError(
            "to",
            f"{self._path} is not as the pull left it: another program changed it, or a power "
            "failure damaged it. Restore it from a copy, or remove it and "
            f"{checkpoint_path(self._path).name} to begin anew.",
        )
