"""JSON Lines files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import msgspec

from seeclickfix_async._tables.columns import COLUMNS
from seeclickfix_async.models import Issue, Media
from seeclickfix_async.models._common import Time
from seeclickfix_async.pull._rows import StoredRow
from seeclickfix_async.pull._text import TextSink

_MARK = b',"vanished_at":'  # always before the end, so that it can be replaced in place


class JsonRow(msgspec.Struct):
    """The members of a JSON row that a `StoredRow` is made of."""

    id: int
    updated_at: Time | None = None
    created_at: Time | None = None
    vanished_at: Time | None = None
    image: str | None = None
    media: Media | None = None

    def to_stored_row(self) -> StoredRow:
        """Convert to a stored row; only whole issues have `media`."""
        image = self.media.image_full if self.media else self.image
        return StoredRow(self.id, self.created_at, self.updated_at, self.vanished_at, image)


_decoder: msgspec.json.Decoder[JsonRow] = msgspec.json.Decoder(JsonRow)


def replace_marks(row: bytes, cells: dict[str, str | None]) -> bytes:
    """Replace the last members of a JSON row, from `vanished_at` on."""
    start = row.rindex(_MARK)
    return row[:start] + b"," + msgspec.json.encode(cells)[1:-1] + row[row.index(b"}", start) :]


class JsonLines(TextSink):
    """A file with an issue per line, as JSON, and at its end local times and `vanished_at`."""

    def encode(self, issues: Iterable[Issue]) -> Iterator[bytes]:
        """Encode issues as lines."""
        added = self.columns[len(COLUMNS) - 1 :]  # the others are members of the issue
        for issue in issues:
            members = {column.name: column.value_of(issue) for column in added}
            yield b"".join(
                (msgspec.json.encode(issue)[:-1], b",", msgspec.json.encode(members)[1:], b"\n")
            )

    def decode(self, row: bytes) -> StoredRow:
        """Decode a line."""
        return _decoder.decode(row).to_stored_row()

    def with_marks(self, row: bytes, cells: dict[str, str | None]) -> bytes:
        """Return a line with other values of its last members."""
        return replace_marks(row, cells)


@attrs.frozen
class StoredIssues:
    """The issues of a `.jsonl` file, which is read each time that they are iterated over."""

    path: Path
    model: type[Issue]

    def __iter__(self) -> Iterator[Issue]:
        decoder = msgspec.json.Decoder(self.model)
        with self.path.open("rb") as file:
            yield from map(decoder.decode, file)
