"""Places that the service covers."""

from __future__ import annotations

import attrs

from seeclickfix_async.models._common import Int64, Link, Point
from seeclickfix_async.models._model import Model
from seeclickfix_async.models._returned import Returned


@attrs.frozen
class PlaceAvatar(Model):
    """Links to the picture of a place (documented)."""

    full: Link | None = None
    square: Link | None = None


@attrs.frozen
class Place(Returned):
    """A city, county or neighbourhood (documented).

    Pass `url_name` to `PlaceArea`; it cannot be derived from the name. The id of a place is not
    the id of an organization.
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
