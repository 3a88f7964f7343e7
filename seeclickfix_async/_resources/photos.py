"""Photos of issues and comments."""

from __future__ import annotations

import os
from urllib.parse import urljoin

import attrs

from seeclickfix_async._api.requestor import Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.address import is_internal
from seeclickfix_async._transport.download import FileWriter, MemoryWriter
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Comment, Issue, Media

Photo = str | Media | Issue | Comment
"""An issue or a comment with a photo, its `media`, or a link to the photo."""


@attrs.frozen
class Photos:
    """`client.photos`. Links redirect to storage on another host (observed), which gets no token.

    Raises:
        InvalidArgumentError: There is no photo, or the link is invalid; nothing was sent.
        NotFoundError: The photo was removed.
        DecodeError: The response is not a png, jpeg, gif, webp, heic or avif image, judging by its
            first bytes.
        TransportError: The photo was not received, or the service redirects to a host that is not
            on the public internet. A service that is itself not there, such as a sandbox, may.
    """

    _api: Requestor = attrs.field(repr=False)

    async def read(self, photo: Photo) -> bytes:
        """Return a photo as bytes.

        Args:
            photo: An issue, a comment or `media`, for the full size; or a link.
        """
        memory = MemoryWriter()
        await self._api.download(self._link(photo), memory)
        return memory.content

    async def save(self, photo: Photo, path: str | os.PathLike[str]) -> int:
        """Write a photo to a file in pieces, and return its size in bytes.

        An existing file is replaced only after the whole photo was received. After a failure or a
        cancellation, no partial file is left.

        Args:
            photo: As for `read()`.
            path: The path of the file.

        Raises:
            InvalidArgumentError: The file cannot be written.
        """
        link = self._link(photo)
        async with FileWriter(path) as writer:
            await self._api.download(link, writer)
            return await writer.commit()

    def _link(self, photo: Photo) -> str:
        if isinstance(photo, (Issue, Comment)):
            photo = photo.media or Media()
        link = photo.image_full if isinstance(photo, Media) else photo
        if link is None:
            raise InvalidArgumentError("photo", "contains no link to a photo.")
        link = validation.non_empty_str("photo", link)
        link = link.strip().replace(" ", "%20")
        try:
            url = urljoin(f"{self._api.site}/", link)  # links were relative once (observed)
        except ValueError:  # such as half an IPv6 address
            url = ""
        if not validation.is_http_url(url) or not url.isprintable():
            raise InvalidArgumentError("photo", "must be an http or https link.")
        if is_internal(url) and not is_internal(self._api.site):
            raise InvalidArgumentError(
                "photo", "must be a link to a host on the public internet, or to the service."
            )
        return url
