"""The listing of issues: filters, order and pages, as `GET /issues` has them."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import attrs
from starlette.datastructures import URL

from seeclickfix_async.sandbox._categories import FIRST_REQUEST_TYPE
from seeclickfix_async.sandbox._city import ARCHIVED, STATUSES, City
from seeclickfix_async.sandbox._serializers import searchable_text
from seeclickfix_async.sandbox._settings import Settings
from seeclickfix_async.sandbox._streets import CENTER, REACH
from seeclickfix_async.sandbox._variations import FRACTION

PLACE_URL = "example-city"
_CACHE_SIZE = 8
_COLUMNS = {"created_at": "created", "updated_at": "updated", "rating": "rating"}
_DEFAULT_PER_PAGE = 20

_STATUS_CODES = {name.lower(): code for code, name in enumerate(STATUSES)}
_ALL_STATUSES = frozenset(_STATUS_CODES.values())
_DEFAULT_STATUSES = _ALL_STATUSES - {ARCHIVED}  # documented

Query = Mapping[str, str]
RowFilter = Callable[[int], bool]


def parse_int(text: str | None, default: int) -> int:
    """Return the integer that a string begins with, as Rails reads it; 0 if it has none."""
    if text is None:
        return default
    found = re.match(r"\s*-?[0-9]{1,18}", text)
    return int(found[0]) if found else 0


def _parse_time(text: str | None, default: float) -> float:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return default
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _parse_float(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


@attrs.define(eq=False)
class IssueSelector:
    """Selects the rows of queries; it caches the last selections."""

    city: City
    settings: Settings
    _cache: dict[Any, Sequence[int]] = attrs.field(factory=dict)

    def select(self, query: Query) -> Sequence[int]:
        """Return all rows of a query, in its order."""
        sort = query.get("sort", "created_at")
        descending = query.get("sort_direction", "DESC").upper() != "ASC"
        rows = self._matching(query)
        if sort == "distance":
            return sorted(rows, key=self._distance(query))
        column = self._column(sort)
        if column is not None:
            key = (sort, query.get("after"), query.get("before"), _cache_key(query))
            rows = self._cached(key, lambda: sorted(rows, key=column.__getitem__))
        return rows[::-1] if descending else rows

    def _column(self, sort: str) -> Sequence[float] | None:
        """Return what rows are sorted by; None for the creation time, by which they are."""
        if sort not in self.settings.sorts & _COLUMNS.keys():
            sort = "created_at"  # as for an unknown name
        column = _COLUMNS[sort] if sort in self.settings.sorts else "lat"
        return None if column == "created" else getattr(self.city, column)

    def _matching(self, query: Query) -> Sequence[int]:
        """Return the rows of a query, oldest first."""
        after = self._bound(query.get("after"), -math.inf)
        if not self.settings.after_inclusive:
            after = math.nextafter(after, math.inf)
        first = self.city.first_row_since(after)
        last = self.city.first_row_since(self._bound(query.get("before"), math.inf))
        filters = list(self._row_filters(query))
        if not filters:
            return range(first, max(first, last))
        matching = self._cached(
            _cache_key(query),
            lambda: [
                row for row in range(len(self.city)) if all(accepts(row) for accepts in filters)
            ],
        )
        return matching[bisect_left(matching, first) : bisect_left(matching, last)]

    def _bound(self, text: str | None, default: float) -> float:
        """Return a bound of a query, to be compared with the whole seconds of the city."""
        fraction = 0 if self.settings.whole_seconds else FRACTION
        return _parse_time(text, default) - fraction

    def _row_filters(self, query: Query) -> Iterator[RowFilter]:
        """Yield the filters of a query, except the bounds of the creation time."""
        city = self.city
        if city.hidden:
            yield lambda row: row not in city.hidden
        names = query.get("status", "").lower().split(",")
        codes = {_STATUS_CODES[name] for name in names if name in _STATUS_CODES} or (
            _ALL_STATUSES if self.settings.archived_by_default else _DEFAULT_STATUSES
        )
        if len(codes) < len(_STATUS_CODES):
            yield lambda row: city.status[row] in codes
        box = _bounding_box(query)
        if box is not None:
            south, west, north, east = box
            yield lambda row: south <= city.lat[row] <= north and west <= city.lng[row] <= east
        if "request_types" in query:
            types = {
                parse_int(part, 0) - FIRST_REQUEST_TYPE
                for part in query["request_types"].split(",")
            }
            yield lambda row: city.category[row] in types
        if query.get("updated_at_after"):
            start = self._bound(query["updated_at_after"], -math.inf)
            yield lambda row: city.updated[row] >= start
        if query.get("updated_at_before"):
            end = self._bound(query["updated_at_before"], math.inf)
            yield lambda row: city.updated[row] < end
        if "search" in query:
            search = query["search"].lower()
            yield lambda row: search in searchable_text(city, row)
        if "assigned" in query and "unassigned" not in query["assigned"]:
            yield lambda _row: False  # no issue has an assignee

    def _distance(self, query: Query) -> Callable[[int], float]:
        lat = _parse_float(query.get("lat")) or 0.0
        lng = _parse_float(query.get("lng")) or 0.0
        city = self.city
        return lambda row: (city.lat[row] - lat) ** 2 + (city.lng[row] - lng) ** 2

    def _cached(self, key: Any, make: Callable[[], Sequence[int]]) -> Sequence[int]:
        key = (len(self.city), self.city.changes, key)
        if key not in self._cache:
            while len(self._cache) >= _CACHE_SIZE:
                del self._cache[next(iter(self._cache))]
            self._cache[key] = make()
        return self._cache[key]


_FILTER_NAMES = (
    "status",
    "request_types",
    "updated_at_after",
    "updated_at_before",
    "search",
    "assigned",
    "place_url",
    "watcher_token",
    "min_lat",
    "min_lng",
    "max_lat",
    "max_lng",
    "zoom",
)


def _cache_key(query: Query) -> tuple[str | None, ...]:
    zoomed = (query.get("lat"), query.get("lng")) if "zoom" in query else ()
    return (*(query.get(name) for name in _FILTER_NAMES), *zoomed)


def _bounding_box(query: Query) -> tuple[float, float, float, float] | None:
    """Return the area of a query; a point without a zoom is ignored (observed)."""
    lat, lng = CENTER
    if "zoom" in query:
        lat, lng = _parse_float(query.get("lat")) or 0.0, _parse_float(query.get("lng")) or 0.0
        half = 650 / 256 * 180 / 2 ** parse_int(query["zoom"], 0)
        return lat - half, lng - half, lat + half, lng + half
    if query.get("place_url") == PLACE_URL:
        return lat - REACH, lng - REACH, lat + REACH, lng + REACH
    if "place_url" in query:
        return 0.0, 0.0, 0.0, 0.0
    corners = [
        _parse_float(query.get(name)) for name in ("min_lat", "min_lng", "max_lat", "max_lng")
    ]
    if None not in corners:
        south, west, north, east = (corner or 0.0 for corner in corners)
        return south, west, north, east
    if "watcher_token" in query:
        return lat, lng, lat + REACH, lng + REACH
    return None


@attrs.frozen
class ResultPage:
    """A page of results, with the `pagination` of its metadata."""

    rows: Sequence[Any]
    pagination: dict[str, Any]


def paginate(rows: Sequence[Any], url: URL, query: Query, *, max_per_page: int = 100) -> ResultPage:
    """Return the page of `rows` that a query selects; a larger `per_page` is clamped (observed)."""
    per_page = parse_int(query.get("per_page"), _DEFAULT_PER_PAGE)
    per_page = min(per_page if per_page > 0 else _DEFAULT_PER_PAGE, max_per_page)
    page = max(parse_int(query.get("page"), 1), 1)
    pages = -(-len(rows) // per_page)

    def link(number: int | None) -> str | None:
        if number is None:
            return None
        params = sorted({**query, "page": str(number)}.items())
        return str(url.replace(query=urlencode(params)))

    following = page + 1 if page < pages else None
    previous = page - 1 if page > 1 else None
    start = (page - 1) * per_page
    return ResultPage(
        rows[start : start + per_page],
        {
            "entries": len(rows),
            "page": page,
            "per_page": per_page,
            "pages": pages,
            "next_page": following,
            "next_page_url": link(following),
            "previous_page": previous,
            "previous_page_url": link(previous),
        },
    )
