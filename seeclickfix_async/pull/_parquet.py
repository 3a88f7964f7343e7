"""A Parquet dataset: one folder for each month, which every engine reads as it is.

A Parquet file cannot grow, so rows go into a file of Arrow batches, and from there into parts now
and then; in the end each month becomes one file. Only parts are in the folder, because some engines
take every file in it for data. The checkpoint, the pending rows, and new parts are beside it.

A change of the folder takes three steps: new parts are written beside it; the manifest that names
them is saved, which is when the change counts; they are moved into the folder. A part that has a
successor is replaced by it at once, and one without is removed before, so that readers meet no row
twice, however the process ends.
"""

from __future__ import annotations

import contextlib
import itertools
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import attrs

from seeclickfix_async.models import Issue
from seeclickfix_async.pull import _arrow as arrow
from seeclickfix_async.pull._checkpoint import Checkpoint
from seeclickfix_async.pull._columns import chunked
from seeclickfix_async.pull._dataset import Dataset
from seeclickfix_async.pull._manifest import Manifest, Part
from seeclickfix_async.pull._pending import PendingRows
from seeclickfix_async.pull._rows import StoredRow, VanishedMarks

_AT_ONCE = 100_000
"""The rows that go into parts together."""

_SORTED = 10_000
"""The rows of an update that are sorted by month together: a batch for each row takes long."""

_THREADS = 1
"""The months that are written at once; the libraries' work does not need the interpreter."""

_NO_IDS = array("q")

_HELD = ["id", "created_at", "updated_at", "vanished_at", "image"]


class Parquet:
    """A folder with `month=2026-01/part-0.parquet` and so on, by the month of creation in UTC."""

    upserts: ClassVar[bool] = False
    geometry: ClassVar[bool] = False

    def __init__(self, path: Path) -> None:
        self._arrow: Any = arrow.library()
        self._schema = arrow.schema(geometry=self.geometry)
        self._dataset = Dataset(path, self._schema)
        self._files = self._dataset.files
        manifest = self._dataset.manifest
        self._pending = PendingRows(
            self._dataset.pending,
            self._schema,
            length=manifest.length,
            checksum=manifest.checksum,
            stored=manifest.stored,
        )
        if manifest.checkpoint and manifest.checkpoint.finished and self._divided:
            self._store(manifest.checkpoint)  # an earlier version was killed

    @property
    def empty(self) -> bool:
        """Whether no pull has begun here."""
        return self._dataset.manifest.checkpoint is None

    def load(self, key: str) -> Checkpoint | None:
        """Where the pull stands."""
        return self._dataset.manifest.of(key)

    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Append the issues to the pending rows; make parts of them when they are many."""
        self._append(issues)
        if checkpoint.finished or len(self._pending.ids) >= _AT_ONCE:
            self._store(checkpoint)
        else:
            self._dataset.save(self._described(checkpoint))

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Write the months anew in which an issue is new, or was before."""
        rest = iter(issues)
        while some := list(itertools.islice(rest, _SORTED)):
            self._append(sorted(some, key=lambda issue: arrow.month_name(issue.created_at)))
        self._store(checkpoint, array("q", sorted(self._pending.ids)))

    def held(self, key: str) -> Iterator[StoredRow]:  # noqa: ARG002  # a dataset holds one pull
        """The issues."""
        manifest = self._dataset.manifest
        parts = (self._files.read(self._dataset.file(part), _HELD) for part in manifest.parts)
        pending = (self._pending.batches(month, {}, stored=False) for month in self._pending.months)
        for batch in itertools.chain.from_iterable((*parts, *pending)):
            for row in batch.select(_HELD).to_pylist():
                told = row["updated_at"] or row["created_at"]
                yield StoredRow(row["id"], told, row["vanished_at"], row["image"])

    def mark(self, marks: VanishedMarks) -> None:
        """Write the months anew that have rows with other marks."""
        for part in self._dataset.manifest.parts:
            file = self._dataset.file(part)
            if not marks.keys().isdisjoint(self._files.ids(file)):
                for batch in self._files.read(file):
                    marked = self._marked(batch, marks)
                    self._pending.append(marked, itertools.repeat(part.month, len(marked)))
        checkpoint = self._dataset.manifest.checkpoint
        if marks and checkpoint:
            self._store(checkpoint, array("q", sorted(marks)))

    def _marked(self, batch: Any, marks: VanishedMarks) -> Any:
        """The rows whose marks change."""
        batch = batch.filter([number in marks for number in batch["id"].to_pylist()])
        column = self._schema.get_field_index("vanished_at")
        changed = [marks[number] for number in batch["id"].to_pylist()]
        values = self._arrow.array(changed, self._schema.field(column).type)
        return batch.set_column(column, self._schema.field(column), values)

    def _append(self, issues: Sequence[Issue]) -> None:
        for some in chunked(issues):
            months = [arrow.month_name(issue.created_at) for issue in some]
            self._pending.append(arrow.batch(some, self._schema), months)

    def _described(self, checkpoint: Checkpoint) -> Manifest:
        """The manifest with the rows that are pending now."""
        return attrs.evolve(
            self._dataset.manifest,
            checkpoint=checkpoint,
            length=self._pending.length,
            checksum=self._pending.checksum,
        )

    def _store(self, checkpoint: Checkpoint, ids: array[int] = _NO_IDS) -> None:
        """Make parts of the pending rows, and in the end one file of each month.

        The rows of the issues in `ids`, which are sorted, leave the parts that hold them.
        """
        self._dataset.check()
        parts = self._dataset.manifest.parts
        pending = self._pending.months
        rewritten = {part.month for part in parts if self._holds(part, ids)}
        if checkpoint.finished:
            rewritten |= pending | self._divided
        last = self._pending.last_rows()

        def write(month: str) -> Part | None:
            whole = month in rewritten
            old = [part for part in parts if part.month == month] if whole else []
            path = old[0].path if old else self._dataset.free_path(month)
            stored = whole and sum(part.rows for part in old) == self._pending.stored_rows(month)
            fresh = self._pending.batches(month, last, stored=stored)
            rows = fresh if stored else itertools.chain(self._rows(old, ids), fresh)
            return self._files.write(rows, self._dataset.staged(path), path)

        # Months that only lose rows come first: an issue leaves one before it enters another.
        months = [*sorted(rewritten - pending), *sorted(pending)]
        with self._dataset.staging():
            new = [part for part in map(write, months) if part is not None]
        kept = [part for part in parts if part.month not in rewritten]
        if checkpoint.finished:
            self._dataset.commit(Manifest(checkpoint, parts=(*kept, *new)), new)
            self._pending.clear()
        else:
            self._pending.mark_stored()
            manifest = self._described(checkpoint)
            manifest = attrs.evolve(manifest, parts=(*kept, *new), stored=self._pending.stored)
            self._dataset.commit(manifest, new)

    def _rows(self, parts: Sequence[Part], ids: array[int]) -> Iterator[Any]:
        """The rows of the parts of a month without some issues, of each issue the last."""
        for number, part in enumerate(parts, 1):
            newer = self._within(part, ids)
            for later in parts[number:]:
                newer += self._files.ids(self._dataset.file(later))
            yield from self._files.read_without(self._dataset.file(part), newer)

    def _holds(self, part: Part, ids: array[int]) -> bool:
        """Whether a part holds one of some issues."""
        some = self._within(part, ids)
        return bool(some) and not set(some).isdisjoint(self._files.ids(self._dataset.file(part)))

    def _within(self, part: Part, ids: array[int]) -> array[int]:
        """Those of some sorted ids that a part may hold."""
        return ids[bisect_left(ids, part.first) : bisect_right(ids, part.last)]

    @property
    def _divided(self) -> set[str]:
        """The months of more than one part."""
        months = [part.month for part in self._dataset.manifest.parts]
        return {month for month in months if months.count(month) > 1}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pending.close()
        if not self._dataset.manifest.length:
            with contextlib.suppress(OSError):
                self._dataset.pending.unlink(missing_ok=True)


class GeoParquet(Parquet):
    """The same with a geometry: points as GeoParquet 1.1 has them."""

    geometry: ClassVar[bool] = True
