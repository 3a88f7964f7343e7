"""Types and classes that several models share.

The decoder matches attributes to JSON keys by name. Every field except an id may be missing or
null: the service has dropped and added keys over the years.

Numbers and times are limited to what databases, files and arithmetic can represent, so that a row
that would break one of them later is rejected when it is decoded.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any

import attrs
from msgspec import Meta

from seeclickfix_async._core import validation
from seeclickfix_async.models._model import Model
from seeclickfix_async.models._returned import Returned

Time = Annotated[datetime, Meta(tz=True)]
"""A datetime with the UTC offset of the service's servers, not of the city (observed)."""

Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that SQLite, Parquet and Arrow can represent."""

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]

SHORTEST_LINK = 5
# The documentation's samples contain links that are the string "null". The minimum length makes
# the decoder fail on them; the fallback decoder then replaces them by None.
Link = Annotated[str, Meta(min_length=SHORTEST_LINK)]
"""A link as the service sent it, which may be relative."""


def clear_placeholder_times(instance: Any) -> None:
    """Replace times in the years 1 and 9999 by None, in an instance under construction.

    Cities' systems write them for "never" or "unknown", and they cannot be converted to every
    time zone.
    """
    for name in time_fields(type(instance)):  # type: ignore[arg-type]
        time = getattr(instance, name)
        if time is not None and not validation.is_representable(time):
            object.__setattr__(instance, name, None)


@cache
def time_fields(model: Any) -> tuple[str, ...]:
    """Return the names of a model's times."""
    return tuple(f.name for f in attrs.fields(model) if str(f.type).startswith("Time"))


@attrs.frozen
class Timed(Returned):
    """Base class of models with times, all of which can be converted to every time zone."""

    def __attrs_post_init__(self) -> None:
        clear_placeholder_times(self)


@attrs.frozen
class Point(Model):
    """A GeoJSON point; `coordinates` are longitude and latitude in degrees."""

    coordinates: tuple[float, ...] = ()
    type: str | None = None


@attrs.frozen
class Media(Model):
    """Links to the photo or video of an issue or a comment; they redirect to storage (observed).

    `representative_image_url` is the category's icon if there is no photo.
    """

    video_url: Link | None = None
    image_full: Link | None = None
    image_square_100x100: Link | None = None
    representative_image_url: Link | None = None


@attrs.frozen
class Avatar(Model):
    """Links to a user's profile picture, which may be on another host (observed)."""

    full: Link | None = None
    square_100x100: Link | None = None


@attrs.frozen
class Pagination(Model):
    """The position of a page in its listing, as reported by the service.

    `pages` may be higher than the number of pages that can be fetched: the service serves about
    1,000 rows of a listing, 500 with details (observed).
    Source: API page "Pagination"; `entries` observed.
    """

    entries: Int64 | None = None
    page: Int64 | None = None
    per_page: Int64 | None = None
    pages: Int64 | None = None
    next_page: Int64 | None = None
    next_page_url: Link | None = None
    previous_page: Int64 | None = None
    previous_page_url: Link | None = None
