"""Deliveries of a feed that are recorded in an outbox, and processes that are killed meanwhile."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from seeclickfix_async import AsyncClient, Delivery, PlaceArea, SqliteOutbox
from seeclickfix_async._watch import sqlite_outbox
from seeclickfix_async.errors import ClientStateError, FileLockedError, InvalidArgumentError
from seeclickfix_async.sandbox import Sandbox, Settings
from seeclickfix_async.testing import SandboxHarness, VirtualClock
from tests.support.forked_processes import start_program


class _DoneError(Exception):
    """Ends a delivery, which has no end of its own."""


class Receiver:
    """Receives deliveries, and ends the feed after some of them.

    Attributes:
        received: The kind of each delivery, with its attempts.
    """

    def __init__(self, count: int, *, fails: bool = False) -> None:
        self.received: list[tuple[str, int]] = []
        self._count = count
        self._fails = fails

    async def __call__(self, delivery: Delivery) -> None:
        if len(self.received) == self._count and not self._fails:
            raise _DoneError
        self.received.append((delivery.change.key, delivery.attempts))
        if len(self.received) == self._count and self._fails:
            raise _DoneError


class MemoryOutbox:
    """An outbox of a program of its own: two values instead of tables."""

    def __init__(self) -> None:
        self.cursor: Mapping[str, Any] | None = None
        self.delivered: dict[str, bool] = {}
        self.claims: dict[str, int] = {}

    async def load(self, feed: str) -> Mapping[str, Any] | None:
        return self.cursor

    async def claim(self, key: str) -> int | None:
        self.claims[key] = self.claims.get(key, 0) + 1
        before = self.delivered.setdefault(key, False)
        return None if before else self.claims[key] - 1

    async def save(self, cursor: Mapping[str, Any], delivered: str | None = None) -> None:
        self.cursor = json.loads(json.dumps(cursor))
        if delivered is not None:
            self.delivered[delivered] = True


class _NewOutbox(SqliteOutbox):
    """Ends the feed when it has saved the position where it begins."""

    async def save(self, cursor: Mapping[str, Any], delivered: str | None = None) -> None:
        await super().save(cursor, delivered)
        raise _DoneError


async def _begin(client: AsyncClient, path: Path) -> None:
    """Save the position where a feed begins, before anything is reported."""
    async with _NewOutbox(path) as outbox:
        with pytest.raises(_DoneError):
            await client.issues.watch().deliver(Receiver(0), outbox)


class City:
    """A sandbox in this process, whose feed polls without waiting."""

    def __init__(self) -> None:
        self.harness = SandboxHarness(quota=None)

    async def deliver(self, receiver: Receiver, outbox: Any, **filters: Any) -> None:
        client = self.harness.make_client(None)
        with anyio.fail_after(30), pytest.raises(_DoneError):
            await client.issues.watch(**filters).deliver(receiver, outbox)

    def report(self, count: int) -> None:
        for _ in range(count):
            self.harness.city.report()


@pytest.mark.anyio
async def test_a_change_is_delivered_once_across_restarts(tmp_path: Path) -> None:
    city, path = City(), tmp_path / "bot.db"
    await _begin(city.harness.client, path)
    city.report(3)
    first, second = Receiver(2), Receiver(1)
    async with SqliteOutbox(path) as outbox:
        await city.deliver(first, outbox)
    async with SqliteOutbox(path) as outbox:
        await city.deliver(second, outbox)

    keys = [key for key, _ in first.received + second.received]
    assert len(set(keys)) == len(keys) == 3
    # The third was claimed by the first process, which ended before it was sent.
    assert [attempts for _, attempts in first.received + second.received] == [0, 0, 1]


@pytest.mark.anyio
async def test_a_failed_delivery_is_repeated_with_its_attempts(tmp_path: Path) -> None:
    city, path = City(), tmp_path / "bot.db"
    await _begin(city.harness.client, path)
    city.report(1)
    attempts = []
    async with SqliteOutbox(path) as outbox:
        for _ in range(3):
            receiver = Receiver(1, fails=True)
            await city.deliver(receiver, outbox)
            attempts += receiver.received

    assert [number for _, number in attempts] == [0, 1, 2]
    assert len({key for key, _ in attempts}) == 1


@pytest.mark.anyio
async def test_a_function_that_is_not_async_is_refused() -> None:
    city, outbox, printed = City(), MemoryOutbox(), list[Delivery]()
    send: Any = printed.append
    feed = city.harness.make_client(None).issues.watch()
    await feed.begin()
    city.report(1)

    with pytest.raises(InvalidArgumentError, match="send: must be an async function"):
        await feed.deliver(send, outbox)


class SlowOutbox(MemoryOutbox):
    """A database whose every call can be cancelled."""

    async def save(self, cursor: Mapping[str, Any], delivered: str | None = None) -> None:
        await anyio.lowlevel.checkpoint()
        await super().save(cursor, delivered)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["file", "database"])
@pytest.mark.parametrize(
    ("by", "anyio_backend"), [("scope", "asyncio"), ("scope", "trio"), ("task", "asyncio")]
)
async def test_a_cancellation_after_the_delivery_does_not_repeat_it(
    kind: str, by: str, tmp_path: Path
) -> None:
    harness, path = SandboxHarness(quota=None), tmp_path / "bot.db"
    own = SlowOutbox()
    received: list[tuple[str, int]] = []

    async def post(delivery: Delivery) -> None:
        with anyio.CancelScope(shield=True):
            if by == "scope":
                scope.cancel()
            await anyio.lowlevel.checkpoint()
        received.append((delivery.change.key, delivery.attempts))
        if by == "task":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    async def run() -> None:
        async with AsyncExitStack() as stack:
            outbox: Any = own
            if kind == "file":
                outbox = await stack.enter_async_context(SqliteOutbox(path))
            await harness.make_client(None).issues.watch().deliver(post, outbox)

    await _begin(harness.client, path)
    with closing(sqlite3.connect(path)) as database, database:
        own.cursor = json.loads(database.execute("SELECT cursor FROM feed").fetchone()[0])
    for _ in range(3):
        harness.city.report()
    for _ in range(3):
        with anyio.fail_after(30), anyio.CancelScope() as scope:
            if by == "scope":
                await run()
            else:
                with pytest.raises(asyncio.CancelledError):
                    await asyncio.create_task(run())

    assert [attempts for _, attempts in received] == [0, 0, 0]
    assert len({key for key, _ in received}) == 3


@pytest.mark.anyio
async def test_a_change_that_the_cursor_forgot_is_not_delivered_again(tmp_path: Path) -> None:
    city, path = City(), tmp_path / "bot.db"
    await _begin(city.harness.client, path)
    with closing(sqlite3.connect(path)) as database, database:
        (early,) = database.execute("SELECT cursor FROM feed").fetchone()
    city.report(2)
    async with SqliteOutbox(path) as outbox:
        await city.deliver(Receiver(2, fails=True), outbox)
        await outbox.save(json.loads(early))
        city.report(1)
        again = Receiver(2, fails=True)
        await city.deliver(again, outbox)

    assert [attempts for _, attempts in again.received] == [1, 0]


@pytest.mark.anyio
async def test_a_restarted_feed_does_not_wait_before_its_first_poll(tmp_path: Path) -> None:
    city, path = City(), tmp_path / "bot.db"
    await _begin(city.harness.client, path)
    city.report(2)
    receiver = Receiver(2, fails=True)
    feed = city.harness.make_client(None).issues.watch(every=3600)
    async with SqliteOutbox(path) as outbox:
        await feed.begin()
        with anyio.fail_after(30), pytest.raises(_DoneError):
            await feed.deliver(receiver, outbox)

    assert len(receiver.received) == 2


@pytest.mark.anyio
async def test_any_table_can_be_an_outbox() -> None:
    city, outbox = City(), MemoryOutbox()
    feed = city.harness.client.issues.watch()
    await feed.begin()
    outbox.cursor = feed.cursor
    city.report(2)
    await city.deliver(Receiver(2, fails=True), outbox)

    assert sorted(outbox.delivered.values()) == [False, True]


@pytest.mark.anyio
async def test_a_file_has_one_feed_at_a_time_and_one_feed_at_all(tmp_path: Path) -> None:
    city, path = City(), tmp_path / "bot.db"
    await _begin(city.harness.client, path)
    elsewhere = AsyncClient(base_url="https://other.test", limiter=None, clock=VirtualClock())
    async with SqliteOutbox(path) as outbox:
        with pytest.raises(FileLockedError, match="another feed"):
            async with SqliteOutbox(path):
                pass
        for feed in (
            city.harness.client.issues.watch(area=PlaceArea("example-city")),
            elsewhere.issues.watch(),
        ):
            with pytest.raises(InvalidArgumentError, match="other filters"):
                await feed.deliver(Receiver(1), outbox)
    with pytest.raises(ClientStateError, match="async with"):
        await outbox.claim("a")


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["text", "database", "folder", "no folder"])
async def test_a_file_of_something_else_is_refused_unchanged(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    if kind == "text":
        path.write_text("mine\n" * 1000, "utf-8")
    elif kind == "database":
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE mine (a)")
        database.close()
    elif kind == "folder":
        path.mkdir()
    else:
        path = tmp_path / "no" / "bot.db"
    before = path.read_bytes() if path.is_file() else b""

    with pytest.raises(InvalidArgumentError) as caught:
        async with SqliteOutbox(path):
            pass

    assert caught.value.argument == "outbox"
    assert (path.read_bytes() if path.is_file() else b"") == before


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["x" * 300, "x" * 300 + "/bot.db"], ids=["file", "folder"])
async def test_a_name_that_is_too_long_is_refused(path: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        async with SqliteOutbox(path):
            pass

    assert caught.value.argument == "outbox"


@pytest.mark.anyio
async def test_a_full_disk_is_the_reason_of_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bot.db"
    async with SqliteOutbox(path) as outbox:
        await outbox.load("feed")
        await outbox.save({"poll": 1})
        await outbox.claim("a")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
        try:
            with pytest.raises(InvalidArgumentError, match=r"bot\.db cannot be used: disk I/O"):
                await outbox.save({"poll": "2" * 30_000}, "a")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

        assert await outbox.load("feed") == {"poll": 1}
        assert await outbox.claim("a") == 1


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["{", "null", "[]", None, b"\xff"])
async def test_a_damaged_cursor_is_named(tmp_path: Path, value: object) -> None:
    path = tmp_path / "bot.db"
    async with SqliteOutbox(path) as outbox:
        await outbox.load("feed")
        await outbox.save({})
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE feed SET cursor = ?", [value])
    database.close()

    with pytest.raises(InvalidArgumentError, match=r"bot\.db is damaged"):
        async with SqliteOutbox(path) as outbox:
            await outbox.load("feed")


@pytest.mark.anyio
async def test_no_path_means_an_outbox_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with SqliteOutbox(":memory:") as outbox:
        await outbox.claim("a")
    async with SqliteOutbox(":memory:") as outbox:
        assert await outbox.claim("a") == 1


@pytest.mark.anyio
async def test_the_file_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_outbox, "_MAX_KEYS", 50)
    monkeypatch.setattr(sqlite_outbox, "_PRUNE_INTERVAL", 10)
    path = tmp_path / "bot.db"
    async with SqliteOutbox(path) as outbox:
        for number in range(120):
            assert await outbox.claim(str(number)) == 0
            await outbox.save({}, str(number))
        assert await outbox.claim("119") is None
    with closing(sqlite3.connect(path)) as database, database:
        (count,) = database.execute("SELECT count(*) FROM changes").fetchone()

    assert count <= 60


_BOT = """
import os, signal, sys
import anyio
from seeclickfix_async import AsyncClient, SqliteOutbox

url, path, posts, step = sys.argv[1:]
calls = 0

def kill(here):
    if step == here and calls == 2:  # the second change
        os.kill(os.getpid(), signal.SIGKILL)

class Outbox(SqliteOutbox):
    async def claim(self, key):
        global calls
        calls += 1
        kill("before the claim")
        attempts = await super().claim(key)
        kill("after the claim")
        return attempts

    async def save(self, cursor, delivered=None):
        kill("before the record")
        await super().save(cursor, delivered)
        if delivered:
            kill("after the record")

async def post(delivery):
    with open(posts, "a") as file:
        file.write(f"{delivery.change.key} {delivery.attempts}\\n")
        file.flush()
        kill("after the post")

async def main():
    async with AsyncClient(base_url=url, limiter=None) as client, Outbox(path) as outbox:
        await client.issues.watch(every=0.01).deliver(post, outbox)

anyio.run(main)
"""


@pytest.fixture(scope="module")
def city_url() -> Iterator[tuple[Sandbox, str]]:
    sandbox = Sandbox(100, settings=Settings(quota=None))
    with sandbox.serve() as url:
        yield sandbox, url


@pytest.mark.parametrize(
    ("step", "attempts"),
    [
        ("before the claim", [0, 0, 0]),
        ("after the claim", [0, 1, 0]),
        ("after the post", [0, 0, 1, 0]),  # the receiver has the second change twice
        ("before the record", [0, 0, 1, 0]),
        ("after the record", [0, 0, 0]),
    ],
)
def test_a_process_that_is_killed_loses_nothing_and_repeats_only_what_it_must(
    step: str, attempts: list[int], tmp_path: Path, city_url: tuple[Sandbox, str]
) -> None:
    sandbox, url = city_url
    posts = tmp_path / "posts"

    async def begin() -> None:
        async with AsyncClient(base_url=url, limiter=None) as client:
            await _begin(client, tmp_path / "bot.db")

    async def end(rest: int) -> list[tuple[str, int]]:
        receiver = Receiver(rest, fails=True)
        async with (
            AsyncClient(base_url=url, limiter=None) as client,
            SqliteOutbox(tmp_path / "bot.db") as outbox,
        ):
            with anyio.fail_after(30), pytest.raises(_DoneError):
                await client.issues.watch(every=0.01).deliver(receiver, outbox)
        return receiver.received

    anyio.run(begin)
    for _ in range(3):
        sandbox.city.report()
    killed = start_program(_BOT, url, str(tmp_path / "bot.db"), str(posts), step)
    killed.join(60)
    lines = [line.split() for line in posts.read_text("utf-8").splitlines()]
    received = [(key, int(number)) for key, number in lines]
    received += anyio.run(end, len(attempts) - len(received))

    assert killed.exitcode == -signal.SIGKILL
    assert [number for _, number in received] == attempts
    assert len({key for key, _ in received}) == 3
