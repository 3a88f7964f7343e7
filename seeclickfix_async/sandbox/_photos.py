"""Uploaded photos, and the URLs that serve them."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._gateway import Handler

_MAX_STORED = 32
_MEDIA_TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
PHOTO_PATH = "/rails/active_storage/representations/redirect"
_LOOPBACK = "127.0.0.1"

# One transparent pixel, which is served for every generated photo.
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b4944415478da63"
    "6000020000050001e9fadcd80000000049454e44ae426082"
)


def media_type_of(content: bytes) -> str | None:
    """Return the media type of a photo; None for a format that the service refuses (documented)."""
    for signature, media_type in _MEDIA_TYPES.items():
        if content.startswith(signature):
            return media_type
    return None


@attrs.define(eq=False)
class Photos:
    """The newest 32 uploads, by key, and the handlers that serve them."""

    stored: dict[str, bytes] = attrs.field(factory=dict)

    def store(self, origin: str, content: bytes | None) -> dict[str, Any]:
        """Store a photo, if there is one; return its links as `photo_links` does."""
        if not content:
            return photo_links(origin, None)
        key = hashlib.sha256(content).hexdigest()[:40]
        self.stored[key] = content
        while len(self.stored) > _MAX_STORED:
            del self.stored[next(iter(self.stored))]
        return photo_links(origin, key)

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers by method and path; the paths are not under `/api/v2`."""
        return {
            ("GET", f"{PHOTO_PATH}/{{key}}/{{rest:path}}"): self.redirect,
            ("GET", "/storage/{key}"): self.content,
        }

    async def redirect(self, request: Request) -> Response:
        """Redirect a link of an issue to storage on another host (observed)."""
        host, port = request.url.hostname or "", request.url.port
        storage = "localhost" if host == _LOOPBACK else f"storage.{host}"
        url = request.url.replace(path=f"/storage/{request.path_params['key']}", hostname=storage)
        return RedirectResponse(str(url.replace(port=port)), 302)

    async def content(self, request: Request) -> Response:
        """Return the photo."""
        key: str = request.path_params["key"]
        if key == "gone":
            return responses.not_found()
        content = self.stored.get(key, _PIXEL)
        return Response(content, media_type=media_type_of(content))


def photo_links(origin: str, key: str | None) -> dict[str, Any]:
    """Return the links to a photo, as a comment has them; nulls without a key (observed)."""
    link = f"{origin}{PHOTO_PATH}/{key}/photo.jpg" if key else None
    return {"video_url": None, "image_full": link, "image_square_100x100": link}


def issue_media(origin: str, links: dict[str, Any]) -> dict[str, Any]:
    """Return the media of an issue: links to its photo, and an icon if it has none (observed)."""
    icon = f"{origin}/assets/categories/no-image.png"
    return {**links, "representative_image_url": links["image_full"] or icon}
