"""Photos as the service takes them: png, jpeg or gif, 20 MB at most (documented)."""

from __future__ import annotations

import io
import os
from typing import Protocol, runtime_checkable

from seeclickfix_async.errors import InvalidArgumentError

LARGEST = 20 * 1024 * 1024
HEAD = 8
"""How many of the first bytes tell what a file is."""

_KINDS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


@runtime_checkable
class AsyncReadable(Protocol):
    """An open file, such as `anyio.open_file(path, "rb")` gives; it stays the caller's to close."""

    async def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or what is left."""
        ...

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place; gives it, from the start."""
        ...


Image = str | os.PathLike[str] | bytes | AsyncReadable
"""A photo: the path of a file, its bytes, or an open async file. It is sent from its start."""


def kind_of(head: bytes, size: int) -> str:
    """The media type of a photo, by its first bytes and not by its name.

    Args:
        head: Its first bytes, `HEAD` at least.
        size: Of all of it, in bytes.

    Raises:
        InvalidArgumentError: The service does not take it.
    """
    if size > LARGEST:
        raise InvalidArgumentError(
            "image", f"has {size:,} bytes, and the service takes {LARGEST:,} at most."
        )
    for sign, kind in _KINDS.items():
        if head.startswith(sign):
            return kind
    raise InvalidArgumentError("image", "is no png, jpeg or gif, by its first bytes.")


def check(image: Image) -> None:
    """Refuse at once what can be seen to be no photo; an open file is looked at when it is sent.

    Raises:
        InvalidArgumentError: The service does not take it, or there is no such file.
    """
    if isinstance(image, bytes):
        kind_of(image, len(image))
    elif isinstance(image, (str, os.PathLike)):
        try:
            with open(image, "rb") as file:  # noqa: PTH123  # any path-like
                kind_of(file.read(HEAD), os.fstat(file.fileno()).st_size)
        except OSError as error:
            raise unreadable(error) from error
    elif _blocks(image):
        raise InvalidArgumentError(
            "image", "would block while it is read; give its path, or open it with anyio.open_file."
        )
    elif not isinstance(image, AsyncReadable):
        raise InvalidArgumentError("image", "must be a path, bytes, or an open async file.")


def _blocks(image: object) -> bool:
    """Whether it is a file as `open()` gives it, which has the right methods and awaits nothing."""
    return isinstance(image, io.IOBase)


def unreadable(error: OSError) -> InvalidArgumentError:
    """The error for a file that cannot be read."""
    return InvalidArgumentError("image", f"cannot be read: {error.strerror}.")
