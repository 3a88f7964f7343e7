"""The stored login: in the keyring or a file, and changed under a lock."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import attrs
import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked

from seeclickfix_async import AsyncClient, FileStore, MemoryStore, TokenStore
from seeclickfix_async._cli import session
from seeclickfix_async._cli.commands import login
from seeclickfix_async._cli.options import SiteOptions
from seeclickfix_async._core.secret import Secret
from seeclickfix_async._core.variables import CLIENT_VARIABLE
from seeclickfix_async.errors import TokenStoreError
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.sandbox import TOKEN, Sandbox
from seeclickfix_async.tokens import KeyringStore
from tests.support.command_line import run_cli
from tests.support.keyring_backend import FailingKeyring, MemoryKeyring
from tests.support.text_service import TextService

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
    monkeypatch.delenv(CLIENT_VARIABLE, raising=False)

    with Sandbox(10).serve() as url:
        assert await login.login(token=True, options=SiteOptions(base_url=url)) == 0
        assert await login.logout(options=SiteOptions(base_url=url)) == 0

    assert store.calls == [("put", True), ("get", True), ("delete", True)]


def test_an_application_that_cannot_be_saved_is_an_error(files: FileStore, tmp_path: Path) -> None:
    app = Application("app", session.LOOPBACK, base_url=_SITE)
    session.save_application(app)
    assert session.find_application(_SITE) == app

    (tmp_path / "seeclickfix-async" / "applications.json").unlink()
    (tmp_path / "seeclickfix-async").rmdir()
    (tmp_path / "seeclickfix-async").write_text("in the way")

    with pytest.raises(TokenStoreError, match="cannot be saved"):
        session.save_application(app)


_EXPIRED = Token(
    Secret("old"),
    "Bearer",
    10.0,
    None,
    datetime(2026, 1, 1, tzinfo=UTC),
    Secret("refresh"),
)


def _write_for_all(file: Path) -> None:
    file.write_text("{}")
    file.chmod(0o666)


_DAMAGES: dict[str, Callable[[Path], object]] = {
    "deep": lambda file: file.write_text('{"x":' * 100_000),
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "link": lambda file: file.symlink_to("elsewhere"),
    "list": lambda file: file.write_text("[]"),
    "not an id": lambda file: file.write_text('{"http://127.0.0.1": 5}'),
    "not JSON": lambda file: file.write_bytes(b"\xff"),
    "others can write": _write_for_all,
}


@pytest.fixture(params=_DAMAGES)
def damaged(files: FileStore, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The file of applications, which cannot be used."""
    file = tmp_path / "seeclickfix-async" / "applications.json"
    file.parent.mkdir(mode=0o700)
    _DAMAGES[request.param](file)
    return file


@pytest.fixture
def ended_login(files: FileStore, memory_keyring: MemoryKeyring) -> Iterator[str]:
    """The URL of a service, where the token of a login in the browser has expired."""
    with TextService("Hole").serve() as url:
        anyio.run(files.put, url, _EXPIRED)
        yield url


def test_applications_are_not_read_without_a_login(
    damaged: Path, memory_keyring: MemoryKeyring
) -> None:
    with TextService("Hole").serve() as url:
        done = run_cli(url, "issues", token="")

    assert (done.returncode, done.stderr) == (0, "")


def test_applications_are_not_read_before_a_token_expires(
    damaged: Path, files: FileStore, memory_keyring: MemoryKeyring
) -> None:
    with TextService("Hole").serve() as url:
        anyio.run(files.put, url, attrs.evolve(_EXPIRED, expires_in=None))
        done = run_cli(url, "whoami", token="")

    assert (done.returncode, done.stderr) == (0, "")


def test_unusable_applications_are_one_sentence(damaged: Path, ended_login: str) -> None:
    done = run_cli(ended_login, "whoami", token="")

    words = " ".join(done.stderr.split())
    assert done.returncode == 1
    assert words.startswith("scf: ")
    assert "applications.json cannot be used: " in words
    assert words.endswith(". Sign in again with --client-id, to replace it.")


def test_an_unknown_application_is_one_sentence(ended_login: str) -> None:
    done = run_cli(ended_login, "whoami", token="")

    assert done.returncode == 1
    assert "its application is unknown. Use scf login" in " ".join(done.stderr.split())


def test_a_login_replaces_unusable_applications(damaged: Path) -> None:
    app = Application("app", session.LOOPBACK, base_url=_SITE)
    if damaged.is_dir() and not damaged.is_symlink():
        with pytest.raises(TokenStoreError, match="cannot be saved"):
            session.save_application(app)
        return

    session.save_application(app)

    assert session.find_application(_SITE) == app
    assert stat.S_IMODE(damaged.lstat().st_mode) == 0o600


async def test_an_application_is_not_needed_to_read(
    files: FileStore, memory_keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application requires https, which a public read does not."""
    monkeypatch.setenv(CLIENT_VARIABLE, "app")

    async with session.make_client(SiteOptions(base_url="http://city.example")) as client:
        assert isinstance(client, AsyncClient)


@pytest.mark.usefixtures("no_home")
def test_without_a_home_folder_a_command_reads_what_is_public() -> None:
    with TextService("Hole").serve() as url:
        done = run_cli(url, "issues", token="")

    assert done.returncode == 0
    assert "Hole" in done.stdout
    assert " ".join(done.stderr.split()) == (
        "scf: There is no home folder. Run one command at a time: this one does not know of the "
        "requests of others."
    )


@pytest.mark.usefixtures("no_home")
@pytest.mark.parametrize("arguments", [("login", "--token"), ("login",), ("logout",)])
def test_without_a_home_folder_there_is_no_login(arguments: tuple[str, ...]) -> None:
    service = TextService("Hole")
    with service.serve() as url:
        done = run_cli(url, *arguments, token="", stdin=f"{TOKEN}\n")

    assert done.returncode == 1
    assert " ".join(done.stderr.split()) == (
        "scf: There is no home folder to store tokens in. Set HOME to a folder of your own."
    )
    assert service.requests == []


@pytest.mark.filterwarnings("default::seeclickfix_async.TokenExpiryWarning")
def test_a_token_that_expires_is_one_sentence() -> None:
    with TextService("Hole").serve() as url:
        done = run_cli(url, "issues", token="test-08/12/2024-01/01/2025-secret")

    assert done.stderr == (
        "scf: The expiry date of this personal access token is 2025-01-01. "
        "Create a new one on the account's security page.\n"
    )
