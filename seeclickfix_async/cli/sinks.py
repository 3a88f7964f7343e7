"""Files that a pull writes. What has been written is usable at any moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.queries import moment

_COLUMNS: dict[str, Callable[[Issue], Any]] = {
    "id": lambda issue: issue.id,
    "status": lambda issue: issue.status,
    "summary": lambda issue: issue.summary,
    "description": lambda issue: issue.description,
    "rating": lambda issue: issue.rating,
    "lat": lambda issue: issue.lat,
    "lng": lambda issue: issue.lng,
    "address": lambda issue: issue.address,
    "created_at": lambda issue: _moment(issue.created_at),
    "acknowledged_at": lambda issue: _moment(issue.acknowledged_at),
    "closed_at": lambda issue: _moment(issue.closed_at),
    "reopened_at": lambda issue: _moment(issue.reopened_at),
    "updated_at": lambda issue: _moment(issue.updated_at),
    "html_url": lambda issue: issue.html_url,
    "request_type": lambda issue: issue.request_type and issue.request_type.title,
    "organization": lambda issue: issue.request_type and issue.request_type.organization,
    "image": lambda issue: issue.media and issue.media.image_full,
    "json": lambda issue: msgspec.json.encode(issue).decode(),
}
"""SQLite's columns; the times are ISO 8601 in UTC, `json` holds the whole issue."""


class Sink(Protocol):
    """Where a pull's issues go, some at a time."""

    def write(self, issues: Sequence[Issue]) -> None:
        """Keep these issues; they are on disk when this returns."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class JsonLines:
    """One issue a line."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("xb")
        except FileExistsError:
            raise InvalidArgumentError(
                "file", f"{path} is there already. Name another, or a .db, which is updated."
            ) from None

    def write(self, issues: Sequence[Issue]) -> None:
        """Append whole lines."""
        self._file.write(b"".join(msgspec.json.encode(issue) + b"\n" for issue in issues))
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


class Sqlite:
    """A table `issues`, in which an issue that comes again replaces its row."""

    def __init__(self, path: Path) -> None:
        # Used from worker threads, one after the other.
        self._database = sqlite3.connect(path, check_same_thread=False)
        names = ", ".join(_COLUMNS).replace("id,", "id INTEGER PRIMARY KEY,", 1)
        marks = ", ".join("?" * len(_COLUMNS))
        updates = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
        self._upsert = (
            f"INSERT INTO issues VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {updates}"  # noqa: S608  # our own names
        )
        try:
            self._database.execute(f"CREATE TABLE IF NOT EXISTS issues ({names})")
        except sqlite3.DatabaseError:
            self._database.close()
            raise InvalidArgumentError("file", f"{path} is no SQLite database.") from None

    def write(self, issues: Sequence[Issue]) -> None:
        """Upsert by id, in one transaction."""
        rows = [[column(issue) for column in _COLUMNS.values()] for issue in issues]
        with self._database:
            self._database.executemany(self._upsert, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()


_KINDS: dict[str, Callable[[Path], Sink]] = {".jsonl": JsonLines, ".db": Sqlite}


def open_sink(path: Path) -> Sink:
    """The sink for a file, by its ending.

    Raises:
        InvalidArgumentError: The ending is not known, or the file cannot be used.
    """
    kind = _KINDS.get(path.suffix)
    if kind is None:
        raise InvalidArgumentError("file", f"must end in {' or '.join(_KINDS)}.")
    try:
        return kind(path)
    except (OSError, sqlite3.OperationalError):
        raise InvalidArgumentError("file", f"{path} cannot be written.") from None


def _moment(value: datetime | None) -> str | None:
    return None if value is None else moment(value)
