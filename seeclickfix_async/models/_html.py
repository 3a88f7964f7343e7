"""Small HTML tables of models, for notebooks.

Everything from outside is escaped, and only http and https links are links. Nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any

import attrs

from seeclickfix_async._core import validation
from seeclickfix_async.errors._counting import counted

_MOST_ROWS = 20
_MOST_COLUMNS = 10
_LONGEST_CELL = 60  # characters, in a table of many rows
_LONGEST_VALUE = 300


def to_html(model: Any) -> str:
    """Return a table of the fields that have a value and that the repr shows."""
    cells = ((name, _to_cell(value, _LONGEST_VALUE)) for name, value in _shown_fields(model))
    rows = (f"<tr><th>{escape(name)}</th><td>{cell}</td></tr>" for name, cell in cells if cell)
    return f"<table><caption>{escape(type(model).__name__)}</caption>{''.join(rows)}</table>"


def rows_to_html(caption: str, models: Sequence[Any]) -> str:
    """Return a table of the first rows, with a column for each of the first short fields."""
    rows = [dict(_shown_fields(model)) for model in models[:_MOST_ROWS]]
    short = {name for row in rows for name, value in row.items() if _is_short(value)}
    columns = [name for name in (rows[0] if rows else ()) if name in short][:_MOST_COLUMNS]
    lines = ["".join(f"<th>{escape(name)}</th>" for name in columns)]
    for row in rows:
        cells = (_to_cell(row.get(name), _LONGEST_CELL) for name in columns)
        lines.append("".join(f"<td>{cell}</td>" for cell in cells))
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    more = len(models) - len(rows)
    rest = f"<p>… {counted(more, 'more row')}</p>" if more else ""
    return f"<table><caption>{escape(caption)}</caption>{body}</table>{rest}"


def _shown_fields(model: Any) -> Iterable[tuple[str, Any]]:
    """Yield the fields that the repr shows."""
    for field in attrs.fields(type(model)):
        if field.repr:
            yield field.name, getattr(model, field.name)


def _is_short(value: Any) -> bool:
    """Return True for a value that fits into a cell: neither a link nor one with parts."""
    has_parts = attrs.has(type(value)) or isinstance(value, (tuple, dict))
    return not (value is None or has_parts or _is_link(value))


def _is_link(value: Any) -> bool:
    return isinstance(value, str) and validation.is_http_url(value)


def _to_cell(value: Any, longest: int) -> str:
    text = _to_text(value)
    shown = escape(text if len(text) <= longest else text[: longest - 1] + "…")
    if not _is_link(value):
        return shown
    return f'<a href="{escape(value)}" rel="noopener noreferrer" target="_blank">{shown}</a>'


def _to_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if attrs.has(type(value)):
        parts = (_to_text(part) for _, part in _shown_fields(value) if not _is_link(part))
        return ", ".join(filter(None, parts))
    if isinstance(value, tuple):
        if any(attrs.has(type(item)) for item in value):
            return counted(len(value), "item")
        return ", ".join(map(_to_text, value))
    return "" if value is None else str(value)
