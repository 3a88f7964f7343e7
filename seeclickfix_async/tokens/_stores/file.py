"""Token storage in files that only their owner can access."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator, Generator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from pathlib import Path

from anyio import to_thread

from seeclickfix_async._core import validation
from seeclickfix_async._core.file_lock import FileLock
from seeclickfix_async._core.secret import strip_traceback
from seeclickfix_async._transport.threads import acquire_lock
from seeclickfix_async.errors import TokenStoreError
from seeclickfix_async.oauth._token import Token
from seeclickfix_async.tokens._stores.base import validate_key
from seeclickfix_async.tokens._stores.encoding import MAX_LENGTH, decode_token, encode_token
from seeclickfix_async.tokens._stores.private_files import (
    MISSING,
    check_private_folder,
    read_private_file,
    write_private_file,
)

_LOCK_INTERVAL = 0.02  # seconds between two attempts to take a lock


class FileStore:
    """A store with one file for each token, for all processes of one machine.

    Only its owner can access a file (mode 0600, in a folder of mode 0700). It is replaced
    atomically, so that a reader never sees a part of it. A file or a folder that other users own or
    can access is refused, since they may have copied or replaced the token.

    Args:
        folder: The folder of the files; created when the first token is stored. An existing one
            must be this user's, with mode 0700.

    Raises:
        InvalidArgumentError: No folder can have this path.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = validation.as_path("folder", folder)

    def __repr__(self) -> str:
        return "<FileStore>"

    async def get(self, key: str) -> Token | None:
        """Return the stored token of a key, or None.

        Raises:
            TokenStoreError: Other users can access the file or the folder, or it is not a file
                with a token.
        """
        path = self._path(key)
        return await to_thread.run_sync(_read, path)

    async def put(self, key: str, token: Token) -> None:
        """Store a token; it is flushed to the disk when this returns.

        Raises:
            TokenStoreError: The file cannot be written, or other users can access the folder.
        """
        path = self._path(key)
        await to_thread.run_sync(_write, path, token)

    async def delete(self, key: str) -> None:
        """Delete a token, if there is one.

        Raises:
            TokenStoreError: The file cannot be deleted.
        """
        await to_thread.run_sync(_delete, self._path(key))

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return a lock among the processes of this machine; a process that exits releases it."""
        return _locked(self._path(key).with_suffix(".lock"))

    def _path(self, key: str) -> Path:
        """Return the path for a key: a hash, since a key may contain any character."""
        name = hashlib.sha256(validate_key(key).encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / f"{name[:32]}.json"


@asynccontextmanager
async def _locked(path: Path) -> AsyncGenerator[None]:
    """Lock a file among processes; the system releases the lock of a killed process."""
    lock = FileLock(path)
    try:
        with _store_errors("The token folder cannot be used"):
            _make_folder(path.parent)
            await acquire_lock(lock, every=_LOCK_INTERVAL)
        yield
    finally:
        lock.release()


@contextmanager
def _store_errors(problem: str) -> Generator[None]:
    """Replace an OSError by a TokenStoreError."""
    try:
        yield
    except OSError as error:
        strip_traceback(error)
        raise TokenStoreError(f"{problem}: {error.strerror}.") from None


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_private_folder(folder)


def _read(path: Path) -> Token | None:
    with _store_errors("The token cannot be read"):
        check_private_folder(path.parent)
        return decode_token(read_private_file(path, MAX_LENGTH + 1))


def _delete(path: Path) -> None:
    """Delete a token's file, and those that killed processes left unfinished."""
    with _store_errors("The token cannot be deleted"):
        check_private_folder(path.parent)
        for file in (path, *path.parent.glob(f"{path.stem}.*.new")):
            with suppress(*MISSING):
                file.unlink()


def _write(path: Path, token: Token) -> None:
    with _store_errors("The token cannot be stored"):
        _make_folder(path.parent)
        write_private_file(path, encode_token(token).encode())
