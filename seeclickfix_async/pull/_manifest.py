"""The checkpoint file of a dataset, which lists the files that belong to it."""

from __future__ import annotations

from typing import Annotated

import attrs
import msgspec

from seeclickfix_async.pull._checkpoint import CheckpointFile

_Count = Annotated[int, msgspec.Meta(ge=0)]

# In the folder of a month, or in that of the dataset: files elsewhere are never moved or removed.
_Path = Annotated[str, msgspec.Meta(pattern=r"^([^/\\:.][^/\\:]*/)?[^/\\:.][^/\\:]*$")]


@attrs.frozen
class ParquetPart:
    """A Parquet file of a dataset, as it was written.

    Attributes:
        path: Its path in the folder, such as `month=2026-01/part-0.parquet`.
        rows: The number of its rows.
        size: Its size in bytes.
        checksum: The CRC-32 of its bytes.
        first: The lowest id.
        last: The highest id.
        values: The checksum of its rows: another program may write the same rows as other bytes.
    """

    path: _Path
    rows: _Count
    size: _Count
    checksum: _Count
    first: int
    last: int
    values: _Count

    @property
    def month(self) -> str:
        """The name of the part's folder."""
        return self.path.partition("/")[0]


@attrs.frozen
class Manifest(CheckpointFile):
    """A checkpoint file that lists the parts of its dataset.

    `length` and `checksum` are of the pending rows. Files are moved into the folder and removed
    from it after the manifest that says so has been saved. If the process is killed in between, the
    next one finishes the changes in `new` and `stale`.

    Attributes:
        stored: The length in bytes of the pending rows that are in parts; they come first.
        parts: The parts.
        new: The paths of parts to move into the folder.
        stale: The paths of files to remove from it.
    """

    stored: _Count = 0
    parts: tuple[ParquetPart, ...] = ()
    new: tuple[_Path, ...] = ()
    stale: tuple[_Path, ...] = ()
