"""Kinds of photos, by their first bytes: those that the service accepts, and those that it sends.

It accepts png, jpeg or gif, at most 20 MB (documented).
"""

from __future__ import annotations

import io
import os
from typing import Protocol, runtime_checkable

from seeclickfix_async.errors import InvalidArgumentError

_MAX_SIZE = 20 * 1024 * 1024
HEAD = 64
"""The number of leading bytes from which the kind of a photo is detected."""

_MEDIA_TYPES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif"}

# The brands of the first box of HEIF files (ISO 23008-12, AVIF 1.1); the last two say the least.
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), ".avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), ".heic"),
    **dict.fromkeys((b"hevc", b"hevx", b"hevm", b"hevs"), ".heic"),
    **dict.fromkeys((b"mif1", b"msf1"), ".heif"),
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
    media_type = _media_type(head)
    if media_type is None:
        raise InvalidArgumentError(
            "image", "is not a png, jpeg or gif, judging by its first bytes."
        )
    return media_type


def detect_suffix(head: bytes) -> str | None:
    """Return the suffix for the file of a received photo, such as `.jpg`, or None for other data.

    Args:
        head: The first bytes: `HEAD` of them, or all.
    """
    media_type = _media_type(head)
    if media_type is not None:
        return _SUFFIXES[media_type]
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return ".webp"
    return _heif_suffix(head)


def _media_type(head: bytes) -> str | None:
    types = (type_ for signature, type_ in _MEDIA_TYPES.items() if head.startswith(signature))
    return next(types, None)


def _heif_suffix(head: bytes) -> str | None:
    """Return the suffix by the brands of the first box: size, `ftyp`, brand, version, brands."""
    if head[4:8] != b"ftyp":
        return None
    box = head[8 : int.from_bytes(head[:4])]
    brands = {box[start : start + 4] for start in range(0, len(box), 4) if start != 4}
    return next((suffix for brand, suffix in _BRANDS.items() if brand in brands), None)


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
