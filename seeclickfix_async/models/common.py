"""Pieces that several answers share.

An attribute is named as its key in the JSON, since the decoder matches them by name. Everything
but an id may be missing or null: the service has dropped and added keys over the years.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import attrs
from msgspec import Meta

# The service's clocks carry an offset, which is the server's and not the city's (observed).
Time = Annotated[datetime, Meta(tz=True)]


def drop_text_null(model: Any, *names: str) -> None:
    """Make None of links that are the text "null", as the documentation's own samples have them."""
    for name in names:
        if getattr(model, name) == "null":
            object.__setattr__(model, name, None)


@attrs.frozen
class Point:
    """A GeoJSON point: `coordinates` are longitude, latitude, in degrees."""

    coordinates: tuple[float, ...] = ()
    type: str | None = None


@attrs.frozen
class Media:
    """Links to an issue's or a comment's picture; they redirect to storage (observed).

    `representative_image_url` is the category's icon where there is no photo.
    """

    video_url: str | None = None
    image_full: str | None = None
    image_square_100x100: str | None = None
    representative_image_url: str | None = None

    def __attrs_post_init__(self) -> None:
        if "null" in (self.video_url, self.image_full, self.image_square_100x100):
            drop_text_null(self, "video_url", "image_full", "image_square_100x100")


@attrs.frozen
class Avatar:
    """Links to a person's picture, which may be on another host (observed)."""

    full: str | None = None
    square_100x100: str | None = None


@attrs.frozen
class Pagination:
    """Where a page stands in its results, as the service says.

    Source: API page "Pagination"; `entries` observed. The service can promise more pages than
    it serves: about 1,000 rows can be reached, 500 with details (observed).
    """

    entries: int | None = None
    page: int | None = None
    per_page: int | None = None
    pages: int | None = None
    next_page: int | None = None
    next_page_url: str | None = None
    previous_page: int | None = None
    previous_page_url: str | None = None

    def __attrs_post_init__(self) -> None:
        drop_text_null(self, "next_page_url", "previous_page_url")
