"""Photos of phones become what the service accepts; their location stays, or is removed."""

from __future__ import annotations

import importlib
import importlib.util
import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import UploadFile

from seeclickfix_async import prepare_photo
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.testing import SandboxHarness

Image: Any = importlib.import_module("PIL.Image")  # of the extra `photos`
pillow_heif: Any = importlib.import_module("pillow_heif")

pytestmark = pytest.mark.anyio

_ORIENTATION, _MAKE, _GPS = 0x0112, 0x010F, 0x8825
_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>41,3N</exif:GPSLatitude></x:xmpmeta>'


def _photo(format: str, size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """Return a photo, red at its left, that was taken with the camera on its side."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[_ORIENTATION] = 6  # a viewer turns it by 90 degrees, which puts red on top
    exif[_MAKE] = "A camera"
    exif[_GPS] = {1: "N", 2: (41.0, 3.0, 0.0), 3: "W", 4: (73.0, 32.0, 0.0)}
    output = io.BytesIO()
    if format == "HEIF":
        pillow_heif.from_pillow(image).save(output, exif=exif.tobytes(), xmp=_XMP)
    else:
        image.save(output, format, **{"exif": exif, **options})
    return output.getvalue()


def _open(content: bytes) -> Any:
    return Image.open(io.BytesIO(content))


_KINDS = ["HEIF", "WEBP", "AVIF"]


@pytest.mark.parametrize("kind", _KINDS)
async def test_a_photo_of_a_phone_becomes_an_upright_jpeg(kind: str) -> None:
    harness = SandboxHarness(quota=None)
    photo = _photo(kind, (6000, 40)) if kind == "WEBP" else _photo(kind)

    await harness.client.issues.comment(
        harness.issue_with_status("acknowledged"), "Look!", image=photo
    )

    (sent,) = harness.photos.values()
    image = _open(sent)
    width, height = (27, 4096) if kind == "WEBP" else (40, 60)
    assert image.format == "JPEG"
    assert image.size == (width, height)
    red, _, blue = image.getpixel((width // 2, height // 5))
    assert (red > 200, blue < 60) == (True, True)
    assert image.getexif().get(_ORIENTATION, 1) == 1
    assert image.getexif()[_MAKE] == "A camera"
    assert image.getexif().get_ifd(_GPS)[1] == "N"


@pytest.mark.parametrize("kind", [*_KINDS, "JPEG", "PNG", "MPO"])
async def test_the_location_is_removed_on_request(kind: str) -> None:
    options: dict[str, Any] = {"xmp": _XMP} if kind in ("JPEG", "WEBP", "AVIF") else {}
    upload = UploadFile(io.BytesIO(_photo(kind, **options)))

    prepared = await prepare_photo(upload, strip_location=True)

    image = _open(prepared)
    assert image.format == ("PNG" if kind == "PNG" else "JPEG")
    assert _GPS not in image.getexif()
    assert image.getexif()[_MAKE] == "A camera"
    assert b"GPS" not in prepared
    is_turned = image.getexif().get(_ORIENTATION, 1) == 6
    assert image.size == ((60, 40) if is_turned else (40, 60))


def _animation(format: str) -> bytes:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    exif = Image.Exif()
    exif[_GPS] = {1: "N"}
    output = io.BytesIO()
    frames[0].save(output, format, exif=exif, save_all=True, append_images=frames[1:])
    return output.getvalue()


def _gif() -> bytes:
    """Return an animation with XMP data, as Photoshop writes it, after its first palette."""
    photo = _animation("GIF")
    end = 13 + 3 * 2 ** ((photo[10] & 7) + 1)
    trailer = bytes([1, *range(255, -1, -1), 0])
    return photo[:end] + b"\x21\xff\x0bXMP DataXMP" + _XMP + trailer + photo[end:]


def _frames(photo: bytes) -> list[bytes]:
    image = _open(photo)
    frames = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frames.append(image.convert("RGB").tobytes())
    return frames


@pytest.mark.parametrize(
    "photo",
    [
        _photo("JPEG", quality=70, subsampling="4:2:0", comment=b"by the bridge"),
        _photo("JPEG", quality=70, progressive=True),
        _photo("PNG"),
        _animation("PNG"),
        _gif(),
    ],
    ids=["JPEG", "progressive", "PNG", "APNG", "GIF"],
)
async def test_a_photo_that_the_service_accepts_keeps_its_pixels(photo: bytes) -> None:
    prepared = await prepare_photo(photo, strip_location=True)

    assert await prepare_photo(photo) == photo
    assert _frames(prepared) == _frames(photo)
    assert len(prepared) < len(photo)
    assert await prepare_photo(prepared, strip_location=True) == prepared


def _png_with_text(name: str, text: str) -> bytes:
    texts = importlib.import_module("PIL.PngImagePlugin").PngInfo()
    texts.add_text(name, text)
    return _photo("PNG", pnginfo=texts, exif=Image.Exif())


def _two_photos() -> bytes:
    """Return photos as some phones write them, of which the second one has a location."""
    first = io.BytesIO()
    Image.new("RGB", (8, 8)).save(first, "MPO", save_all=True, append_images=[_open(_photo("PNG"))])
    start = first.getvalue().rindex(b"\xff\xd8")
    return first.getvalue()[:start] + _photo("JPEG", comment=b"GPS")


@pytest.mark.parametrize(
    "photo",
    [
        _gif(),
        _png_with_text("Raw profile type iptc", "GPS"),  # of ImageMagick
        _png_with_text("Comment", "GPS"),
        _two_photos(),
        _photo("JPEG", comment=b"GPS") + b"a film with GPS",
    ],
    ids=["GIF", "IPTC", "text", "two photos", "film"],
)
async def test_copies_of_the_location_are_removed(photo: bytes) -> None:
    prepared = await prepare_photo(photo, strip_location=True)

    assert b"GPS" in photo
    assert b"GPS" not in prepared
    assert _GPS not in _open(prepared).getexif()
    assert _open(prepared).convert("RGB").tobytes() == _open(photo).convert("RGB").tobytes()


async def test_the_comment_of_a_photo_that_is_converted_is_removed() -> None:
    photo = _photo("JPEG", comment=b"GPS") + bytes(20 * 2**20)

    assert b"GPS" in await prepare_photo(photo)
    assert b"GPS" not in await prepare_photo(photo, strip_location=True)


async def test_xmp_in_exif_data_is_removed_and_exif_that_cannot_be_read() -> None:
    photo, exif = _photo("JPEG"), Image.Exif()
    exif[0x02BC], exif[_MAKE] = _XMP, "A camera"
    with_xmp = _photo("JPEG", exif=exif)
    damaged = photo.replace(b"Exif\0\0MM\0*", b"Exif\0\0MX\0*")

    assert b"GPS" in with_xmp
    assert b"GPS" not in await prepare_photo(with_xmp, strip_location=True)
    assert damaged != photo
    assert b"A camera" not in await prepare_photo(damaged, strip_location=True)


@given(st.sampled_from([_photo("JPEG"), _photo("PNG"), _gif()]), st.data())
async def test_any_damaged_photo_is_prepared_or_refused(photo: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(8, len(photo)))
    damaged = photo[:start] + data.draw(st.binary(max_size=9)) + photo[start + 3 :]

    try:
        prepared = await prepare_photo(damaged, strip_location=True)
    except InvalidArgumentError:
        return

    assert await prepare_photo(prepared, strip_location=True) == prepared


async def test_a_photo_of_more_than_20_mb_is_scaled() -> None:
    photo = _photo("PNG", (5000, 10)) + bytes(20 * 2**20)

    prepared = await prepare_photo(photo)

    assert _open(prepared).format == "JPEG"
    assert _open(prepared).size == (8, 4096)
    assert len(prepared) < 20 * 2**20


async def test_a_photo_of_16_bits_of_grey_keeps_its_brightness() -> None:
    output = io.BytesIO()
    Image.new("I;16", (8, 8), 128 * 256).save(output, "PNG")

    prepared = await prepare_photo(output.getvalue() + bytes(20 * 2**20))

    assert _open(prepared).getpixel((4, 4)) == 128


async def test_transparent_pixels_become_white() -> None:
    output = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(output, "WEBP", lossless=True)

    prepared = await prepare_photo(output.getvalue())

    assert _open(prepared).getpixel((4, 4)) == (255, 255, 255)


def _png_of_size(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [9_500, 20_000])  # Pillow warns of one, and refuses the other
async def test_a_decompression_bomb_is_refused(side: int) -> None:
    photo = _png_of_size(side, side) + bytes(20 * 2**20)

    with pytest.raises(InvalidArgumentError, match="image: has more than 89,478,485 pixels"):
        await prepare_photo(photo)


@pytest.mark.parametrize("kind", _KINDS)
async def test_a_damaged_photo_is_refused(kind: str) -> None:
    harness = SandboxHarness(quota=None)
    photo = _photo(kind)

    with pytest.raises(InvalidArgumentError, match="image: cannot be converted: it is damaged"):
        await harness.client.issues.comment(7, "Look!", image=photo[:100])

    assert not harness.requests


async def test_without_the_extra_an_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heic, jpeg = _photo("HEIF"), _photo("JPEG")
    harness = SandboxHarness(quota=None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(InvalidArgumentError, match=r"image: is a heic.*seeclickfix-async\[photos"):
        await harness.client.issues.comment(7, "Look!", image=heic)
    with pytest.raises(InvalidArgumentError, match=r"strip_location: requires the 'photos' extra"):
        await prepare_photo(jpeg, strip_location=True)
    assert await prepare_photo(jpeg) == jpeg
    assert not harness.requests
