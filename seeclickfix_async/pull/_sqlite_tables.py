"""The tables of a database: what issues and the things that belong to them become there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs
import msgspec

from seeclickfix_async._api.query import format_timestamp
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue, Issue
from seeclickfix_async.pull._columns import COLUMNS, Kind, plain_rows

_TYPES: dict[Kind, str] = {"integer": "INTEGER", "real": "REAL", "text": "TEXT", "time": "TEXT"}


@attrs.frozen
class Table:
    """A table of what issues bring; a row that comes again replaces the one with its key.

    Attributes:
        name: Its name.
        columns: The type of each column; the first is the key.
        rows: Makes its rows of issues.
        stay: The columns that stay as they are when a row has no value for them.
    """

    name: str
    columns: dict[str, str]
    rows: Callable[[Sequence[Issue]], Iterable[Sequence[Any]]]
    stay: tuple[str, ...] = ()

    @property
    def definition(self) -> str:
        """The statement that creates it."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({columns})"

    def upsert(self, rows: int) -> str:
        """The statement that writes so many rows."""
        key, *others = self.columns
        marks = f"({', '.join('?' * len(self.columns))})"
        fresh = {name: f"excluded.{name}" for name in others}
        for name in self.stay:
            fresh[name] = f"coalesce(excluded.{name}, {self.name}.{name})"
        updates = ", ".join(f"{name} = {value}" for name, value in fresh.items())
        return (
            f"INSERT INTO {self.name} ({', '.join(self.columns)}) "  # noqa: S608  # our own names
            f"VALUES {', '.join([marks] * rows)} ON CONFLICT ({key}) DO UPDATE SET {updates}"
        )


def _issues(issues: Sequence[Issue]) -> Iterable[Sequence[Any]]:
    details = (
        msgspec.json.encode(issue).decode() if isinstance(issue, DetailedIssue) else None
        for issue in issues
    )
    return ((*row, whole) for row, whole in zip(plain_rows(issues), details, strict=True))


def _request_types(issues: Sequence[Issue]) -> Iterable[Sequence[Any]]:
    kinds = {kind.id: kind for issue in issues if (kind := issue.request_type) is not None}
    return [
        (kind.id, kind.title, kind.organization, kind.url)
        for kind in kinds.values()
        if isinstance(kind.id, int)
    ]


def _comments(issues: Sequence[Issue]) -> Iterable[Sequence[Any]]:
    return [
        (
            comment.id,
            issue.id,
            comment.automatic,
            comment.commenter and comment.commenter.id,
            comment.comment,
            comment.created_at and format_timestamp(comment.created_at),
            comment.media and comment.media.image_full,
        )
        for issue in _detailed(issues)
        for comment in issue.comments or ()
        if comment.id is not None
    ]


def _users(issues: Sequence[Issue]) -> Iterable[Sequence[Any]]:
    people = [issue.reporter for issue in issues]
    for issue in _detailed(issues):
        people += (comment.commenter for comment in issue.comments or ())
        people.append(issue.assignee)
    users = {user.id: user for user in people if user is not None and user.id is not None}
    return [(user.id, user.name, user.role, user.html_url) for user in users.values()]


def _detailed(issues: Sequence[Issue]) -> Iterator[DetailedIssue]:
    return (issue for issue in issues if isinstance(issue, DetailedIssue))


TABLES = (
    Table(
        "issues",
        {
            **{column.name: _TYPES[column.kind] for column in COLUMNS},
            "id": "INTEGER PRIMARY KEY",
            "details": "TEXT",
        },
        _issues,
        ("comments_count", "details"),  # come with details only, which another pull may have had
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
        },
        _comments,
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

SCHEMA = """
BEGIN;
CREATE TABLE IF NOT EXISTS places (
  url_name TEXT PRIMARY KEY, id INTEGER, name TEXT, county TEXT, state TEXT, place_type TEXT,
  lat REAL, lng REAL, html_url TEXT
);
CREATE TABLE IF NOT EXISTS pulls (
  id INTEGER PRIMARY KEY, key TEXT UNIQUE, query TEXT, complete INTEGER, report TEXT,
  attribution TEXT, licence TEXT, checkpoint TEXT
);
CREATE TABLE IF NOT EXISTS issue_pulls (
  pull_id INTEGER REFERENCES pulls (id), issue_id INTEGER REFERENCES issues (id),
  PRIMARY KEY (pull_id, issue_id)
) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS issue_places AS
  SELECT issue_id, json_extract(query, '$.place_url') AS url_name
  FROM issue_pulls JOIN pulls ON pulls.id = pull_id WHERE url_name IS NOT NULL;
CREATE INDEX IF NOT EXISTS issues_created_at ON issues (created_at);
CREATE INDEX IF NOT EXISTS issues_updated_at ON issues (updated_at);
CREATE INDEX IF NOT EXISTS comments_issue_id ON comments (issue_id);
CREATE VIEW IF NOT EXISTS open_issues AS
  SELECT * FROM issues WHERE status IN ('open', 'acknowledged') AND vanished_at IS NULL;
CREATE VIEW IF NOT EXISTS months AS
  SELECT substr(created_at, 1, 7) AS month, count(*) AS created,
    sum(status IN ('open', 'acknowledged') AND vanished_at IS NULL) AS still_open
  FROM issues GROUP BY month;
CREATE VIEW IF NOT EXISTS closing_times AS
  SELECT request_type, count(*) AS closed,
    avg(julianday(closed_at) - julianday(created_at)) AS days
  FROM issues WHERE status IN ('closed', 'archived') AND closed_at IS NOT NULL
  GROUP BY request_type;
COMMIT;
"""

# Datasette and sqlite-utils find the index of a table by these very quotes. The pieces of the index
# are merged when there are 16 of a size, and not a few with each write. The triggers follow changes
# of texts, whoever makes them; there is none for new rows, which would write the index row by row.
_INDEX = """
BEGIN;
DROP TABLE IF EXISTS issues_fts;
CREATE VIRTUAL TABLE issues_fts USING fts5 (
  summary, description, address, content="issues", content_rowid="id"
);
INSERT INTO issues_fts (issues_fts, rank) VALUES ('automerge', 0);
INSERT INTO issues_fts (issues_fts) VALUES ('rebuild');
CREATE TRIGGER IF NOT EXISTS issues_fts_delete AFTER DELETE ON issues BEGIN
  INSERT INTO issues_fts (issues_fts, rowid, summary, description, address)
  VALUES ('delete', old.id, old.summary, old.description, old.address);
END;
CREATE TRIGGER IF NOT EXISTS issues_fts_update
AFTER UPDATE OF id, summary, description, address ON issues
WHEN (old.id, old.summary, old.description, old.address)
  IS NOT (new.id, new.summary, new.description, new.address) BEGIN
  INSERT INTO issues_fts (issues_fts, rowid, summary, description, address)
  VALUES ('delete', old.id, old.summary, old.description, old.address);
  INSERT INTO issues_fts (rowid, summary, description, address)
  VALUES (new.id, new.summary, new.description, new.address);
END;
COMMIT;
"""

_INDEXED = """
SELECT count(*) FROM sqlite_schema
WHERE name IN ('issues_fts_delete', 'issues_fts_update')
  OR name = 'issues_fts' AND sql LIKE '%content="issues"%'
"""
_PARTS_OF_INDEX = 3

_CHECK_INDEX = "INSERT INTO issues_fts (issues_fts, rank) VALUES ('integrity-check', 1)"


def prepare(database: sqlite3.Connection) -> None:
    """Create what is missing, and repair the full-text index.

    Raises:
        InvalidArgumentError: A table is damaged, or has another primary key.
        sqlite3.Error: The database cannot be used.
    """
    damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise InvalidArgumentError(
            "to",
            f"the database is damaged ({damage}). Restore it, or remove it to begin anew.",
        )
    for table in TABLES:
        database.execute(table.definition)
        _complete(database, table)
    database.executescript(SCHEMA)
    if not _is_indexed(database):
        database.executescript(_INDEX)


def _complete(database: sqlite3.Connection, table: Table) -> None:
    """Add the columns that a table of an earlier version lacks."""
    found = {name: key for _, name, *_, key in database.execute(f"PRAGMA table_info({table.name})")}
    primary, *_ = table.columns
    if [name for name, key in found.items() if key] != [primary]:
        raise InvalidArgumentError(
            "to",
            f"{primary} is not the primary key of the table {table.name}, which is not as it was "
            "created. Name another file.",
        )
    for name, kind in table.columns.items():
        if name not in found:
            database.execute(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}")


def _is_indexed(database: sqlite3.Connection) -> bool:
    """Whether the index is there, and fits the texts."""
    if database.execute(_INDEXED).fetchone()[0] < _PARTS_OF_INDEX:
        return False
    try:
        database.execute(_CHECK_INDEX)
    except sqlite3.OperationalError:  # locked, for example
        raise
    except sqlite3.DatabaseError:
        return False
    return True
