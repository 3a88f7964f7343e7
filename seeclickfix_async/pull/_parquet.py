"""Parquet datasets: a folder for each month, in the layout that query engines read.

A Parquet file cannot grow. Rows are written to a file of Arrow batches, the pending rows, and from
there to parts when there are many; at the end each month becomes one part. The folder holds only
parts, because some engines read every file in it as data. The checkpoint, the pending rows and new
parts are beside it.

A change of the folder takes three steps: write new parts beside it; save the manifest that names
them, which commits the change; move them into the folder. A part that has a successor is replaced
atomically, and one without is removed first, so that readers see no row twice, however the process
ends.
"""

from __future__ import annotations

import contextlib
import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import attrs

from seeclickfix_async._crawl.id_set import IdSet
from seeclickfix_async._tables import arrow
from seeclickfix_async._tables.columns import chunked, local_name, to_local
from seeclickfix_async.models import Issue
from seeclickfix_async.pull._checkpoint import (
    Checkpoint,
    CheckpointFile,
    checkpoint_path,
    choose_zone,
)
from seeclickfix_async.pull._dataset import EARLY_MANIFEST, Dataset
from seeclickfix_async.pull._manifest import Manifest, ParquetPart
from seeclickfix_async.pull._pending import PendingRows
from seeclickfix_async.pull._rows import StoredRow, VanishedMarks
from seeclickfix_async.pull._sinks import Sink

_MAX_PENDING = 100_000
"""The number of pending rows at which they are written to parts."""

_SORT_CHUNK = 2_000
"""The rows of an update that are sorted by month at a time: a batch for each row is slow."""

_NO_IDS = IdSet()

_STORED_COLUMNS = ["id", "created_at", "updated_at", "vanished_at", "image"]


class Parquet(Sink):
    """A folder of files such as `month=2026-01/part-0.parquet`, by month of creation.

    The months are those of the local time if the dataset has one, otherwise of UTC.
    """

    upserts: ClassVar[bool] = False
    geometry: ClassVar[bool] = False

    def __init__(self, path: Path, *, zone: ZoneInfo | None = None) -> None:
        self._arrow: Any = arrow.import_pyarrow()
        saved = CheckpointFile.read(checkpoint_path(path))
        self._zone = choose_zone(
            path,
            zone,
            name=None if saved is None else saved.timezone,
            is_begun=(saved is not None and saved.checkpoint is not None)
            or (path / EARLY_MANIFEST).exists(),
        )
        self._timezone = None if self._zone is None else self._zone.key
        self._schema = arrow.build_schema(geometry=self.geometry, zone=self._zone)
        self._dataset = Dataset(path, self._schema)
        self._files = self._dataset.files
        manifest = self._dataset.manifest
        self._pending = PendingRows(
            self._dataset.pending,
            self._schema,
            self._zone,
            length=manifest.length,
            checksum=manifest.checksum or 0,
            stored=manifest.stored,
        )
        if manifest.checkpoint and manifest.checkpoint.finished and self._divided_months:
            self._store(manifest.checkpoint)  # a process of an early version was killed

    @property
    def is_empty(self) -> bool:
        """True if the dataset holds no pull."""
        return self._dataset.manifest.checkpoint is None

    def read_checkpoint(self, key: str) -> Checkpoint | None:
        """Return the checkpoint of the pull."""
        return self._dataset.manifest.for_query(key)

    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Append the issues to the pending rows; write these to parts when there are many."""
        self._append(issues)
        if checkpoint.finished or self._pending.new_rows >= _MAX_PENDING:
            self._store(checkpoint)
        else:
            self._dataset.save(self._manifest(checkpoint))

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Rewrite the months that an issue enters or leaves."""
        remaining = iter(issues)
        while chunk := list(itertools.islice(remaining, _SORT_CHUNK)):
            newest = {issue.id: issue for issue in chunk}.values()  # sorting would reorder versions
            self._append(sorted(newest, key=self._month))
        self._store(checkpoint, self._pending.ids)

    def stored_rows(self, key: str) -> Iterator[StoredRow]:  # noqa: ARG002  # it holds one pull
        """Iterate over the rows of the dataset."""
        manifest = self._dataset.manifest
        parts = (
            self._files.read(self._dataset.file(part), _STORED_COLUMNS) for part in manifest.parts
        )
        pending = (self._pending.batches(month, {}, stored=False) for month in self._pending.months)
        for batch in itertools.chain.from_iterable((*parts, *pending)):
            for row in batch.select(_STORED_COLUMNS).to_pylist():
                yield StoredRow(
                    row["id"],
                    created=row["created_at"],
                    updated=row["updated_at"],
                    vanished=row["vanished_at"],
                    image=row["image"],
                )

    def mark_vanished(self, key: str, marks: VanishedMarks) -> int:  # noqa: ARG002  # one pull
        """Rewrite the months with rows whose marks change."""
        for part in self._dataset.manifest.parts:
            file = self._dataset.file(part)
            if not marks.keys().isdisjoint(self._files.ids(file)):
                for batch in self._files.read(file):
                    marked = self._apply(marks, batch)
                    self._pending.append(marked, itertools.repeat(part.month, len(marked)))
        checkpoint = self._dataset.manifest.checkpoint
        if marks and checkpoint:
            self._store(checkpoint, IdSet(marks))
        return 0

    def _apply(self, marks: VanishedMarks, batch: Any) -> Any:
        """Return the rows of a batch whose marks change, with the new marks."""
        batch = batch.filter([id_ in marks for id_ in batch["id"].to_pylist()])
        changed = [marks[id_] for id_ in batch["id"].to_pylist()]
        columns = {"vanished_at": changed}
        if self._zone is not None:
            local = [to_local(mark, self._zone) for mark in changed]
            columns[local_name("vanished_at")] = local
        for name, values in columns.items():
            field = self._schema.field(name)
            index = self._schema.get_field_index(name)
            batch = batch.set_column(index, field, self._arrow.array(values, field.type))
        return batch

    def _month(self, issue: Issue) -> str:
        return arrow.month_name(issue.created_at, self._zone)

    def _append(self, issues: Sequence[Issue]) -> None:
        for chunk in chunked(issues):
            months = [self._month(issue) for issue in chunk]
            self._pending.append(arrow.build_batch(chunk, self._schema, self._zone), months)

    def _manifest(self, checkpoint: Checkpoint) -> Manifest:
        """Return the manifest with the current pending rows."""
        return attrs.evolve(
            self._dataset.manifest,
            checkpoint=checkpoint,
            timezone=self._timezone,
            length=self._pending.length,
            checksum=self._pending.checksum,
        )

    def _store(self, checkpoint: Checkpoint, ids: IdSet = _NO_IDS) -> None:
        """Write the pending rows to parts; at the end of the pull, write one part for each month.

        Args:
            checkpoint: The checkpoint to save.
            ids: The ids of issues whose rows are removed from the parts that hold them.
        """
        self._dataset.check()
        parts = self._dataset.manifest.parts
        pending = self._pending.months
        rewritten = {part.month for part in parts if self._within(part, ids)}
        if checkpoint.finished:
            rewritten |= pending | self._divided_months
        last = self._pending.last_rows

        def write(month: str) -> ParquetPart | None:
            is_rewritten = month in rewritten
            old = [part for part in parts if part.month == month] if is_rewritten else []
            path = old[0].path if old else self._dataset.free_path(month)
            old_rows = sum(part.rows for part in old)
            stored = is_rewritten and old_rows == self._pending.stored_rows(month)
            new_rows = self._pending.batches(month, last, stored=stored)
            rows = new_rows if stored else itertools.chain(self._rows(old, ids), new_rows)
            return self._files.write(rows, self._dataset.staged(path), path)

        # First the months that only lose rows: an issue leaves a month before it enters another.
        months = [*sorted(rewritten - pending), *sorted(pending)]
        with self._dataset.staging():
            new = [part for part in map(write, months) if part is not None]
        unchanged = [part for part in parts if part.month not in rewritten]
        if checkpoint.finished:
            self._dataset.commit(
                Manifest(
                    checkpoint,
                    timezone=self._timezone,
                    parts=(*unchanged, *new),
                ),
                new,
            )
            self._pending.clear()
        else:
            self._pending.mark_stored()
            manifest = self._manifest(checkpoint)
            manifest = attrs.evolve(manifest, parts=(*unchanged, *new), stored=self._pending.stored)
            self._dataset.commit(manifest, new)

    def _rows(self, parts: Sequence[ParquetPart], ids: IdSet) -> Iterator[Any]:
        """Iterate over the last row of each issue in a month's parts, without these ids."""
        for number, part in enumerate(parts, 1):
            excluded = self._within(part, ids)
            if len(excluded) == part.rows:  # reading them would take 20 MB (measured)
                continue
            for later in parts[number:]:
                excluded += self._files.ids(self._dataset.file(later))
            yield from self._files.read_without(self._dataset.file(part), excluded)

    def _within(self, part: ParquetPart, ids: IdSet) -> array[int]:
        """Return those of some ids that a part holds."""
        if not ids.may_overlap(part.first, part.last):
            return array("q")
        return array("q", filter(ids.__contains__, self._files.ids(self._dataset.file(part))))

    @property
    def _divided_months(self) -> set[str]:
        """The months with more than one part."""
        months = [part.month for part in self._dataset.manifest.parts]
        return {month for month in months if months.count(month) > 1}

    def close(self) -> None:
        """Close the pending rows, and remove their file if it is empty."""
        self._pending.close()
        if not self._dataset.manifest.length:
            with contextlib.suppress(OSError):
                self._dataset.pending.unlink(missing_ok=True)


class GeoParquet(Parquet):
    """A Parquet dataset with a geometry column: points as in GeoParquet 1.1."""

    geometry: ClassVar[bool] = True
