"""GeoJSON files (RFC 7946)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import msgspec

from seeclickfix_async._tables.columns import plain_rows
from seeclickfix_async._tables.licence import ATTRIBUTION, LICENCE
from seeclickfix_async.models import Issue
from seeclickfix_async.pull._checkpoint import Checkpoint
from seeclickfix_async.pull._jsonl import JsonRow, replace_marks
from seeclickfix_async.pull._rows import StoredRow
from seeclickfix_async.pull._text import TextSink

HEADER = b'{"type":"FeatureCollection","features":[\n'


class _Feature(msgspec.Struct):
    properties: JsonRow


_decoder: msgspec.json.Decoder[_Feature] = msgspec.json.Decoder(_Feature)


class GeoJson(TextSink):
    """A FeatureCollection of points; an issue without coordinates has a null geometry."""

    separator: ClassVar[bytes] = b","
    footer_start: ClassVar[bytes] = b"]"

    @property
    def header(self) -> bytes:
        """The start of the collection."""
        return HEADER

    def encode(self, issues: Iterable[Issue]) -> Iterator[bytes]:
        """Encode issues as features, each on a line."""
        for row in plain_rows(issues, self.columns):
            properties = dict(zip(self.names, row, strict=True))
            position = [properties.pop("lng"), properties.pop("lat")]
            point = {"type": "Point", "coordinates": position}
            feature: dict[str, Any] = {
                "type": "Feature",
                "id": properties["id"],
                "geometry": None if None in position else point,
                "properties": properties,
            }
            yield msgspec.json.encode(feature) + b"\n"

    def decode(self, row: bytes) -> StoredRow:
        """Decode a feature."""
        return _decoder.decode(row).properties.to_stored_row()

    def with_marks(self, row: bytes, cells: dict[str, str | None]) -> bytes:
        """Return a feature with other values of its last properties."""
        return replace_marks(row, cells)

    def footer(self, checkpoint: Checkpoint) -> bytes:
        """Return the end of the collection, with members beyond the standard's (allowed, §6.1)."""
        members: dict[str, Any] = {
            "attribution": ATTRIBUTION,
            "licence": LICENCE,
            "report": checkpoint.report,
        }
        if self.zone is not None:
            members["timezone"] = self.zone.key
        return b"]," + msgspec.json.encode(members)[1:] + b"\n"
