"""Photos of issues and comments."""

from __future__ import annotations

import os
from urllib.parse import urljoin

import attrs

from seeclickfix_async._api.requestor import Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._transport.download import FileWriter, MemoryWriter
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Comment, Issue, Media

Photo = str | Media | Issue | Comment
"""What has a photo: an issue, a comment, its `media`, or a link that one of them gave."""


@attrs.frozen
class Photos:
    """`client.photos`. The links redirect to storage elsewhere, which gets no token (observed).

    Both methods raise:

        InvalidArgumentError: There is no photo, or no link to one; nothing was sent.
        NotFoundError: The photo is gone.
        DecodeError: What is there is no picture.
        TransportError: It did not come.
    """

    _api: Requestor = attrs.field(repr=False)

    async def read(self, photo: Photo) -> bytes:
        """A photo as bytes.

        Args:
            photo: An issue, a comment, its `media` (for the full size), or a link.
        """
        memory = MemoryWriter()
        await self._api.download(self._link(photo), memory)
        return memory.content

    async def save(self, photo: Photo, path: str | os.PathLike[str]) -> int:
        """Write a photo to a file, piece by piece; gives its size in bytes.

        A file that is there is replaced when all of the photo has come. When it fails or is
        cancelled, nothing is left behind.

        Args:
            photo: As for `read()`.
            path: The file.

        Raises:
            InvalidArgumentError: The file cannot be written.
        """
        link = self._link(photo)
        async with FileWriter(path) as saved:
            await self._api.download(link, saved)
            return await saved.keep()

    def _link(self, photo: Photo) -> str:
        if isinstance(photo, (Issue, Comment)):
            photo = photo.media or Media()
        link = photo.image_full if isinstance(photo, Media) else photo
        if link is None:
            raise InvalidArgumentError("photo", "there is none.")
        link = validation.non_empty_str("photo", link)
        try:
            url = urljoin(f"{self._api.site}/", link)  # of old, links were relative (observed)
        except ValueError:  # such as half an IPv6 address
            url = ""
        if not validation.is_http_url(url) or " " in url or not url.isprintable():
            raise InvalidArgumentError("photo", "must be an http link without spaces.")
        return url
