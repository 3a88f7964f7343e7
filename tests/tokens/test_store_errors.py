"""The errors of token stores, which contain no token and refer to no error that does."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import coredis
import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, null
from keyring.errors import KeyringLocked, PasswordSetError

from seeclickfix_async import (
    Accounts,
    AsyncClient,
    FileStore,
    MemoryStore,
    StoredToken,
    TokenEndpoint,
    errors,
)
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth import Token
from seeclickfix_async.tokens import KeyringStore, RedisStore
from tests.support.canaries import Canaries
from tests.support.keyring_backend import FailingKeyring, MemoryKeyring
from tests.support.redis_server import RedisServer
from tests.support.tokens import APP, STORE_CALLS

pytestmark = pytest.mark.anyio

_TOKEN = Token(
    Secret("the-access-token"),
    "Bearer",
    7200.0,
    ("public",),
    datetime(2026, 11, 1, tzinfo=UTC),
    Secret("the-refresh-token"),
)
_JSON = json.dumps(_TOKEN.to_dict())
_BROKEN = {
    "more after it": _JSON + "x",
    "truncated": _JSON[:-3],
    "another type": _JSON.replace("Bearer", "mac"),
    "year 9999": json.dumps({**_TOKEN.to_dict(), "created_at": 253402300799.0}),
    "a string for the time": json.dumps({**_TOKEN.to_dict(), "created_at": "the-access-token"}),
    "deep": _JSON[:-1] + ',"x":' + "[" * 100_000,
    "long": _JSON + " " * 2_000_000,
    "many digits": _JSON[:-1] + ',"x":' + "9" * 5000 + "}",
}


async def _expect(call: Awaitable[object], words: str, code: str = "token_store") -> None:
    """Expect a TokenStoreError without a token, and without an error that has one."""
    canaries = Canaries()
    canaries.hide(_TOKEN.access_token, _TOKEN.refresh_token)

    with pytest.raises(errors.TokenStoreError, match=words) as caught:
        await call

    canaries.show_error(caught.value)
    assert caught.value.code == code
    assert canaries.found == set()


def _file(folder: Path) -> Path:
    (path,) = folder.glob("*.json")
    return path


@pytest.mark.parametrize(
    "error",
    [
        PasswordSetError("the-access-token"),
        RuntimeError("the-access-token"),
        OSError(1783, "The stub received bad data"),
        ImportError("no such backend"),
    ],
)
async def test_any_error_of_a_keyring_is_a_missing_keyring(
    memory_keyring: MemoryKeyring, error: Exception
) -> None:
    keyring.set_keyring(FailingKeyring(error))
    store = KeyringStore()

    for call in (store.get("me"), store.put("me", _TOKEN), store.delete("me")):
        await _expect(call, type(error).__name__, "no_keyring")


async def test_a_keyring_that_its_owner_keeps_locked_is_not_a_missing_one(
    memory_keyring: MemoryKeyring,
) -> None:
    keyring.set_keyring(FailingKeyring(KeyringLocked("dismissed")))

    await _expect(KeyringStore().put("me", _TOKEN), "locked", "keyring_locked")


@pytest.mark.parametrize("backend", [null.Keyring, chainer.ChainerBackend])
async def test_a_keyring_that_stores_nothing_is_a_missing_one(
    memory_keyring: MemoryKeyring,
    monkeypatch: pytest.MonkeyPatch,
    backend: Callable[[], KeyringBackend],
) -> None:
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [])
    keyring.set_keyring(backend())
    store = KeyringStore()

    await _expect(store.put("me", _TOKEN), "did not store", "no_keyring")
    assert await store.get("me") is None


@pytest.mark.parametrize("content", _BROKEN)
async def test_a_keyring_entry_that_is_not_a_token_is_reported(
    memory_keyring: MemoryKeyring, content: str
) -> None:
    memory_keyring.passwords["seeclickfix-async", "me"] = _BROKEN[content]

    await _expect(KeyringStore().get("me"), "not a token")


@pytest.mark.parametrize("content", _BROKEN)
async def test_a_file_that_is_not_a_token_is_reported(tmp_path: Path, content: str) -> None:
    store = FileStore(tmp_path)
    await store.put("me", _TOKEN)
    _file(tmp_path).write_text(_BROKEN[content])

    await _expect(store.get("me"), "not a token")


async def _put_in_place(store: FileStore, folder: Path, kind: str) -> Path:
    """Replace the file of a token by something else."""
    await store.put("me", _TOKEN)
    path = _file(folder)
    other = path.rename(folder / "other")
    match kind:
        case "pipe":
            os.mkfifo(path, 0o600)
        case "link":
            path.symlink_to(other)
        case "link to a device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir(0o700)
        case "socket":
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(str(path))
    return path


@pytest.mark.parametrize("kind", ["pipe", "link", "link to a device", "folder", "socket"])
async def test_only_a_file_is_read_as_a_token(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    store = FileStore("")
    path = await _put_in_place(store, Path(), kind)

    with anyio.fail_after(10):
        await _expect(store.get("me"), f"in the place of the token's file: {path}")
        if kind != "folder":
            await store.put("me", _TOKEN)
            assert await store.get("me") == _TOKEN
            assert not path.is_symlink()


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
async def test_something_else_in_place_of_the_lock_file_is_reported(
    tmp_path: Path, kind: str
) -> None:
    store = FileStore(tmp_path)
    path = await _put_in_place(store, tmp_path, kind)
    path.rename(path.with_suffix(".lock"))

    async def lock() -> None:
        async with store.lock("me"):
            raise AssertionError

    with anyio.fail_after(10):
        await _expect(lock(), "The token folder cannot be used")


@pytest.mark.parametrize("call", STORE_CALLS)
@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701, 0o1777])
async def test_a_folder_that_others_can_access_is_refused(
    tmp_path: Path, mode: int, call: str
) -> None:
    folder = tmp_path / "the tokens"
    store = FileStore(folder)
    await store.put("me", _TOKEN)
    folder.chmod(mode)

    await _expect(STORE_CALLS[call](store), f"chmod 700 '{folder}'")

    folder.chmod(0o700)
    assert await store.get("me") == _TOKEN


@pytest.mark.parametrize("call", STORE_CALLS)
async def test_a_folder_of_another_user_is_refused(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(tmp_path)
    await store.put("me", _TOKEN)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)

    await _expect(STORE_CALLS[call](store), f"belongs to another user.*chown 4711 {tmp_path}")


async def test_a_file_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileStore(tmp_path)
    await store.put("me", _TOKEN)
    path = _file(tmp_path)
    lstat = Path.lstat

    def lstat_of_another(self: Path) -> os.stat_result:
        found = list(lstat(self))
        found[4] = 4711  # st_uid
        return os.stat_result(found)

    monkeypatch.setattr(Path, "lstat", lstat_of_another)

    await _expect(store.get("me"), f"belongs to another user.*revoke it.*chown [0-9]+ {path}")


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[coredis.Redis[bytes]]:
    async with coredis.Redis(port=server.port) as redis:
        await redis.flushall()
        yield redis


@pytest.mark.parametrize("content", _BROKEN)
async def test_a_redis_value_that_is_not_a_token_is_reported(
    redis: coredis.Redis[bytes], content: str
) -> None:
    await redis.set("seeclickfix:token:me:token", _BROKEN[content])

    await _expect(RedisStore(redis).get("me"), "not a token")


async def test_a_redis_value_of_another_type_is_reported(redis: coredis.Redis[bytes]) -> None:
    await redis.lpush("seeclickfix:token:me:token", ["the-access-token"])
    await redis.lpush("seeclickfix:token:me:lock", ["x"])
    store = RedisStore(redis)

    await _expect(store.get("me"), "WrongTypeError")
    await store.put("me", _TOKEN)
    assert await store.get("me") == _TOKEN


class _FailingRedis:
    """A Redis client whose commands raise an error that contains their arguments, or hang."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        async def command(*arguments: object, **_options: object) -> None:
            if self.error is None:
                await anyio.sleep_forever()
                raise AssertionError
            raise type(self.error)(f"ERR unknown command, with args beginning with: {arguments}")

        return command

    def register_script(self, _script: str) -> Any:
        return self.run


@pytest.mark.parametrize(
    "error",
    [
        coredis.exceptions.ResponseError(),
        coredis.exceptions.AuthenticationError(),
        ConnectionResetError(),
        anyio.ClosedResourceError(),
        TypeError(),
    ],
)
async def test_an_error_of_redis_is_not_quoted(error: Exception) -> None:
    store = RedisStore(_FailingRedis(error))

    for call in STORE_CALLS.values():
        await _expect(call(store), type(error).__name__)


async def test_a_redis_client_that_is_not_open_shows_no_token() -> None:
    canaries = Canaries()
    canaries.hide(_TOKEN.access_token, _TOKEN.refresh_token)

    with pytest.raises(errors.ClientStateError) as caught:
        await RedisStore(_FailingRedis(RuntimeError())).put("me", _TOKEN)

    canaries.show_error(caught.value)
    assert canaries.found == set()


async def test_a_redis_server_that_does_not_respond_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seeclickfix_async.tokens._stores.redis._REPLY_TIMEOUT", 0.01)
    store = RedisStore(_FailingRedis(None))

    for call in STORE_CALLS.values():
        await _expect(call(store), "did not respond")


class _Database(MemoryStore):
    """A store of a user whose database fails in one of its methods, and quotes the token."""

    def __init__(self, failing: str, error: Callable[[str], Exception] = LookupError) -> None:
        super().__init__()
        self.failing = failing
        self.error = error

    def fail(self, name: str) -> None:
        if name == self.failing:
            raise self.error(_JSON) from LookupError(_JSON)

    async def get(self, key: str) -> Token | None:
        self.fail("get")
        return await super().get(key)

    async def put(self, key: str, token: Token) -> None:
        self.fail("put")
        await super().put(key, token)

    async def delete(self, key: str) -> None:
        self.fail("delete")
        await super().delete(key)

    def lock(self, key: str) -> Any:
        self.fail("lock")
        return self._locked(key)

    @asynccontextmanager
    async def _locked(self, key: str) -> AsyncIterator[None]:
        self.fail("enter")
        async with super().lock(key):
            yield
        self.fail("leave")


_SOURCE_FAILURES = {"get": "get", "lock": "lock", "enter": "lock", "leave": "lock", "put": "put"}


@pytest.mark.parametrize("method", ["put", "delete", "lock", "enter", "leave"])
async def test_an_error_of_a_custom_store_is_not_quoted_by_accounts(method: str) -> None:
    async with TokenEndpoint(APP, limiter=None) as endpoint:
        accounts = Accounts(_Database(method), endpoint)
        named = _SOURCE_FAILURES.get(method, method)
        call = accounts.sign_out("me") if method == "delete" else accounts.sign_in("me", _TOKEN)

        await _expect(call, rf"_Database\.{named}\(\) raised LookupError")


@pytest.mark.parametrize("method", ["get", "lock", "enter"])
async def test_an_error_of_a_custom_store_is_not_quoted_by_a_client(method: str) -> None:
    store = _Database(method)
    await MemoryStore.put(store, "me", _TOKEN)
    async with AsyncClient(StoredToken(store, "me"), limiter=None) as client:
        named = _SOURCE_FAILURES[method]

        await _expect(client.verify(), rf"_Database\.{named}\(\) raised LookupError")


async def test_an_error_of_the_library_passes_through_a_custom_store() -> None:
    store = _Database("get", lambda _: errors.ClosedClientError())

    with pytest.raises(errors.ClosedClientError):
        await StoredToken(store, "me").current()


async def test_a_custom_store_that_returns_no_token_is_reported() -> None:
    store = MemoryStore()
    store.get = lambda key: _dict()  # type: ignore[assignment, method-assign, return-value]

    await _expect(StoredToken(store, "me").current(), r"MemoryStore\.get\(\) returned .* dict")


async def _dict() -> dict[str, Any]:
    return _TOKEN.to_dict()


@pytest.mark.usefixtures("no_home")
@pytest.mark.parametrize("home", [None, "relative"])
async def test_a_keyring_needs_a_home_folder_for_its_locks(
    home: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if home is not None:
        monkeypatch.setenv("HOME", home)

    with pytest.raises(errors.TokenStoreError, match="Set HOME to a folder of your own"):
        KeyringStore()
