"""Questions to the service, checked before they are sent.

The service ignores parameters that it does not know and answers something else instead (observed),
so nothing leaves that is not known to work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict
from urllib.parse import quote_plus

import attrs
import msgspec

from seeclickfix_async._api.area import Area, Near, Zoom, near
from seeclickfix_async._core import validation
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue, Issue, Status

ALL = tuple(Status)
"""Every status. Without it the service leaves out archived issues, which are most of a history."""

_STATUSES = {status.value: status for status in Status}

Sort = Literal["created_at", "updated_at", "rating", "distance"]
ClockField = Literal["created_at", "updated_at"]
Direction = Literal["ASC", "DESC"]
Statuses = str | Iterable[str]

DETAILED_PER_PAGE = 20
"""How many rows the service gives on a page with details (documented)."""

_PERIODS: dict[ClockField, tuple[str, str]] = {
    "created_at": ("after", "before"),
    "updated_at": ("updated_at_after", "updated_at_before"),
}
_FIELDS = frozenset(field.name for field in attrs.fields(Issue))
_DETAIL_FIELDS = frozenset(field.name for field in attrs.fields(DetailedIssue)) - _FIELDS


def period(
    by: ClockField, start: datetime | None, end: datetime | None
) -> dict[str, datetime | None]:
    """The filters of a period on one of the two clocks."""
    return dict(zip(_PERIODS[by], (start, end), strict=True))


class IssueFilters(TypedDict, total=False):
    """Which issues to list. Source: API page "Issues", and observed where it says so.

    Attributes:
        area: Where: a `BoundingBox`, `Zoom`, `PlaceArea`, `WatchArea` or `near(...)`. Without
            one, the whole world.
        lat: With `lng`, in degrees: where `sort="distance"` measures from. It selects nothing
            (observed).
        lng: See `lat`.
        status: `"all"`, or some of open, acknowledged, closed and archived. The service's own
            default leaves out archived issues.
        after: Created at this moment or later; must be aware of its time zone, as all of these.
        before: Created before this moment.
        updated_at_after: Updated at this moment or later.
        updated_at_before: Updated before this moment.
        search: Words to find; only with an area, since the service does not answer within a
            minute without one (observed).
        request_types: Ids of request types.
        assigned: Ids of users, and `"unassigned"`.
        assigned_to_me: Only those assigned to the signed-in user; ignored without one.
        sort: What to sort by; the service's default is created_at.
        sort_direction: ASC or DESC; the service's default is DESC.
        fields: Names of fields to bring, for smaller answers (observed); `id` always comes.
    """

    area: Area | None
    lat: float | None
    lng: float | None
    status: Statuses | None
    after: datetime | None
    before: datetime | None
    updated_at_after: datetime | None
    updated_at_before: datetime | None
    search: str | None
    request_types: Iterable[int] | None
    assigned: Iterable[int | str] | None
    assigned_to_me: bool
    sort: Sort | None
    sort_direction: Direction | None
    fields: Iterable[str] | None


def forbid_filters(filters: IssueFilters, names: Iterable[str], why: str) -> None:
    """Refuse filters that are not the caller's to choose.

    Raises:
        InvalidArgumentError: One of them is given.
    """
    for name in names:
        validation.forbid(name, filters.get(name), why)


def encode(params: Iterable[tuple[str, str]]) -> str:
    """A query string; encoded here and nowhere else, since a comma encoded twice is lost."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value, safe=',:')}" for name, value in params)


def page_params(number: int) -> list[tuple[str, str]]:
    """The number of the page, which the first one does without."""
    return [("page", str(number))] if number > 1 else []


def format_timestamp(value: datetime) -> str:
    """A moment as the service reads it: ISO 8601 in UTC."""
    text: str = msgspec.to_builtins(value.astimezone(UTC))  # as isoformat, in half the time
    return text


_HERE = 25.0  # metres, around the point of a report


def lost_report_filters(lat: float, lng: float, request_type: int | None) -> IssueFilters:
    """What finds an issue that a report may have become: the newest of its kind at its place.

    Not by the clock, since the service's may differ from ours.
    """
    found: IssueFilters = {
        "area": near(lat, lng, _HERE),
        "status": "all",
        "sort": "created_at",
    }
    return found if request_type is None else {**found, "request_types": (request_type,)}


def _statuses(value: Statuses | None) -> tuple[Status, ...] | None:
    if value is None:
        return None
    names = value.split(",") if isinstance(value, str) else list(value)
    if names == ["all"]:
        return ALL
    chosen = tuple(_STATUSES.get(str(name).strip().lower()) for name in names)
    if not chosen or None in chosen:
        raise InvalidArgumentError("status", f"must be 'all', or some of {', '.join(_STATUSES)}.")
    return tuple(filter(None, chosen))


def _area(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, Area):
        raise InvalidArgumentError(
            attribute.name, "must be a BoundingBox, Zoom, PlaceArea, WatchArea or near(...)."
        )


def _request_types(value: Iterable[int] | None) -> tuple[int, ...] | None:
    return validation.non_empty_tuple(
        "request_types", value, "ids of request types", validation.is_identifier
    )


def _assigned(value: Iterable[int | str] | None) -> tuple[int | str, ...] | None:
    return validation.non_empty_tuple(
        "assigned",
        value,
        "user ids and 'unassigned'",
        lambda one: one == "unassigned" or validation.is_identifier(one),
    )


def _field_names(value: Iterable[str] | None) -> tuple[str, ...] | None:
    return validation.non_empty_tuple(
        "fields", value, "field names", lambda one: isinstance(one, str)
    )


@attrs.frozen(kw_only=True)
class IssueQuery:
    """The parameters of `GET /issues`, checked one by one and against each other."""

    area: Area | None = attrs.field(default=None, validator=_area)
    lat: float | None = attrs.field(default=None, validator=validation.LATITUDE)
    lng: float | None = attrs.field(default=None, validator=validation.LONGITUDE)
    status: tuple[Status, ...] | None = attrs.field(default=None, converter=_statuses)
    after: datetime | None = attrs.field(
        default=None, converter=validation.to_datetime, validator=validation.validate_aware
    )
    before: datetime | None = attrs.field(
        default=None, converter=validation.to_datetime, validator=validation.validate_aware
    )
    updated_at_after: datetime | None = attrs.field(
        default=None, converter=validation.to_datetime, validator=validation.validate_aware
    )
    updated_at_before: datetime | None = attrs.field(
        default=None, converter=validation.to_datetime, validator=validation.validate_aware
    )
    search: str | None = attrs.field(default=None, validator=validation.validate_non_empty)
    request_types: tuple[int, ...] | None = attrs.field(default=None, converter=_request_types)
    assigned: tuple[int | str, ...] | None = attrs.field(default=None, converter=_assigned)
    assigned_to_me: bool = False
    sort: Sort | None = attrs.field(
        default=None,
        validator=validation.validate_choice("created_at", "updated_at", "rating", "distance"),
    )
    sort_direction: Direction | None = attrs.field(
        default=None, validator=validation.validate_choice("ASC", "DESC")
    )
    fields: tuple[str, ...] | None = attrs.field(default=None, converter=_field_names)
    details: bool = False
    per_page: int | None = attrs.field(default=None, validator=validation.PER_PAGE)

    def __attrs_post_init__(self) -> None:
        for rule in (_origin, _periods, _search, _fields, _details):
            rule(self)

    @classmethod
    def of(cls, filters: IssueFilters, *, details: bool, per_page: int | None) -> IssueQuery:
        """The query of a call's arguments; a name that is none of them is refused."""
        unknown = sorted(filters.keys() - IssueFilters.__annotations__.keys())
        if unknown:
            raise InvalidArgumentError(
                unknown[0],
                "the service knows no such parameter, and would ignore it. "
                f"It knows {', '.join(IssueFilters.__annotations__)}.",
            )
        given: dict[str, Any] = {**filters}
        return cls(**given, details=details, per_page=per_page)

    def params(self) -> Iterator[tuple[str, str]]:
        """The query parameters, without the number of the page."""
        if self.area is not None:
            yield from self.area.params()
        for name, value in self._given():
            yield name, format_param(value)
        if self.sort is None and isinstance(self.area, Near):
            yield "sort", "distance"
        if self.fields is not None:
            # A row without an id could not be told from others, and is refused as unreadable.
            yield "fields[issue]", ",".join(dict.fromkeys(("id", *self.fields)))

    def bounds(self, by: ClockField) -> tuple[datetime | None, datetime | None]:
        """The period that is asked for, on one of the two clocks."""
        start, end = _PERIODS[by]
        return getattr(self, start), getattr(self, end)

    def _given(self) -> Iterator[tuple[str, Any]]:
        for name in _PLAIN:
            value = getattr(self, name)
            if value is not None and value is not False:
                yield name, value


_PLAIN = tuple(
    field.name for field in attrs.fields(IssueQuery) if field.name not in ("area", "fields")
)


def format_param(value: object) -> str:
    """Return a value as the service reads it in a query parameter or a form field."""
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return format_timestamp(value)
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


# -- what contradicts itself, or is known to end badly -------------------------------------------


def _origin(query: IssueQuery) -> None:
    if (query.lat is None) != (query.lng is None):
        missing = "lat" if query.lat is None else "lng"
        raise InvalidArgumentError(missing, "lat and lng go together.")
    pointed = isinstance(query.area, (Near, Zoom))
    if query.lat is not None and pointed:
        raise InvalidArgumentError("lat", "the area has a point already.")
    if query.sort == "distance" and query.lat is None and not pointed:
        raise InvalidArgumentError("sort", "a distance needs lat and lng, or near(...) as area.")
    if query.lat is not None and query.sort != "distance":
        raise InvalidArgumentError(
            "lat",
            "a point selects nothing, the service only sorts by distance from it. "
            "Use area=near(lat, lng, radius), or add sort='distance'.",
        )


def _periods(query: IssueQuery) -> None:
    for by, (start, end) in _PERIODS.items():
        earlier, later = query.bounds(by)
        if earlier is not None and later is not None and earlier >= later:
            raise InvalidArgumentError(start, f"must be earlier than {end}.")


def _search(query: IssueQuery) -> None:
    if query.search is not None and query.area is None:
        raise InvalidArgumentError(
            "search", "needs an area: without one the service does not answer within a minute."
        )


def _fields(query: IssueQuery) -> None:
    for name in query.fields or ():
        if name in _DETAIL_FIELDS and not query.details:
            raise InvalidArgumentError("fields", f"{name} comes with details=True only.")
        if name not in _FIELDS | _DETAIL_FIELDS:
            raise InvalidArgumentError("fields", f"an issue has no field {name!r}.")


def _details(query: IssueQuery) -> None:
    if query.details and (query.per_page or 0) > DETAILED_PER_PAGE:
        raise InvalidArgumentError(
            "per_page", f"the service gives at most {DETAILED_PER_PAGE} issues with details."
        )
