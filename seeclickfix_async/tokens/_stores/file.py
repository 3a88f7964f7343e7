"""Tokens in files that only their owner can read."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from pathlib import Path

from anyio import to_thread

from seeclickfix_async._core.file_lock import FileLock
from seeclickfix_async._core.file_replacement import flush_folder, flush_to_disk
from seeclickfix_async._core.secret import MASK, strip_traceback
from seeclickfix_async._transport.threads import acquire_lock
from seeclickfix_async.errors import InvalidArgumentError, TokenStoreError
from seeclickfix_async.oauth._token import Token
from seeclickfix_async.tokens._stores.base import validate_key

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_EVERY = 0.02  # seconds between two tries to take a lock
_POSIX = os.name == "posix"


class FileStore:
    """Keeps each token in a file of its own, across processes of one machine.

    A file is readable by its owner only (0600 in a folder of 0700) and is replaced as a whole, so
    that no reader ever meets half of it. One that others can read is refused: the token in it
    may be known to them.

    Args:
        folder: Where the files are; it is made when the first token is kept.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)

    def __repr__(self) -> str:
        return "<FileStore>"

    async def get(self, key: str) -> Token | None:
        """The token that was put last, or None.

        Raises:
            TokenStoreError: Others can read the file, or it holds no token.
        """
        path = self._path(key)
        return await to_thread.run_sync(_read, path)

    async def put(self, key: str, token: Token) -> None:
        """Keep a token; it is on the disk when this returns.

        Raises:
            TokenStoreError: The folder cannot be written.
        """
        path = self._path(key)
        await to_thread.run_sync(_write, path, token)

    async def delete(self, key: str) -> None:
        """Forget a token; harmless when there is none."""
        await to_thread.run_sync(_delete, self._path(key))

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Let nobody else on this machine in; the lock ends with its process at the latest."""
        return _locked(self._path(key).with_suffix(".lock"))

    def _path(self, key: str) -> Path:
        """A key may hold anything, a file's name may not; and it says whose token it is."""
        name = hashlib.sha256(validate_key(key).encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / f"{name[:32]}.json"


@asynccontextmanager
async def _locked(path: Path) -> AsyncGenerator[None]:
    """A lock across processes, which the system takes away from one that dies."""
    lock = FileLock(path)
    try:
        with _telling("The token folder cannot be used"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            await acquire_lock(lock, every=_EVERY)
        yield
    finally:
        lock.release()


@contextmanager
def _telling(what: str) -> Generator[None]:
    """Say what the system refuses, without naming the path."""
    try:
        yield
    except OSError as error:
        raise TokenStoreError(f"{what}: {error.strerror}.") from None


def _read(path: Path) -> Token | None:
    with _telling("The token cannot be read"), suppress(FileNotFoundError), path.open("rb") as file:
        if _POSIX and os.fstat(file.fileno()).st_mode & _OTHERS:
            raise TokenStoreError(
                "Others can read this token's file. Revoke the token, since they may know it; "
                "then delete the file, or chmod it to 600."
            )
        return decode_token(file.read())
    return None


def decode_token(kept: bytes | str) -> Token:
    """The token in a kept JSON text."""
    try:
        return Token.from_dict(json.loads(kept))
    except (ValueError, InvalidArgumentError) as error:
        strip_traceback(error)
        kept = MASK
        raise TokenStoreError("What is kept is no token. Delete it, and sign in again.") from None


def encode_token(token: Token) -> str:
    """A token as the JSON text that is kept."""
    return json.dumps(token.to_dict())


def _delete(path: Path) -> None:
    """What a process left behind that died while it wrote goes too."""
    with _telling("The token cannot be forgotten"):
        for file in (path, *path.parent.glob(f"{path.stem}.*.new")):
            file.unlink(missing_ok=True)


def _write(path: Path, token: Token) -> None:
    """Write beside it and replace it at once, with the owner's rights from the first byte on."""
    with _telling("The token cannot be kept"):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file, beside = tempfile.mkstemp(  # 0600
            dir=path.parent, prefix=f"{path.stem}.", suffix=".new"
        )
        try:
            with os.fdopen(file, "wb") as opened:
                opened.write(encode_token(token).encode())
                flush_to_disk(opened)
            Path(beside).replace(path)  # a link too: what it leads to may be somebody else's
            flush_folder(path.parent)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
