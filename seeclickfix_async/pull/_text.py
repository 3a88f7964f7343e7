"""Text files that grow: one issue after the other, and a checkpoint beside them.

The checkpoint says how many bytes belong to it. What a killed process wrote beyond that, a torn
line too, is cut off when the pull goes on. It holds a digest of these bytes as well, so that a
pull does not go on, and say that it is complete, in a file that is not the one that it left.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import attrs
import msgspec

from seeclickfix_async._api.query import format_timestamp
from seeclickfix_async._core.file_replacement import flush_to_disk, new_file, new_path, take_place
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue, Media
from seeclickfix_async.pull._checkpoint import (
    ATTRIBUTION,
    LICENCE,
    Checkpoint,
    CheckpointFile,
    checkpoint_path,
)
from seeclickfix_async.pull._columns import NAMES, plain_rows
from seeclickfix_async.pull._digest import Digest
from seeclickfix_async.pull._rows import StoredRow, VanishedMarks


class _Lines(ABC):
    """A file of issues: a head, rows with something between them, and a tail."""

    upserts: ClassVar[bool] = False
    head: ClassVar[bytes] = b""
    between: ClassVar[bytes] = b""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = CheckpointFile.read(checkpoint_path(path))
        self._length, self._digest = self._recover()
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._size = os.fstat(self._file.fileno()).st_size

    @abstractmethod
    def encode(self, issues: Sequence[Issue]) -> Iterator[bytes]:
        """Their rows, of which each ends its line."""

    @abstractmethod
    def rows(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """The rows of a file without its tail, as they were encoded."""

    @abstractmethod
    def read(self, row: bytes) -> StoredRow:
        """What a row says of its issue."""

    @abstractmethod
    def marked(self, row: bytes, vanished: str | None) -> bytes:
        """The row with another mark."""

    def tail(self, checkpoint: Checkpoint) -> bytes:  # noqa: ARG002  # not every format has one
        """What ends the file, after the last row that there is yet."""
        return b""

    @property
    def empty(self) -> bool:
        """Whether no pull has begun here."""
        return self._kept is None or self._kept.checkpoint is None

    def load(self, key: str) -> Checkpoint | None:
        """Where the pull stands."""
        return None if self._kept is None else self._kept.of(key)

    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Append whole rows, then say so in the checkpoint."""
        self._check_unchanged()
        if self._kept is None:  # without a checkpoint, the next call would refuse the file
            self._save(CheckpointFile(None))
        content = bytearray() if self._length else bytearray(self.head)
        for row in self.encode(issues):
            if self._length + len(content) > len(self.head):
                content += self.between
            content += row
        self._file.seek(self._length)
        self._file.truncate()
        self._file.write(content)
        self._file.write(self.tail(checkpoint))
        self._file.flush()
        self._size = self._file.tell()
        self._length += len(content)
        self._digest.update(content)
        if checkpoint.finished:
            self._check_content()
            flush_to_disk(self._file)
        self._save(CheckpointFile(checkpoint, self._length, self._digest.hex()))

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Write the file anew, with these rows at its end."""
        fresh = tuple(issues)
        ids = (issue.id for issue in fresh)
        changed = dict(zip(ids, self.encode(fresh), strict=True))
        same = (row for row, held in self._rows() if held.id not in changed)
        self._rewrite(itertools.chain(same, changed.values()), checkpoint)

    def held(self, key: str) -> Iterator[StoredRow]:  # noqa: ARG002  # a file holds one pull
        """The issues."""
        return (held for _, held in self._rows())

    def mark(self, marks: VanishedMarks) -> None:
        """Write the file anew, with the marks in its rows."""
        checkpoint = self._kept and self._kept.checkpoint
        if marks and checkpoint:
            rows = (self._with(marks, row, held) for row, held in self._rows())
            self._rewrite(rows, checkpoint)

    def _with(self, marks: VanishedMarks, row: bytes, held: StoredRow) -> bytes:
        if held.id not in marks:
            return row
        vanished = marks[held.id]
        try:
            return self.marked(row, None if vanished is None else format_timestamp(vanished))
        except ValueError:  # it has no place for the mark
            raise self._changed() from None

    def _rewrite(self, rows: Iterable[bytes], checkpoint: Checkpoint) -> None:
        """A killed process leaves the old file or the new one."""
        self._check_unchanged()
        digest = Digest()
        with new_file(self._path) as file:
            file.write(digest.update(self.head))
            for row in rows:
                between = self.between if file.tell() > len(self.head) else b""
                file.write(digest.update(between + row))
            length = file.tell()
            file.write(self.tail(checkpoint))
        if self._kept is not None:
            self._save(attrs.evolve(self._kept, next_length=length, next_digest=digest.hex()))
        self._file.close()
        take_place(new_path(self._path), self._path)
        self._file = self._path.open("r+b")
        self._size = os.fstat(self._file.fileno()).st_size
        self._length, self._digest = length, digest
        self._save(CheckpointFile(checkpoint, length, digest.hex()))

    def _rows(self) -> Iterator[tuple[bytes, StoredRow]]:
        """The rows, and what they say; a checkpoint without a digest may stand beside any file."""
        try:
            for row in self.rows(self._lines()):
                yield row, self.read(row)
        except (ValueError, KeyError, IndexError, csv.Error, msgspec.MsgspecError):
            raise self._changed() from None

    def _lines(self) -> Iterator[bytes]:
        """The lines of the rows; what was read is compared with what was written, at the end."""
        self._file.seek(0)
        digest = Digest()
        left = self._length
        while left > 0 and (line := self._file.readline()):
            digest.update(line)
            left -= len(line)
            yield line
        if digest.hex() != self._digest.hex():
            raise self._changed()

    def _save(self, kept: CheckpointFile) -> None:
        kept.save(checkpoint_path(self._path))
        self._kept = kept

    def _recover(self) -> tuple[int, Digest]:
        """How many bytes are the pull's; the file may be longer, but not shorter, nor another."""
        found = self._path.stat().st_size if self._path.exists() else 0
        if self._kept is None:
            if found:
                raise InvalidArgumentError(
                    "to", f"{self._path} is there already, and is no pull. Name another."
                )
            return 0, Digest()
        kept = self._kept
        new = new_path(self._path)
        if kept.next_length is not None:
            if not new.exists():
                kept = attrs.evolve(kept, length=kept.next_length, digest=kept.next_digest)
            kept = attrs.evolve(kept, next_length=None, next_digest=None)
        digest = self._verify(kept.length, kept.digest, found)
        if kept != self._kept:  # which file is there can be told only this once
            self._save(kept)
        new.unlink(missing_ok=True)
        return kept.length, digest

    def _verify(self, length: int, expected: str | None, found: int) -> Digest:
        """Compare the file with its checkpoint, which may be one of before digests."""
        if length == 0:
            return Digest()
        beside_it = checkpoint_path(self._path).name
        if not self._path.exists():
            raise InvalidArgumentError(
                "to",
                f"{self._path} is gone, and its checkpoint is there. "
                f"Put it back, or remove {beside_it} to begin anew.",
            )
        if found < length:
            raise InvalidArgumentError(
                "to",
                f"{self._path} is shorter than its checkpoint says. "
                f"Remove it and {beside_it} to begin anew.",
            )
        with self._path.open("rb") as file:
            ours = file.read(len(self.head)) == self.head
            file.seek(length - 1)
            ours = ours and file.read(1) == b"\n"
            file.seek(0)
            digest = Digest.of(file, length)
        if not ours or expected not in (None, digest.hex()):
            raise self._changed()
        return digest

    def _check_unchanged(self) -> None:
        """Refuse to write when the open file is not the one that its users see, or was written to.

        Otherwise rows would go into a file that nobody can read any more.
        """
        opened = os.fstat(self._file.fileno())
        try:
            same = os.path.samestat(opened, self._path.stat())
        except FileNotFoundError:
            same = False
        if not same or opened.st_size != self._size:
            raise InvalidArgumentError(
                "to",
                f"{self._path} was removed, replaced or changed while the pull ran. Put it back "
                f"as it was, or remove it and {checkpoint_path(self._path).name} to begin anew.",
            )

    def _check_content(self) -> None:
        """Refuse to finish when another program wrote into the file while the pull ran."""
        self._file.seek(0)
        if Digest.of(self._file, self._length).hex() != self._digest.hex():
            raise self._changed()

    def _changed(self) -> InvalidArgumentError:
        checkpoint = checkpoint_path(self._path).name
        return InvalidArgumentError(
            "to",
            f"{self._path} is not as the pull left it: another program changed it, or a power "
            f"cut damaged it. Restore it from a copy, or remove it and {checkpoint} "
            "to begin anew.",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # of what did not fit, which has been told
            self._file.close()


class _Row(msgspec.Struct):
    """What a `StoredRow` is made of, wherever it stands in the JSON."""

    id: int
    updated_at: datetime | None = None
    created_at: datetime | None = None
    vanished_at: datetime | None = None
    image: str | None = None
    media: Media | None = None

    @property
    def held(self) -> StoredRow:
        told = self.updated_at or self.created_at
        image = self.media.image_full if self.media else self.image
        return StoredRow(self.id, told, self.vanished_at, image)


class _Feature(msgspec.Struct):
    properties: _Row


_ROW: msgspec.json.Decoder[_Row] = msgspec.json.Decoder(_Row)
_FEATURE: msgspec.json.Decoder[_Feature] = msgspec.json.Decoder(_Feature)
_MARK = b',"vanished_at":'  # always the last member, so that it can be changed where it stands


def _remarked(row: bytes, vanished: str | None) -> bytes:
    start = row.rindex(_MARK) + len(_MARK)
    return row[:start] + msgspec.json.encode(vanished) + row[row.index(b"}", start) :]


class JsonLines(_Lines):
    """One issue a line, as JSON, with the member `vanished_at` at its end."""

    def encode(self, issues: Sequence[Issue]) -> Iterator[bytes]:
        """The lines."""
        for issue in issues:
            yield b"".join((msgspec.json.encode(issue)[:-1], _MARK, b"null}\n"))

    def rows(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """The lines."""
        return lines

    def read(self, row: bytes) -> StoredRow:
        """What a line says."""
        return _ROW.decode(row).held

    def marked(self, row: bytes, vanished: str | None) -> bytes:
        """The line with another mark."""
        return _remarked(row, vanished)


csv.field_size_limit(2**31 - 1)  # it is the process's: usually less than what people can write


class Csv(_Lines):
    """A table of the plain columns (RFC 4180); times are ISO 8601 in UTC."""

    head: ClassVar[bytes] = ",".join(NAMES).encode() + b"\r\n"

    def encode(self, issues: Sequence[Issue]) -> Iterator[bytes]:
        """The rows, each of which may be several lines."""
        return map(_csv, plain_rows(issues))

    def rows(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """The rows below the head."""
        reader = csv.reader(line.decode() for line in lines)
        next(reader, None)
        return map(_csv, reader)

    def read(self, row: bytes) -> StoredRow:
        """What a row says."""
        cells = dict(zip(NAMES, _cells(row), strict=True))
        told = cells["updated_at"] or cells["created_at"]
        vanished = _time(cells["vanished_at"])
        return StoredRow(int(cells["id"]), _time(told), vanished, cells["image"] or None)

    def marked(self, row: bytes, vanished: str | None) -> bytes:
        """The row with another mark in its last cell."""
        return _csv([*_cells(row)[:-1], vanished])


class GeoJson(_Lines):
    """A FeatureCollection (RFC 7946) of points; one without a place has a null geometry."""

    head: ClassVar[bytes] = b'{"type":"FeatureCollection","features":[\n'
    between: ClassVar[bytes] = b","

    def encode(self, issues: Sequence[Issue]) -> Iterator[bytes]:
        """The features."""
        for row in plain_rows(issues):
            told = dict(zip(NAMES, row, strict=True))
            place = [told.pop("lng"), told.pop("lat")]
            feature: dict[str, Any] = {
                "type": "Feature",
                "id": told["id"],
                "geometry": None if None in place else {"type": "Point", "coordinates": place},
                "properties": told,
            }
            yield msgspec.json.encode(feature) + b"\n"

    def rows(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """The features."""
        next(lines, None)
        return (line.removeprefix(self.between) for line in lines)

    def read(self, row: bytes) -> StoredRow:
        """What a feature says."""
        return _FEATURE.decode(row).properties.held

    def marked(self, row: bytes, vanished: str | None) -> bytes:
        """The feature with another mark."""
        return _remarked(row, vanished)

    def tail(self, checkpoint: Checkpoint) -> bytes:
        """What makes the file whole; the members beyond the standard's are allowed (§6.1)."""
        told = {"attribution": ATTRIBUTION, "licence": LICENCE, "report": checkpoint.report}
        return b"]," + msgspec.json.encode(told)[1:] + b"\n"


def _csv(row: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().encode()


def _cells(row: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(row.decode(), newline="")))


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
