"""A photo as an open file, whatever it was passed as."""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Awaitable
from typing import Any, Self

import anyio

from seeclickfix_async._core import image as images
from seeclickfix_async._core.image import Image
from seeclickfix_async._transport.threads import run_in_thread
from seeclickfix_async.errors import InvalidArgumentError


class PhotoFile:
    """A photo that is being read, an async context manager; only a file of its own is closed.

    A blocking file is read in a thread, which has ended when a cancelled read returns.

    Attributes:
        size: The size in bytes.
        head: The first bytes.
    """

    def __init__(self, image: Image) -> None:
        self._image = image
        self._file: Any = None
        self._opened_file: anyio.AsyncFile[bytes] | None = None
        self.size = 0
        self.head = b""

    async def __aenter__(self) -> Self:
        source = images.as_source(self._image)
        if isinstance(source, bytes):
            self._file = io.BytesIO(source)
        elif isinstance(source, (str, os.PathLike)):
            try:
                self._opened_file = self._file = await anyio.open_file(source, "rb")
            except (OSError, ValueError) as error:
                raise images.unreadable(error) from error
        else:
            self._file = source
        try:
            self.size = await self._find_size()
            await self.rewind()
            while chunk := await self._call("read", images.HEAD - len(self.head)):
                self.head += chunk
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._opened_file is not None:
            with anyio.CancelScope(shield=True):
                await self._opened_file.aclose()

    async def rewind(self) -> None:
        """Go back to the start."""
        await self._call("seek", 0)

    async def read(self, size: int) -> bytes:
        """Read at most this many bytes, but at least one.

        Raises:
            InvalidArgumentError: The file has ended before its size, or cannot be read.
        """
        chunk: bytes = await self._call("read", size)
        if not chunk:
            raise InvalidArgumentError(
                "image", "became shorter while it was being sent, so nothing was written."
            )
        return chunk

    async def read_all(self) -> bytes:
        """Read the whole photo."""
        await self.rewind()
        content = bytearray()
        while len(content) < self.size:
            content += await self.read(self.size - len(content))
        return bytes(content)

    async def _find_size(self) -> int:
        size = await self._call("seek", 0, os.SEEK_END)
        return size if isinstance(size, int) else int(await self._call("tell"))

    async def _call(self, name: str, *arguments: int) -> Any:
        method = getattr(self._file, name)
        try:
            if isinstance(self._file, io.BytesIO) or inspect.iscoroutinefunction(method):
                result = method(*arguments)
            else:
                result = await run_in_thread(method, *arguments)
            result = await result if isinstance(result, Awaitable) else result
        except (OSError, ValueError) as error:
            if getattr(self._file, "closed", False) is True:
                raise images.closed() from error
            raise images.unreadable(error) from error
        if isinstance(result, str):
            raise images.not_binary()
        return result
