"""Kinds of photos, by their first bytes: those that the service accepts, and those that it sends.

It accepts png, jpeg or gif, at most 20 MB (documented).
"""

from __future__ import annotations

import importlib.util
import io
import os
from typing import Any, Protocol, runtime_checkable

from seeclickfix_async.errors import InvalidArgumentError

MAX_SIZE = 20 * 1024 * 1024
"""The largest photo that the service accepts, in bytes (documented)."""

MAX_SOURCE = 100 * 1024 * 1024
"""The largest photo that is converted to one that the service accepts, in bytes."""

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
_HEIF = (".heic", ".heif")
_EXTRA = "install the 'photos' extra: pip install 'seeclickfix-async[photos]'."


@runtime_checkable
class AsyncReadable(Protocol):
    """An open async file, such as `anyio.open_file(path, "rb")` returns; the caller closes it."""

    async def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes, or all remaining ones if it is negative."""
        ...

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        """Change the position in the file and return the new one."""
        ...


@runtime_checkable
class Readable(Protocol):
    """An open binary file, such as `open(path, "rb")` or `BytesIO`; the caller closes it."""

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes, or all remaining ones if it is negative."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> Any:
        """Change the position in the file."""
        ...


@runtime_checkable
class Upload(Protocol):
    """An upload of a web framework, such as the `UploadFile` of Starlette, FastAPI and Litestar."""

    @property
    def file(self) -> Any:
        """The binary file that the framework has received."""
        ...


Image = str | os.PathLike[str] | bytes | bytearray | memoryview | AsyncReadable | Readable | Upload
"""A photo: a path, bytes, an open binary file, async or not, or an upload of a web framework.

A file is sent from its start, wherever its position is, and is not closed.
"""

ImageFile = AsyncReadable | Readable


def as_source(image: Image) -> str | os.PathLike[str] | bytes | ImageFile:
    """Return a photo as a path, as bytes that no longer change, or as an open file.

    Raises:
        InvalidArgumentError: It is something else, or a file that is closed, is not binary, or
            cannot be read twice.
    """
    if isinstance(image, (str, os.PathLike, bytes)):
        return image
    if isinstance(image, (bytearray, memoryview)):
        return bytes(image)
    file: Any = image
    # Frameworks wrap a file, which may be on disk: its own methods are called in a thread.
    if not isinstance(file, io.IOBase) and isinstance(getattr(file, "file", None), Readable):
        file = file.file
    if isinstance(file, io.TextIOBase):
        raise not_binary()
    if isinstance(file, type) or not isinstance(file, Readable):
        raise InvalidArgumentError(
            "image", "must be a path, bytes, an open binary file or an upload of a web framework."
        )
    if getattr(file, "closed", False) is True:
        raise closed()
    if isinstance(file, io.IOBase) and not file.seekable():
        raise InvalidArgumentError(
            "image", "cannot be read twice, as a retry needs: pass its bytes instead."
        )
    return file


def closed() -> InvalidArgumentError:
    """Return the exception for a closed file."""
    return InvalidArgumentError(
        "image",
        "is a closed file. Web frameworks close an upload with its request: pass its bytes to work "
        "that continues afterwards.",
    )


def not_binary() -> InvalidArgumentError:
    """Return the exception for a file whose `read` returns strings."""
    return InvalidArgumentError("image", "is a file of strings; open it in mode 'rb'.")


def is_acceptable(head: bytes, size: int) -> bool:
    """Return True if the service accepts a photo as it is, or False if it has to be converted.

    Args:
        head: The first bytes, at least `HEAD` of them.
        size: The size of the whole photo, in bytes.

    Raises:
        InvalidArgumentError: It is not a photo, or is too large, or cannot be converted without
            the extra `photos`.
    """
    suffix = detect_suffix(head)
    if suffix is None:
        raise InvalidArgumentError(
            "image",
            "is not a png, jpeg, gif, webp, heic or avif photo, judging by its first bytes.",
        )
    is_known = _media_type(head) is not None
    if is_known and size <= MAX_SIZE:
        return True
    library = "pillow_heif" if suffix in _HEIF else "PIL"
    if importlib.util.find_spec(library) is None:
        reason = (
            f"has {size:,} bytes; the service accepts {MAX_SIZE:,} at most. To scale it, {_EXTRA}"
            if is_known
            else f"is a {suffix[1:]}, not a png, jpeg or gif. To convert it, {_EXTRA}"
        )
        raise InvalidArgumentError("image", reason)
    if size > MAX_SOURCE:
        raise InvalidArgumentError(
            "image", f"has {size:,} bytes; {MAX_SOURCE:,} are converted at most. Scale it first."
        )
    return False


def detect_media_type(head: bytes) -> str:
    """Return the media type of an acceptable photo, by its first bytes and not by its name."""
    media_type = _media_type(head)
    if media_type is None:
        raise InvalidArgumentError("image", "became another file while it was being sent.")
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
    source = as_source(image)
    if isinstance(source, bytes):
        is_acceptable(source, len(source))
    elif isinstance(source, (str, os.PathLike)):
        try:
            with open(source, "rb") as file:  # noqa: PTH123  # any path-like
                head, size = file.read(HEAD), os.fstat(file.fileno()).st_size
        except (OSError, ValueError) as error:
            raise unreadable(error) from error
        is_acceptable(head, size)


def unreadable(error: OSError | ValueError) -> InvalidArgumentError:
    """Return the exception for a file that cannot be read."""
    return InvalidArgumentError("image", f"cannot be read: {getattr(error, 'strerror', error)}.")
