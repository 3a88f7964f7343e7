"""The interface of sinks, and the table of their file name suffixes."""

from __future__ import annotations

import importlib
import os
import sqlite3
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from seeclickfix_async._core.time_zone import parse_zone
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull._checkpoint import Checkpoint
from seeclickfix_async.pull._paths import check_path
from seeclickfix_async.pull._rows import StoredRow, VanishedMarks


class Sink(Protocol):
    """A store for the issues of a pull and its checkpoint, usable at any moment.

    The process may be killed at any instant: the checkpoint that is read afterwards fits the
    issues that are stored. A sink does not lock its file; `pull` does.

    Attributes:
        upserts: Whether `write` replaces the row of an issue that is stored already.
    """

    upserts: ClassVar[bool]

    @property
    @abstractmethod
    def is_empty(self) -> bool:
        """True if the sink holds no pull of any query."""

    @abstractmethod
    def read_checkpoint(self, key: str) -> Checkpoint | None:
        """Return the checkpoint of the pull with this key, or None if it has not begun.

        Raises:
            InvalidArgumentError: The sink holds something else.
        """

    @abstractmethod
    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Store issues and checkpoint: both or neither."""

    @abstractmethod
    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Replace the rows of these issues, and add new ones; idempotent.

        Args:
            issues: The issues. They may be iterated over twice; of several versions of an issue,
                the last one is stored.
            checkpoint: The checkpoint after it.
        """

    @abstractmethod
    def stored_rows(self, key: str) -> Iterator[StoredRow]:
        """Iterate over the rows of the pull with this key."""

    @abstractmethod
    def mark_vanished(self, key: str, marks: VanishedMarks) -> int:
        """Store which issues of the pull with this key have vanished, and which are back.

        Idempotent. An issue that has vanished from this pull, while another pull in the sink holds
        it, is not marked: it leaves this pull.

        Returns:
            The number of issues that left the pull.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_SINKS = {
    ".jsonl": ("_jsonl", "JsonLines"),
    ".csv": ("_csv", "Csv"),
    ".geojson": ("_geojson", "GeoJson"),
    ".db": ("_sqlite", "Sqlite"),
    ".parquet": ("_parquet", "Parquet"),
    ".geoparquet": ("_parquet", "GeoParquet"),
}


def open_sink(to: str | Path, *, excel: bool = False, timezone: str | tzinfo | None = None) -> Sink:
    """Open the sink for a file, by its suffix; rows and checkpoint are not written yet.

    Args:
        to: The file.
        excel: Write a `.csv` file for spreadsheet programs; see `pull`.
        timezone: Add the local time of each time; see `pull`.

    Raises:
        InvalidArgumentError: The suffix is unknown, or the file cannot be used.
    """
    path = Path(to)
    module, name = _SINKS[check_suffix(path)]
    if excel and path.suffix != ".csv":
        raise InvalidArgumentError("excel", "is for .csv files only.")
    options: dict[str, Any] = {"zone": parse_zone(timezone), **({"excel": True} if excel else {})}
    sink_class: Any = getattr(importlib.import_module(f"seeclickfix_async.pull.{module}"), name)
    try:
        sink: Sink = sink_class(Path(os.path.realpath(path)), **options)
    except (OSError, sqlite3.OperationalError) as error:
        raise InvalidArgumentError(
            "to",
            f"{path} cannot be opened: {error}. Correct its permissions, free disk space, or "
            "choose another path.",
        ) from None
    return sink


def check_suffix(path: Path) -> str:
    """Return the suffix of a file name, which selects the sink.

    Raises:
        InvalidArgumentError: The suffix is unknown, or the path cannot be used.
    """
    check_path("to", path)
    if path.suffix not in _SINKS:
        *most, last = _SINKS
        raise InvalidArgumentError("to", f"must end in {', '.join(most)} or {last}.")
    is_dataset = _SINKS[path.suffix][0] == "_parquet"
    if path.exists() and path.is_dir() != is_dataset:
        found, needed = ("a file", "a folder") if is_dataset else ("a folder", "a file")
        raise InvalidArgumentError(
            "to", f"{path} is {found}, but has to be {needed}. Choose another name."
        )
    return path.suffix
