"""Where to look: the areas that `GET /issues` knows, as values.

A point alone is no area for the service: without a zoom it searches the whole world and only
sorts by distance (observed). `near()` is what people mean by it: a box around the point.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs

from seeclickfix_async import checks
from seeclickfix_async.errors import InvalidArgumentError

_METRES_PER_DEGREE = 111_320.0  # of latitude, and of longitude at the equator
_METRE = 1e-5  # in degrees

Params = Iterator[tuple[str, str]]


@attrs.frozen
class BoundingBox:
    """Everything between two latitudes and two longitudes, in degrees (documented).

    Neighbouring towns inside the rectangle are included (observed).
    """

    min_lat: float = attrs.field(validator=checks.LATITUDE)
    min_lng: float = attrs.field(validator=checks.LONGITUDE)
    max_lat: float = attrs.field(validator=checks.LATITUDE)
    max_lng: float = attrs.field(validator=checks.LONGITUDE)

    def __attrs_post_init__(self) -> None:
        if self.min_lat >= self.max_lat:
            raise InvalidArgumentError("min_lat", "must be less than max_lat.")
        if self.min_lng >= self.max_lng:
            raise InvalidArgumentError(
                "min_lng", "must be less than max_lng; make two boxes at the date line."
            )

    def params(self) -> Params:
        """The query parameters of this area."""
        for name in ("min_lat", "min_lng", "max_lat", "max_lng"):
            yield name, repr(float(getattr(self, name)))

    def quarters(self, lat: float, lng: float) -> list[BoundingBox]:
        """The same area in four boxes that meet at a point, or in the middle if it is outside.

        None when the area is about a metre wide.
        """
        if max(self.max_lat - self.min_lat, self.max_lng - self.min_lng) < _METRE:
            return []
        if not (self.min_lat < lat < self.max_lat and self.min_lng < lng < self.max_lng):
            lat, lng = (self.min_lat + self.max_lat) / 2, (self.min_lng + self.max_lng) / 2
        return [
            BoundingBox(south, west, north, east)
            for south, north in ((self.min_lat, lat), (lat, self.max_lat))
            for west, east in ((self.min_lng, lng), (lng, self.max_lng))
        ]


WORLD = BoundingBox(-90, -180, 90, 180)


@attrs.frozen
class Zoom:
    """What a map of 650 by 650 pixels shows around a point, at a zoom of 0 to 19 (documented)."""

    lat: float = attrs.field(validator=checks.LATITUDE)
    lng: float = attrs.field(validator=checks.LONGITUDE)
    zoom: int = attrs.field(validator=checks.within(0, 19, whole=True))

    def params(self) -> Params:
        """The query parameters of this area."""
        yield "lat", repr(float(self.lat))
        yield "lng", repr(float(self.lng))
        yield "zoom", str(int(self.zoom))


@attrs.frozen
class PlaceArea:
    """A place by its `url_name`, which `client.places.near()` tells (documented).

    Neighbouring and overlapping organizations are included (observed).
    """

    place_url: str = attrs.field(validator=checks.text)

    def params(self) -> Params:
        """The query parameters of this area."""
        yield "place_url", self.place_url


@attrs.frozen
class WatchArea:
    """A watch area by the token in its URL (documented)."""

    watcher_token: str = attrs.field(validator=checks.text, repr=False)

    def params(self) -> Params:
        """The query parameters of this area."""
        yield "watcher_token", self.watcher_token


@attrs.frozen
class Near:
    """A box around a point, nearest first; made by `near()`."""

    lat: float
    lng: float
    box: BoundingBox

    def params(self) -> Params:
        """The query parameters of this area: the form that the service itself uses (observed)."""
        yield "lat", repr(float(self.lat))
        yield "lng", repr(float(self.lng))
        yield from self.box.params()


Area = BoundingBox | Zoom | PlaceArea | WatchArea | Near


def near(lat: float, lng: float, radius: float) -> Near:
    """The square around a point that holds a circle of `radius` metres, nearest first.

    Args:
        lat: Latitude in degrees.
        lng: Longitude in degrees.
        radius: In metres, from 1 to 100,000.

    Raises:
        InvalidArgumentError: The point is none, or the radius is out of bounds, or the
            square would reach over a pole or the date line.
    """
    checks.number("lat", lat, -89, 89, whole=False)
    checks.number("lng", lng, -180, 180, whole=False)
    checks.number("radius", radius, 1, 100_000, whole=False)
    north = radius / _METRES_PER_DEGREE
    east = north / math.cos(math.radians(lat))
    if abs(lat) + north > 90 or abs(lng) + east > 180:
        raise InvalidArgumentError("radius", "reaches over a pole or the date line.")
    return Near(lat, lng, BoundingBox(lat - north, lng - east, lat + north, lng + east))
