"""Writers for the body of a download: to a file chunk by chunk, or into memory."""

from __future__ import annotations

import contextlib
import io
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
from seeclickfix_async._core.image import HEAD
from seeclickfix_async.errors import InvalidArgumentError


class BodyWriter(Protocol):
    """A receiver of the body of a successful response."""

    @property
    def head(self) -> bytes:
        """The first bytes of the body, at most `image.HEAD`."""
        ...

    async def begin(self) -> None:
        """Discard what was written: the body starts, for the first time or after a failure."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Write the next chunk."""
        ...


class MemoryWriter:
    """A download in memory."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()

    async def begin(self) -> None:
        """Discard what was written."""
        self._buffer = io.BytesIO()

    async def write(self, chunk: bytes) -> None:
        """Write the next chunk."""
        self._buffer.write(chunk)

    @property
    def head(self) -> bytes:
        """The first bytes."""
        return self.content[:HEAD]

    @property
    def content(self) -> bytes:
        """The whole body."""
        return self._buffer.getvalue()


class FileWriter:
    """A download to a temporary file, which replaces its file when it is complete on the disk.

    Use it as an async context manager, and call `commit()` at the end; without it, leaving the
    context manager removes the temporary file. All methods raise InvalidArgumentError if the file
    cannot be written.

    Args:
        path: The file.

    Attributes:
        head: The first bytes of the body.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._part = anyio.Path(f"{self._path}.{secrets.token_hex(4)}.part")
        self._is_committed = False
        self.head: bytes = b""

    async def __aenter__(self) -> Self:
        try:
            self._file = await anyio.open_file(self._part, "xb")
        except OSError as error:
            raise _unwritable(error) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            with contextlib.suppress(OSError):  # such as a full disk, already raised by write()
                await self._file.aclose()
            if not self._is_committed:
                await self._part.unlink(missing_ok=True)

    async def begin(self) -> None:
        """Discard what was written."""
        self.head = b""
        try:
            await self._file.seek(0)
            await self._file.truncate()
        except OSError as error:
            raise _unwritable(error) from error

    async def write(self, chunk: bytes) -> None:
        """Write the next chunk."""
        try:
            await self._file.write(chunk)
            self.head += chunk[: HEAD - len(self.head)]
        except OSError as error:
            raise _unwritable(error) from error

    async def commit(self) -> int:
        """Replace the file by the download, and return its size in bytes."""
        try:
            size = await self._file.tell()
            await to_thread.run_sync(flush_to_disk, self._file.wrapped)
            await self._file.aclose()
            await to_thread.run_sync(_replace_file, Path(self._part), Path(self._path))
        except OSError as error:
            raise _unwritable(error) from error
        self._is_committed = True
        return size


def _replace_file(part: Path, path: Path) -> None:
    """Move the temporary file over the file, with the permissions of the latter."""
    copy_permissions(path, part)
    move_into_place(part, path)


def _unwritable(error: OSError) -> InvalidArgumentError:
    return InvalidArgumentError("path", f"cannot be written: {error.strerror}.")
