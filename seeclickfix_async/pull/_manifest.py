"""The checkpoint of a dataset: where the pull stands, and which files belong to it."""

from __future__ import annotations

from typing import Annotated

import attrs
import msgspec

from seeclickfix_async.pull._checkpoint import CheckpointFile

_Count = Annotated[int, msgspec.Meta(ge=0)]


@attrs.frozen
class Part:
    """One Parquet file of a dataset, as it was written.

    Attributes:
        path: Its path in the folder, such as `month=2026-01/part-0.parquet`.
        rows: The number of its rows.
        size: Its size in bytes.
        checksum: The CRC-32 of its bytes.
        first: Its lowest id.
        last: Its highest id.
        ids: The CRC-32 of its sorted ids: another program may write the same rows in other bytes.
    """

    path: str
    rows: _Count
    size: _Count
    checksum: _Count
    first: int
    last: int
    ids: _Count

    @property
    def month(self) -> str:
        """The name of its folder."""
        return self.path.partition("/")[0]


@attrs.frozen
class Manifest(CheckpointFile):
    """A checkpoint that names every file of its dataset; `length` is that of the pending rows.

    Files come into the folder and leave it after the manifest that says so has been saved. A
    process that is killed in between leaves `new` and `stale`, and the next one carries them out.

    Attributes:
        checksum: The CRC-32 of the pending rows.
        stored: The length of those at their beginning that are in parts.
        parts: The files.
        new: The paths of parts that are to be moved into the folder.
        stale: The paths of files that are to be removed from it.
    """

    checksum: _Count = 0
    stored: _Count = 0
    parts: tuple[Part, ...] = ()
    new: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
