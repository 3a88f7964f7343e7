"""The tables of a database, and the conversion of issues to their rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import msgspec

from seeclickfix_async._api.query import format_timestamp
from seeclickfix_async._tables.columns import (
    Column,
    ColumnType,
    columns_in,
    local_name,
    plain_rows,
    to_local,
)
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue, Issue
from seeclickfix_async.pull._checkpoint import choose_zone

_TYPES: dict[ColumnType, str] = {
    "integer": "INTEGER",
    "real": "REAL",
    "text": "TEXT",
    "time": "TEXT",
    "local time": "TEXT",
}


@attrs.frozen
class Table:
    """A table whose rows are made from issues; a new version of a row replaces it.

    Attributes:
        name: The name of the table.
        columns: The type of each column; the first is the primary key.
        rows: Makes the rows from issues.
        preserved: The columns that keep their value if the new row has none.
        fields: The field of an issue that each column needs, if it needs one.
    """

    name: str
    columns: dict[str, str]
    rows: Callable[[Sequence[Issue]], Iterable[Sequence[Any]]]
    preserved: tuple[str, ...] = ()
    fields: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def definition(self) -> str:
        """The statement that creates the table."""
        columns = ", ".join(f"{name} {type_}" for name, type_ in self.columns.items())
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({columns})"

    def upsert(self, rows: int, fields: Collection[str] | None = None) -> str:
        """Return the statement that upserts this number of rows.

        Args:
            rows: The number of rows.
            fields: The requested fields of the issues; None for all. Other columns keep their
                values, which may be those of another pull.
        """
        key, *others = self.columns
        placeholders = f"({', '.join('?' * len(self.columns))})"
        values = {
            name: f"excluded.{name}"
            for name in others
            if fields is None or self.fields.get(name) is None or self.fields[name] in fields
        }
        for name in self.preserved:
            values[name] = f"coalesce(excluded.{name}, {self.name}.{name})"
        updates = ", ".join(f"{name} = {value}" for name, value in values.items())
        return (
            f"INSERT INTO {self.name} ({', '.join(self.columns)}) "  # noqa: S608  # constants
            f"VALUES {', '.join([placeholders] * rows)} ON CONFLICT ({key}) DO UPDATE SET {updates}"
        )


def _issues(columns: Sequence[Column], issues: Sequence[Issue]) -> Iterable[Sequence[Any]]:
    details = (
        msgspec.json.encode(issue).decode() if isinstance(issue, DetailedIssue) else None
        for issue in issues
    )
    return ((*row, json) for row, json in zip(plain_rows(issues, columns), details, strict=True))


def _request_types(issues: Sequence[Issue]) -> Iterable[Sequence[Any]]:
    types = {type_.id: type_ for issue in issues if (type_ := issue.request_type) is not None}
    return [
        (type_.id, type_.title, type_.organization, type_.url)
        for type_ in types.values()
        if isinstance(type_.id, int)
    ]


def _comments(zone: ZoneInfo | None, issues: Sequence[Issue]) -> Iterable[Sequence[Any]]:
    return [
        (
            comment.id,
            issue.id,
            comment.automatic,
            comment.commenter and comment.commenter.id,
            comment.comment,
            comment.created_at and format_timestamp(comment.created_at),
            comment.media and comment.media.image_full,
            *(() if zone is None else (msgspec.to_builtins(to_local(comment.created_at, zone)),)),
        )
        for issue in _detailed(issues)
        for comment in issue.comments or ()
        if comment.id is not None
    ]


def _users(issues: Sequence[Issue]) -> Iterable[Sequence[Any]]:
    found = [issue.reporter for issue in issues]
    for issue in _detailed(issues):
        found += (comment.commenter for comment in issue.comments or ())
        found.append(issue.assignee)
    users = {user.id: user for user in found if user is not None and user.id is not None}
    return [(user.id, user.name, user.role, user.html_url) for user in users.values()]


def has_comments(issue: Issue) -> bool:
    """Check whether an issue was received with its comments."""
    return isinstance(issue, DetailedIssue) and issue.comments is not None


def _detailed(issues: Sequence[Issue]) -> Iterator[DetailedIssue]:
    return (issue for issue in issues if isinstance(issue, DetailedIssue))


@cache
def tables_in(zone: ZoneInfo | None) -> tuple[Table, ...]:
    """Return the tables of issues and what belongs to them; with a time zone, with local times."""
    columns = columns_in(zone)
    local = {} if zone is None else {local_name("created_at"): "TEXT"}
    return (
        Table(
            "issues",
            {
                **{column.name: _TYPES[column.type] for column in columns},
                "id": "INTEGER PRIMARY KEY",
                "request_type_id": "INTEGER REFERENCES request_types (id)",
                "reporter_id": "INTEGER REFERENCES users (id)",
                "details": "TEXT",
            },
            partial(_issues, columns),
            ("comments_count", "details"),  # from another pull, with details
            {column.name: column.field for column in columns if column.field != "vanished_at"},
        ),
        Table(
            "comments",
            {
                "id": "INTEGER PRIMARY KEY",
                "issue_id": "INTEGER REFERENCES issues (id)",
                "automatic": "INTEGER",
                "commenter_id": "INTEGER REFERENCES users (id)",
                "comment": "TEXT",
                "created_at": "TEXT",
                "image": "TEXT",
                **local,
            },
            partial(_comments, zone),
        ),
        Table(
            "request_types",
            {
                "id": "INTEGER PRIMARY KEY",
                "title": "TEXT",
                "organization": "TEXT",
                "url": "TEXT",
            },
            _request_types,
        ),
        Table(
            "users",
            {"id": "INTEGER PRIMARY KEY", "name": "TEXT", "role": "TEXT", "html_url": "TEXT"},
            _users,
        ),
    )


_COUNT_PULLS = "SELECT count(*), max(timezone) FROM pulls"

# An evening report is in its own month.
_LOCAL_MONTHS = """
BEGIN;
DROP VIEW IF EXISTS months;
CREATE VIEW months AS
  SELECT substr(coalesce(created_at_local, created_at), 1, 7) AS month, count(*) AS created,
    sum(status IN ('open', 'acknowledged') AND vanished_at IS NULL) AS still_open
  FROM issues GROUP BY month;
COMMIT;
"""

_COUNT_INDEX_OBJECTS = """
SELECT count(*) FROM sqlite_schema
WHERE name IN ('issues_fts_delete', 'issues_fts_update', 'issues_fts_docsize')
  OR name = 'issues_fts' AND sql LIKE '%content="issues"%'
"""
_INDEX_OBJECTS = 4  # two tables and two triggers

_COUNT_INDEXED_ROWS = """
SELECT (SELECT count(*) FROM issues_fts_docsize), (SELECT count(*) FROM issues)
"""

_CHECK_INDEX = "INSERT INTO issues_fts (issues_fts, rank) VALUES ('integrity-check', 1)"


def refuse_foreign(database: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that no pull has begun, before anything is written to it."""
    is_used = database.execute("SELECT 1 FROM sqlite_schema").fetchone()
    columns = {name for _, name, *_ in database.execute("PRAGMA table_info(pulls)")}
    if is_used and not columns >= {"key", "checkpoint"}:
        raise InvalidArgumentError(
            "to",
            f"{path} exists already and was not written by a pull. Choose another name.",
        )


def prepare(
    database: sqlite3.Connection, path: Path, requested: ZoneInfo | None
) -> ZoneInfo | None:
    """Create missing tables, views and indexes, and a full-text index that lacks rows.

    Args:
        database: The database.
        path: Its file.
        requested: The time zone of the call, if it has one.

    Returns:
        The time zone of the local times, if the database has some.

    Raises:
        InvalidArgumentError: A table is damaged, or has another primary key; or the database was
            begun with another time zone.
        sqlite3.Error: The database cannot be used.
    """
    damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise InvalidArgumentError(
            "to",
            f"the database is damaged ({damage}). Restore it, or remove it to begin anew.",
        )
    count, name = _find_pulls(database)
    zone = choose_zone(path, requested, name=name, is_begun=count > 0)
    tables = tables_in(zone)
    for table in tables:
        _check_primary_key(database, table)
    for table in tables:
        database.execute(table.definition)
        _add_missing_columns(database, table)
    database.executescript(_read_script("schema.sql"))
    if zone is not None and not count:
        database.executescript(_LOCAL_MONTHS)
    if not _has_index(database):
        build_index(database)
    return zone


def repair_index(database: sqlite3.Connection) -> None:
    """Compare the full-text index with all rows, and build it again if it does not match.

    This reads the whole database, which takes longer than an update.
    """
    try:
        database.execute(_CHECK_INDEX)
    except sqlite3.OperationalError:  # locked, for example
        raise
    except sqlite3.DatabaseError:
        build_index(database)


def _find_pulls(database: sqlite3.Connection) -> tuple[int, str | None]:
    """Return the number of pulls in a database, and the name of their time zone."""
    database.executescript(_read_script("pulls.sql"))
    names = [name for _, name, *_ in database.execute("PRAGMA table_info(pulls)")]
    if "timezone" not in names:  # in a database of an earlier version
        database.execute(f"ALTER TABLE pulls ADD COLUMN timezone {_TYPES['text']}")
    count, name = database.execute(_COUNT_PULLS).fetchone()
    return count, name


def _read_script(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def _check_primary_key(database: sqlite3.Connection, table: Table) -> None:
    columns = database.execute(f"PRAGMA table_info({table.name})").fetchall()
    primary = next(iter(table.columns))
    if columns and [name for _, name, *_, key in columns if key] != [primary]:
        raise InvalidArgumentError(
            "to",
            f"{primary} is not the primary key of the table {table.name}, which was "
            "changed. Choose another file.",
        )


def _add_missing_columns(database: sqlite3.Connection, table: Table) -> None:
    """Add the columns that a table of an earlier version lacks."""
    found = {name for _, name, *_ in database.execute(f"PRAGMA table_info({table.name})")}
    for name, type_ in table.columns.items():
        if name not in found:
            database.execute(f"ALTER TABLE {table.name} ADD COLUMN {name} {type_}")


def _has_index(database: sqlite3.Connection) -> bool:
    """Check whether the full-text index exists, and has as many rows as the table."""
    if database.execute(_COUNT_INDEX_OBJECTS).fetchone()[0] < _INDEX_OBJECTS:
        return False
    indexed, rows = database.execute(_COUNT_INDEXED_ROWS).fetchone()
    return bool(indexed == rows)


def build_index(database: sqlite3.Connection) -> None:
    """Build the full-text index again, from all rows."""
    database.executescript(_read_script("full_text_index.sql"))
