"""Photos that came with what was written, and where they are fetched from."""

from __future__ import annotations

import hashlib
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from seeclickfix_async.sandbox import _responses as answers
from seeclickfix_async.sandbox._gateway import Handler

_MOST = 32
_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_STORED = "/rails/active_storage/representations/redirect"
_LOOPBACK = "127.0.0.1"

# One transparent pixel, which stands for every photo of the made-up city.
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b4944415478da63"
    "6000020000050001e9fadcd80000000049454e44ae426082"
)


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

    def table(self) -> dict[tuple[str, str], Handler]:
        """The routes, which are not under the API's root."""
        return {
            ("GET", f"{_STORED}/{{key}}/{{rest:path}}"): self.redirect,
            ("GET", "/storage/{key}"): self.stored,
        }

    async def redirect(self, request: Request) -> Response:
        """Where the links of issues lead to: a redirect to storage on another host (observed)."""
        host, port = request.url.hostname or "", request.url.port
        storage = "localhost" if host == _LOOPBACK else f"storage.{host}"
        url = request.url.replace(path=f"/storage/{request.path_params['key']}", hostname=storage)
        return RedirectResponse(str(url.replace(port=port)), 302)

    async def stored(self, request: Request) -> Response:
        """The photo itself."""
        key: str = request.path_params["key"]
        if key == "gone":
            return answers.no_such_thing()
        content = self.kept.get(key, _PIXEL)
        return Response(content, media_type=kind_of(content))


def links(origin: str, key: str | None) -> dict[str, Any]:
    """Links to a photo, as a comment has them; nulls without one (observed)."""
    link = f"{origin}{_STORED}/{key}/photo.jpg" if key else None
    return {"video_url": None, "image_full": link, "image_square_100x100": link}
