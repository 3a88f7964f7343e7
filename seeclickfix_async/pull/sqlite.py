"""A database: issues and what belongs to them, and the checkpoint in the same transaction."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import attrs
import msgspec

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue, Issue, Place
from seeclickfix_async.pull.checkpoint import Checkpoint
from seeclickfix_async.pull.columns import COLUMNS, Kind, plain_columns
from seeclickfix_async.pull.held import Held, Marks
from seeclickfix_async.queries import moment

_AT_ONCE = 400  # rows a statement; it takes 32,766 values

_TYPES: dict[Kind, str] = {"integer": "INTEGER", "real": "REAL", "text": "TEXT", "time": "TEXT"}


@attrs.frozen
class _Table:
    """A table of what issues bring; a row that comes again replaces the one with its key."""

    name: str
    columns: dict[str, str]
    rows: Callable[[Sequence[Issue]], Iterable[Sequence[Any]]]
    stay: tuple[str, ...] = ()  # columns that stay as they are when a row has nothing for them

    @property
    def definition(self) -> str:
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({columns})"

    def upsert(self, rows: int) -> str:
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
    details = [
        msgspec.json.encode(issue).decode() if isinstance(issue, DetailedIssue) else None
        for issue in issues
    ]
    return zip(*plain_columns(issues), details, strict=True)


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
            comment.created_at and moment(comment.created_at),
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


_TABLES = (
    _Table(
        "issues",
        {
            **{column.name: _TYPES[column.kind] for column in COLUMNS},
            "id": "INTEGER PRIMARY KEY",
            "details": "TEXT",
        },
        _issues,
        ("comments_count", "details"),  # come with details only, which another pull may have had
    ),
    _Table(
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
    _Table(
        "request_types",
        {
            "id": "INTEGER PRIMARY KEY",
            "title": "TEXT",
            "organization": "TEXT",
            "url": "TEXT",
        },
        _request_types,
    ),
    _Table(
        "users",
        {"id": "INTEGER PRIMARY KEY", "name": "TEXT", "role": "TEXT", "html_url": "TEXT"},
        _users,
    ),
)

_SCHEMA = """
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
CREATE VIRTUAL TABLE IF NOT EXISTS issues_fts USING fts5 (
  summary, description, address, content = issues, content_rowid = id
);
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


_PULL = """
INSERT INTO pulls (key, query, complete, report, attribution, licence, checkpoint)
VALUES (?, ?, ?, ?, ?, ?, ?)
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

# The pieces of the index are merged when there are 16 of a size, and not a few with each write.
_MERGE_LATE = "INSERT INTO issues_fts (issues_fts, rank) VALUES ('automerge', 0)"

# No triggers, which would write the index to the disk row by row.
_FORGET = """
INSERT INTO issues_fts (issues_fts, rowid, summary, description, address)
SELECT 'delete', id, summary, description, address
FROM issues WHERE id IN (SELECT value FROM json_each(?))
"""
_LEARN = """
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
            for table in _TABLES:
                self._database.execute(table.definition)
            self._database.executescript(_SCHEMA)
            if self.empty:
                self._database.execute(_MERGE_LATE)
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise InvalidArgumentError("to", f"{path} cannot hold a pull: {error}.") from None

    @property
    def empty(self) -> bool:
        """Whether no pull has begun here."""
        return self._database.execute("SELECT 1 FROM pulls").fetchone() is None

    def load(self, key: str) -> Checkpoint | None:
        """Where the pull of this query stands."""
        found = self._database.execute("SELECT checkpoint FROM pulls WHERE key = ?", (key,))
        row = found.fetchone()
        return None if row is None else Checkpoint.read(row[0])

    def write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        """Upsert everything, and the checkpoint, in one transaction."""
        with self._whole():
            self._write(issues, checkpoint)

    @contextmanager
    def _whole(self) -> Generator[None]:
        """A transaction, all of it or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def merge(self, issues: Iterable[Issue], checkpoint: Checkpoint) -> None:
        """The same as writing, here."""
        self.write(tuple(issues), checkpoint)

    def held(self, key: str) -> Iterator[Held]:
        """The issues that came with this pull, and not those of others.

        A thousand at a time: whoever takes days over them leaves the database to others.
        """
        number = -1
        while rows := self._database.execute(_HELD, (key, number)).fetchall():
            for number, image, *times in rows:  # the last one counts
                told, vanished = (text and datetime.fromisoformat(text) for text in times)
                yield Held(number, told, vanished, image)

    def mark(self, marks: Marks) -> None:
        """Write all marks in one transaction."""
        rows = [(when and moment(when), number) for number, when in marks.items()]
        with self._whole():
            self._database.executemany("UPDATE issues SET vanished_at = ? WHERE id = ?", rows)

    def _write(self, issues: Sequence[Issue], checkpoint: Checkpoint) -> None:
        ids = msgspec.json.encode([issue.id for issue in issues]).decode()
        self._database.execute(_FORGET, (ids,))
        for table in _TABLES:
            self._upsert(table, issues)
        self._database.execute(_LEARN, (ids,))
        url_name = checkpoint.query.get("place_url")
        if url_name is not None:
            self._keep(url_name, checkpoint.place)
        self._database.execute(
            _PULL,
            (
                checkpoint.key,
                msgspec.json.encode(checkpoint.query).decode(),
                checkpoint.report.complete,
                msgspec.json.encode(checkpoint.report).decode(),
                checkpoint.attribution,
                checkpoint.licence,
                checkpoint.encode().decode(),
            ),
        )
        self._database.execute(_BELONG, (ids, checkpoint.key))

    def _upsert(self, table: _Table, issues: Sequence[Issue]) -> None:
        """Many rows a statement: other threads can run while one is at work, but not between."""
        width = len(table.columns)
        values = list(itertools.chain.from_iterable(table.rows(issues)))
        for start in range(0, len(values), _AT_ONCE * width):
            some = values[start : start + _AT_ONCE * width]
            self._database.execute(table.upsert(len(some) // width), some)

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
