"""The Parquet files of a dataset: write, read and check them."""

from __future__ import annotations

import importlib
from array import array
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from seeclickfix_async._core.file_replacement import flush_to_disk
from seeclickfix_async._tables import arrow
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._checksum import file_checksum
from seeclickfix_async.pull._manifest import ParquetPart
from seeclickfix_async.pull._row_checksum import sum_rows

_ROWS = 3072
"""The rows of a row group, which are in memory while a file is read or written."""


class PartFiles:
    """Reads and writes Parquet files of one schema."""

    def __init__(self, schema: Any) -> None:
        self._arrow: Any = arrow.import_pyarrow()
        self._compute: Any = importlib.import_module("pyarrow.compute")
        self._parquet: Any = importlib.import_module("pyarrow.parquet")
        self._pool = arrow.memory_pool()
        self._schema = schema

    def write(self, batches: Iterable[Any], file: Path, path: str) -> ParquetPart | None:
        """Write the file of the part at `path`; without rows, write no file and return None."""
        ids = array("q")
        values = 0
        # The writer leaves its file open when it fails, so the file is opened here.
        with (
            arrow.open_file(file, "wb") as sink,
            self._parquet.ParquetWriter(
                sink,
                self._schema,
                compression="zstd",
                write_page_checksum=True,
                memory_pool=self._pool,
            ) as writer,
        ):
            for table in self._row_groups(batches):
                writer.write_table(table)
                ids.extend(table["id"].to_pylist())
                values += sum_rows(table)
                del table  # before the next one is in memory
                arrow.release_memory()
        arrow.release_memory()
        if not ids:
            file.unlink()
            return None
        with file.open("rb") as written:  # the pending rows are removed after this
            flush_to_disk(written)
        return self._describe(file, path, ids, values)

    def describe(self, file: Path, path: str) -> ParquetPart:
        """Describe the part at `path`, from its current file."""
        values = sum(sum_rows(self._arrow.Table.from_batches([rows])) for rows in self.read(file))
        return self._describe(file, path, self.ids(file), values)

    def _describe(self, file: Path, path: str, ids: array[int], values: int) -> ParquetPart:
        ordered = arrow.to_sorted_array(ids)
        return ParquetPart(
            path=path,
            rows=len(ids),
            size=file.stat().st_size,
            checksum=file_checksum(file),
            first=ordered[0].as_py(),
            last=ordered[-1].as_py(),
            values=values,
        )

    def read(self, file: Path, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Iterate over the rows of a part, in batches.

        Raises:
            InvalidArgumentError: The file cannot be read.
        """
        with (
            self._translate_errors(file),
            arrow.open_file(file) as source,
            self._parquet.ParquetFile(source, pre_buffer=False) as opened,
        ):
            for batch in opened.iter_batches(_ROWS, columns=columns, use_threads=False):
                yield batch
                del batch  # before the next one is in memory
                arrow.release_memory()

    def ids(self, file: Path) -> array[int]:
        """Return the ids of a part."""
        batches = self.read(file, ["id"])
        return array("q", chain.from_iterable(batch["id"].to_pylist() for batch in batches))

    def read_without(self, file: Path, ids: array[int]) -> Iterator[Any]:
        """Iterate over the rows of a part, without these ids."""
        excluded = arrow.to_array(ids)
        for batch in self.read(file):
            if ids:
                found = self._compute.is_in(batch["id"], value_set=excluded)
                batch = batch.filter(self._compute.invert(found))  # noqa: PLW2901
            yield batch

    def convert(self, file: Path) -> Iterator[Any]:
        """Iterate over the rows of a part that another program wrote, converted to our schema.

        Raises:
            InvalidArgumentError: The file cannot be read, has other columns, or a column whose
                type cannot be converted safely.
        """
        with (
            self._translate_errors(file),
            arrow.open_file(file) as source,
            self._parquet.ParquetFile(source) as opened,
        ):
            self._check_columns(file, opened.schema_arrow)
            for batch in opened.iter_batches(_ROWS, columns=self._schema.names):
                table = self._arrow.Table.from_batches([batch]).select(self._schema.names)
                yield from table.cast(self._schema).combine_chunks().to_batches()

    def _check_columns(self, file: Path, found: Any) -> None:
        expected = self._schema.names
        missing = [name for name in expected if name not in found.names]
        allowed = (*expected, "__index_level_0__")  # the index that pandas writes
        unknown = [name for name in found.names if name not in allowed]
        if missing:
            raise _foreign_file(file, f"without the columns {', '.join(missing)}")
        if unknown:
            raise _foreign_file(file, f"with unknown columns: {', '.join(unknown)}")
        for name in expected:
            type_ = found.field(name).type
            is_aware = getattr(self._schema.field(name).type, "tz", None) is not None
            if is_aware and self._arrow.types.is_timestamp(type_) and type_.tz is None:
                raise _foreign_file(file, f"and the times in {name} have no time zone")

    def _row_groups(self, batches: Iterable[Any]) -> Iterator[Any]:
        group: list[Any] = []
        rows = 0
        for batch in batches:
            group.append(batch)
            rows += len(batch)
            if rows >= _ROWS:
                yield self._combine(group)
                group, rows = [], 0
        if rows:
            yield self._combine(group)

    def _combine(self, batches: list[Any]) -> Any:
        """Return a table of one chunk: each operation on a chunk has a cost of its own."""
        table = self._arrow.Table.from_batches(batches, self._schema)
        return table.combine_chunks(memory_pool=self._pool)

    @contextmanager
    def _translate_errors(self, file: Path) -> Generator[None]:
        """Translate the errors of the library for a damaged file."""
        try:
            yield
        except (self._arrow.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
            raise InvalidArgumentError(
                "to",
                f"{file} cannot be read: {str(error).rstrip('.')}. Restore it, or remove the "
                "dataset and its checkpoint to begin anew.",
            ) from error


def _foreign_file(file: Path, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        "to",
        f"{file} was written by another program, {problem}. Restore it, and write your own results "
        "to another folder.",
    )
