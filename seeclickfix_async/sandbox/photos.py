"""Photos that came with what was written, and where they are fetched from."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs

_MOST = 32
_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_STORED = "/rails/active_storage/representations/redirect"


def kind_of(content: bytes) -> str | None:
    """The media type, None for what is no photo that the service takes (documented)."""
    return next((kind for sign, kind in _KINDS.items() if content.startswith(sign)), None)


@attrs.define(eq=False)
class Photos:
    """The newest of them; a sandbox is no archive."""

    kept: dict[str, bytes] = attrs.field(factory=dict)

    def keep(self, content: bytes) -> str:
        """Keep a photo; gives its key."""
        key = hashlib.sha256(content).hexdigest()[:40]
        self.kept[key] = content
        while len(self.kept) > _MOST:
            del self.kept[next(iter(self.kept))]
        return key

    def get(self, key: str) -> bytes | None:
        """A photo that is kept."""
        return self.kept.get(key)


def links(origin: str, key: str | None) -> dict[str, Any]:
    """Links to a photo, as a comment has them; nulls without one (observed)."""
    link = f"{origin}{_STORED}/{key}/photo.jpg" if key else None
    return {"video_url": None, "image_full": link, "image_square_100x100": link}
