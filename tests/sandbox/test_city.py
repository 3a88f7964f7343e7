"""The synthetic city: streets, hot spots, seasons and times to close."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from statistics import median

import pytest

from seeclickfix_async.sandbox._categories import CATEGORIES, DAY
from seeclickfix_async.sandbox._city import ARCHIVED, CLOSED, END, City, build
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._serializers import Serializer

_METRES = 111_200  # in a degree of latitude
_SQUASH = math.cos(math.radians(41.05))


@pytest.fixture(scope="module")
def city() -> City:
    return build(8000, 311)


def _rows(city: City, category: str) -> list[int]:
    number = CATEGORIES.index(category)
    return [row for row in range(len(city)) if city.category[row] == number]


def _distance(city: City, one: int, other: int) -> float:
    """Return the metres between two issues."""
    north = city.lat[one] - city.lat[other]
    east = (city.lng[one] - city.lng[other]) * _SQUASH
    return math.hypot(north, east) * _METRES


def _days(city: City, category: str) -> list[float]:
    rows = _rows(city, category)
    closed = [row for row in rows if city.status[row] in (CLOSED, ARCHIVED)]
    return sorted((city.closed[row] - city.created[row]) / DAY for row in closed)


def _share(city: City, category: str, months: set[int]) -> float:
    """Return the share of a category's issues that were created in these months."""
    times = (datetime.fromtimestamp(city.created[row], UTC) for row in _rows(city, category))
    in_months = [time.month in months for time in times]
    return sum(in_months) / len(in_months)


def test_a_seed_makes_one_city(city: City) -> None:
    again, other = build(8000, 311), build(8000, 312)

    assert (again.created, again.lot, again.lat) == (city.created, city.lot, city.lat)
    assert other.lot != city.lot


def test_an_address_fits_its_point(city: City) -> None:
    serializer = Serializer(city, "https://city.test", Overlay())
    blocks: dict[tuple[str, int], list[int]] = defaultdict(list)
    houses: dict[str, list[int]] = defaultdict(list)
    for row in range(len(city)):
        address = serializer.issue(row)["address"]
        found = re.fullmatch(r"(\d{3,4}) ([A-Z][A-Za-z ]+) Example, EX", address)
        assert found, address
        number, street = found.groups()
        blocks[street, int(number) // 100].append(row)
        houses[address].append(row)

    assert max(_distance(city, rows[0], row) for rows in houses.values() for row in rows) < 25
    assert max(_distance(city, rows[0], row) for rows in blocks.values() for row in rows) < 500
    assert len({street for street, _ in blocks}) > 200


def test_hot_spots_and_main_streets_have_more_issues_than_others(city: City) -> None:
    blocks = Counter(lot // 24 for lot in city.lot)
    dumped = Counter(city.lot[row] // 24 for row in _rows(city, "Illegal Dumping"))

    assert max(blocks.values()) > 5 * median(blocks.values())
    assert sum(count for _, count in dumped.most_common(20)) > 0.15 * dumped.total()


def test_categories_have_weights_and_seasons(city: City) -> None:
    counts = Counter(city.category)
    hours = {
        name: [(city.created[row] // 3600 - 4) % 24 for row in _rows(city, name)]
        for name in ("Graffiti", "Illegal Dumping")
    }
    at_night = {
        name: sum(hour < 6 or hour >= 20 for hour in found) / len(found)
        for name, found in hours.items()
    }

    assert set(counts) == set(range(len(CATEGORIES)))
    assert max(counts.values()) > 4 * min(counts.values())
    assert _share(city, "Pothole", {1, 2, 3, 4}) > 0.6
    assert _share(city, "Leaf Collection", {10, 11}) > 0.6
    assert _share(city, "Snow and Ice", {5, 6, 7, 8, 9}) < 0.02
    assert at_night["Graffiti"] > 2 * at_night["Illegal Dumping"]


def test_times_to_close_have_a_long_tail(city: City) -> None:
    potholes, sidewalks = _days(city, "Pothole"), _days(city, "Sidewalk Repair")
    open_rows = [row for row in range(len(city)) if city.status[row] not in (CLOSED, ARCHIVED)]

    assert potholes[0] >= 0
    assert 4 < median(potholes) < 14
    assert median(sidewalks) > 5 * median(potholes)
    assert potholes[-1] > 8 * median(potholes)
    assert 0.02 < len(open_rows) / len(city) < 0.15
    assert any(city.created[row] < END - 730 * DAY for row in open_rows)
    assert max(city.created) < END
    assert max(city.updated) <= END
