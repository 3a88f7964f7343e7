"""Digests and checksums of files, to detect changes by other programs."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import IO

_SIZE = 20  # bytes: against accidents, not attacks
_CHUNK = 1 << 20  # bytes


class Digest:
    """The running digest of a growing file (BLAKE2b): 100 MB take 0.15 s (measured)."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=_SIZE)

    @classmethod
    def from_file(cls, file: IO[bytes], length: int) -> Digest:
        """Read `length` bytes of a file, from its current position."""
        digest = cls()
        while length > 0 and (chunk := file.read(min(length, _CHUNK))):
            digest.update(chunk)
            length -= len(chunk)
        return digest

    def update(self, content: bytes | bytearray) -> bytes | bytearray:
        """Add bytes, and return them."""
        self._hash.update(content)
        return content

    def hex(self) -> str:
        """Return the digest in hexadecimal digits."""
        return self._hash.hexdigest()


def file_checksum(path: Path) -> int:
    """Return the CRC-32 of a file."""
    checksum = 0
    with path.open("rb") as file:
        while content := file.read(_CHUNK):
            checksum = zlib.crc32(content, checksum)
    return checksum
