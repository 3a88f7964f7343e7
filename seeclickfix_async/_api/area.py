"""Where to look: the areas that `GET /issues` knows, as values.

A point alone is no area for the service: without a zoom it searches the whole world and only
sorts by distance (observed). `near()` is what people mean by it: a box around the point.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import attrs

from seeclickfix_async._core import validation
from seeclickfix_async.errors import InvalidArgumentError

_METRES_PER_DEGREE = 111_320.0  # of latitude, and of longitude at the equator

Params = Iterator[tuple[str, str]]


@attrs.frozen
class BoundingBox:
    """Everything between two latitudes and two longitudes, in degrees (documented).

    Neighbouring towns inside the rectangle are included (observed).
    """

    min_lat: float = attrs.field(validator=validation.LATITUDE)
    min_lng: float = attrs.field(validator=validation.LONGITUDE)
    max_lat: float = attrs.field(validator=validation.LATITUDE)
    max_lng: float = attrs.field(validator=validation.LONGITUDE)

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

    def halves(self, points: Iterable[tuple[float, float]]) -> list[BoundingBox]:
        """Divide the box in two, with about as many of these places on either side.

        Args:
            points: Latitude and longitude, in degrees; those outside of the box do not count.

        Returns:
            Two boxes, or none when there are not two places to divide.
        """
        inside = [(lat, lng) for lat, lng in points if self.contains(lat, lng)]
        lat_cut, lat_width = _cut(lat for lat, _ in inside)
        lng_cut, lng_width = _cut(lng for _, lng in inside)
        if lat_cut is not None and lat_width >= lng_width:
            return [attrs.evolve(self, max_lat=lat_cut), attrs.evolve(self, min_lat=lat_cut)]
        if lng_cut is not None:
            return [attrs.evolve(self, max_lng=lng_cut), attrs.evolve(self, min_lng=lng_cut)]
        return []

    def contains(self, lat: float, lng: float, margin: float = 0.0) -> bool:
        """Return whether a place is in the box, or within so many degrees of it."""
        return (
            self.min_lat - margin <= lat <= self.max_lat + margin
            and self.min_lng - margin <= lng <= self.max_lng + margin
        )


def _cut(values: Iterable[float]) -> tuple[float | None, float]:
    """A value between the middle two that differ, and how far the outermost are apart."""
    distinct = sorted(set(values))
    if len(distinct) < 2:
        return None, 0.0
    middle = len(distinct) // 2
    cut = (distinct[middle - 1] + distinct[middle]) / 2
    width = distinct[-1] - distinct[0]
    return (cut, width) if distinct[0] < cut < distinct[-1] else (None, 0.0)


WORLD = BoundingBox(-90, -180, 90, 180)


@attrs.frozen
class Zoom:
    """What a map of 650 by 650 pixels shows around a point, at a zoom of 0 to 19 (documented)."""

    lat: float = attrs.field(validator=validation.LATITUDE)
    lng: float = attrs.field(validator=validation.LONGITUDE)
    zoom: int = attrs.field(validator=validation.validate_range(0, 19, integer=True))

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

    place_url: str = attrs.field(validator=validation.validate_non_empty)

    def params(self) -> Params:
        """The query parameters of this area."""
        yield "place_url", self.place_url


@attrs.frozen
class WatchArea:
    """A watch area by the token in its URL (documented)."""

    watcher_token: str = attrs.field(validator=validation.validate_non_empty, repr=False)

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
    validation.in_range("lat", lat, -89, 89, integer=False)
    validation.in_range("lng", lng, -180, 180, integer=False)
    validation.in_range("radius", radius, 1, 100_000, integer=False)
    north = radius / _METRES_PER_DEGREE
    east = north / math.cos(math.radians(lat))
    if abs(lat) + north > 90 or abs(lng) + east > 180:
        raise InvalidArgumentError("radius", "reaches over a pole or the date line.")
    return Near(lat, lng, BoundingBox(lat - north, lng - east, lat + north, lng + east))
