"""The rows that commands print: as a table, as JSON, or as CSV with the columns of a pull."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import attrs
from rich.table import Table

from seeclickfix_async._cli.options import Format, RowOptions
from seeclickfix_async._cli.terminal import encode_json, make_harmless, out, print_raw
from seeclickfix_async._tables.excel import BOM, escape_formulas
from seeclickfix_async.errors import InvalidArgumentError

T = TypeVar("T")

Cells = Mapping[str, Callable[[T], Any]]


@attrs.frozen
class Layout(Generic[T]):
    """The columns of a kind of row.

    Attributes:
        table: The cells of the table, by heading.
        names: The columns of CSV.
        to_cells: Returns the cells of CSV, by row.
        to_json: Returns the value of a row in JSON.
        line: Returns the line of a row, if rows are printed as they come instead of in a table.
    """

    table: Cells[T]
    names: Sequence[str]
    to_cells: Callable[[Sequence[T]], Iterable[Sequence[Any]]]
    to_json: Callable[[T], Any] = lambda row: row
    line: Callable[[T], str] | None = None


def flat_layout(table: Cells[T], columns: Cells[T]) -> Layout[T]:
    """Return a layout with these columns of CSV."""

    def to_cells(rows: Sequence[T]) -> Iterable[Sequence[Any]]:
        return ([value_of(row) for value_of in columns.values()] for row in rows)

    return Layout(table, tuple(columns), to_cells)


class RowWriter(Generic[T]):
    """Prints rows, which may come a few at a time.

    Args:
        layout: The columns.
        options: The format.

    Raises:
        InvalidArgumentError: The options contradict each other.
    """

    def __init__(self, layout: Layout[T], options: RowOptions) -> None:
        if options.json and options.format not in (None, "jsonl"):
            raise InvalidArgumentError("json", "is the same as --format jsonl. Use one of them.")
        self._format: Format = options.format or ("jsonl" if options.json else "table")
        if options.excel and self._format != "csv":
            raise InvalidArgumentError("excel", "requires --format csv.")
        self._layout = layout
        self._excel = options.excel
        self._rows: list[T] = []
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Print the end, also of rows that end with an error: an array stays readable."""
        if error is None or (self._begun and self._format == "json"):
            self.write((), last=True)

    def write(self, rows: Sequence[T], *, last: bool = False) -> None:
        """Print some rows."""
        match self._format:
            case "table":
                self._write_table(rows, last=last)
            case "csv":
                self._write_csv(rows)
            case "jsonl":
                for row in rows:
                    print_raw(encode_json(self._layout.to_json(row), out.encoding))
            case "json":
                self._write_array(rows, last=last)

    def _write_table(self, rows: Sequence[T], *, last: bool) -> None:
        if self._layout.line is not None:
            for row in rows:
                out.print(self._layout.line(row))
            return
        self._rows.extend(rows)
        if last:
            out.print(_table(self._layout.table, self._rows))

    def _write_csv(self, rows: Sequence[T]) -> None:
        """Print cells as a pull writes them; on a terminal, without its control characters."""
        if not self._begun:
            self._write_cells(self._layout.names, BOM if self._excel else "")
            self._begun = True
        for cells in self._layout.to_cells(rows):
            self._write_cells(escape_formulas(cells) if self._excel else cells)

    def _write_cells(self, cells: Sequence[Any], start: str = "") -> None:
        is_terminal = out.file.isatty()
        if is_terminal:
            cells = [make_harmless(cell) if isinstance(cell, str) else cell for cell in cells]
            start = ""
        line = io.StringIO(newline="")
        csv.writer(line).writerow(cells)
        text = start + line.getvalue()
        print_raw(make_harmless(text) + "\n" if is_terminal else text.encode(errors="replace"))

    def _write_array(self, rows: Sequence[T], *, last: bool) -> None:
        for row in rows:
            print_raw("[" if not self._begun else ",\n ")
            print_raw(encode_json(self._layout.to_json(row), out.encoding).rstrip("\n"))
            self._begun = True
        if last:
            print_raw("]\n" if self._begun else "[]\n")


def _table(cells: Cells[T], rows: Iterable[T]) -> Table:
    """Return a table, which rich wraps to the width of the terminal.

    Columns of single words, such as ids, keep their width as long as others can be narrower.
    """
    table = Table(*cells, box=None)
    for row in rows:
        values = (value_of(row) for value_of in cells.values())
        table.add_row(*("" if value is None else str(value) for value in values))
    for column in table.columns:
        column.no_wrap = not any(" " in str(cell) for cell in column.cells)
    return table
