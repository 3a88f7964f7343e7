"""`GET /issues`: which rows, in which order, and which page of them."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import attrs

from seeclickfix_async.sandbox._city import ARCHIVED, CENTER, REACH, City
from seeclickfix_async.sandbox._serializers import every_status, search_text

PLACE_URL = "example-city"
_KEPT = 8  # selections that are remembered

_STATUS_CODES = dict(every_status())
_DEFAULT = frozenset(_STATUS_CODES.values()) - {ARCHIVED}  # documented

Query = Mapping[str, str]
Test = Callable[[int], bool]


def parse_int(text: str | None, default: int) -> int:
    """A whole number as Rails reads it: as far as it goes, and 0 for none."""
    if text is None:
        return default
    found = re.match(r"\s*-?[0-9]{1,18}", text)
    return int(found[0]) if found else 0


def _moment(text: str | None, default: float) -> float:
    try:
        when = datetime.fromisoformat(text or "")
    except ValueError:
        return default
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _decimal(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


@attrs.define(eq=False)
class Listing:
    """Answers queries over a city, and remembers the last selections."""

    city: City
    _kept: dict[Any, Sequence[int]] = attrs.field(factory=dict)

    def select(self, query: Query) -> Sequence[int]:
        """All rows of a query, in its order."""
        sort = query.get("sort", "created_at")
        descending = query.get("sort_direction", "DESC").upper() != "ASC"
        rows = self._matching(query)
        if sort in ("updated_at", "rating"):
            column = self.city.updated if sort == "updated_at" else self.city.rating
            rows = self._keep(
                ("sorted", sort, _key(query)), lambda: sorted(rows, key=column.__getitem__)
            )
            return rows[::-1] if descending else rows
        if sort == "distance":
            return sorted(rows, key=self._distance(query))
        return rows[::-1] if descending else rows

    def _matching(self, query: Query) -> Sequence[int]:
        """The rows of a query, oldest first."""
        first = self.city.since(_moment(query.get("after"), -math.inf)) if "after" in query else 0
        last = len(self.city)
        if "before" in query:
            last = self.city.since(_moment(query["before"], math.inf)) if query["before"] else last
        tests = list(self._tests(query))
        if not tests:
            return range(first, max(first, last))
        everywhere = self._keep(
            _key(query),
            lambda: [row for row in range(len(self.city)) if all(t(row) for t in tests)],
        )
        return everywhere[bisect_left(everywhere, first) : bisect_left(everywhere, last)]

    def _tests(self, query: Query) -> Iterator[Test]:
        """What a row must pass, without the bounds of its creation."""
        city = self.city
        if city.hidden:
            yield lambda row: row not in city.hidden
        names = query.get("status", "").lower().split(",")
        codes = {_STATUS_CODES[name] for name in names if name in _STATUS_CODES} or _DEFAULT
        if len(codes) < len(_STATUS_CODES):
            yield lambda row: city.status[row] in codes
        box = _box(query)
        if box is not None:
            south, west, north, east = box
            yield lambda row: south <= city.lat[row] <= north and west <= city.lng[row] <= east
        if "request_types" in query:
            types = {parse_int(part, 0) - 1000 for part in query["request_types"].split(",")}
            yield lambda row: city.category[row] in types
        for name, sign in (("updated_at_after", 1), ("updated_at_before", -1)):
            if query.get(name):
                bound = _moment(query[name], -sign * math.inf)
                yield _later(city, bound) if sign > 0 else _earlier(city, bound)
        if "search" in query:
            words = query["search"].lower()
            yield lambda row: words in search_text(city, row)
        if "assigned" in query and "unassigned" not in query["assigned"]:
            yield lambda _row: False  # nobody works here

    def _distance(self, query: Query) -> Callable[[int], float]:
        lat = _decimal(query.get("lat")) or 0.0
        lng = _decimal(query.get("lng")) or 0.0
        city = self.city
        return lambda row: (city.lat[row] - lat) ** 2 + (city.lng[row] - lng) ** 2

    def _keep(self, key: Any, make: Callable[[], Sequence[int]]) -> Sequence[int]:
        key = (len(self.city), self.city.changes, key)
        if key not in self._kept:
            while len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = make()
        return self._kept[key]


def _later(city: City, bound: float) -> Test:
    return lambda row: city.updated[row] >= bound


def _earlier(city: City, bound: float) -> Test:
    return lambda row: city.updated[row] < bound


_FILTERS = (
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


def _key(query: Query) -> tuple[str | None, ...]:
    zoomed = (query.get("lat"), query.get("lng")) if "zoom" in query else ()
    return (*(query.get(name) for name in _FILTERS), *zoomed)


def _box(query: Query) -> tuple[float, float, float, float] | None:
    """The area; a point without a zoom is none (observed)."""
    lat, lng = CENTER
    if "zoom" in query:
        lat, lng = _decimal(query.get("lat")) or 0.0, _decimal(query.get("lng")) or 0.0
        half = 650 / 256 * 180 / 2 ** parse_int(query["zoom"], 0)
        return lat - half, lng - half, lat + half, lng + half
    if query.get("place_url") == PLACE_URL:
        return lat - REACH, lng - REACH, lat + REACH, lng + REACH
    if "place_url" in query:
        return 0.0, 0.0, 0.0, 0.0
    corners = [_decimal(query.get(name)) for name in ("min_lat", "min_lng", "max_lat", "max_lng")]
    if None not in corners:
        south, west, north, east = (corner or 0.0 for corner in corners)
        return south, west, north, east
    if "watcher_token" in query:
        return lat, lng, lat + REACH, lng + REACH
    return None


@attrs.frozen
class Window:
    """One page of results, with the metadata that the service gives."""

    rows: Sequence[Any]
    pagination: dict[str, Any]


def window(rows: Sequence[Any], url: str, query: Query, *, most: int, usual: int = 20) -> Window:
    """Cut a page out of all rows; too large a `per_page` is clamped (observed)."""
    asked = parse_int(query.get("per_page"), usual)
    per_page = min(asked, most) if asked > 0 else usual
    page = max(parse_int(query.get("page"), 1), 1)
    pages = -(-len(rows) // per_page)

    def link(number: int | None) -> str | None:
        if number is None:
            return None
        return f"{url}?{urlencode(sorted({**query, 'page': str(number)}.items()))}"

    following = page + 1 if page < pages else None
    previous = page - 1 if page > 1 else None
    start = (page - 1) * per_page
    return Window(
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
