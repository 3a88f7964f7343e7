"""A Parquet dataset: one folder for each month, which every engine reads as it is.

A Parquet file cannot grow, so rows gather in a file of Arrow batches, each of one month, whose name
hides it from readers, and go into new parts now and then. Parts are numbered; the checkpoint says
up to which number they count, and in the end each month is one file.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull import arrow
from seeclickfix_async.pull.checkpoint import Checkpoint, Kept
from seeclickfix_async.pull.held import Held, Marks
from seeclickfix_async.queries import moment

_AT_ONCE = 100_000
"""So many issues go into parts at once; until then they wait on the disk, and not in memory."""

_THREADS = 2
"""So many months are made one file at once; the libraries' work needs no interpreter."""

_NOWHEN = "__HIVE_DEFAULT_PARTITION__"

_HELD = ["id", "created_at", "updated_at", "vanished_at", "image"]


class Parquet:
    """A folder with `month=2026-01/part-1.parquet` and so on, by the month of creation in UTC."""

    upserts: ClassVar[bool] = False
    geometry: ClassVar[bool] = False

    def __init__(self, path: Path) -> None:
        self._arrow: Any = arrow.library()
        self._files: Any = importlib.import_module("pyarrow.parquet")
        self._schema = arrow.schema(geometry=self.geometry)
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
        self._waiting: dict[Path, list[int]] = {}  # where the batches of a month begin
        self._count = 0
        self._find()

    @property
    def empty(self) -> bool:
        """Whether no pull has begun here."""
        return self._kept is None or self._kept.checkpoint is None

    def load(self, key: str) -> Checkpoint | None:
        """Where the pull stands."""
        return None if self._kept is None else self._kept.of(key)

    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Gather the issues, then say so in the checkpoint; make parts when there are many."""
        self._gather_issues(issues)
        if checkpoint.finished:
            self._unite()
        self._save(checkpoint)
        if self._count >= _AT_ONCE:
            self._put(self._waiting, self._gathered)

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Make one file of each month, with the changes."""
        self._gather_issues(sorted(issues, key=lambda issue: _month_of(issue.created_at)))
        self._unite()
        self._save(checkpoint)

    def held(self, key: str) -> Iterator[Held]:  # noqa: ARG002  # a dataset holds one pull
        """The issues."""
        for month in sorted({*self._months(), *self._waiting}):
            gathered = self._gathered(month).select(_HELD)  # of a pull that is not done
            for row in self._newest([*self._read(month, _HELD), gathered]).to_pylist():
                told = row["updated_at"] or row["created_at"]
                yield Held(row["id"], told, row["vanished_at"], row["image"])

    def mark(self, marks: Marks) -> None:
        """Make one file of each month, with the rows that have other marks."""
        if marks:
            for month in self._months():
                for batch in self._marked(month, marks).to_batches():
                    self._gather(batch, itertools.repeat(month.name, len(batch)))
            self._unite()

    def _marked(self, month: Path, marks: Marks) -> Any:
        """The rows of a month whose marks change."""
        table = self._newest(self._read(month))
        table = table.filter([number in marks for number in table["id"].to_pylist()])
        column = table.schema.get_field_index("vanished_at")
        field = table.schema.field(column)
        changed = [marks[number] for number in table["id"].to_pylist()]
        return table.set_column(column, field, self._arrow.array(changed, field.type))

    @property
    def _gathering(self) -> Path:
        return self._path / f"_pending-{self._number}.arrow"

    def _gather_issues(self, issues: Sequence[Issue]) -> None:
        months = [_month_of(issue.created_at) for issue in issues]
        self._gather(arrow.batch(issues, self._schema), months)

    def _gather(self, batch: Any, months: Iterable[str]) -> None:
        """Append rows, a batch for each run of rows of one month."""
        begin = self._pending.tell()
        start = 0
        messages = []  # for one write: after each, a thread waits for the interpreter
        for month, run in itertools.groupby(months):
            length = sum(1 for _ in run)
            messages.append(batch.slice(start, length).serialize())
            self._waiting.setdefault(self._path / month, []).append(begin)
            begin += messages[-1].size
            start += length
        self._pending.write(b"".join(messages))
        self._pending.flush()
        self._count += start

    def _find(self) -> None:
        """Find where the batches begin that an earlier process gathered."""
        with self._arrow.OSFile(str(self._gathering)) as file:
            while (begin := file.tell()) < file.size():
                batch = self._read_batch(file)
                month = _month_of(batch["created_at"][0].as_py())
                self._waiting.setdefault(self._path / month, []).append(begin)
                self._count += len(batch)

    def _gathered(self, month: Path) -> Any:
        """What was gathered of a month."""
        batches = []
        with self._arrow.OSFile(str(self._gathering)) as file:
            for begin in self._waiting.get(month, ()):
                file.seek(begin)
                batches.append(self._read_batch(file))
        return self._arrow.Table.from_batches(batches, self._schema)

    def _read_batch(self, file: Any) -> Any:
        message = self._arrow.ipc.read_message(file)
        return self._arrow.ipc.read_record_batch(message, self._schema)

    def _unite(self) -> None:
        """Make one file of each month, in which the newest row of an issue stays.

        A process that is killed leaves parts whose rows are in the new file too; the same call,
        made again, does this again.
        """
        parted = [month for month in self._months() if len(self._parts(month)) > 1]
        months = {*self._waiting, *parted}
        self._put(months, lambda month: self._newest([*self._read(month), self._gathered(month)]))
        for month in months:
            for part in self._parts(month)[:-1]:
                part.unlink()

    def _put(self, months: Collection[Path], table_of: Callable[[Path], Any]) -> None:
        """Write the next part of some months, which is there when all of them are."""

        def write(month: Path) -> None:
            self._files.write_table(table_of(month), self._hidden(month), compression="zstd")

        with ThreadPoolExecutor(_THREADS) as threads:
            for _ in threads.map(write, months):
                pass
        for month in months:
            month.mkdir(exist_ok=True)
            self._hidden(month).replace(month / f"part-{self._number}.parquet")
        before = self._gathering
        self._pending.close()
        self._number += 1
        self._pending = self._gathering.open("wb")
        self._waiting = {}
        self._count = 0
        self._save(None if self._kept is None else self._kept.checkpoint)
        before.unlink()

    def _hidden(self, month: Path) -> Path:
        return self._path / f"_{month.name}.new"

    def _read(self, month: Path, columns: list[str] | None = None) -> list[Any]:
        """The parts of a month."""
        return [self._files.ParquetFile(part).read(columns) for part in self._parts(month)]

    def _newest(self, tables: Sequence[Any]) -> Any:
        """All rows, of each issue the last one."""
        table = self._arrow.concat_tables(tables)
        last = {number: place for place, number in enumerate(table["id"].to_pylist())}
        return table if len(last) == len(table) else table.take(sorted(last.values()))

    def _months(self) -> list[Path]:
        """The folders that hold something; a killed process may have left others."""
        return [month for month in sorted(self._path.glob("month=*")) if self._parts(month)]

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
        for stale in (*self._path.glob("_pending-*"), *self._path.glob("_*.new")):
            if stale != self._gathering:
                stale.unlink()
        length = self._kept.length if self._kept else 0
        with self._gathering.open("ab") as file:
            if file.tell() < length:  # a machine that loses its power may lose the last of it
                raise InvalidArgumentError(
                    "to",
                    f"{self._gathering} is shorter than the checkpoint says. "
                    f"Remove {self._path} to begin anew.",
                )
            file.truncate(length)

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


def _month_of(created: datetime | None) -> str:
    """The name of the folder that a row belongs into."""
    return f"month={moment(created)[:7] if created else _NOWHEN}"


def _number_of(part: Path) -> int:
    return int(part.stem.removeprefix("part-"))
