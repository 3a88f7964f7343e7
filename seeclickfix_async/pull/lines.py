"""Text files that grow: one issue after the other, and a checkpoint beside them.

The checkpoint says how many bytes belong to it. What a killed process wrote beyond that, a torn
line too, is cut off when the pull goes on.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import attrs
import msgspec

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue, Media
from seeclickfix_async.pull.checkpoint import ATTRIBUTION, LICENCE, Checkpoint, Kept, beside
from seeclickfix_async.pull.columns import NAMES, plain_rows
from seeclickfix_async.pull.held import Held, Marks
from seeclickfix_async.queries import moment


class _Lines(ABC):
    """A file of issues: a head, rows with something between them, and a tail."""

    upserts: ClassVar[bool] = False
    head: ClassVar[bytes] = b""
    between: ClassVar[bytes] = b""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = Kept.read(beside(path))
        self._length = self._recover()
        self._file = path.open("r+b" if path.exists() else "w+b")

    @abstractmethod
    def encode(self, issues: Sequence[Issue]) -> Iterator[bytes]:
        """Their rows, of which each ends its line."""

    @abstractmethod
    def rows(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """The rows of a file without its tail, as they were encoded."""

    @abstractmethod
    def read(self, row: bytes) -> Held:
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
        if self._kept is None:  # a file that nobody answers for would be taken for somebody else's
            self._save(Kept(None))
        content = bytearray() if self._length else bytearray(self.head)
        for row in self.encode(issues):
            if self._length + len(content) > len(self.head):
                content += self.between
            content += row
        self._file.seek(self._length)
        self._file.truncate()
        self._file.write(content + self.tail(checkpoint))
        self._file.flush()
        self._length += len(content)
        self._save(Kept(checkpoint, self._length))

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Write the file anew, with these rows at its end."""
        fresh = tuple(issues)
        ids = (issue.id for issue in fresh)
        changed = dict(zip(ids, self.encode(fresh), strict=True))
        same = (row for row in self._rows() if self.read(row).id not in changed)
        self._rewrite(itertools.chain(same, changed.values()), checkpoint)

    def held(self, key: str) -> Iterator[Held]:  # noqa: ARG002  # a file holds one pull
        """The issues."""
        return map(self.read, self._rows())

    def mark(self, marks: Marks) -> None:
        """Write the file anew, with the marks in its rows."""
        checkpoint = self._kept and self._kept.checkpoint
        if marks and checkpoint:
            self._rewrite((self._with(marks, row) for row in self._rows()), checkpoint)

    def _with(self, marks: Marks, row: bytes) -> bytes:
        number = self.read(row).id
        if number not in marks:
            return row
        vanished = marks[number]
        return self.marked(row, None if vanished is None else moment(vanished))

    def _rewrite(self, rows: Iterable[bytes], checkpoint: Checkpoint) -> None:
        """A killed process leaves the old file or the new one."""
        with self._new.open("wb") as file:
            file.write(self.head)
            for row in rows:
                file.write(self.between + row if file.tell() > len(self.head) else row)
            length = file.tell()
            file.write(self.tail(checkpoint))
        if self._kept is not None:
            self._save(attrs.evolve(self._kept, next_length=length))
        self._file.close()
        self._new.replace(self._path)
        self._file = self._path.open("r+b")
        self._length = length
        self._save(Kept(checkpoint, length))

    @property
    def _new(self) -> Path:
        return self._path.with_name(f"{self._path.name}.new")

    def _rows(self) -> Iterator[bytes]:
        return self.rows(self._lines())

    def _lines(self) -> Iterator[bytes]:
        self._file.seek(0)
        left = self._length
        while left > 0:
            line = self._file.readline()
            left -= len(line)
            yield line

    def _save(self, kept: Kept) -> None:
        kept.save(beside(self._path))
        self._kept = kept

    def _recover(self) -> int:
        """How many bytes are the pull's; the file may be longer, but not shorter."""
        found = self._path.stat().st_size if self._path.exists() else 0
        if self._kept is None:
            if found:
                raise InvalidArgumentError(
                    "to", f"{self._path} is there already, and is no pull. Name another."
                )
            return 0
        length = self._kept.length
        if self._kept.next_length is not None and not self._new.exists():
            length = self._kept.next_length
        if found < length:
            raise InvalidArgumentError(
                "to",
                f"{self._path} is shorter than its checkpoint says. "
                f"Remove it and {beside(self._path).name} to begin anew.",
            )
        if self._kept.next_length is not None:  # which file is there can be told only this once
            self._save(attrs.evolve(self._kept, length=length, next_length=None))
        self._new.unlink(missing_ok=True)
        return length

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
    """What `Held` is made of, wherever it stands in the JSON."""

    id: int
    updated_at: datetime | None = None
    created_at: datetime | None = None
    vanished_at: datetime | None = None
    image: str | None = None
    media: Media | None = None

    @property
    def held(self) -> Held:
        told = self.updated_at or self.created_at
        image = self.media.image_full if self.media else self.image
        return Held(self.id, told, self.vanished_at, image)


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

    def read(self, row: bytes) -> Held:
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

    def read(self, row: bytes) -> Held:
        """What a row says."""
        cells = dict(zip(NAMES, _cells(row), strict=True))
        told = cells["updated_at"] or cells["created_at"]
        vanished = _time(cells["vanished_at"])
        return Held(int(cells["id"]), _time(told), vanished, cells["image"] or None)

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

    def read(self, row: bytes) -> Held:
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
