"""Places that the service covers."""

from __future__ import annotations

import attrs

from seeclickfix_async.models._common import Int64, Link, Point


@attrs.frozen
class PlaceAvatar:
    """Links to a place's picture (documented)."""

    full: Link | None = None
    square: Link | None = None


@attrs.frozen
class Place:
    """A city, county or neighbourhood (documented).

    `url_name` is what `PlaceArea` takes; it cannot be guessed from the name. A place's id is
    not the id of an organization.
    """

    id: Int64
    name: str | None = None
    url_name: str | None = None
    county: str | None = None
    state: str | None = None
    center: Point | None = None
    place_type: str | None = None
    avatar: PlaceAvatar | None = None
    url: Link | None = None
    html_url: Link | None = None
    html_report_url: Link | None = None
