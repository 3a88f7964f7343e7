"""Locks on files, folders of photos and cursors."""

from __future__ import annotations

import errno
import functools
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from seeclickfix_async import AsyncClient, FileStore, Report
from seeclickfix_async._cli.interrupts import restored_interrupts
from seeclickfix_async._cli.run import run
from seeclickfix_async.errors import FileLockedError, InvalidArgumentError, TokenStoreError
from seeclickfix_async.pull import plan, pull
from seeclickfix_async.pull._lock import lock_for
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.command_line import run_cli
from tests.support.event_loops import on_alternate_loops
from tests.support.pulled_files import read_issues
from tests.support.sandboxes import URL, make_client

_NAMES = ["city.jsonl", "city.csv", "city.geojson", "city.db", "city.parquet", "city.geoparquet"]
_SINKS = [("trio", _NAMES[0]), *(("asyncio", name) for name in _NAMES[1:])]

_LOCK = """
import sys
from pathlib import Path
from seeclickfix_async.pull._lock import lock_for

lock = lock_for(Path(sys.argv[1]))
assert lock.acquire()
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def small() -> Sandbox:
    return Sandbox(300, settings=Settings(quota=None))


class _PausedClient:
    """A client that pauses before its second request."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.waiting, self.go_on = anyio.Event(), anyio.Event()
        paused, first = self, iter(range(1))

        class Pausing(httpx.ASGITransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                if next(first, None) is None:
                    paused.waiting.set()
                    await paused.go_on.wait()
                return await super().handle_async_request(request)

        http = httpx.AsyncClient(transport=Pausing(app=sandbox.app))
        self.client = AsyncClient(http=http, base_url=URL, limiter=None)


@contextmanager
def _other_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start another process that holds the lock of a file until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", _LOCK, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def _content(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path): path.read_bytes() for path in found}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.anyio
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_second_pull_in_the_same_process_is_refused(
    name: str, small: Sandbox, tmp_path: Path
) -> None:
    path, first = tmp_path / name, _PausedClient(small)
    reports: list[Report] = []

    async def begin() -> None:
        reports.append(await pull(first.client, to=path, concurrency=1))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(begin)
        await first.waiting.wait()
        before = _content(tmp_path)
        with pytest.raises(FileLockedError) as caught:
            await pull(make_client(small), to=path)
        assert _content(tmp_path) == before
        first.go_on.set()

    assert caught.value.process_id == os.getpid()
    assert caught.value.argument == "to"
    assert f"another pull (process {os.getpid()}) is writing {path}" in str(caught.value)
    assert reports[0].complete
    assert len(read_issues(path)) == 300
    assert f"{name}.lock" not in _names(tmp_path)


@pytest.mark.anyio
@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_lock_of_another_process_ends_with_it(
    name: str, small: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / name
    small.requests.clear()
    with _other_process(path) as process:
        with pytest.raises(FileLockedError) as caught:
            await pull(make_client(small), to=path)
        assert caught.value.process_id == process.pid
        assert _names(tmp_path) == {f"{name}.lock"}
    assert len(small.requests) == 0
    assert (tmp_path / f"{name}.lock").exists()  # its holder was killed

    assert (await pull(make_client(small), to=path)).complete


def test_a_second_pull_in_another_thread_is_refused(small: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "city.jsonl"
    outcomes: list[str] = []
    barrier = threading.Barrier(6)

    async def one() -> None:
        barrier.wait(30)
        try:
            outcomes.append(str((await pull(make_client(small), to=path)).complete))
        except InvalidArgumentError as error:
            outcomes.append(" ".join(error.reason.split()[:3]))

    threads = [threading.Thread(target=functools.partial(anyio.run, one)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count("True") == 1
    assert set(outcomes) <= {"True", "another pull is", "another pull (process", "this pull is"}
    assert len(read_issues(path)) == 300


@pytest.mark.anyio
async def test_all_paths_of_a_file_have_the_same_lock(
    small: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data" / "city.jsonl"
    path.parent.mkdir()
    (tmp_path / "link.jsonl").symlink_to(path)
    (tmp_path / "folder").symlink_to(path.parent)
    spellings = ["data/city.jsonl", "data/../data/./city.jsonl", "link.jsonl", "folder/city.jsonl"]

    with _other_process(path):
        for spelling in spellings:
            with pytest.raises(FileLockedError):
                await pull(make_client(small), to=spelling)

    assert (await pull(make_client(small), to="link.jsonl")).complete
    for spelling in spellings:
        with pytest.raises(InvalidArgumentError, match="is complete"):
            await pull(make_client(small), to=spelling)
    assert (tmp_path / "link.jsonl").is_symlink()
    assert _names(path.parent) == {"city.jsonl", "city.jsonl.pull.json"}


@pytest.mark.anyio
async def test_a_pull_waits_for_another_pull(small: Sandbox, tmp_path: Path) -> None:
    path, first = tmp_path / "city.jsonl", _PausedClient(small)
    second: list[Report] = []

    async def wait() -> None:
        second.append(await pull(make_client(small), to=path, update=True, wait=600))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(functools.partial(pull, first.client, to=path, concurrency=1))
        await first.waiting.wait()
        tasks.start_soon(wait)
        with pytest.raises(FileLockedError):
            await pull(make_client(small), to=path, wait=0.01)
        first.go_on.set()

    assert second[0].complete
    assert second[0].received < 300  # it continued from the checkpoint of the first
    assert len(read_issues(path)) == 300


@pytest.mark.anyio
async def test_waiting_can_be_cancelled(small: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "city.jsonl"
    with _other_process(path):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(functools.partial(pull, make_client(small), to=path, wait=600))
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()

    assert (await pull(make_client(small), to=path)).complete


@pytest.mark.parametrize("wait", [-1, "5", True, float("nan")])
@pytest.mark.anyio
async def test_a_wait_that_is_not_in_range_is_refused(
    wait: Any, small: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match="wait"):
        await pull(make_client(small), to=tmp_path / "city.jsonl", wait=wait)

    assert _names(tmp_path) == set()


@pytest.mark.anyio
async def test_a_folder_of_photos_has_one_writer(small: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    with _other_process(folder) as process:
        with pytest.raises(FileLockedError) as caught:
            await pull(make_client(small), to=tmp_path / "city.jsonl", photos=folder)
        assert (caught.value.argument, caught.value.process_id) == ("photos", process.pid)

    assert not (tmp_path / "city.jsonl").exists()
    assert (await pull(make_client(small), to=tmp_path / "city.jsonl")).complete


@pytest.mark.anyio
async def test_each_part_of_a_plan_has_one_writer(small: Sandbox, tmp_path: Path) -> None:
    first, second = await plan(make_client(small), parts=2)
    with _other_process(tmp_path / f"{first.name}.jsonl"):
        with pytest.raises(FileLockedError):
            await pull(make_client(small), to=tmp_path / f"{first.name}.jsonl", **first.filters)
        report = await pull(
            make_client(small), to=tmp_path / f"{second.name}.jsonl", **second.filters
        )

    assert report.complete


@pytest.mark.anyio
@on_alternate_loops("name", _NAMES)
async def test_a_pull_stops_when_its_lock_file_is_removed(
    name: str, small: Sandbox, tmp_path: Path
) -> None:
    """Another pull could acquire a new lock file, so the first stops writing."""
    path, first = tmp_path / name, _PausedClient(small)
    caught: list[Exception] = []

    async def begin() -> None:
        try:
            await pull(first.client, to=path, concurrency=1)
        except InvalidArgumentError as error:
            caught.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(begin)
        await first.waiting.wait()
        (tmp_path / f"{name}.lock").unlink()
        second = await pull(make_client(small), to=path)
        first.go_on.set()

    assert second.complete
    assert "was removed while the pull ran" in str(caught[0])
    assert len(read_issues(path)) == 300


@pytest.mark.anyio
async def test_a_lock_file_is_private_and_harmless_after_a_crash(
    small: Sandbox, tmp_path: Path
) -> None:
    path, first = tmp_path / "city.jsonl", _PausedClient(small)
    lock = tmp_path / "city.jsonl.lock"
    lock.write_text(" 1\n", "utf-8")
    lock.chmod(0o600)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(functools.partial(pull, first.client, to=path, concurrency=1))
        await first.waiting.wait()
        assert lock.read_text("utf-8").strip() == str(os.getpid())
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        first.go_on.set()

    assert len(read_issues(path)) == 300


@pytest.mark.anyio
async def test_a_link_in_place_of_a_lock_file_is_not_followed(
    small: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "city.jsonl.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InvalidArgumentError, match="cannot be created"):
        await pull(make_client(small), to=tmp_path / "city.jsonl")

    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.anyio
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
async def test_a_file_system_without_locks_is_reported(
    number: int, small: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> bool:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("seeclickfix_async._core.file_lock.lock_descriptor", refuse)
    with pytest.raises(InvalidArgumentError, match=r"cannot be locked.*on a local disk"):
        await pull(make_client(small), to=tmp_path / "city.jsonl")

    assert not (tmp_path / "city.jsonl").exists()


@pytest.mark.anyio
async def test_a_token_store_leaves_no_lock_file_and_follows_no_link(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "tokens")
    async with store.lock("me"):
        (lock,) = (tmp_path / "tokens").iterdir()
    assert _names(tmp_path / "tokens") == set()
    lock.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(TokenStoreError, match="cannot be used"):
        async with store.lock("me"):
            pass

    assert not (tmp_path / "elsewhere").exists()


def test_the_package_imports_filelock_on_first_use() -> None:
    program = "import sys, seeclickfix_async; print('filelock' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("arguments", "file", "words"),
    [
        (("pull", "city.db"), "city.db", "FILE: another pull (process {}) is writing"),
        (("pull", "c.db", "--photos", "photos"), "photos", "--photos: another pull (process {})"),
        (("pull", "city.db", "--wait", "0.01"), "city.db", "FILE: another pull (process {})"),
        (("watch", "--cursor", "feed.json"), "feed.json", "--cursor: another feed (process {})"),
        (("demo",), "scf-demo.db", "FILE: another pull (process {})"),
    ],
)
def test_the_command_line_has_an_exit_code_for_a_locked_file(
    arguments: tuple[str, ...], file: str, words: str, small: Sandbox, tmp_path: Path
) -> None:
    with small.serve() as url, _other_process(tmp_path / file) as process:
        done = run_cli(url, *arguments, cwd=tmp_path)

        assert done.returncode == 4, done.stderr
        assert words.format(process.pid) in done.stderr


def test_the_command_line_waits_for_a_locked_file(
    small: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = lock_for(tmp_path / "city.db")
    assert lock.acquire()

    async def released(_: float) -> None:
        lock.release()

    monkeypatch.setattr("seeclickfix_async._transport.threads.anyio.sleep", released)
    with small.serve() as url, restored_interrupts():
        code = run(["pull", str(tmp_path / "city.db"), "--wait", "60", "--base-url", url])

    assert code == 0
    assert len(read_issues(tmp_path / "city.db")) == 300


@pytest.mark.anyio
async def test_a_file_of_others_with_the_name_of_a_lock_file_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "city.jsonl.lock"
    other.write_text("{'mine': 1}", "utf-8")

    with pytest.raises(InvalidArgumentError, match=r"city\.jsonl\.lock.*holds something else"):
        await pull(make_client(Sandbox(20)), to=tmp_path / "city.jsonl")

    assert other.read_text("utf-8") == "{'mine': 1}"
    assert not (tmp_path / "city.jsonl").exists()
