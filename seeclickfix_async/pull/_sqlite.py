"""A database: issues and what belongs to them, and the checkpoint in the same transaction."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import msgspec

from seeclickfix_async._api.query import format_timestamp
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue, Place
from seeclickfix_async.pull._checkpoint import Checkpoint
from seeclickfix_async.pull._rows import StoredRow, VanishedMarks
from seeclickfix_async.pull._sqlite_tables import TABLES, Table, prepare

_MOST_ROWS = 256  # in a statement, which takes 32,766 values

# The columns beside the checkpoint are parts of its JSON.
_PULL = """
INSERT INTO pulls (checkpoint, key, query, complete, report, attribution, licence)
VALUES (?1, json_extract(?1, '$.key'), json_extract(?1, '$.query'),
  json_extract(?1, '$.report.complete'), json_extract(?1, '$.report'),
  json_extract(?1, '$.attribution'), json_extract(?1, '$.licence'))
ON CONFLICT (key) DO UPDATE SET complete = excluded.complete, report = excluded.report,
  checkpoint = excluded.checkpoint
"""

_BELONG = """
INSERT OR IGNORE INTO issue_pulls
SELECT pulls.id, value FROM pulls, json_each(?) WHERE pulls.key = ?
"""

_PLACE = """
UPDATE places SET id = ?, name = ?, county = ?, state = ?, place_type = ?, lat = ?, lng = ?,
  html_url = ?
WHERE url_name = ?
"""

_HELD = """
SELECT issue_id, image, coalesce(updated_at, created_at), vanished_at
FROM issue_pulls JOIN issues ON issues.id = issue_id JOIN pulls ON pulls.id = pull_id
WHERE key = ? AND issue_id > ? ORDER BY issue_id LIMIT 1000
"""

_COUNTS = """
SELECT
  (SELECT count(*) FROM issue_pulls WHERE pull_id = ?),
  (SELECT count(*) FROM issue_pulls LEFT JOIN issues ON id = issue_id
   WHERE pull_id = ? AND id IS NULL)
"""

_KNOWN = "SELECT id FROM issues WHERE id IN (SELECT value FROM json_each(?))"
_INDEX_NEW = """
INSERT INTO issues_fts (rowid, summary, description, address)
SELECT id, summary, description, address
FROM issues WHERE id IN (SELECT value FROM json_each(?))
"""


class Sqlite:
    """A database in which an issue that comes again replaces its row.

    It may hold several pulls, each of a query of its own. Tables `issues`, `comments`,
    `request_types`, `users`, `places`; a full-text index `issues_fts`; views `open_issues`,
    `months`, `closing_times`; and `pulls`, with report, attribution and licence, and
    `issue_pulls`, which says what came with which.
    Times are ISO 8601 in UTC, `closing_times.days` are days. `issues.details` holds the whole issue
    as JSON where it came with details, which have more to them than columns.
    """

    upserts: ClassVar[bool] = True

    def __init__(self, path: Path) -> None:
        self._path = path
        # Used from worker threads, one after the other; others may write for a minute.
        self._database = sqlite3.connect(
            path, timeout=60, check_same_thread=False, isolation_level=None
        )
        try:
            # A process that is killed loses nothing in this mode; a machine that loses its
            # power may lose the last pages, with their checkpoints.
            self._database.execute("PRAGMA page_size = 8192")  # an issue is half a usual page
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("PRAGMA wal_autocheckpoint = 4000")  # 32 MB, then it syncs
            prepare(self._database)
            self._file = path.stat()
        except InvalidArgumentError:
            self._database.close()
            raise
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise InvalidArgumentError("to", f"{path} cannot hold a pull: {_why(error)}") from error

    @property
    def empty(self) -> bool:
        """Whether no pull has begun here."""
        with self._usable():
            return self._database.execute("SELECT 1 FROM pulls").fetchone() is None

    def load(self, key: str) -> Checkpoint | None:
        """Where the pull of this query stands."""
        with self._usable():
            found = self._database.execute("SELECT id, checkpoint FROM pulls WHERE key = ?", (key,))
            row = found.fetchone()
            if row is None:
                return None
            checkpoint = Checkpoint.read(str(row[1]))
            self._check_rows(row[0], checkpoint)
            return checkpoint

    def _check_rows(self, number: int, checkpoint: Checkpoint) -> None:
        """Refuse a pull of which rows were deleted."""
        there, deleted = self._database.execute(_COUNTS, (number, number)).fetchone()
        if deleted:
            raise InvalidArgumentError(
                "to",
                f"{deleted} issues of this pull were deleted from the table issues of "
                f"{self._path}. To have them again, delete the row {number} of the table pulls, "
                "and pull anew; to go on without them, delete their rows of the table issue_pulls.",
            )
        if checkpoint.report.received and not there:
            raise InvalidArgumentError(
                "to",
                f"rows of this pull were deleted from the table issue_pulls of {self._path}. "
                f"Delete the row {number} of the table pulls, and pull anew.",
            )

    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Upsert everything, and the checkpoint, in one transaction."""
        with self._whole():
            self._write(issues, checkpoint)

    @contextmanager
    def _whole(self) -> Generator[None]:
        """A transaction, all of it or nothing."""
        try:
            is_ours = os.path.samestat(self._path.stat(), self._file)
        except (FileNotFoundError, NotADirectoryError):
            is_ours = False
        if not is_ours:  # what is written to a removed file is lost
            raise InvalidArgumentError(
                "to",
                f"{self._path} was removed or replaced while a pull was writing it. Pull again.",
            )
        with self._usable():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._database.in_transaction:  # a full disk ends it
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    @contextmanager
    def _usable(self) -> Generator[None]:
        """Translate what is raised for a database that is locked, damaged or changed."""
        try:
            yield
        except sqlite3.Error as error:
            raise InvalidArgumentError(
                "to", f"{self._path} cannot be used: {_why(error)}"
            ) from error

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """The same as writing, here."""
        self.write(tuple(issues), checkpoint)

    def held(self, key: str) -> Iterator[StoredRow]:
        """The issues that came with this pull, and not those of others.

        A thousand at a time: whoever takes days over them leaves the database to others.
        """
        number = -1
        while rows := self._held_after(key, number):
            yield from rows
            number = rows[-1].id

    def _held_after(self, key: str, number: int) -> list[StoredRow]:
        with self._usable():
            rows = self._database.execute(_HELD, (key, number)).fetchall()
        return [
            StoredRow(number, self._time(number, told), self._time(number, vanished), image)
            for number, image, told, vanished in rows
        ]

    def _time(self, number: int, text: str | None) -> datetime | None:
        try:
            return datetime.fromisoformat(text) if text else None
        except (TypeError, ValueError):
            raise InvalidArgumentError(
                "to", f"the row of issue {number} in {self._path} has a time that is none: {text!r}"
            ) from None

    def mark(self, marks: VanishedMarks) -> None:
        """Write all marks in one transaction."""
        rows = [(when and format_timestamp(when), number) for number, when in marks.items()]
        with self._whole():
            self._database.executemany("UPDATE issues SET vanished_at = ? WHERE id = ?", rows)

    def _write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        ids = msgspec.json.encode([issue.id for issue in issues]).decode()
        known = {number for (number,) in self._database.execute(_KNOWN, (ids,))}
        new = [issue.id for issue in issues if issue.id not in known]
        for table in TABLES:
            self._upsert(table, issues)
        self._database.execute(_INDEX_NEW, (msgspec.json.encode(new).decode(),))
        url_name = checkpoint.query.get("place_url")
        if url_name is not None:
            self._keep(url_name, checkpoint.place)
        self._database.execute(_PULL, (checkpoint.encode().decode(),))
        self._database.execute(_BELONG, (ids, checkpoint.key))

    def _upsert(self, table: Table, issues: Sequence[Issue]) -> None:
        """Many rows a statement: other threads can run while one is at work, but not between.

        Their number is a power of two: `sqlite3` keeps 128 prepared statements with their values,
        and one for each number of rows took 25 MB (measured).
        """
        rows = iter(table.rows(issues))
        while some := list(itertools.islice(rows, _MOST_ROWS)):
            while some:
                count = 1 << (len(some).bit_length() - 1)
                values = list(itertools.chain.from_iterable(some[:count]))
                self._database.execute(table.upsert(count), values)
                del some[:count]

    def _keep(self, url_name: str, place: Place | None) -> None:
        """What is known of the place that is pulled: its name in queries, if nothing else."""
        execute = self._database.execute
        execute("INSERT OR IGNORE INTO places (url_name) VALUES (?)", (url_name,))
        if place is None:
            return
        center = place.center.coordinates if place.center else ()
        lng, lat = center[:2] if len(center) > 1 else (None, None)
        told = (place.id, place.name, place.county, place.state, place.place_type)
        execute(_PLACE, (*told, lat, lng, place.html_url, url_name))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()


def _why(error: sqlite3.Error) -> str:
    """The error as a sentence, and what to do."""
    if isinstance(error, sqlite3.OperationalError):
        return (
            f"{error}. What had come before is kept; make room, or end what else holds the file, "
            "and pull again."
        )
    return f"{error}. It was damaged or changed: restore it, or name another file."
