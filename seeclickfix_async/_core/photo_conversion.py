"""Convert photos to what the service accepts, with Pillow (extra `photos`).

Blocking, for a thread. A photo that is converted keeps its orientation, its colours and its EXIF
data; it becomes a JPEG of at most 4,096 pixels a side, more than any page of the service shows.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from seeclickfix_async._core.image import MAX_SIZE, detect_suffix
from seeclickfix_async._core.photo_location import remove_tags
from seeclickfix_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from PIL import Image

_MAX_SIDE = 4096
_MAX_PIXELS = 89_478_485  # above, Pillow warns of a decompression bomb
_QUALITIES = (90, 75, 50)  # the first whose file is small enough
_FORMATS = ("AVIF", "GIF", "JPEG", "PNG", "WEBP")  # no format that runs another program


def convert_to_jpeg(content: bytes, *, without_location: bool) -> bytes:
    """Return a photo as a JPEG that the service accepts."""
    from PIL import Image, ImageOps  # noqa: PLC0415  # an extra

    image = _open(content)
    profile = None if image.mode == "CMYK" else _profile(image)
    image.thumbnail((_MAX_SIDE, _MAX_SIDE), Image.Resampling.LANCZOS)
    ImageOps.exif_transpose(image, in_place=True)
    exif = image.getexif()
    if without_location:
        remove_tags(exif)
        image.info.pop("comment", None)
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off at 255
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    if image.mode not in ("RGB", "L"):
        image = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(image, mask=image)
        image = canvas
    output = io.BytesIO()
    for quality in _QUALITIES:
        output.seek(0)
        output.truncate()
        image.save(output, "JPEG", quality=quality, exif=exif, icc_profile=profile)
        if output.tell() <= MAX_SIZE:
            break
    return output.getvalue()


def _open(content: bytes) -> Image.Image:
    """Open a photo without decoding it.

    Raises:
        InvalidArgumentError: Decoded, it would take too much memory.
    """
    from PIL import Image  # noqa: PLC0415

    try:
        if detect_suffix(content) in (".heic", ".heif"):
            import pillow_heif  # noqa: PLC0415

            heif: Any = pillow_heif.open_heif(io.BytesIO(content))
            _check_pixels(heif.size)
            photo: Image.Image = heif.to_pillow()
            return photo
        image: Image.Image = Image.open(io.BytesIO(content), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    _check_pixels(image.size)
    return image


def _check_pixels(size: tuple[int, int]) -> None:
    if size[0] * size[1] > _MAX_PIXELS:
        raise _too_many_pixels()


def _too_many_pixels() -> InvalidArgumentError:
    return InvalidArgumentError(
        "image", f"has more than {_MAX_PIXELS:,} pixels, which are not decoded. Scale it first."
    )


def _profile(image: Image.Image) -> bytes | None:
    return image.info.get("icc_profile")
