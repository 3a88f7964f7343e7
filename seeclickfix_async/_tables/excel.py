"""Cells of CSV files for spreadsheet programs, which run cells that look like formulas.

Excel and others take a cell for a formula if it begins with `=`, `+`, `-` or `@`, also after blanks
and a byte order mark, or in full width; some versions also if a tab or a line break comes first
(OWASP, "CSV Injection"). A formula can send the other cells to a web site. An apostrophe in front
makes the cell plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

BOM = "\ufeff"
"""The byte order mark, by which Excel recognizes UTF-8."""

_BLANK = r"[\s\x00-\x1f\x7f\ufeff\u200b-\u200f\u2060]*"
_FORMULA = re.compile(rf"'*{_BLANK}[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def escape_formula(cell: str) -> str:
    """Add an apostrophe to a cell that looks like a formula, or as if it had one already."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def escape_formulas(cells: Iterable[Any]) -> list[Any]:
    """Return the cells of a row, with the strings among them escaped."""
    return [escape_formula(cell) if isinstance(cell, str) else cell for cell in cells]


def unescape_formula(cell: str) -> str:
    """Return a cell as it was before `escape_formula`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
