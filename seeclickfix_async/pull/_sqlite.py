"""SQLite databases, with the checkpoint written in the same transaction as the rows."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec

from seeclickfix_async._tables.columns import mark_cells
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue, Place
from seeclickfix_async.pull._checkpoint import Checkpoint
from seeclickfix_async.pull._rows import StoredRow, VanishedMarks
from seeclickfix_async.pull._sinks import Sink
from seeclickfix_async.pull._sqlite_lock import POLL_SECONDS, error_code, wait_for_lock
from seeclickfix_async.pull._sqlite_tables import (
    Table,
    build_index,
    has_comments,
    prepare,
    refuse_foreign,
    repair_index,
    tables_in,
)

_LOWEST_ID = -(2**63)

_TEMPORARY_ERRORS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}
"""The errors of a full disk, missing permissions, or a database that another program has locked."""

# Python cannot decode the message of an error that quotes a damaged name.
_DATABASE_ERRORS = (sqlite3.Error, UnicodeDecodeError)

_MAX_ROWS = 256  # of a statement, whose limit is 32,766 values

# The columns beside the checkpoint are parts of its JSON.
_UPSERT_PULL = """
INSERT INTO pulls (checkpoint, timezone, key, query, complete, report, attribution, licence)
VALUES (?1, ?2, json_extract(?1, '$.key'), json_extract(?1, '$.query'),
  json_extract(?1, '$.report.complete'), json_extract(?1, '$.report'),
  json_extract(?1, '$.attribution'), json_extract(?1, '$.licence'))
ON CONFLICT (key) DO UPDATE SET complete = excluded.complete, report = excluded.report,
  checkpoint = excluded.checkpoint
"""

_LINK_ISSUES = """
INSERT OR IGNORE INTO issue_pulls
SELECT pulls.id, value FROM pulls, json_each(?) WHERE pulls.key = ?
"""

_SHARED_ISSUES = """
SELECT value FROM json_each(?1) WHERE EXISTS (
  SELECT 1 FROM pulls CROSS JOIN issue_pulls ON pull_id = pulls.id AND issue_id = value
  WHERE key <> ?2
)
"""

_UNLINK_ISSUES = """
DELETE FROM issue_pulls WHERE issue_id IN (SELECT value FROM json_each(?1))
  AND pull_id = (SELECT id FROM pulls WHERE key = ?2)
"""

_DELETE_COMMENTS = "DELETE FROM comments WHERE issue_id IN (SELECT value FROM json_each(?))"

_UPDATE_PLACE = """
UPDATE places SET id = ?, name = ?, county = ?, state = ?, place_type = ?, lat = ?, lng = ?,
  html_url = ?
WHERE url_name = ?
"""

_STORED_ROWS = """
SELECT issue_id, image, created_at, updated_at, vanished_at
FROM issue_pulls JOIN issues ON issues.id = issue_id JOIN pulls ON pulls.id = pull_id
WHERE key = ? AND issue_id > ? ORDER BY issue_id LIMIT 1000
"""

_COUNT_ROWS = """
SELECT
  (SELECT count(*) FROM issue_pulls WHERE pull_id = ?),
  (SELECT count(*) FROM issue_pulls LEFT JOIN issues ON id = issue_id
   WHERE pull_id = ? AND id IS NULL)
"""

_EXISTING_IDS = "SELECT id FROM issues WHERE id IN (SELECT value FROM json_each(?))"
_INDEX_ISSUES = """
INSERT INTO issues_fts (rowid, summary, description, address)
SELECT id, summary, description, address
FROM issues WHERE id IN (SELECT value FROM json_each(?))
"""


class Sqlite(Sink):
    """A database of issues, in which a new version of an issue replaces its row.

    It may hold the pulls of several queries. Tables: `issues`, `comments`, `request_types`,
    `users`, `places`; `pulls`, with report, attribution and licence; `issue_pulls`, which links
    issues to the pulls that returned them. Views: `open_issues`, `months`, `closing_times`. The
    full-text index is `issues_fts`.

    Times are ISO 8601 in UTC, or local without an offset; `closing_times.days` are days. With local
    times, `months` are local months, and all pulls have the same time zone: `pulls.timezone`.
    `issues.details` holds the whole issue as JSON if it was pulled with details.
    """

    upserts: ClassVar[bool] = True

    def __init__(self, path: Path, *, zone: ZoneInfo | None = None) -> None:
        self._path = path
        try:
            self._database, self._zone = wait_for_lock(lambda: _open_database(path, zone))
        except _DATABASE_ERRORS as error:
            raise InvalidArgumentError(
                "to", f"{path} cannot hold a pull: {_explain(error)}"
            ) from error
        self._file = path.stat()

    @property
    def is_empty(self) -> bool:
        """True if the database holds no pull."""
        return not self._read("SELECT 1 FROM pulls LIMIT 1")

    def read_checkpoint(self, key: str) -> Checkpoint | None:
        """Return the checkpoint of the pull of a query."""
        rows = self._read("SELECT id, checkpoint FROM pulls WHERE key = ?", key)
        if not rows:
            return None
        ((pull_id, content),) = rows
        checkpoint = Checkpoint.decode(str(content))
        self._check_rows(pull_id, checkpoint)
        return checkpoint

    def _check_rows(self, pull_id: int, checkpoint: Checkpoint) -> None:
        """Refuse to continue a pull whose rows were deleted."""
        ((linked, deleted),) = self._read(_COUNT_ROWS, pull_id, pull_id)
        if deleted:
            raise InvalidArgumentError(
                "to",
                f"{deleted} issues of this pull were deleted from the table issues of "
                f"{self._path}. To pull them again, delete row {pull_id} of the table pulls, and "
                "pull anew; to continue without them, delete their rows of the table issue_pulls.",
            )
        if checkpoint.report.received and not linked:
            raise InvalidArgumentError(
                "to",
                f"rows of this pull were deleted from the table issue_pulls of {self._path}. "
                f"Delete row {pull_id} of the table pulls, and pull anew.",
            )

    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Upsert the issues and the checkpoint in one transaction.

        A program that replaced rows has left the full-text index as it was. SQLite may then refuse
        a change of these rows, and the index is built again.
        """
        with self._translate_errors():
            try:
                self._write(issues, checkpoint)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_CORRUPT_VTAB:
                    raise
                wait_for_lock(lambda: build_index(self._database))
                self._write(issues, checkpoint)

    def _write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        ids = msgspec.json.encode([issue.id for issue in issues]).decode()
        with self._transaction() as execute:
            existing = {id_ for (id_,) in execute(_EXISTING_IDS, (ids,))}
            new = [issue.id for issue in issues if issue.id not in existing]
            requested = checkpoint.query.get("fields[issue]")
            fields = None if requested is None else requested.split(",")
            detailed = msgspec.json.encode([i.id for i in issues if has_comments(i)]).decode()
            execute(_DELETE_COMMENTS, (detailed,))  # the current ones are inserted below
            for table in tables_in(self._zone):
                self._upsert(table, issues, fields)
            execute(_INDEX_ISSUES, (msgspec.json.encode(new).decode(),))
            url_name = checkpoint.query.get("place_url")
            if url_name is not None:
                self._upsert_place(url_name, checkpoint.place)
            execute(_UPSERT_PULL, (checkpoint.encode().decode(), self._zone and self._zone.key))
            execute(_LINK_ISSUES, (ids, checkpoint.key))

    @contextmanager
    def _transaction(self) -> Generator[Callable[..., sqlite3.Cursor]]:
        """Run statements in one transaction; yields the function that executes one."""
        try:
            is_ours = os.path.samestat(self._path.stat(), self._file)
        except (FileNotFoundError, NotADirectoryError):
            is_ours = False
        if not is_ours:  # what is written to a removed file would be lost
            raise InvalidArgumentError(
                "to",
                f"{self._path} was removed or replaced while the pull ran. Pull again.",
            )
        wait_for_lock(lambda: self._database.execute("BEGIN IMMEDIATE"))
        try:
            yield self._database.execute
        except BaseException:
            if self._database.in_transaction:  # a full disk ends the transaction
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _read(self, statement: str, *values: Any) -> list[Any]:
        with self._translate_errors():
            return wait_for_lock(lambda: self._database.execute(statement, values).fetchall())

    @contextmanager
    def _translate_errors(self) -> Generator[None]:
        """Translate the errors of a database that is locked, damaged or changed."""
        try:
            yield
        except _DATABASE_ERRORS as error:
            raise InvalidArgumentError(
                "to", f"{self._path} cannot be used: {_explain(error)}"
            ) from error

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """Upsert the issues, as `write` does."""
        self.write(tuple(issues), checkpoint)

    def stored_rows(self, key: str) -> Iterator[StoredRow]:
        """Iterate over the issues of this pull.

        A statement returns 1,000 of them, so that a caller who takes long does not block other
        programs.
        """
        last_id = _LOWEST_ID
        while rows := self._stored_rows_after(key, last_id):
            yield from rows
            last_id = rows[-1].id

    def _stored_rows_after(self, key: str, last_id: int) -> list[StoredRow]:
        return [
            StoredRow(
                id_,
                created=self._parse_time(id_, created),
                updated=self._parse_time(id_, updated),
                vanished=self._parse_time(id_, vanished),
                image=self._check_text(id_, image),
            )
            for id_, image, created, updated, vanished in self._read(_STORED_ROWS, key, last_id)
        ]

    def _parse_time(self, id_: int, value: str | None) -> datetime | None:
        """Parse a time; one without offset is in UTC, as SQLite's functions return it."""
        try:
            time = datetime.fromisoformat(value) if value else None
        except (TypeError, ValueError):
            raise InvalidArgumentError(
                "to", f"the row of issue {id_} in {self._path} has an invalid time: {value!r}"
            ) from None
        return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time

    def _check_text(self, id_: int, value: object) -> str | None:
        if value is None or isinstance(value, str):
            return value
        raise InvalidArgumentError(
            "to",
            f"the row of issue {id_} in {self._path} has an invalid image: it is not a link. "
            "Set it to NULL, or restore it.",
        )

    def mark_vanished(self, key: str, marks: VanishedMarks) -> int:
        """Write all marks in one transaction; unlink issues that are in other pulls, too.

        Then repair the full-text index: a program that replaced rows has left it as it was.
        """
        vanished = msgspec.json.encode([id_ for id_, mark in marks.items() if mark]).decode()
        with self._translate_errors(), self._transaction() as execute:
            shared = {id_ for (id_,) in execute(_SHARED_ISSUES, (vanished, key))}
            execute(_UNLINK_ISSUES, (msgspec.json.encode([*shared]).decode(), key))
            cells = mark_cells(None, self._zone)
            statement = f"UPDATE issues SET {' = ?, '.join(cells)} = ? WHERE id = ?"  # noqa: S608  # constants
            rows = [
                (*mark_cells(mark, self._zone).values(), id_)
                for id_, mark in marks.items()
                if id_ not in shared
            ]
            self._database.executemany(statement, rows)
        with self._translate_errors():
            wait_for_lock(lambda: repair_index(self._database))
        return len(shared)

    def _upsert(
        self, table: Table, issues: Sequence[Issue], fields: Collection[str] | None
    ) -> None:
        """Upsert the rows of a table, many per statement.

        Other threads run while a statement executes, and not in between. The number of rows is a
        power of two: `sqlite3` caches 128 prepared statements with their values, which took 25 MB
        with a statement for each number of rows (measured).
        """
        rows = iter(table.rows(issues))
        while batch := list(itertools.islice(rows, _MAX_ROWS)):
            while batch:
                count = 1 << (len(batch).bit_length() - 1)
                values = list(itertools.chain.from_iterable(batch[:count]))
                self._database.execute(table.upsert(count, fields), values)
                del batch[:count]

    def _upsert_place(self, url_name: str, place: Place | None) -> None:
        """Write the queried place; if the service did not describe it, only its name in URLs."""
        execute = self._database.execute
        execute("INSERT OR IGNORE INTO places (url_name) VALUES (?)", (url_name,))
        if place is None:
            return
        center = place.center.coordinates if place.center else ()
        lng, lat = center[:2] if len(center) > 1 else (None, None)
        values = (place.id, place.name, place.county, place.state, place.place_type)
        execute(_UPDATE_PLACE, (*values, lat, lng, place.html_url, url_name))

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def _open_database(
    path: Path, requested: ZoneInfo | None
) -> tuple[sqlite3.Connection, ZoneInfo | None]:
    """Open a database, which worker threads use one after the other, and create its tables.

    Returns:
        The database, and the time zone of its local times, if it has some.
    """
    database = sqlite3.connect(
        path, timeout=POLL_SECONDS, check_same_thread=False, isolation_level=None
    )
    try:
        refuse_foreign(database, path)
        # In this mode a killed process loses nothing; a power failure may lose the last
        # transactions, rows and checkpoint together.
        database.execute("PRAGMA page_size = 8192")  # an issue takes about 2 kB
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 4000")  # 32 MB, then it syncs
        zone = prepare(database, path, requested)
    except BaseException:
        database.close()
        raise
    return database, zone


def _explain(error: sqlite3.Error | UnicodeDecodeError) -> str:
    """Return the error as a sentence, and what to do about it."""
    if error_code(error) in _TEMPORARY_ERRORS:
        return (
            f"{error}. Everything pulled before is stored; free disk space, or close other "
            "programs that use the file, and pull again."
        )
    return f"{error}. It was damaged or changed: restore it, or choose another file."
