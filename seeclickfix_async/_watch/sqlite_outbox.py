"""An outbox in one SQLite file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from seeclickfix_async._core import validation
from seeclickfix_async._core.os_error import describe_os_error
from seeclickfix_async._transport.threads import run_in_thread
from seeclickfix_async.errors import ClientStateError, FileLockedError, InvalidArgumentError

T = TypeVar("T")

_APPLICATION_ID = 0x5343464F  # "SCFO", which `file` and SQLite show

_MAX_KEYS = 100_000
"""The changes that are remembered: more than the feed can repeat, which is those of two days."""

_PRUNE_INTERVAL = 1_000  # delivered changes

_PRIMARY_CODE = 0xFF  # of an extended error code

_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION_ID};
CREATE TABLE IF NOT EXISTS feed (id INTEGER PRIMARY KEY CHECK (id = 1), name, cursor);
CREATE TABLE IF NOT EXISTS changes (
    number INTEGER PRIMARY KEY,
    key NOT NULL UNIQUE,
    attempts INTEGER NOT NULL,
    delivered INTEGER NOT NULL DEFAULT 0
);
"""


class SqliteOutbox:
    """An outbox in a SQLite file, which `Watch.deliver()` uses.

        async with SqliteOutbox("bot.db") as outbox:
            await client.issues.watch(area=area).deliver(post, outbox)

    The file holds the feed's cursor and the keys of the last 100,000 changes, about 15 MB. It is
    locked while it is open, also for readers, and until its process ends. Each step is flushed to
    the disk: it survives `kill -9` and a power failure. A step that has begun ends before its
    cancellation.

    Args:
        path: The file; its folder must exist.

    Raises:
        FileLockedError: Another process, or another outbox of this one, has opened the file.
        InvalidArgumentError: The file holds something else, belongs to another feed, or cannot be
            used.
        ClientStateError: A method was called while the outbox is not open.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = validation.as_path("outbox", path)
        self._database: sqlite3.Connection | None = None
        self._feed = ""
        self._delivered = 0

    def __repr__(self) -> str:
        return f"SqliteOutbox({str(self._path)!r})"

    async def __aenter__(self) -> Self:
        try:
            await self._run(self._open)
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    async def load(self, feed: str) -> Mapping[str, Any] | None:
        """Return the saved cursor; None if the file is new; see `Outbox`."""
        self._feed = feed
        row = await self._run(lambda: self._execute("SELECT name, cursor FROM feed").fetchone())
        if row is None:
            return None
        name, cursor = row
        if name != feed:
            raise InvalidArgumentError(
                "outbox",
                f"{self._path} belongs to a feed with another site or other filters. Use one file "
                "for each feed.",
            )
        try:
            # Of `null`, the feed would begin now.
            saved: dict[str, Any] = msgspec.json.decode(cursor, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError, TypeError):
            raise InvalidArgumentError(
                "outbox", f"{self._path} is damaged: its cursor cannot be read. Use a new file."
            ) from None
        return saved

    async def claim(self, key: str) -> int | None:
        """Record that a change is about to be sent; see `Outbox`."""
        return await self._run(lambda: self._claim(key))

    async def save(self, cursor: Mapping[str, Any], delivered: str | None = None) -> None:
        """Store the cursor and that a change was delivered; see `Outbox`."""
        content = msgspec.json.encode(cursor).decode()
        await self._run(lambda: self._save(content, delivered))

    def _check_path(self) -> None:
        folder = self._path.parent
        try:
            if not folder.is_dir():
                raise InvalidArgumentError(
                    "outbox", f"the folder {folder} does not exist. Create it first."
                )
            if self._path.exists() and not self._path.is_file():
                raise InvalidArgumentError("outbox", f"{self._path} is not a regular file.")
        except OSError as error:  # such as a name that is too long
            raise InvalidArgumentError(
                "outbox", f"{self._path} cannot be used: {describe_os_error(error)}"
            ) from None

    def _open(self) -> None:
        self._check_path()
        # The lock of the file belongs to the connection, and ends with its process.
        self._database = sqlite3.connect(
            self._path.absolute(),  # `:memory:` is a file, too
            timeout=0.0,
            isolation_level=None,
            check_same_thread=False,
        )
        self._execute("PRAGMA locking_mode = EXCLUSIVE")
        self._execute("PRAGMA synchronous = FULL")
        self._execute("BEGIN EXCLUSIVE")
        (found,) = self._execute("PRAGMA application_id").fetchone()
        (tables,) = self._execute("SELECT count(*) FROM sqlite_master").fetchone()
        if found != _APPLICATION_ID and (found or tables):
            raise sqlite3.DatabaseError
        for statement in filter(str.strip, _SCHEMA.split(";")):
            self._execute(statement)
        self._execute("COMMIT")

    def _claim(self, key: str) -> int | None:
        rows = self._execute(
            "INSERT INTO changes (key, attempts) VALUES (?, 1) "
            "ON CONFLICT (key) DO UPDATE SET attempts = attempts + 1 WHERE NOT delivered "
            "RETURNING attempts",
            key,
        ).fetchall()  # to its end, which commits it
        return rows[0][0] - 1 if rows else None

    def _save(self, cursor: str, delivered: str | None) -> None:
        self._execute("BEGIN IMMEDIATE")
        try:
            self._execute("INSERT OR REPLACE INTO feed VALUES (1, ?, ?)", self._feed, cursor)
            if delivered is not None:
                self._execute("UPDATE changes SET delivered = 1 WHERE key = ?", delivered)
                if self._delivered % _PRUNE_INTERVAL == 0:
                    self._prune()
                self._delivered += 1
            self._execute("COMMIT")
        except BaseException:
            if self._database is not None and self._database.in_transaction:
                self._execute("ROLLBACK")  # a full disk has ended the transaction already
            raise

    def _prune(self) -> None:
        """Forget the oldest changes, if they are too many."""
        self._execute(
            "DELETE FROM changes WHERE number <= (SELECT max(number) - ? FROM changes)", _MAX_KEYS
        )

    def _execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        if self._database is None:
            raise ClientStateError("The outbox is not open. Use it in `async with`.")
        return self._database.execute(statement, values)

    async def _run(self, work: Callable[[], T]) -> T:
        """Run work on the file in a thread; cancellation waits for its end."""
        try:
            return await run_in_thread(work)
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_NOTADB) & _PRIMARY_CODE
            if code == sqlite3.SQLITE_BUSY:
                raise FileLockedError("outbox", self._path, None, "feed") from None
            if code == sqlite3.SQLITE_NOTADB:
                reason = f"{self._path} is not the file of an outbox. Choose another file."
            else:
                reason = f"{self._path} cannot be used: {error}."
            raise InvalidArgumentError("outbox", reason) from None

    def _close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()
