"""Pieces that several answers share.

An attribute is named as its key in the JSON, since the decoder matches them by name. Everything
but an id may be missing or null: the service has dropped and added keys over the years.

Numbers and times have the bounds of what databases, files and arithmetic can hold, so that a row
that would break one of them later is refused when it is read.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any

import attrs
from msgspec import Meta

from seeclickfix_async._core import validation

# The service's clocks carry an offset, which is the server's and not the city's (observed).
Time = Annotated[datetime, Meta(tz=True)]

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that SQLite, Parquet and Arrow can hold."""

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]

SHORTEST_LINK = 5
# The documentation's own samples have links that are the text "null": too short for a link, so
# that such an answer gets a second look, which makes None of them.
Link = Annotated[str, Meta(min_length=SHORTEST_LINK)]


def clear_placeholder_times(value: Any) -> None:
    """Replace times of the years 1 and 9999 by None, in a value that is being made.

    They stand for "never" or "not known" in the systems of cities, and cannot be shifted to
    another time zone.
    """
    for name in _time_fields(type(value)):  # type: ignore[arg-type]
        moment = getattr(value, name)
        if moment is not None and not validation.is_representable(moment):
            object.__setattr__(value, name, None)


@cache
def _time_fields(model: Any) -> tuple[str, ...]:
    return tuple(f.name for f in attrs.fields(model) if str(f.type).startswith("Time"))


@attrs.frozen
class Timed:
    """A base for what has times: each of them can be shifted to every time zone."""

    def __attrs_post_init__(self) -> None:
        clear_placeholder_times(self)


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

    entries: Int64 | None = None
    page: Int64 | None = None
    per_page: Int64 | None = None
    pages: Int64 | None = None
    next_page: Int64 | None = None
    next_page_url: Link | None = None
    previous_page: Int64 | None = None
    previous_page_url: Link | None = None
