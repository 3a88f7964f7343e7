"""Areas of `GET /issues`.

A point alone is not an area: without a zoom, the service searches the whole world and only sorts by
distance (observed). `near()` makes a box around a point instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import attrs

from seeclickfix_async._core import numbers, validation
from seeclickfix_async._core.error_secrets import hide_init_arguments
from seeclickfix_async._core.numbers import Number
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models._model import Model

_METRES_PER_DEGREE = 111_320.0  # of latitude, and of longitude at the equator

Params = Iterator[tuple[str, str]]


@attrs.frozen
class BoundingBox(Model):
    """A rectangle between two latitudes and two longitudes, in degrees (documented).

    Neighbouring towns inside the rectangle are included (observed).
    """

    min_lat: float = attrs.field(converter=numbers.as_number, validator=validation.LATITUDE)
    min_lng: float = attrs.field(converter=numbers.as_number, validator=validation.LONGITUDE)
    max_lat: float = attrs.field(converter=numbers.as_number, validator=validation.LATITUDE)
    max_lng: float = attrs.field(converter=numbers.as_number, validator=validation.LONGITUDE)

    def __attrs_post_init__(self) -> None:
        if self.min_lat >= self.max_lat:
            raise InvalidArgumentError("min_lat", "must be less than max_lat.")
        if self.min_lng >= self.max_lng:
            raise InvalidArgumentError(
                "min_lng", "must be less than max_lng. Use two boxes across the date line."
            )

    def params(self) -> Params:
        """Yield the query parameters of this area."""
        for name in ("min_lat", "min_lng", "max_lat", "max_lng"):
            yield name, repr(float(getattr(self, name)))

    def halves(self, points: Iterable[tuple[float, float]]) -> list[BoundingBox]:
        """Split the box in two, with about equally many of these points in each half.

        Args:
            points: Latitudes and longitudes in degrees; points outside the box do not count.

        Returns:
            Two boxes, or an empty list if fewer than two distinct points are in the box.
        """
        inside = [(lat, lng) for lat, lng in points if self.contains(lat, lng)]
        lat, height = _median_and_extent(lat for lat, _ in inside)
        lng, width = _median_and_extent(lng for _, lng in inside)
        if lat is not None and height >= width:
            return [attrs.evolve(self, max_lat=lat), attrs.evolve(self, min_lat=lat)]
        if lng is not None:
            return [attrs.evolve(self, max_lng=lng), attrs.evolve(self, min_lng=lng)]
        return []

    def contains(self, lat: Number, lng: Number, margin: Number = 0.0) -> bool:
        """Return True for a point in the box, or at most `margin` degrees outside it."""
        lat = validation.number_in_range("lat", lat, -90, 90)
        lng = validation.number_in_range("lng", lng, -180, 180)
        margin = validation.number_in_range("margin", margin, 0, 360)
        return (
            self.min_lat - margin <= lat <= self.max_lat + margin
            and self.min_lng - margin <= lng <= self.max_lng + margin
        )


def _median_and_extent(values: Iterable[float]) -> tuple[float | None, float]:
    """Return the median of the distinct values, and the distance of the outermost ones.

    The median is None if it does not separate two values.
    """
    distinct = sorted(set(values))
    if len(distinct) < 2:
        return None, 0.0
    middle = len(distinct) // 2
    median = (distinct[middle - 1] + distinct[middle]) / 2
    extent = distinct[-1] - distinct[0]
    return (median, extent) if distinct[0] < median < distinct[-1] else (None, 0.0)


WORLD = BoundingBox(-90, -180, 90, 180)


@attrs.frozen
class Zoom(Model):
    """A map of 650 by 650 pixels around a point, with a zoom level of 0 to 19 (documented)."""

    lat: float = attrs.field(converter=numbers.as_number, validator=validation.LATITUDE)
    lng: float = attrs.field(converter=numbers.as_number, validator=validation.LONGITUDE)
    zoom: int = attrs.field(
        converter=numbers.as_integer, validator=validation.validate_range(0, 19, integer=True)
    )

    def params(self) -> Params:
        """Yield the query parameters of this area."""
        yield "lat", repr(float(self.lat))
        yield "lng", repr(float(self.lng))
        yield "zoom", str(int(self.zoom))


@attrs.frozen
class PlaceArea(Model):
    """A place by its `url_name`, which `client.places.near()` returns (documented).

    Neighbouring and overlapping organizations are included (observed). An unknown name is no error:
    the service returns no issues (observed).
    """

    place_url: str = attrs.field(validator=validation.validate_non_empty)

    def params(self) -> Params:
        """Yield the query parameters of this area."""
        yield "place_url", self.place_url


WATCHER_TOKEN = "watcher_token"  # noqa: S105  # the name of a parameter, whose value is a secret


def _to_watcher_token(value: str | Secret) -> Secret:
    token = value.reveal() if isinstance(value, Secret) else value
    return Secret(validation.non_empty_str(WATCHER_TOKEN, token))


@hide_init_arguments
@attrs.frozen
class WatchArea(Model):
    """A watch area by the token in its URL (documented).

    The token is a `Secret`, but it is part of the URL of each request: httpx logs URLs at the level
    INFO, and so do servers and proxies. A pickle contains it, as a part of `pull.plan` needs it;
    `to_dict()` and `to_json()` leave it out, and `from_dict()` requires it as a string.
    """

    watcher_token: Secret = attrs.field(converter=_to_watcher_token)

    __json_types__: ClassVar[Mapping[str, Any]] = {WATCHER_TOKEN: str}

    def params(self) -> Params:
        """Yield the query parameters of this area."""
        yield WATCHER_TOKEN, self.watcher_token.reveal()

    def __reduce__(self) -> tuple[Any, ...]:
        return WatchArea, (self.watcher_token.reveal(),)


@attrs.frozen
class Near(Model):
    """A box around a point, sorted nearest first; made by `near()`."""

    lat: float = attrs.field(converter=numbers.as_number, validator=validation.LATITUDE)
    lng: float = attrs.field(converter=numbers.as_number, validator=validation.LONGITUDE)
    box: BoundingBox = attrs.field()

    def params(self) -> Params:
        """Yield the query parameters of this area, as in the service's own links (observed)."""
        yield "lat", repr(float(self.lat))
        yield "lng", repr(float(self.lng))
        yield from self.box.params()


Area = BoundingBox | Zoom | PlaceArea | WatchArea | Near


def near(lat: Number, lng: Number, radius: Number) -> Near:
    """Return the square around a circle of `radius` metres, sorted nearest first.

    Args:
        lat: Latitude of the centre in degrees, from -89 to 89.
        lng: Longitude of the centre in degrees.
        radius: In metres, from 1 to 100,000.

    Raises:
        InvalidArgumentError: An argument is out of bounds, or the square extends beyond a pole or
            the date line.
    """
    lat = validation.number_in_range("lat", lat, -89, 89)
    lng = validation.number_in_range("lng", lng, -180, 180)
    north = validation.number_in_range("radius", radius, 1, 100_000) / _METRES_PER_DEGREE
    east = north / math.cos(math.radians(lat))
    if abs(lat) + north > 90 or abs(lng) + east > 180:
        raise InvalidArgumentError("radius", "extends beyond a pole or the date line.")
    return Near(lat, lng, BoundingBox(lat - north, lng - east, lat + north, lng + east))
