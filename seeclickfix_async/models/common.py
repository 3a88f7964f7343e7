"""Pieces that several answers share.

An attribute is named as its key in the JSON, since the decoder matches them by name. Everything
but an id may be missing or null: the service has dropped and added keys over the years.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import attrs
from msgspec import Meta

# The service's clocks carry an offset, which is the server's and not the city's (observed).
Time = Annotated[datetime, Meta(tz=True)]

SHORTEST_LINK = 5
# The documentation's own samples have links that are the text "null": too short for a link, so
# that such an answer gets a second look, which makes None of them.
Link = Annotated[str, Meta(min_length=SHORTEST_LINK)]


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

    video_url: Link | None = None
    image_full: Link | None = None
    image_square_100x100: Link | None = None
    representative_image_url: Link | None = None


@attrs.frozen
class Avatar:
    """Links to a person's picture, which may be on another host (observed)."""

    full: Link | None = None
    square_100x100: Link | None = None


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
    next_page_url: Link | None = None
    previous_page: int | None = None
    previous_page_url: Link | None = None
