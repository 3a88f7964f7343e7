"""The parameters of a search, and their conversion to filters."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Literal

import attrs
from pydantic import Field

from seeclickfix_async._api.area import Area, BoundingBox, PlaceArea, near
from seeclickfix_async._api.query import ALL, IssueFilters
from seeclickfix_async.errors import InvalidArgumentError

_RADIUS = 1000.0  # metres
_OFFSET = "Without an offset it is in UTC, or in `timezone` if the tool has one."

Place = Annotated[
    str | None,
    Field(description="The name of a place in web addresses of SeeClickFix, such as new-haven."),
]
Lat = Annotated[float | None, Field(description="Latitude of a point in degrees, with lng.")]
Lng = Annotated[float | None, Field(description="Longitude of a point in degrees, with lat.")]
Radius = Annotated[float | None, Field(description="Metres around the point; by default 1,000.")]
Box = Annotated[
    tuple[float, float, float, float] | None,
    Field(description="min_lat, min_lng, max_lat, max_lng in degrees."),
]
Statuses = Annotated[
    list[Literal["open", "acknowledged", "closed", "archived"]] | None,
    Field(description="By default all. Most old issues are archived."),
]
After = Annotated[datetime | None, Field(description=f"Created at this time or later. {_OFFSET}")]
Before = Annotated[datetime | None, Field(description=f"Created before this time. {_OFFSET}")]
RequestTypeId = Annotated[
    int | None, Field(description="The id of a category; see list_request_types.")
]


@attrs.frozen
class Filters:
    """The filters that searches and counts share."""

    place: str | None
    lat: float | None
    lng: float | None
    radius_m: float | None
    box: tuple[float, float, float, float] | None
    status: list[Literal["open", "acknowledged", "closed", "archived"]] | None
    after: datetime | None
    before: datetime | None
    request_type_id: int | None

    def to_issue_filters(self, zone: tzinfo = UTC) -> IssueFilters:
        """Return the filters of a listing; times without a time zone are in `zone`.

        Raises:
            InvalidArgumentError: They contradict each other.
        """
        filters: IssueFilters = {
            "area": self._area(),
            "status": self.status or ALL,
            "after": aware(self.after, zone),
            "before": aware(self.before, zone),
        }
        if self.request_type_id is not None:
            filters["request_types"] = (self.request_type_id,)
        return filters

    def _area(self) -> Area | None:
        has_point = self.lat is not None or self.lng is not None
        if has_point + (self.place is not None) + (self.box is not None) > 1:
            raise InvalidArgumentError("area", "use only one of place, lat with lng, and box.")
        if self.lat is not None and self.lng is not None:
            return near(self.lat, self.lng, _RADIUS if self.radius_m is None else self.radius_m)
        if has_point:
            raise InvalidArgumentError("lat", "and lng are needed together.")
        if self.radius_m is not None:
            raise InvalidArgumentError("radius_m", "is for lat and lng only.")
        if self.place is not None:
            return PlaceArea(self.place)
        return None if self.box is None else BoundingBox(*self.box)


def aware(time: datetime | None, zone: tzinfo) -> datetime | None:
    """Return a time, in `zone` if it has no time zone."""
    return time.replace(tzinfo=zone) if time is not None and time.tzinfo is None else time
