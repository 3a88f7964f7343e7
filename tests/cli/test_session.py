"""The stored login: in the keyring or a file, and changed under a lock."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked

from seeclickfix_async import FileStore, MemoryStore, TokenStore
from seeclickfix_async._cli import session
from seeclickfix_async._cli.commands import login
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import TokenStoreError
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.sandbox import TOKEN, Sandbox
from seeclickfix_async.tokens import KeyringStore
from tests.support.keyring_backend import FailingKeyring, MemoryKeyring

pytestmark = pytest.mark.anyio

_SITE = "https://city.example"


def _token(name: str, age: float = 0) -> Token:
    made = datetime(2026, 11, 1, tzinfo=UTC) - timedelta(seconds=age)
    return Token(Secret(name), "Bearer", None, None, made)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FileStore:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return FileStore(tmp_path / "seeclickfix-async" / "tokens")


@pytest.fixture
def ring(files: FileStore, memory_keyring: MemoryKeyring) -> TokenStore:
    return KeyringStore()


@pytest.mark.parametrize("newest", ["file", "keyring"])
async def test_the_newest_of_two_tokens_is_used(
    files: FileStore, ring: TokenStore, newest: str
) -> None:
    """A login while the keyring is locked leaves the previous token in it."""
    await files.put(_SITE, _token("file", age=0 if newest == "file" else 60))
    await ring.put(_SITE, _token("keyring", age=0 if newest == "keyring" else 60))

    assert await session.LoginStore().get(_SITE) == _token(newest)


async def test_a_token_stored_in_the_keyring_is_deleted_from_the_file(
    files: FileStore, ring: TokenStore
) -> None:
    await files.put(_SITE, _token("old", age=60))
    store = session.LoginStore()

    await store.put(_SITE, _token("new"))

    assert (await ring.get(_SITE), await files.get(_SITE)) == (_token("new"), None)
    await files.put(_SITE, _token("old", age=60))
    await store.delete(_SITE)
    assert (await ring.get(_SITE), await files.get(_SITE)) == (None, None)


async def test_a_keyring_that_fails_is_replaced_by_a_file(
    files: FileStore, memory_keyring: MemoryKeyring
) -> None:
    store = session.LoginStore()
    keyring.set_keyring(fail.Keyring())

    await store.put(_SITE, _token("new"))

    assert await files.get(_SITE) == _token("new")
    assert await store.get(_SITE) == _token("new")


@pytest.mark.parametrize(
    "backend", [null.Keyring(), fail.Keyring(), FailingKeyring(RuntimeError("the bus is gone"))]
)
async def test_a_keyring_that_cannot_be_used_is_none(
    files: FileStore, memory_keyring: MemoryKeyring, backend: KeyringBackend
) -> None:
    keyring.set_keyring(backend)
    assert await session.LoginStore().get(_SITE) is None

    await session.LoginStore().put(_SITE, _token("new"))

    assert await files.get(_SITE) == _token("new")
    assert await session.LoginStore().get(_SITE) == _token("new")
    await session.LoginStore().delete(_SITE)
    assert await session.LoginStore().get(_SITE) is None


async def test_a_locked_keyring_is_reported_if_no_file_has_the_token(
    files: FileStore, memory_keyring: MemoryKeyring
) -> None:
    keyring.set_keyring(FailingKeyring(KeyringLocked("dismissed")))
    store = session.LoginStore()

    for call in (store.get, store.delete):
        with pytest.raises(TokenStoreError, match="locked"):
            await call(_SITE)
    await files.put(_SITE, _token("file"))
    assert await store.get(_SITE) == _token("file")


class _RecordingStore(MemoryStore):
    """A store that records each call, and whether it was locked."""

    def __init__(self) -> None:
        super().__init__()
        self.is_locked = False
        self.calls: list[tuple[str, bool]] = []

    async def get(self, key: str) -> Token | None:
        self.calls.append(("get", self.is_locked))
        return await super().get(key)

    async def put(self, key: str, token: Token) -> None:
        self.calls.append(("put", self.is_locked))
        await super().put(key, token)

    async def delete(self, key: str) -> None:
        self.calls.append(("delete", self.is_locked))
        await super().delete(key)

    def lock(self, key: str) -> Any:
        return self._locked(key)

    @asynccontextmanager
    async def _locked(self, key: str) -> AsyncIterator[None]:
        async with super().lock(key):
            self.is_locked = True
            try:
                yield
            finally:
                self.is_locked = False


async def test_login_and_logout_change_the_token_under_the_lock(
    files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise another process could renew the token meanwhile, and store it after the logout."""
    store = _RecordingStore()
    monkeypatch.setattr(session, "LoginStore", lambda: store)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))
    monkeypatch.delenv(session.CLIENT_VARIABLE, raising=False)

    with Sandbox(10).serve() as url:
        assert await login.login(token=True, base_url=url) == 0
        assert await login.logout(base_url=url) == 0

    assert store.calls == [("put", True), ("get", True), ("delete", True)]


@pytest.mark.parametrize("content", ["", "[]", "[" * 100_000, '{"https://city.example": [7]}'])
def test_a_damaged_list_of_applications_names_none(
    content: str, files: FileStore, tmp_path: Path
) -> None:
    (tmp_path / "seeclickfix-async").mkdir()
    (tmp_path / "seeclickfix-async" / "applications.json").write_text(content, "utf-8")

    assert session.find_application(_SITE) is None


def test_an_application_that_cannot_be_saved_is_an_error(files: FileStore, tmp_path: Path) -> None:
    app = Application("app", session.LOOPBACK, base_url=_SITE)
    session.save_application(app)
    assert session.find_application(_SITE) == app

    (tmp_path / "seeclickfix-async" / "applications.json").unlink()
    (tmp_path / "seeclickfix-async").rmdir()
    (tmp_path / "seeclickfix-async").write_text("in the way")

    with pytest.raises(TokenStoreError, match="cannot be saved"):
        session.save_application(app)
