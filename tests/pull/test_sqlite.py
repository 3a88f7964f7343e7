"""SQLite databases that were damaged, or changed by other programs."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import msgspec
import pytest

from seeclickfix_async import AsyncClient
from seeclickfix_async._transport.threads import is_cancelled
from seeclickfix_async.errors import InvalidArgumentError, ServerError
from seeclickfix_async.pull import _sqlite_lock, open_sink, pull, write_map
from seeclickfix_async.pull._checkpoint import Checkpoint
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.event_loops import on_alternate_loops
from tests.support.pulled_files import read_sqlite, vanished_ids
from tests.support.sandboxes import URL, CopyOfPull, changing_client, failing_client, make_client

pytestmark = pytest.mark.anyio

_ROWS = 300
_CHECK = "INSERT INTO issues_fts (issues_fts, rank) VALUES ('integrity-check', 1)"


@pytest.fixture
def city() -> Sandbox:
    return Sandbox(_ROWS, settings=Settings(quota=None))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "city.db"


def _run(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        for statement in statements:
            opened.execute(statement)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when a pull has found a lock, and will try again."""
    event = threading.Event()

    def record() -> bool:
        event.set()
        return is_cancelled()

    monkeypatch.setattr(_sqlite_lock, "is_cancelled", record)
    monkeypatch.setattr(_sqlite_lock, "_MAX_SECONDS", math.inf)
    return event


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lock a database, as another program does that writes to it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def _found(path: Path, word: str) -> int:
    query = f"SELECT count(*) AS found FROM issues_fts WHERE issues_fts MATCH '{word}'"
    return int(read_sqlite(path, query)[0]["found"])


def _assert_whole(path: Path) -> None:
    _run(path, _CHECK)
    assert len(read_sqlite(path)) == _ROWS


async def test_other_programs_find_the_full_text_index(
    path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)

    (found,) = read_sqlite(path, "SELECT sql FROM sqlite_schema WHERE name = 'issues_fts'")
    assert 'content="issues"' in found["sql"]  # as Datasette and sqlite-utils search for it


async def test_foreign_keys_are_declared_and_hold(city: Sandbox, path: Path) -> None:
    await pull(make_client(city), to=path, details=True)

    declared = {
        (table, key["from"], key["table"], key["to"])
        for table in ("issues", "comments", "issue_pulls")
        for key in read_sqlite(path, f"PRAGMA foreign_key_list({table})")
    }
    assert declared == {
        ("issues", "request_type_id", "request_types", "id"),
        ("issues", "reporter_id", "users", "id"),
        ("comments", "issue_id", "issues", "id"),
        ("comments", "commenter_id", "users", "id"),
        ("issue_pulls", "pull_id", "pulls", "id"),
        ("issue_pulls", "issue_id", "issues", "id"),
    }
    assert read_sqlite(path, "PRAGMA foreign_key_check") == []


async def test_the_index_follows_changes_by_other_programs(
    path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)

    _run(path, "UPDATE issues SET summary = 'corrected' WHERE id % 4", _CHECK)
    assert 0 < _found(path, "corrected") < _ROWS
    _run(path, "DELETE FROM issues WHERE summary = 'corrected'", _CHECK)
    assert _found(path, "corrected") == 0


@on_alternate_loops(
    "change",
    [
        "DROP TABLE issues_fts",
        "DROP TRIGGER issues_fts_update",
        "DROP TABLE issues_fts_docsize",
        "INSERT INTO issues_fts (issues_fts) VALUES ('delete-all')",
        "DROP VIEW months",
        "DROP INDEX issues_updated_at",
        "ALTER TABLE issues ADD COLUMN ward TEXT",
        "ALTER TABLE issues DROP COLUMN image",
        "ALTER TABLE users DROP COLUMN role",
        "DROP TABLE comments",
        "VACUUM",
        "PRAGMA journal_mode = DELETE",
    ],
)
async def test_changes_by_another_program_are_repaired(
    change: str, city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)
    _run(path, change)
    city.city.touch(0)

    report = await pull(make_client(city), to=path, update=True)

    assert report.complete
    _assert_whole(path)
    assert read_sqlite(path, "SELECT * FROM months, comments LIMIT 0") == []
    assert "image" in read_sqlite(path)[0]


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM issues_fts_data WHERE id > 1000",
        "UPDATE issues_fts_data SET block = zeroblob(100) WHERE id > 1000",
        "INSERT OR REPLACE INTO issues (id, summary) SELECT id, 'replaced' FROM issues LIMIT 9",
    ],
)
async def test_a_sweep_compares_the_index_with_all_rows(
    change: str, city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)
    _run(path, change)
    city.city.touch(0)

    assert (await pull(make_client(city), to=path, sweep=True)).complete

    _assert_whole(path)


@on_alternate_loops("options", [{"update": True}, {"sweep": True}])
async def test_a_row_that_another_program_replaced_is_updated(
    options: dict[str, Any], city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)
    _run(
        path,
        "INSERT OR REPLACE INTO issues (id, description, created_at) "
        "SELECT id, replace(hex(zeroblob(9999)), '00', 'longer '), created_at FROM issues",
    )
    city.city.touch(0)

    report = await pull(make_client(city), to=path, **options)

    assert report.complete
    assert 0 < _found(path, "longer") < _ROWS
    _assert_whole(path)


async def test_an_index_of_an_earlier_version_is_replaced(
    city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)
    _run(
        path,
        "DROP TRIGGER issues_fts_update",
        "DROP TRIGGER issues_fts_delete",
        "DROP TABLE issues_fts",
        "CREATE VIRTUAL TABLE issues_fts USING fts5 "
        "(summary, description, address, content = issues, content_rowid = id)",
        "INSERT INTO issues_fts (issues_fts) VALUES ('rebuild')",
    )

    assert (await pull(make_client(city), to=path, update=True)).complete
    _assert_whole(path)
    _run(path, "DELETE FROM issues WHERE id % 4", _CHECK)


@pytest.mark.parametrize(
    "table",
    [
        "notes (x)",
        "issues (id INTEGER PRIMARY KEY, summary, note)",
        "comments (id INTEGER PRIMARY KEY)",
        "pulls (x)",
        "pulls (key)",
    ],
)
async def test_the_database_of_another_program_is_refused_and_stays_as_it_is(
    table: str, city: Sandbox, path: Path
) -> None:
    _run(path, f"CREATE TABLE {table}")
    before = _contents(path.parent)

    for update in (False, True):
        with pytest.raises(InvalidArgumentError, match="was not written by a pull"):
            await pull(make_client(city), to=path, update=update)

    assert _contents(path.parent) == before


def _contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, without locks."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix != ".lock"}


async def test_a_table_that_was_replaced_is_refused_before_another_is_made(
    city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)
    _run(path, "DROP TABLE users", "CREATE TABLE users (id TEXT, mine)", "DROP TABLE comments")

    with pytest.raises(InvalidArgumentError, match="not the primary key of the table users"):
        await pull(make_client(city), to=path, update=True)

    with closing(sqlite3.connect(path)) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
    assert "comments" not in names


@on_alternate_loops(
    ("changes", "message"),
    [
        (["DELETE FROM issues WHERE id % 4"], "issues of this pull were deleted"),
        (["DROP TABLE issues"], "issues of this pull were deleted"),
        (["DROP TABLE issue_pulls"], "deleted from the table issue_pulls"),
        (
            ["ALTER TABLE issues RENAME TO mine", "CREATE TABLE issues AS SELECT * FROM mine"],
            "id is not the primary key",
        ),
        (["UPDATE pulls SET checkpoint = NULL"], "checkpoint cannot be read"),
        (["ALTER TABLE pulls DROP COLUMN report"], "no column named report"),
        (["DROP VIEW months", "CREATE TABLE months (x)"], None),
        (["UPDATE issues SET created_at = 'soon', updated_at = NULL"], "has an invalid time"),
        (["UPDATE issues SET image = x'ff'"], "has an invalid image"),
        (["UPDATE issues SET image = CAST(x'ff' AS TEXT)"], "UTF-8.*was damaged or changed"),
        (
            [
                "PRAGMA writable_schema = ON",
                "UPDATE sqlite_schema SET sql = '?' WHERE type = 'view'",
                "UPDATE sqlite_schema SET name = CAST(x'ff' AS TEXT) WHERE type = 'view'",
            ],
            "was damaged or changed",  # Python cannot decode the error, which quotes the name
        ),
        (
            ["ALTER TABLE pulls RENAME TO mine", "CREATE VIEW pulls AS SELECT * FROM mine"],
            "is a view. It was damaged or changed",
        ),
    ],
)
async def test_a_change_that_cannot_be_repaired_is_reported(
    changes: list[str], message: str | None, city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)
    _run(path, *changes)

    for _ in range(2):
        if message is None:
            assert (await pull(make_client(city), to=path, sweep=True)).complete
        else:
            with pytest.raises(InvalidArgumentError, match=message):
                await pull(make_client(city), to=path, sweep=True)


async def test_times_without_offset_are_in_utc(
    city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    """SQLite's own functions return such times."""
    await copy_of_pull(path, _ROWS)
    _run(path, "UPDATE issues SET updated_at = datetime(updated_at), created_at = date(created_at)")
    city.city.hide(7)

    report = await pull(make_client(city), to=path, sweep=True)

    assert (report.complete, report.vanished) == (True, 1)
    assert vanished_ids(path) == {city.city.id_of(7)}


async def test_an_issue_with_a_negative_id_is_a_stored_row(
    path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)
    _run(
        path,
        "UPDATE issues SET id = -5 WHERE id = 20000000",
        "UPDATE issue_pulls SET issue_id = -5 WHERE issue_id = 20000000",
    )

    with open_sink(path) as sink:
        (key,) = read_sqlite(path, "SELECT key FROM pulls")
        ids = [row.id for row in sink.stored_rows(key["key"])]

    assert ids[0] == -5


async def test_deleted_issues_are_pulled_again_after_their_pull_was_deleted(
    city: Sandbox, path: Path, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)
    _run(path, "DELETE FROM issues WHERE id % 4", "DELETE FROM pulls WHERE id = 1")

    assert (await pull(make_client(city), to=path)).complete
    _assert_whole(path)


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _zero_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3 * 8192] = bytes(3 * 8192)
    path.write_bytes(content)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@on_alternate_loops("damage", [_zero, _zero_pages, _truncate])
@pytest.mark.parametrize("done", [False, True])
async def test_a_damaged_database_is_reported(
    done: bool, damage: Callable[[Path], None], city: Sandbox, path: Path
) -> None:
    if done:
        await pull(make_client(city), to=path)
    else:
        with pytest.raises(ServerError):
            await pull(failing_client(city, after=4), to=path, page_size=50)
    damage(path)

    with pytest.raises(InvalidArgumentError, match=r"is damaged|cannot hold a pull"):
        await pull(make_client(city), to=path, update=done)
    with pytest.raises(InvalidArgumentError, match="was not written by a pull, or is damaged"):
        write_map(path, path.with_suffix(".html"))


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_database_removed_during_a_pull_is_reported(
    replaced: bool, city: Sandbox, path: Path
) -> None:
    def meddle() -> None:
        path.unlink()
        if replaced:
            path.touch()

    with pytest.raises(InvalidArgumentError, match="removed or replaced"):
        await pull(changing_client(city, 4, meddle), to=path, page_size=50, concurrency=1)

    assert (await pull(make_client(city), to=path)).complete
    _assert_whole(path)


async def test_a_database_damaged_during_a_pull_is_reported(city: Sandbox, path: Path) -> None:
    client = changing_client(city, 4, lambda: _run(path, "DROP TABLE issues"))

    with pytest.raises(InvalidArgumentError, match="cannot be used: no such table"):
        await pull(client, to=path, page_size=50, concurrency=1)


async def test_a_database_locked_by_another_program_is_reported(
    city: Sandbox, path: Path, monkeypatch: pytest.MonkeyPatch, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)
    monkeypatch.setattr(_sqlite_lock, "_MAX_SECONDS", 0.0)
    with _locked(path), pytest.raises(InvalidArgumentError, match="close other programs"):
        await pull(make_client(city), to=path, update=True)

    assert (await pull(make_client(city), to=path, update=True)).complete


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])  # of the other program
async def test_a_pull_waits_for_a_locked_database(
    mode: str, city: Sandbox, path: Path, waits: threading.Event, copy_of_pull: CopyOfPull
) -> None:
    await copy_of_pull(path, _ROWS)
    _run(path, f"PRAGMA journal_mode = {mode}")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_locked(path))
        requests = len(city.requests)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(functools.partial(pull, make_client(city), to=path, update=True))
            await anyio.to_thread.run_sync(waits.wait)
            assert len(city.requests) == requests
            stack.close()

    assert len(city.requests) > requests


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    ("anyio_backend", "native"), [("asyncio", False), ("asyncio", True), ("trio", False)]
)
async def test_cancellation_ends_the_wait_for_a_locked_database(
    begun: bool, native: bool, city: Sandbox, path: Path, waits: threading.Event
) -> None:
    """Any code can cancel a task of asyncio, besides cancel scopes."""
    await pull(make_client(city), to=path)
    with contextlib.ExitStack() as stack:
        if not begun:
            stack.enter_context(_locked(path))
        client = changing_client(city, 1, lambda: begun and stack.enter_context(_locked(path)))
        work = functools.partial(pull, client, to=path, update=True)
        if native:
            task = asyncio.ensure_future(work())
            await anyio.to_thread.run_sync(waits.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(work)
                await anyio.to_thread.run_sync(waits.wait)
                tasks.cancel_scope.cancel()

    assert (await pull(make_client(city), to=path, update=True)).complete
    _assert_whole(path)


async def test_batches_of_all_sizes_use_a_few_statements(
    city: Sandbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: set[str] = set()

    class Recorder(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            statements.add(sql)
            return super().execute(sql, *values)

    connect = functools.partial(sqlite3.connect, factory=Recorder)
    monkeypatch.setattr(sqlite3, "connect", connect)
    client = make_client(city)
    checkpoint = Checkpoint(
        "k", {}, datetime.now(UTC), msgspec.Raw(b"{}"), client.issues.crawl().report, finished=False
    )
    issues = (await client.issues.list(status="all", per_page=100)).items
    with open_sink(path) as sink:
        for count in range(len(issues) + 1):
            sink.write(issues[:count], checkpoint)

    assert len(issues) == 100
    assert len(statements) < 64  # each stays in memory with its values


async def test_a_pull_of_some_fields_preserves_the_other_columns_of_another_pull(
    tmp_path: Path,
) -> None:
    sandbox, path = Sandbox(50, settings=Settings(quota=None)), tmp_path / "city.db"
    await pull(make_client(sandbox), to=path)
    before = read_sqlite(path)

    await pull(make_client(sandbox), to=path, fields=("status", "reporter"))

    assert read_sqlite(path) == before


async def test_a_comment_that_was_deleted_at_the_service_is_deleted(tmp_path: Path) -> None:
    sandbox, path = Sandbox(50, settings=Settings(quota=None)), tmp_path / "city.db"
    removed: set[int] = set()

    class Removing(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            body = msgspec.json.decode(await response.aread())
            for issue in body["issues"]:
                if issue["id"] in removed:
                    issue["comments"] = []
            return httpx.Response(200, json=body)

    http = httpx.AsyncClient(transport=Removing(app=sandbox.app))
    client = AsyncClient(http=http, base_url=URL, limiter=None)
    await pull(client, to=path, details=True)
    comments = read_sqlite(path, "SELECT id, issue_id FROM comments")
    removed.add(comments[0]["issue_id"])
    row = next(row for row in range(50) if sandbox.city.id_of(row) in removed)
    sandbox.city.updated[row] = int(time.time()) - 7200

    await pull(client, to=path, details=True, update=True)

    left = read_sqlite(path, "SELECT id, issue_id FROM comments")
    assert left == [comment for comment in comments if comment["issue_id"] not in removed]
