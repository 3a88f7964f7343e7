"""Who is signed in on this machine: in the keyring or a file, and one change at a time."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends import fail

from seeclickfix_async import FileStore, MemoryStore, TokenStore
from seeclickfix_async._cli import session
from seeclickfix_async._cli.commands import login
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import TokenStoreError
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.sandbox import TOKEN, Sandbox
from seeclickfix_async.tokens import KeyringStore
from tests.support.keyring_backend import MemoryKeyring

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
async def test_the_newest_of_two_tokens_counts(
    files: FileStore, ring: TokenStore, newest: str
) -> None:
    """A login while the keyring was locked leaves the one before in it."""
    await files.put(_SITE, _token("file", age=0 if newest == "file" else 60))
    await ring.put(_SITE, _token("keyring", age=0 if newest == "keyring" else 60))

    assert await session.StoredLogin().get(_SITE) == _token(newest)


async def test_what_goes_into_the_keyring_leaves_the_file(
    files: FileStore, ring: TokenStore
) -> None:
    await files.put(_SITE, _token("old", age=60))
    kept = session.StoredLogin()

    await kept.put(_SITE, _token("new"))

    assert (await ring.get(_SITE), await files.get(_SITE)) == (_token("new"), None)
    await files.put(_SITE, _token("old", age=60))
    await kept.delete(_SITE)
    assert (await ring.get(_SITE), await files.get(_SITE)) == (None, None)


async def test_a_keyring_that_fails_is_replaced_by_a_file(
    files: FileStore, memory_keyring: MemoryKeyring
) -> None:
    kept = session.StoredLogin()
    keyring.set_keyring(fail.Keyring())

    await kept.put(_SITE, _token("new"))

    assert await files.get(_SITE) == _token("new")
    assert await kept.get(_SITE) == _token("new")


class _Locked(MemoryStore):
    """A store that notes what is done in it, and whether under the lock."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.done: list[tuple[str, bool]] = []

    async def get(self, key: str) -> Token | None:
        self.done.append(("get", self.inside))
        return await super().get(key)

    async def put(self, key: str, token: Token) -> None:
        self.done.append(("put", self.inside))
        await super().put(key, token)

    async def delete(self, key: str) -> None:
        self.done.append(("delete", self.inside))
        await super().delete(key)

    def lock(self, key: str) -> Any:
        return self._held(key)

    @asynccontextmanager
    async def _held(self, key: str) -> AsyncIterator[None]:
        async with super().lock(key):
            self.inside = True
            try:
                yield
            finally:
                self.inside = False


async def test_signing_in_and_out_let_nobody_in_between(
    files: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process that renews meanwhile would keep its pair after the end."""
    store = _Locked()
    monkeypatch.setattr(session, "StoredLogin", lambda: store)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))
    monkeypatch.delenv(session.CLIENT_VARIABLE, raising=False)

    with Sandbox(10).serve() as url:
        assert await login.login(token=True, base_url=url) == 0
        assert await login.logout(base_url=url) == 0

    assert store.done == [("put", True), ("get", True), ("delete", True)]


def test_a_login_that_cannot_be_noted_is_told(files: FileStore, tmp_path: Path) -> None:
    app = Application("app", session.LOOPBACK, base_url=_SITE)
    session.save_login(app)
    assert session.application(_SITE) == app

    (tmp_path / "seeclickfix-async" / "applications.json").unlink()
    (tmp_path / "seeclickfix-async").rmdir()
    (tmp_path / "seeclickfix-async").write_text("in the way")

    with pytest.raises(TokenStoreError, match="cannot be noted"):
        session.save_login(app)
