"""Photos that the service accepts: png, jpeg or gif, at most 20 MB (documented)."""

from __future__ import annotations

import io
import os
from typing import Protocol, runtime_checkable

from seeclickfix_async.errors import InvalidArgumentError

_MAX_SIZE = 20 * 1024 * 1024
HEAD = 8
"""The number of leading bytes from which the media type is detected."""

_MEDIA_TYPES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


@runtime_checkable
class AsyncReadable(Protocol):
    """An open async file, such as `anyio.open_file(path, "rb")` returns; the caller closes it."""

    async def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes, or all remaining ones if it is negative."""
        ...

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        """Change the position in the file and return the new one."""
        ...


Image = str | os.PathLike[str] | bytes | AsyncReadable
"""A photo: the path of a file, bytes, or an open async file, which is sent from its start."""


def detect_media_type(head: bytes, size: int) -> str:
    """Return the media type of a photo, detected from its first bytes and not from its name.

    Args:
        head: The first bytes, at least `HEAD` of them.
        size: The size of the whole photo, in bytes.

    Raises:
        InvalidArgumentError: The service does not accept the photo.
    """
    if size > _MAX_SIZE:
        raise InvalidArgumentError(
            "image", f"has {size:,} bytes; the service accepts {_MAX_SIZE:,} at most."
        )
    for signature, media_type in _MEDIA_TYPES.items():
        if head.startswith(signature):
            return media_type
    raise InvalidArgumentError("image", "is not a png, jpeg or gif, judging by its first bytes.")


def check(image: Image) -> None:
    """Check a photo before it is sent; the content of an open file is checked when it is sent.

    Raises:
        InvalidArgumentError: The service does not accept the photo, or the file cannot be read.
    """
    if isinstance(image, bytes):
        detect_media_type(image, len(image))
    elif isinstance(image, (str, os.PathLike)):
        try:
            with open(image, "rb") as file:  # noqa: PTH123  # any path-like
                detect_media_type(file.read(HEAD), os.fstat(file.fileno()).st_size)
        except OSError as error:
            raise unreadable(error) from error
    elif _is_blocking(image):
        raise InvalidArgumentError(
            "image", "is a blocking file; pass its path, or open it with anyio.open_file."
        )
    elif not isinstance(image, AsyncReadable):
        raise InvalidArgumentError("image", "must be a path, bytes, or an open async file.")


def _is_blocking(image: object) -> bool:
    """Return True for a file of `open()`: it has the methods of `AsyncReadable`, but not async."""
    return isinstance(image, io.IOBase)


def unreadable(error: OSError) -> InvalidArgumentError:
    """Return the exception for a file that cannot be read."""
    return InvalidArgumentError("image", f"cannot be read: {error.strerror}.")
