"""A Parquet dataset: one folder for each month, which every engine reads as it is.

A Parquet file cannot grow, so pages gather in a file of lines, whose name hides it from readers,
and go into new parts now and then. Parts are numbered; the checkpoint says up to which number they
count, and in the end each month is one file.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import msgspec

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue, Issue
from seeclickfix_async.pull import arrow
from seeclickfix_async.pull.checkpoint import Checkpoint, Kept
from seeclickfix_async.pull.held import Held, Marks

_AT_ONCE = 20_000
"""So many issues make a part: some 20 MB of memory."""

_TABLES = 1000
"""So many tables become one: each takes more memory than an issue does."""

_THREADS = 2
"""So many months are made one file at once; the libraries' work needs no interpreter."""

_NOWHEN = "__HIVE_DEFAULT_PARTITION__"

_HELD = ["id", "created_at", "updated_at", "vanished_at", "image"]

_DETAILED: msgspec.json.Decoder[DetailedIssue] = msgspec.json.Decoder(DetailedIssue)


class Parquet:
    """A folder with `month=2026-01/part-1.parquet` and so on, by the month of creation in UTC."""

    upserts: ClassVar[bool] = False
    geometry: ClassVar[bool] = False

    def __init__(self, path: Path) -> None:
        self._arrow: Any = arrow.library()
        self._files: Any = importlib.import_module("pyarrow.parquet")
        self._path = path
        if path.exists() and not path.is_dir():
            raise InvalidArgumentError("to", f"{path} is a file, and has to be a folder.")
        path.mkdir(exist_ok=True)
        self._checkpoint = path / "_pull.json"
        self._kept = Kept.read(self._checkpoint)
        if self._kept is None and not all(found.name.startswith("_") for found in path.iterdir()):
            raise InvalidArgumentError(
                "to", f"{path} is there already, and is no pull. Name another."
            )
        self._number = self._kept.number if self._kept else 0
        self._recover()
        self._pending = self._gathering.open("ab")
        # As tables, which take less memory than issues, and none of the garbage collector's time.
        self._waiting = [self._table(list(self._gathered()))]

    @property
    def empty(self) -> bool:
        """Whether no pull has begun here."""
        return self._kept is None or self._kept.checkpoint is None

    def load(self, key: str) -> Checkpoint | None:
        """Where the pull stands."""
        return None if self._kept is None else self._kept.of(key)

    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Gather the issues, then say so in the checkpoint; make parts when there are many."""
        self._pending.write(b"".join(msgspec.json.encode(issue) + b"\n" for issue in issues))
        self._pending.flush()
        self._waiting.append(self._table(issues))
        if len(self._waiting) >= _TABLES:
            self._waiting = [self._one(self._waiting)]
        if not checkpoint.finished:
            self._save(checkpoint)
        if sum(map(len, self._waiting)) >= _AT_ONCE or checkpoint.finished:
            self._part(self._waiting)
        if checkpoint.finished:
            self._compact(self._months())
            self._save(checkpoint)

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Put a part beside the others, then make one of each month."""
        self._part([self._table(list(issues))])
        self._compact(self._months())
        self._save(checkpoint)

    def held(self, key: str) -> Iterator[Held]:  # noqa: ARG002  # a dataset holds one pull
        """The issues."""
        for month in self._months():
            for row in self._newest(month, _HELD).to_pylist():
                told = row["updated_at"] or row["created_at"]
                yield Held(row["id"], told, row["vanished_at"], row["image"])

    def mark(self, marks: Marks) -> None:
        """Put the rows with other marks into a part beside the others, then make one of each."""
        if marks:
            self._add((month, self._marked(month, marks)) for month in self._months())
            self._compact(self._months())

    def _marked(self, month: Path, marks: Marks) -> Any:
        """The rows of a month whose marks change."""
        table = self._newest(month)
        table = table.filter([number in marks for number in table["id"].to_pylist()])
        column = table.schema.get_field_index("vanished_at")
        field = table.schema.field(column)
        changed = [marks[number] for number in table["id"].to_pylist()]
        return table.set_column(column, field, self._arrow.array(changed, field.type))

    @property
    def _gathering(self) -> Path:
        return self._path / f"_pending-{self._number}.jsonl"

    def _gathered(self) -> Iterator[Issue]:
        with self._gathering.open("rb") as file:
            yield from map(_DETAILED.decode, file)

    def _table(self, issues: Sequence[Issue]) -> Any:
        return arrow.table(issues, geometry=self.geometry)

    def _one(self, tables: Sequence[Any]) -> Any:
        return self._arrow.concat_tables(tables).combine_chunks()

    def _part(self, tables: Sequence[Any]) -> None:
        """Write issues into the next part of each month they are of."""
        table = self._one(tables)
        created = table["created_at"].cast(self._arrow.timestamp("us")).cast("string").to_pylist()
        places: dict[str, list[int]] = {}
        for place, moment in enumerate(created):
            places.setdefault(moment[:7] if moment else _NOWHEN, []).append(place)
        self._add((self._path / f"month={name}", table.take(at)) for name, at in places.items())

    def _add(self, tables: Iterable[tuple[Path, Any]]) -> None:
        """Write the next part of each month, then say so in the checkpoint."""
        for month, table in tables:
            if len(table):
                self._write(month, table, self._number)
        before = self._gathering
        self._pending.close()
        self._number += 1
        self._pending = self._gathering.open("wb")
        self._waiting = []
        if self._kept is not None:
            self._save(self._kept.checkpoint)
        before.unlink()

    def _compact(self, months: Iterable[Path]) -> None:
        """Make one file of each month, in which the newest row of an issue stays.

        A process that is killed leaves parts that are in the new file too; since the checkpoint
        says that there is work left, this is done again.
        """
        with ThreadPoolExecutor(_THREADS) as threads:
            for _ in threads.map(self._unite, months):
                pass

    def _unite(self, month: Path) -> None:
        newest = self._number - 1
        parts = self._parts(month)
        if len(parts) > 1:
            self._write(month, self._newest(month), newest)
            for part in parts:
                if _number_of(part) < newest:
                    part.unlink()

    def _newest(self, month: Path, columns: list[str] | None = None) -> Any:
        """All rows of a month, of each issue the one of the last part."""
        tables = [self._files.ParquetFile(part).read(columns) for part in self._parts(month)]
        table = self._arrow.concat_tables(tables)
        last = {number: place for place, number in enumerate(table["id"].to_pylist())}
        return table.take(sorted(last.values()))

    def _write(self, month: Path, table: Any, number: int) -> None:
        month.mkdir(exist_ok=True)
        fresh = self._path / f"_{month.name}.new"
        self._files.write_table(table, fresh, compression="zstd")
        fresh.replace(month / f"part-{number}.parquet")

    def _months(self) -> Iterable[Path]:
        return sorted(self._path.glob("month=*"))

    def _parts(self, month: Path) -> list[Path]:
        return sorted(month.glob("part-*.parquet"), key=_number_of)

    def _save(self, checkpoint: Checkpoint | None) -> None:
        self._kept = Kept(checkpoint, self._pending.tell(), number=self._number)
        self._kept.save(self._checkpoint)

    def _recover(self) -> None:
        """Drop what a killed process wrote and the checkpoint knows nothing of."""
        for month in self._months():
            for part in self._parts(month):
                if _number_of(part) >= self._number:
                    part.unlink()
        for stale in (*self._path.glob("_pending-*.jsonl"), *self._path.glob("_*.new")):
            if stale != self._gathering:
                stale.unlink()
        with self._gathering.open("ab") as file:
            file.truncate(self._kept.length if self._kept else 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        gathered = self._pending.tell()
        with contextlib.suppress(OSError):  # of what did not fit, which has been told
            self._pending.close()
        if not gathered:  # the next one who opens the dataset makes it anew
            self._gathering.unlink()


class GeoParquet(Parquet):
    """The same with a geometry: points as GeoParquet 1.1 has them."""

    geometry: ClassVar[bool] = True


def _number_of(part: Path) -> int:
    return int(part.stem.removeprefix("part-"))
