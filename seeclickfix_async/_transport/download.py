"""Where a download goes while it comes in: to a file piece by piece, or into memory."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Protocol, Self

import anyio
from anyio import to_thread

from seeclickfix_async._core.file_replacement import (
    copy_permissions,
    flush_to_disk,
    move_into_place,
)
from seeclickfix_async.errors import InvalidArgumentError


class BodyWriter(Protocol):
    """What takes the body of a success, piece by piece."""

    async def begin(self) -> None:
        """The body begins, for the first time or once more after a failure."""
        ...

    async def take(self, piece: bytes) -> None:
        """The next piece."""
        ...


class MemoryWriter:
    """Keeps a download as bytes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    async def begin(self) -> None:
        """Forget what came before."""
        self._pieces.clear()

    async def take(self, piece: bytes) -> None:
        """Keep one more piece."""
        self._pieces.append(piece)

    @property
    def content(self) -> bytes:
        """All of it."""
        return b"".join(self._pieces)


class FileWriter:
    """Writes a download beside its file, which is replaced only when all of it is on the disk.

    Use it as an async context manager, and `keep()` what came; otherwise nothing is left behind.

    Args:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._part = anyio.Path(f"{self._path}.{secrets.token_hex(4)}.part")
        self._kept = False

    async def __aenter__(self) -> Self:
        try:
            self._file = await anyio.open_file(self._part, "xb")
        except OSError as error:
            raise _unwritable(error) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            with contextlib.suppress(OSError):  # a full disk, which has been told
                await self._file.aclose()
            if not self._kept:
                await self._part.unlink(missing_ok=True)

    async def begin(self) -> None:
        """Go back to the start."""
        try:
            await self._file.seek(0)
            await self._file.truncate()
        except OSError as error:
            raise _unwritable(error) from error

    async def take(self, piece: bytes) -> None:
        """Write one more piece."""
        try:
            await self._file.write(piece)
        except OSError as error:
            raise _unwritable(error) from error

    async def keep(self) -> int:
        """Let what came take the file's place; gives its size in bytes.

        Raises:
            InvalidArgumentError: The file cannot be replaced.
        """
        try:
            size = await self._file.tell()
            await to_thread.run_sync(flush_to_disk, self._file.wrapped)
            await self._file.aclose()
            await to_thread.run_sync(_put_in_place, Path(self._part), Path(self._path))
        except OSError as error:
            raise _unwritable(error) from error
        self._kept = True
        return size


def _put_in_place(part: Path, path: Path) -> None:
    copy_permissions(path, part)
    move_into_place(part, path)


def _unwritable(error: OSError) -> InvalidArgumentError:
    return InvalidArgumentError("path", f"cannot be written: {error.strerror}.")
