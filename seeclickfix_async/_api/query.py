"""Parameters of `GET /issues`, validated before they are sent.

The service silently ignores unknown parameters and then returns other issues (observed). Therefore
only known parameters with valid values are sent.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, SupportsIndex, TypedDict
from urllib.parse import quote_plus

import attrs
import msgspec
from attrs.converters import optional

from seeclickfix_async._api.area import Area, Near, PlaceArea, Zoom, near
from seeclickfix_async._core import numbers, validation
from seeclickfix_async._core.numbers import Id, Number
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue, Issue, Status

ALL = tuple(Status)
"""Every status. By default, the service omits archived issues, most of a city's history."""

_STATUSES = {status.value: status for status in Status}

Sort = Literal["created_at", "updated_at", "rating", "distance"]
ClockField = Literal["created_at", "updated_at"]
Direction = Literal["ASC", "DESC"]
Statuses = str | Iterable[str]

DETAILED_PER_PAGE = 20
"""The most issues on a page with details (documented)."""

PERIODS: dict[ClockField, tuple[str, str]] = {
    "created_at": ("after", "before"),
    "updated_at": ("updated_at_after", "updated_at_before"),
}
_FIELDS = frozenset(field.name for field in attrs.fields(Issue))
_DETAIL_FIELDS = frozenset(field.name for field in attrs.fields(DetailedIssue)) - _FIELDS


def period_filters(
    by: ClockField, start: datetime | None, end: datetime | None
) -> dict[str, datetime | None]:
    """Return the filters for a period of creation or update times."""
    return dict(zip(PERIODS[by], (start, end), strict=True))


class IssueFilters(TypedDict, total=False):
    """Filters of a list of issues. Source: API page "Issues", except where observed is noted.

    Attributes:
        area: A `BoundingBox`, `Zoom`, `PlaceArea`, `WatchArea` or `near(...)`; the whole world by
            default.
        lat: Latitude in degrees of the point from which `sort="distance"` measures. It does not
            select issues (observed).
        lng: Longitude in degrees; see `lat`.
        status: `"all"`, or some of open, acknowledged, closed and archived. By default, the
            service omits archived issues.
        after: Created at or after this time. All times must have a time zone.
        before: Created before this time.
        updated_at_after: Updated at or after this time.
        updated_at_before: Updated before this time.
        search: Words to find. Requires an area, because the service does not respond within a
            minute without one (observed).
        request_types: Ids of request types.
        assigned: Ids of users, and `"unassigned"`.
        assigned_to_me: Only issues assigned to the signed-in user; ignored without a token.
        sort: The sort key; the service's default is created_at.
        sort_direction: ASC or DESC; the service's default is DESC.
        fields: The fields to return, for smaller responses (observed); `id` is always returned.
    """

    area: Area | None
    lat: Number | None
    lng: Number | None
    status: Statuses | None
    after: datetime | None
    before: datetime | None
    updated_at_after: datetime | None
    updated_at_before: datetime | None
    search: str | None
    request_types: Iterable[Id] | None
    assigned: Iterable[Id] | None
    assigned_to_me: bool
    sort: Sort | None
    sort_direction: Direction | None
    fields: Iterable[str] | None


def forbid_filters(filters: IssueFilters, names: Iterable[str], reason: str) -> None:
    """Refuse filters that the called method sets itself.

    Raises:
        InvalidArgumentError: One of them is not None.
    """
    for name in names:
        validation.forbid(name, filters.get(name), reason)


def encode(params: Iterable[tuple[str, str]]) -> str:
    """Encode a query string. Encode nowhere else: a comma that is encoded twice is lost."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value, safe=',:')}" for name, value in params)


def page_params(number: int) -> list[tuple[str, str]]:
    """Return the page parameter; none for the first page."""
    return [("page", str(number))] if number > 1 else []


def format_timestamp(value: datetime) -> str:
    """Return a time as the service parses it: ISO 8601 in UTC."""
    timestamp: str = msgspec.to_builtins(value.astimezone(UTC))  # twice as fast as isoformat()
    return timestamp


_LOST_REPORT_RADIUS = 25.0  # metres


def lost_report_filters(lat: float, lng: float, request_type: int | None) -> IssueFilters:
    """Return filters that find the issue of a report without a response.

    They select the newest issues of its request type at its place. They do not filter by time,
    because the service's clock may differ from ours.
    """
    filters: IssueFilters = {
        "area": near(lat, lng, _LOST_REPORT_RADIUS),
        "status": "all",
        "sort": "created_at",
    }
    return filters if request_type is None else {**filters, "request_types": (request_type,)}


def _to_statuses(value: Statuses | None) -> tuple[Status, ...] | None:
    if value is None:
        return None
    names = value.split(",") if isinstance(value, str) else value
    names = [str(name).strip() for name in names] if isinstance(names, Iterable) else []
    if names == ["all"]:
        return ALL
    chosen = tuple(_STATUSES.get(name.lower()) for name in names)
    if not chosen or None in chosen:
        raise InvalidArgumentError("status", f"must be 'all', or some of {', '.join(_STATUSES)}.")
    return tuple(filter(None, chosen))


def _validate_area(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, Area):
        raise InvalidArgumentError(
            attribute.name, "must be a BoundingBox, Zoom, PlaceArea, WatchArea or near(...)."
        )


def _to_request_types(value: Iterable[Id] | None) -> tuple[int, ...] | None:
    return validation.non_empty_tuple(
        "request_types", value, "ids of request types", validation.to_identifier
    )


_UNASSIGNED = "unassigned"


def _to_assignees(value: Iterable[Id] | None) -> tuple[int | str, ...] | None:
    return validation.non_empty_tuple(
        "assigned",
        value,
        "user ids and 'unassigned'",
        lambda item: (
            _UNASSIGNED
            if isinstance(item, str) and item == _UNASSIGNED
            else validation.to_identifier(item)
        ),
    )


def _to_field_names(value: Iterable[str] | None) -> tuple[str, ...] | None:
    return validation.non_empty_tuple(
        "fields",
        value,
        "field names",
        lambda item: validation.exact_str(item) if isinstance(item, str) else None,
    )


@attrs.frozen(kw_only=True)
class IssueQuery:
    """The parameters of `GET /issues`, validated one by one and against each other."""

    area: Area | None = attrs.field(default=None, validator=_validate_area)
    lat: float | None = attrs.field(
        default=None, converter=optional(numbers.as_number), validator=validation.LATITUDE
    )
    lng: float | None = attrs.field(
        default=None, converter=optional(numbers.as_number), validator=validation.LONGITUDE
    )
    status: tuple[Status, ...] | None = attrs.field(default=None, converter=_to_statuses)
    after: datetime | None = attrs.field(
        default=None, converter=validation.to_utc, validator=validation.validate_aware
    )
    before: datetime | None = attrs.field(
        default=None, converter=validation.to_utc, validator=validation.validate_aware
    )
    updated_at_after: datetime | None = attrs.field(
        default=None, converter=validation.to_utc, validator=validation.validate_aware
    )
    updated_at_before: datetime | None = attrs.field(
        default=None, converter=validation.to_utc, validator=validation.validate_aware
    )
    search: str | None = attrs.field(default=None, validator=validation.validate_non_empty)
    request_types: tuple[int, ...] | None = attrs.field(default=None, converter=_to_request_types)
    assigned: tuple[int | str, ...] | None = attrs.field(default=None, converter=_to_assignees)
    assigned_to_me: bool = attrs.field(
        default=False, converter=numbers.as_boolean, validator=validation.validate_boolean
    )
    sort: Sort | None = attrs.field(
        default=None,
        validator=validation.validate_choice("created_at", "updated_at", "rating", "distance"),
    )
    sort_direction: Direction | None = attrs.field(
        default=None, validator=validation.validate_choice("ASC", "DESC")
    )
    fields: tuple[str, ...] | None = attrs.field(default=None, converter=_to_field_names)
    details: bool = attrs.field(
        default=False, converter=numbers.as_boolean, validator=validation.validate_boolean
    )
    per_page: int | None = attrs.field(
        default=None, converter=optional(numbers.as_integer), validator=validation.PER_PAGE
    )

    def __attrs_post_init__(self) -> None:
        for check in (_check_point, _check_periods, _check_search, _check_fields, _check_details):
            check(self)

    @classmethod
    def from_filters(
        cls, filters: IssueFilters, *, details: bool, per_page: SupportsIndex | None
    ) -> IssueQuery:
        """Return the query for the arguments of a call, and refuse unknown filters."""
        unknown = sorted(filters.keys() - IssueFilters.__annotations__.keys())
        if unknown:
            raise InvalidArgumentError(
                unknown[0],
                "there is no such parameter, and the service would ignore it. The filters are "
                f"{', '.join(IssueFilters.__annotations__)}; help() shows the other parameters.",
            )
        arguments: dict[str, Any] = {**filters}
        return cls(**arguments, details=details, per_page=per_page)

    @property
    def is_filtered(self) -> bool:
        """Whether it has filters that may leave out every issue of its area."""
        some = self.status is not None and {*self.status} != {*ALL}
        return some or any(getattr(self, name) for name in _SELECTING)

    def params(self) -> Iterator[tuple[str, str]]:
        """Yield the query parameters, without the page number."""
        if self.area is not None:
            yield from self.area.params()
        for name in _PLAIN_PARAMS:
            value = getattr(self, name)
            if value is not None and value is not False:
                yield name, format_param(value)
        if self.sort is None and isinstance(self.area, Near):
            yield "sort", "distance"
        if self.fields is not None:
            # A row without an id cannot be identified, and would be rejected as unreadable.
            yield "fields[issue]", ",".join(dict.fromkeys(("id", *self.fields)))

    def bounds(self, by: ClockField) -> tuple[datetime | None, datetime | None]:
        """Return the period of creation or update times; None for an open end."""
        start, end = PERIODS[by]
        return getattr(self, start), getattr(self, end)


_SELECTING = (
    *itertools.chain.from_iterable(PERIODS.values()),
    "search",
    "request_types",
    "assigned",
    "assigned_to_me",
)
_PLAIN_PARAMS = tuple(
    field.name for field in attrs.fields(IssueQuery) if field.name not in ("area", "fields")
)


def describe_empty(query: IssueQuery) -> str:
    """Say that no issue was found in an area, and what may be wrong: the service refuses none."""
    if isinstance(query.area, PlaceArea):
        place = repr(query.area.place_url)
        if query.is_filtered:
            return f"No issue at {place} passes the filters."
        return f"There are no issues at {place}. Is it the place's url_name?"
    if query.is_filtered:
        return "No issue in this area passes the filters."
    return "There are no issues in this area. Is its latitude first, and then its longitude?"


def format_param(value: object) -> str:
    """Return a value as the service parses it in a query parameter or a form field."""
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return format_timestamp(value)
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


def _check_point(query: IssueQuery) -> None:
    if (query.lat is None) != (query.lng is None):
        missing = "lat" if query.lat is None else "lng"
        raise InvalidArgumentError(missing, "lat and lng must be passed together.")
    area_has_point = isinstance(query.area, (Near, Zoom))
    if query.lat is not None and area_has_point:
        raise InvalidArgumentError("lat", "must be left out: the area already has a point.")
    if query.sort == "distance" and query.lat is None and not area_has_point:
        raise InvalidArgumentError("sort", "'distance' requires lat and lng, or area=near(...).")
    if query.lat is not None and query.sort != "distance":
        raise InvalidArgumentError(
            "lat",
            "a point does not select issues; the service only sorts by the distance from it. "
            "Use area=near(lat, lng, radius), or add sort='distance'.",
        )


def _check_periods(query: IssueQuery) -> None:
    for by, (start, end) in PERIODS.items():
        earlier, later = query.bounds(by)
        if earlier is not None and later is not None and earlier >= later:
            raise InvalidArgumentError(start, f"must be earlier than {end}.")


def _check_search(query: IssueQuery) -> None:
    if query.search is not None and query.area is None:
        raise InvalidArgumentError(
            "search",
            "requires an area: without one, the service does not respond within a minute.",
        )


def _check_fields(query: IssueQuery) -> None:
    for name in query.fields or ():
        if name in _DETAIL_FIELDS and not query.details:
            raise InvalidArgumentError("fields", f"{name!r} requires details=True.")
        if name not in _FIELDS | _DETAIL_FIELDS:
            raise InvalidArgumentError("fields", f"issues have no field {name!r}.")


def _check_details(query: IssueQuery) -> None:
    if query.details and (query.per_page or 0) > DETAILED_PER_PAGE:
        raise InvalidArgumentError(
            "per_page", f"must be at most {DETAILED_PER_PAGE} with details=True."
        )
