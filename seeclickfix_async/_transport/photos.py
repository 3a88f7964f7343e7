"""Photos that the service accepts, made of those that people have."""

from __future__ import annotations

import importlib.util

from seeclickfix_async._core import image as images
from seeclickfix_async._core import photo_conversion
from seeclickfix_async._core.image import Image
from seeclickfix_async._core.photo_location import remove_location
from seeclickfix_async._transport.photo_file import PhotoFile
from seeclickfix_async._transport.threads import run_in_thread
from seeclickfix_async.errors import InvalidArgumentError


async def prepare_photo(image: Image, *, strip_location: bool = False) -> bytes:
    """Return a photo as the service accepts it, for `image=`.

    A HEIC, HEIF, WebP or AVIF photo, and one of more than 20 MB, becomes a JPEG of at most 4,096
    pixels a side, upright, with its EXIF data. Other photos are returned unchanged. `image=` does
    the same, so that this function is needed only to strip the location. Pillow works in a thread;
    cancellation waits for its end.

    Args:
        image: A path, bytes, an open binary file, or an upload of a web framework.
        strip_location: Remove the location from the EXIF data, and all XMP and IPTC data and
            comments, which may repeat it. The pixels of a photo that is accepted otherwise stay as
            they are.

    Raises:
        InvalidArgumentError: It is no photo, cannot be read, would take too much memory, or the
            extra `photos` is not installed.
    """
    async with PhotoFile(image) as photo:
        is_acceptable = images.is_acceptable(photo.head, photo.size)
        content = await photo.read_all()
    if is_acceptable and not strip_location:
        return content
    if importlib.util.find_spec("PIL") is None:
        raise InvalidArgumentError(
            "strip_location",
            "requires the 'photos' extra: pip install 'seeclickfix-async[photos]'.",
        )
    return await run_in_thread(_convert, content, is_acceptable, strip_location)


async def as_acceptable(image: Image) -> Image:
    """Return a photo unchanged if the service accepts it, otherwise convert it."""
    async with PhotoFile(image) as photo:
        is_acceptable = images.is_acceptable(photo.head, photo.size)
    return image if is_acceptable else await prepare_photo(image)


def _convert(content: bytes, is_acceptable: bool, strip_location: bool) -> bytes:  # noqa: FBT001
    try:
        if is_acceptable:
            return remove_location(content)
        return photo_conversion.convert_to_jpeg(content, without_location=strip_location)
    except InvalidArgumentError:
        raise
    except Exception as error:  # decoders raise errors of all kinds
        raise InvalidArgumentError(
            "image", "cannot be converted: it is damaged, or Pillow does not read this kind."
        ) from error
