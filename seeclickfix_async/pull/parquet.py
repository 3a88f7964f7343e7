"""A Parquet dataset: one folder for each month, which every engine reads as it is.

A Parquet file cannot grow, so rows wait in a file of Arrow batches, and go into parts now and then;
in the end each month is one file. Only parts are in the folder, because some engines take every
file in it for data. The checkpoint, the pending rows, and new parts are beside it.

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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import attrs

from seeclickfix_async.models import Issue
from seeclickfix_async.pull import arrow
from seeclickfix_async.pull.checkpoint import Checkpoint
from seeclickfix_async.pull.dataset import Dataset
from seeclickfix_async.pull.held import Held, Marks
from seeclickfix_async.pull.manifest import Part
from seeclickfix_async.pull.pending import PendingRows

_AT_ONCE = 100_000
"""The rows that go into parts together; until then they wait on the disk, and not in memory."""

_SORTED = 10_000
"""The rows of an update that are sorted by month together: a batch for each row takes long."""

_THREADS = 2
"""The months that are written at once; the libraries' work does not need the interpreter."""

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
        )
        if manifest.checkpoint and manifest.checkpoint.finished and self._divided:
            self._store(manifest.checkpoint, unite=True)  # an earlier version was killed

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
            self._store(checkpoint, unite=checkpoint.finished)
        else:
            manifest = attrs.evolve(
                self._dataset.manifest,
                checkpoint=checkpoint,
                length=self._pending.length,
                checksum=self._pending.checksum,
            )
            self._dataset.save(manifest)

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Write the months anew in which an issue is new, or was before."""
        rest = iter(issues)
        while some := list(itertools.islice(rest, _SORTED)):
            self._append(sorted(some, key=lambda issue: arrow.month_of(issue.created_at)))
        self._store(checkpoint, unite=True)

    def held(self, key: str) -> Iterator[Held]:  # noqa: ARG002  # a dataset holds one pull
        """The issues."""
        for part in self._dataset.manifest.parts:
            for batch in self._files.read(self._dataset.file(part), _HELD):
                for row in batch.to_pylist():
                    told = row["updated_at"] or row["created_at"]
                    yield Held(row["id"], told, row["vanished_at"], row["image"])

    def mark(self, marks: Marks) -> None:
        """Write the months anew that have rows with other marks."""
        for part in self._dataset.manifest.parts:
            file = self._dataset.file(part)
            if not marks.keys().isdisjoint(self._files.ids(file)):
                for batch in self._files.read(file):
                    marked = self._marked(batch, marks)
                    self._pending.append(marked, itertools.repeat(part.month, len(marked)))
        self._store(self._dataset.manifest.checkpoint, unite=True)

    def _marked(self, batch: Any, marks: Marks) -> Any:
        """The rows whose marks change."""
        batch = batch.filter([number in marks for number in batch["id"].to_pylist()])
        column = self._schema.get_field_index("vanished_at")
        changed = [marks[number] for number in batch["id"].to_pylist()]
        values = self._arrow.array(changed, self._schema.field(column).type)
        return batch.set_column(column, self._schema.field(column), values)

    def _append(self, issues: Sequence[Issue]) -> None:
        months = [arrow.month_of(issue.created_at) for issue in issues]
        self._pending.append(arrow.batch(issues, self._schema), months)

    def _store(self, checkpoint: Checkpoint | None, *, unite: bool) -> None:
        """Make parts of the pending rows, which replace those of the same issues in any month.

        With `unite` each month becomes one file.
        """
        self._dataset.check()
        parts = self._dataset.manifest.parts
        ids = array("q", sorted(self._pending.ids))
        rewritten = {part.month for part in parts if self._replaced(part, ids)}
        if unite:
            rewritten |= {*self._divided, *self._pending.months}
        # Months that only lose rows come first: an issue leaves one before it enters another.
        losing = sorted(rewritten.difference(self._pending.months))
        months = [*losing, *sorted(self._pending.months)]
        last = self._pending.last_rows()

        def write(month: str) -> Part | None:
            old = [part for part in parts if part.month == month and month in rewritten]
            path = old[0].path if old else self._dataset.free_path(month)
            return self._files.write(
                self._rows(month, old, ids, last), self._dataset.staged(path), path
            )

        with self._dataset.staging(), ThreadPoolExecutor(_THREADS) as threads:
            new = [part for part in threads.map(write, months) if part is not None]
        kept = [part for part in parts if part.month not in rewritten]
        self._dataset.commit(checkpoint, kept, new)
        self._pending.clear()

    def _rows(
        self, month: str, parts: Sequence[Part], ids: array[int], last: Mapping[int, int]
    ) -> Iterator[Any]:
        """The rows of some parts and the pending ones of their month, of each issue the last."""
        for number, part in enumerate(parts, 1):
            newer = self._within(part, ids)
            for later in parts[number:]:
                newer += self._files.ids(self._dataset.file(later))
            yield from self._files.read_without(self._dataset.file(part), newer)
        yield from self._pending.batches(month, last)

    def _replaced(self, part: Part, ids: array[int]) -> bool:
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
