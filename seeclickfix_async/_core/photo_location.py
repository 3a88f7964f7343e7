"""Remove the location from a PNG, JPEG or GIF photo, whose pixels stay as they are.

The parts of the file are copied as they are, and those that may hold the location are left out.
EXIF data stays, without its location. So the frames of an animation stay, too, and no colour is
rounded again.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import Image

_LOCATION_TAGS = (0x8825, 0x02BC, 0x8649, 0x83BB)
"""The EXIF tags of the location (CIPA DC-008 §4.6.3), and of XMP, Photoshop and IPTC data."""

_BYTE_ORDERS: Final = ("big", "little")
_EXIF = b"Exif\0\0"

# The parts of a JPEG before its pixels (ITU-T T.81, annex B), by the second byte of their marker.
_SCAN, _END, _EXIF_OR_XMP = 0xDA, 0xD9, 0xE1
_OPTIONAL = frozenset(range(0xE0, 0xF0)) | {0xFE}  # for applications, and comments
_COLOURS = ((0xE0, b"JFIF"), (0xE2, b"ICC_PROFILE"), (0xEE, b"Adobe"))
"""The optional ones without which the photo would look different."""

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # within the pixels, others have no meaning

_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")  # XMP, and what ImageMagick makes of EXIF and IPTC data
_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"  # an extension, in blocks of at most 255 bytes


def remove_location(content: bytes) -> bytes:
    """Return a photo without its location, XMP and IPTC data; other EXIF data stays.

    Also without comments, and what follows its end: a phone may add a film, or other photos.

    Raises:
        ValueError: It is damaged.
        IndexError: It is cut off.
        OverflowError: Its EXIF data is too long without the location.
    """
    if content.startswith(b"\xff\xd8"):
        return b"".join(_jpeg_parts(content))
    if content.startswith(b"GIF"):
        return b"".join(_gif_parts(content))
    return b"".join(_png_parts(content))


def _jpeg_parts(content: bytes) -> Iterator[bytes]:
    yield content[:2]
    start = 2
    while content[start] == 0xFF:
        marker = content[start + 1]
        if marker == _END:
            yield content[start : start + 2]
            return
        end = start + 2 + int.from_bytes(content[start + 2 : start + 4])
        if marker == 0xFF:  # a byte to fill a gap
            end = start + 1
        elif marker == _SCAN:
            found = _MARKER.search(content, end)
            end = len(content) if found is None else found.start()
            yield content[start:end]
            if found is None:  # it was cut off, and is shown nevertheless
                return
        else:
            yield _jpeg_part(marker, content[start:end])
        start = end
    raise ValueError


def _jpeg_part(marker: int, part: bytes) -> bytes:
    data = part[4:]
    if marker == _EXIF_OR_XMP and data.startswith(_EXIF):
        exif = _EXIF + _clean(data[len(_EXIF) :])
        return part[:2] + (len(exif) + 2).to_bytes(2) + exif
    is_needed = any(marker == code and data.startswith(name) for code, name in _COLOURS)
    return part if is_needed or marker not in _OPTIONAL else b""


def _png_parts(content: bytes) -> Iterator[bytes]:
    start, kind = 8, b""
    yield content[:start]
    while kind != b"IEND" and start < len(content):
        kind = content[start + 4 : start + 8]
        end = start + 12 + int.from_bytes(content[start : start + 4])
        if kind == b"eXIf":
            data = kind + _clean(content[start + 8 : end - 4])
            yield (len(data) - 4).to_bytes(4) + data + zlib.crc32(data).to_bytes(4)
        elif kind not in _PNG_TEXTS:
            yield content[start:end]
        start = end


def _gif_parts(content: bytes) -> Iterator[bytes]:
    start = 0
    while (found := content.find(_GIF_XMP, start)) >= 0:
        yield content[start:found]
        start = found + len(_GIF_XMP)
        while size := content[start]:
            start += size + 1
        start += 1
    yield content[start:]


def _clean(data: bytes) -> bytes:
    """Return EXIF data without its location; without anything if it cannot be read.

    Pillow may skip a tag that is damaged, and whose location stays in the data. So these stay as
    they are only if no tag of a location is anywhere in them.
    """
    from PIL import Image  # noqa: PLC0415  # an extra

    if not any(tag.to_bytes(2, order) in data for tag in _LOCATION_TAGS for order in _BYTE_ORDERS):
        return data
    exif = Image.Exif()
    try:
        exif.load(data)
        remove_tags(exif)
        cleaned = exif.tobytes()
    except Exception:  # noqa: BLE001  # of all kinds
        cleaned = Image.Exif().tobytes()
    return cleaned.removeprefix(_EXIF)


def remove_tags(exif: Image.Exif) -> None:
    """Remove the location from EXIF data."""
    for tag in _LOCATION_TAGS:
        exif.pop(tag, None)
