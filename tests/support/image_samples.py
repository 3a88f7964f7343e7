"""The first bytes of images, and of what servers send instead."""

from __future__ import annotations


def _heif(*brands: bytes) -> bytes:
    content = b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])
    return (len(content) + 4).to_bytes(4) + content + b"meta"


IMAGES = {
    "a.png": b"\x89PNG\r\n\x1a\n...",
    "a.jpg": b"\xff\xd8\xff\xe0...",
    "a.gif": b"GIF89a...",
    "b.gif": b"GIF87a...",
    "a.webp": b"RIFF\x24\0\0\0WEBPVP8 ...",
    "a.heic": _heif(b"heic", b"mif1", b"heic"),
    "b.heic": _heif(b"mif1", b"miaf", b"heic"),
    "c.heic": _heif(b"hevc"),
    "a.heif": _heif(b"mif1"),
    "a.avif": _heif(b"avif", b"mif1", b"miaf"),
    "b.avif": _heif(b"mif1", b"avif"),
}
"""Images by a name with their suffix."""

NOT_IMAGES = [
    b"",
    b"\xff\xd8",
    b"sign in",
    b"<!DOCTYPE html><html>sign in</html>",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    b'{"error": "expired"}',
    b"RIFF\x24\0\0\0WAVEfmt ",
    b"%PDF-1.7",
    _heif(b"mp42", b"isom"),
    _heif(b"isom", b"mp41") + b"avif",  # outside the box of the brands
]
