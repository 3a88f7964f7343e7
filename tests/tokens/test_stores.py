"""Token stores in memory, in files, in a keyring and in Redis."""

from __future__ import annotations

import gc
import json
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import coredis
import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backends import fail

from seeclickfix_async import FileStore, MemoryStore, TokenStore, errors
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth import Token
from seeclickfix_async.tokens import KeyringStore, RedisStore
from seeclickfix_async.tokens._stores.encoding import decode_token
from tests.support.json_values import JSON
from tests.support.keyring_backend import MemoryKeyring
from tests.support.redis_server import redis_server
from tests.support.tokens import STORE_CALLS

pytestmark = pytest.mark.anyio

_TOKEN = Token(
    access_token=Secret("the-access-token"),
    token_type="Bearer",
    expires_in=7200.0,
    scope=("public", "write"),
    created_at=datetime(2026, 11, 1, tzinfo=UTC),
    refresh_token=Secret("the-refresh-token"),
)


_OTHER_TOKEN = Token(Secret("another"), "bearer", None, None, datetime(2026, 11, 2, tzinfo=UTC))


@pytest.fixture(scope="session")
def redis_port() -> Iterator[int]:
    with redis_server() as port:
        yield port


@asynccontextmanager
async def _redis(port: int) -> AsyncIterator[RedisStore]:
    async with coredis.Redis(port=port) as redis:
        await redis.flushall()
        yield RedisStore(redis)


@pytest.fixture(params=["memory", "file", "keyring", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TokenStore]:
    match request.param:
        case "memory":
            yield MemoryStore()
        case "file":
            yield FileStore(tmp_path / "tokens")
        case "keyring":
            request.getfixturevalue("memory_keyring")
            yield KeyringStore()
        case _:
            async with _redis(request.getfixturevalue("redis_port")) as store:
                yield store


async def test_tokens_are_stored_replaced_and_deleted_by_key(store: TokenStore) -> None:
    assert await store.get("me") is None

    await store.put("me", _TOKEN)
    await store.put("../you/\x00é", _OTHER_TOKEN)
    assert await store.get("me") == _TOKEN
    assert await store.get("../you/\x00é") == _OTHER_TOKEN

    await store.put("me", _OTHER_TOKEN)
    assert await store.get("me") == _OTHER_TOKEN

    await store.delete("me")
    await store.delete("me")
    assert await store.get("me") is None


async def test_a_lock_admits_one_task(store: TokenStore) -> None:
    inside = max_inside = entered = 0

    async def enter() -> None:
        nonlocal inside, max_inside, entered
        async with store.lock("me"):
            inside += 1
            entered += 1
            max_inside = max(max_inside, inside)
            await anyio.lowlevel.checkpoint()
            inside -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(enter)

    assert (max_inside, entered) == (1, 5)


async def test_a_key_may_be_named_like_a_lock_or_a_file(store: TokenStore) -> None:
    names = ["me", "me:lock", "me:token", "me.lock", "me.json"]
    for name in names:
        await store.put(name, _TOKEN)

    with anyio.fail_after(10):
        async with store.lock("me"):
            assert [await store.get(name) for name in names] == [_TOKEN] * len(names)


async def test_locks_of_different_keys_are_independent(store: TokenStore) -> None:
    with anyio.fail_after(10):
        async with store.lock("me"), store.lock("you"):
            pass


async def test_a_cancelled_task_releases_the_lock(store: TokenStore) -> None:
    with anyio.CancelScope() as scope:
        async with store.lock("me"):
            scope.cancel()
            await anyio.sleep_forever()

    with anyio.fail_after(10):
        async with store.lock("me"):
            pass


@pytest.mark.parametrize("key", ["", " ", None, 7])
async def test_an_invalid_key_is_refused(store: TokenStore, key: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError, match="key"):
        await store.get(key)


async def test_the_repr_of_a_store_has_no_secret(store: TokenStore) -> None:
    await store.put("me", _TOKEN)

    output = repr(store) + repr(await store.get("me"))
    assert "the-access-token" not in output
    assert "the-refresh-token" not in output


def _files(folder: Path, pattern: str = "*.json") -> list[Path]:
    return sorted(folder.glob(pattern))


async def test_only_the_owner_can_access_files_and_folder(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    await FileStore(folder).put("me", _TOKEN)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in _files(folder)] == [0o600]
    assert _files(folder, "*") == _files(folder)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
async def test_a_file_that_others_can_access_is_refused(tmp_path: Path, mode: int) -> None:
    store = FileStore(tmp_path)
    await store.put("me", _TOKEN)
    _files(tmp_path)[0].chmod(mode)

    with pytest.raises(errors.TokenStoreError, match="Other users can access"):
        await store.get("me")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"access_token": 7}', b"\xff", b"null"])
async def test_a_file_without_a_valid_token_is_reported(tmp_path: Path, content: bytes) -> None:
    store = FileStore(tmp_path)
    await store.put("me", _TOKEN)
    _files(tmp_path)[0].write_bytes(content)

    with pytest.raises(errors.TokenStoreError, match="not a token"):
        await store.get("me")


@given(st.binary(max_size=50) | st.dictionaries(st.sampled_from([*_TOKEN.to_dict()]), JSON))
def test_any_stored_data_are_a_token_or_are_refused(data: Any) -> None:
    changed = data if isinstance(data, bytes) else json.dumps({**_TOKEN.to_dict(), **data}).encode()
    try:
        token = decode_token(changed)
    except errors.TokenStoreError:
        return
    assert token is not None
    assert token.expired(_TOKEN.created_at) in (True, False)


async def test_a_file_in_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("")
    store = FileStore(tmp_path / "tokens")

    for call in (store.get("me"), store.put("me", _TOKEN)):
        with pytest.raises(errors.TokenStoreError):
            await call
    with pytest.raises(errors.TokenStoreError):
        async with store.lock("me"):
            pass


async def test_below_a_file_there_is_no_token() -> None:
    store = FileStore("/dev/null/.config/tokens")  # of an account without a home folder

    assert await store.get("me") is None
    await store.delete("me")
    with pytest.raises(errors.TokenStoreError, match="Not a directory"):
        await store.put("me", _TOKEN)


async def test_a_failed_write_leaves_the_old_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(tmp_path)
    await store.put("me", _TOKEN)

    def fail_to_sync(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail_to_sync)
    with pytest.raises(errors.TokenStoreError, match="No space left"):
        await store.put("me", _OTHER_TOKEN)

    assert await store.get("me") == _TOKEN
    assert len(_files(tmp_path, "*")) == 1


async def test_delete_removes_the_unfinished_files_of_a_killed_process(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    await store.put("me", _TOKEN)
    await store.put("you", _OTHER_TOKEN)
    mine = next(file for file in _files(tmp_path) if b"the-access-token" in file.read_bytes())
    mine.with_suffix(".half.new").write_bytes(b"half a token")

    await store.delete("me")

    assert len(_files(tmp_path, "*")) == 1
    assert await store.get("you") == _OTHER_TOKEN


_FORK_SCRIPT = """
import asyncio, os, sys, time
from seeclickfix_async import FileStore

async def main():
    store = FileStore(sys.argv[1])
    async with store.lock("me"):
        child = os.fork()
        if not child:
            time.sleep(20)
    async with asyncio.timeout(10):
        async with store.lock("me"):
            print("again")
    os.kill(child, 9)

asyncio.run(main())
"""


def test_a_forked_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FORK_SCRIPT, str(tmp_path)]

    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert process.stdout == "again\n", process.stderr


class _CancellingRedis:
    """A Redis client that cancels its caller when the first response arrives."""

    def __init__(self, redis: Any, scope: anyio.CancelScope) -> None:
        self._redis = redis
        self._scope = scope

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    def register_script(self, script: str) -> Any:
        registered = self._redis.register_script(script)

        async def run(*arguments: Any) -> Any:
            response = await registered(*arguments)
            self._scope.cancel()
            await anyio.lowlevel.checkpoint()
            return response

        return run


async def test_a_task_cancelled_while_it_takes_a_redis_lock_releases_it(redis_port: int) -> None:
    async with coredis.Redis(port=redis_port) as redis:
        await redis.flushall()
        with anyio.CancelScope() as scope:
            async with RedisStore(_CancellingRedis(redis, scope)).lock("me"):
                raise AssertionError("the lock was entered after cancellation")

        with anyio.fail_after(10):
            async with RedisStore(redis).lock("me"):
                pass


# coredis opens a connection before it raises, and leaves its streams open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("call", STORE_CALLS)
@pytest.mark.parametrize("state", ["never opened", "closed"])
async def test_a_redis_client_that_is_not_open_is_reported(
    redis_port: int, state: str, call: str
) -> None:
    redis = coredis.Redis(port=redis_port)
    if state == "closed":
        async with redis:
            await redis.ping()

    with pytest.raises(errors.ClientStateError, match="async with coredis"):
        await STORE_CALLS[call](RedisStore(redis))
    gc.collect()


@pytest.mark.parametrize("call", STORE_CALLS)
async def test_a_command_that_redis_refuses_is_reported(redis_port: int, call: str) -> None:
    async with coredis.Redis(port=redis_port) as redis:
        await redis.flushall()
        await redis.acl_setuser("restricted", "on", "nopass", "+@connection")
        try:
            async with coredis.Redis(
                port=redis_port, username="restricted", password="x"
            ) as restricted:
                with pytest.raises(errors.TokenStoreError, match="permissions"):
                    await STORE_CALLS[call](RedisStore(restricted))
        finally:
            await redis.acl_deluser(["restricted"])


async def test_a_locked_keyring_times_out(memory_keyring: MemoryKeyring) -> None:
    memory_keyring.unlocked.clear()
    try:
        with pytest.raises(errors.TokenStoreError, match="Unlock it"):
            await KeyringStore(timeout=0.05).get("me")
    finally:
        memory_keyring.unlocked.set()


async def test_a_missing_keyring_is_reported(memory_keyring: MemoryKeyring) -> None:
    keyring.set_keyring(fail.Keyring())

    with pytest.raises(errors.TokenStoreError, match="NoKeyringError"):
        await KeyringStore().put("me", _TOKEN)


def test_a_token_dict_survives_json() -> None:
    assert Token.from_dict(json.loads(json.dumps(_TOKEN.to_dict()))) == _TOKEN
    assert Token.from_dict(json.loads(json.dumps(_OTHER_TOKEN.to_dict()))) == _OTHER_TOKEN
