"""Multipart forms with a photo, sent chunk by chunk (RFC 7578).

A photo is never loaded into memory completely, and its length is known before it is sent. A form
can be sent again: it opens its photo again, or rewinds it.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Self

import attrs

from seeclickfix_async._core import image as images
from seeclickfix_async._core.image import Image
from seeclickfix_async._transport.photo_file import PhotoFile

_CHUNK = 65_536  # bytes


@attrs.frozen
class Attachment:
    """A photo and the name of the field that it is sent as, such as `answers[issue_image]`."""

    field: str
    image: Image = attrs.field(repr=False)


@attrs.frozen
class MultipartForm:
    """The fields of a form, and its photo."""

    fields: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    attachment: Attachment
    boundary: str = attrs.field(factory=lambda: secrets.token_hex(16), repr=False)

    def open(self) -> OpenMultipartForm:
        """Return the form with its photo open, an async context manager."""
        return OpenMultipartForm(self)


class OpenMultipartForm:
    """A form that is being sent; each iteration over it starts at the beginning.

    Attributes:
        headers: Content-Type and Content-Length.
    """

    def __init__(self, form: MultipartForm) -> None:
        self._form = form
        self._photo = PhotoFile(form.attachment.image)
        self.headers: dict[str, str] = {}
        self._before = self._after = b""

    async def __aenter__(self) -> Self:
        photo = await self._photo.__aenter__()
        try:
            media_type = images.detect_media_type(photo.head)
        except BaseException:
            await photo.__aexit__()
            raise
        self._before, self._after = _frame(self._form, media_type)
        length = len(self._before) + photo.size + len(self._after)
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={self._form.boundary}",
            "Content-Length": str(length),
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._photo.__aexit__()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Chunks(self._before, self._photo, self._after)


class _Chunks:
    """An iterator over a form. Unlike a generator, it needs no closing when it is abandoned."""

    def __init__(self, before: bytes, photo: PhotoFile, after: bytes) -> None:
        self._before = before
        self._photo = photo
        self._after = after
        self._left = photo.size

    def __aiter__(self) -> _Chunks:
        return self

    async def __anext__(self) -> bytes:
        if self._before:
            await self._photo.rewind()
            chunk, self._before = self._before, b""
        elif self._left:
            chunk = await self._photo.read(min(_CHUNK, self._left))
            self._left -= len(chunk)
        elif self._after:
            chunk, self._after = self._after, b""
        else:
            raise StopAsyncIteration
        return chunk


def _frame(form: MultipartForm, media_type: str) -> tuple[bytes, bytes]:
    """Return the bytes before and after the photo, without the file's name: it may be private."""
    line = f"--{form.boundary}\r\nContent-Disposition: form-data; name="
    filename = f"photo.{media_type.partition('/')[2]}"
    parts = [f'{line}"{_escape(name)}"\r\n\r\n{value}\r\n' for name, value in form.fields]
    parts.append(
        f'{line}"{_escape(form.attachment.field)}"; filename="{filename}"\r\n'
        f"Content-Type: {media_type}\r\n\r\n"
    )
    return "".join(parts).encode(), f"\r\n--{form.boundary}--\r\n".encode()


def _escape(name: str) -> str:
    """Escape a field's name for quotation marks, as browsers do (WHATWG HTML, form data)."""
    for character in '"\r\n':
        name = name.replace(character, f"%{ord(character):02X}")
    return name
