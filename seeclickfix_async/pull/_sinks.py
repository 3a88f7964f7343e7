"""Where a pull's issues go. What has been written is usable at any moment."""

from __future__ import annotations

import importlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull._checkpoint import Checkpoint
from seeclickfix_async.pull._rows import StoredRow, VanishedMarks


class Sink(Protocol):
    """Where a pull's issues go, page by page, together with where the pull stands.

    A process may end at any instant: what `load` gives afterwards fits the issues that are there.
    """

    @property
    def upserts(self) -> bool:
        """Whether an issue that comes again replaces its row."""
        ...

    @property
    def empty(self) -> bool:
        """Whether no pull has begun here, of whatever query."""
        ...

    def load(self, key: str) -> Checkpoint | None:
        """Where the pull with this key stands; None when it has not begun.

        Raises:
            InvalidArgumentError: There is something else already.
        """
        ...

    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Keep both, or neither."""
        ...

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Put these issues in the place of those with the same ids; harmless when repeated."""
        ...

    def held(self, key: str) -> Iterator[StoredRow]:
        """The issues of the pull with this key, as far as sweeps and photos go by them."""
        ...

    def mark(self, marks: VanishedMarks) -> None:
        """Write down which issues have vanished, and which have not; harmless when repeated."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


_KINDS = {
    ".jsonl": ("_text", "JsonLines"),
    ".csv": ("_text", "Csv"),
    ".geojson": ("_text", "GeoJson"),
    ".db": ("_sqlite", "Sqlite"),
    ".parquet": ("_parquet", "Parquet"),
    ".geoparquet": ("_parquet", "GeoParquet"),
}


def open_sink(to: str | Path) -> Sink:
    """The sink for a file, by its ending; nothing is written yet.

    It takes no lock: see `pull.lock`.

    Raises:
        InvalidArgumentError: The ending is not known, or the file cannot be used.
    """
    path = Path(to)
    module, name = _KINDS[check_ending(path)]
    kind: Any = getattr(importlib.import_module(f"seeclickfix_async.pull.{module}"), name)
    try:
        sink: Sink = kind(Path(os.path.realpath(path)))
    except (OSError, sqlite3.OperationalError):
        raise InvalidArgumentError("to", f"{path} cannot be written.") from None
    return sink


def check_ending(path: Path) -> str:
    """Return the ending of a file's name that says of which kind it is.

    Raises:
        InvalidArgumentError: It is none of ours.
    """
    if "\0" in str(path):
        raise InvalidArgumentError("to", "is no path: it holds a NUL.")
    if path.suffix not in _KINDS:
        *most, last = _KINDS
        raise InvalidArgumentError("to", f"must end in {', '.join(most)} or {last}.")
    return path.suffix
