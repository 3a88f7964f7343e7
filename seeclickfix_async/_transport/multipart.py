"""A form with a photo in it, sent piece by piece (RFC 7578).

The photo is never held in memory as a whole, and its length is known before it is sent. A form can
be sent again: it opens its photo anew, or goes back to its start.
"""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import AsyncIterator, Iterable
from typing import Self

import anyio
import attrs

from seeclickfix_async._core import image as images
from seeclickfix_async._core.image import AsyncReadable, Image
from seeclickfix_async.errors import InvalidArgumentError

_PIECE = 65_536  # bytes


@attrs.frozen
class Attachment:
    """A photo and the name of the field that it is sent as, such as `answers[issue_image]`."""

    field: str
    image: Image = attrs.field(repr=False)


@attrs.frozen
class MultipartForm:
    """A form's fields and the photo that goes with them."""

    fields: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    attachment: Attachment
    boundary: str = attrs.field(factory=lambda: secrets.token_hex(16), repr=False)

    def open(self) -> OpenMultipartForm:
        """The form with its photo open, as an async context manager."""
        return OpenMultipartForm(self)


class OpenMultipartForm:
    """A form that is being sent. Iterating over it begins at its start each time.

    Attributes:
        headers: Its type and length.
    """

    def __init__(self, form: MultipartForm) -> None:
        self._form = form
        self._photo = _Photo(form.attachment)
        self.headers: dict[str, str] = {}
        self._before = self._after = b""

    async def __aenter__(self) -> Self:
        await self._photo.open()
        try:
            kind = images.detect_media_type(await self._photo.start(), self._photo.size)
        except BaseException:
            await self._photo.close()
            raise
        self._before, self._after = _frame(self._form, kind)
        length = len(self._before) + self._photo.size + len(self._after)
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={self._form.boundary}",
            "Content-Length": str(length),
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._photo.close()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Pieces(self._before, self._photo, self._after)


class _Photo:
    """A photo from wherever it is."""

    def __init__(self, attachment: Attachment) -> None:
        self._image = attachment.image
        self._file: AsyncReadable = _Bytes(b"")
        self._own: anyio.AsyncFile[bytes] | None = None
        self.size = 0

    async def open(self) -> None:
        image = self._image
        if isinstance(image, bytes):
            self._file = _Bytes(image)
        elif isinstance(image, (str, os.PathLike)):
            try:
                self._own = self._file = await anyio.open_file(image, "rb")
            except OSError as error:
                raise images.unreadable(error) from error
        else:
            self._file = image

    async def start(self) -> bytes:
        """Learn the size; gives the first bytes."""
        self.size = await self._file.seek(0, os.SEEK_END)
        await self.rewind()
        return await self._file.read(images.HEAD)

    async def rewind(self) -> None:
        await self._file.seek(0)

    async def read(self, most: int) -> bytes:
        piece = await self._file.read(most)
        if not piece:
            raise InvalidArgumentError(
                "image", "became shorter while it was being sent, so nothing was written."
            )
        return piece

    async def close(self) -> None:
        if self._own is not None:
            with anyio.CancelScope(shield=True):
                await self._own.aclose()


class _Bytes:
    """Bytes as an open file."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    async def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)


class _Pieces:
    """Walks through a form. A class and no generator: nothing is left open when it is dropped."""

    def __init__(self, before: bytes, photo: _Photo, after: bytes) -> None:
        self._before = before
        self._photo = photo
        self._after = after
        self._left = photo.size

    def __aiter__(self) -> _Pieces:
        return self

    async def __anext__(self) -> bytes:
        if self._before:
            await self._photo.rewind()
            piece, self._before = self._before, b""
        elif self._left:
            piece = await self._photo.read(min(_PIECE, self._left))
            self._left -= len(piece)
        elif self._after:
            piece, self._after = self._after, b""
        else:
            raise StopAsyncIteration
        return piece


def _frame(form: MultipartForm, kind: str) -> tuple[bytes, bytes]:
    """What stands before the photo and after it. A file's own name is nobody's business."""
    line = f"--{form.boundary}\r\nContent-Disposition: form-data; name="
    parts = [f'{line}"{_quoted(name)}"\r\n\r\n{value}\r\n' for name, value in form.fields]
    parts.append(
        f'{line}"{_quoted(form.attachment.field)}"; filename="photo.{kind.partition("/")[2]}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    return "".join(parts).encode(), f"\r\n--{form.boundary}--\r\n".encode()


def _quoted(name: str, marks: Iterable[str] = '"\r\n') -> str:
    """A field's name between quotation marks, as browsers escape it (WHATWG HTML, form data)."""
    for mark in marks:
        name = name.replace(mark, f"%{ord(mark):02X}")
    return name
