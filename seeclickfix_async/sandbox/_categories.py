"""The categories of the synthetic city: how often, when and where they are reported and closed."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate, groupby
from random import Random

import attrs

from seeclickfix_async.sandbox._streets import (
    AVENUE,
    CENTRAL,
    INDUSTRIAL,
    INNER,
    SHORE,
    SUBURB,
    Point,
    blocks,
)

DAY = 86_400

_HOUR = 3600
_YEAR = 31_556_952
_EASTERN = -4 * _HOUR  # daylight time, at which the history ends
_OPENING = 8 * _HOUR - _EASTERN
_OFFICE_HOURS = 9 * _HOUR
_SATURDAY_SUNDAY = (5, 6)
_WEEKEND = 0.55  # of the reports of a workday

# By hour of the day: most at noon, or at night.
_NOON = (2, 1, 1, 1, 1, 3, 8, 16, 24, 28, 28, 26, 24, 25, 25, 24, 23, 20, 15, 11, 8, 6, 4, 3)
_NIGHT = (20, 18, 15, 10, 8, 8, 12, 14, 12, 9, 7, 6, 6, 6, 6, 7, 8, 10, 12, 15, 18, 22, 24, 23)

# By month, from January.
_EVEN = (10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10)
_SUMMER = (5, 5, 7, 10, 13, 16, 17, 16, 13, 9, 6, 5)
_FROST = (14, 26, 30, 20, 11, 7, 5, 4, 4, 5, 6, 8)
_STORMS = (7, 6, 10, 7, 8, 12, 15, 17, 16, 12, 8, 6)
_DARK = (16, 13, 9, 7, 6, 5, 5, 7, 10, 13, 17, 18)
_LEAVES = (1, 0, 1, 2, 1, 1, 1, 2, 8, 40, 60, 14)
_SNOW = (60, 50, 18, 1, 0, 0, 0, 0, 0, 0, 4, 34)

# The issues of a block by its kind, in relation to each other.
_EVERYWHERE = {CENTRAL: 10, INNER: 7, INDUSTRIAL: 5, SHORE: 6, SUBURB: 3, AVENUE: 12}
_TRAFFIC = {CENTRAL: 8, INNER: 5, INDUSTRIAL: 9, SHORE: 3, SUBURB: 2, AVENUE: 34}
_HOMES = {CENTRAL: 5, INNER: 10, INDUSTRIAL: 1, SHORE: 8, SUBURB: 6, AVENUE: 2}
_TREES = {CENTRAL: 2, INNER: 6, INDUSTRIAL: 1, SHORE: 6, SUBURB: 8, AVENUE: 5}
_NIGHTLIFE = {CENTRAL: 24, INNER: 5, INDUSTRIAL: 6, SHORE: 3, SUBURB: 0.5, AVENUE: 9}
_BACKYARDS = {CENTRAL: 4, INNER: 6, INDUSTRIAL: 26, SHORE: 4, SUBURB: 1.5, AVENUE: 6}


@attrs.frozen
class Category:
    """A request type.

    Attributes:
        name: Its title.
        weight: The number of its issues, in relation to those of the others.
        months: Its issues by month.
        hours: Its issues by hour.
        kinds: Its issues on a block of each kind.
        hot_spots: Points around which it is reported far more often.
        days: The median time from its acknowledgement to its closing.
        spread: The spread of this time: of its logarithm, the standard deviation.
        closed: The share that is ever closed.
    """

    name: str
    weight: float
    months: Sequence[int]
    hours: Sequence[int]
    kinds: Mapping[int, float]
    hot_spots: tuple[Point, ...]
    days: float
    spread: float
    closed: float


_PUB_STREET, _UNDERPASS, _QUARRY, _BEACH = (950, -1450), (-250, -700), (-900, 2300), (-2500, -2800)
_BRIDGE, _STATION, _SCHOOL, _DUMP = (150, 600), (350, -750), (2100, 150), (450, 2500)

_CATEGORIES = (
    Category("Post to Neighbors", 5, _EVEN, _NOON, _HOMES, (), 25, 1.2, 0.55),
    Category("Pothole", 18, _FROST, _NOON, _TRAFFIC, (_BRIDGE, (2600, 600)), 5, 1.0, 0.97),
    Category("Street Light Out", 9, _DARK, _NIGHT, _EVERYWHERE, (_SCHOOL,), 12, 1.0, 0.95),
    Category("Graffiti", 9, _SUMMER, _NIGHT, _NIGHTLIFE, (_UNDERPASS, _BRIDGE), 4, 1.0, 0.95),
    Category("Illegal Dumping", 12, _EVEN, _NOON, _BACKYARDS, (_DUMP, _QUARRY), 4, 1.1, 0.96),
    Category("Tree Down", 5, _STORMS, _NOON, _TREES, (), 2, 1.3, 0.95),
    Category("Sidewalk Repair", 8, _SUMMER, _NOON, _EVERYWHERE, (_SCHOOL,), 75, 1.1, 0.82),
    Category("Missed Trash Pickup", 12, _EVEN, _NOON, _HOMES, ((-2100, -350),), 1.5, 0.8, 0.99),
    Category("Water Leak", 4, _EVEN, _NOON, _EVERYWHERE, (), 1, 1.2, 0.97),
    Category("Traffic Signal", 4, _EVEN, _NOON, _TRAFFIC, (_BRIDGE,), 0.8, 1.2, 0.96),
    Category("Parking Complaint", 8, _SUMMER, _NOON, _NIGHTLIFE, (_BEACH, _STATION), 2, 0.9, 0.98),
    Category("Noise", 5, _SUMMER, _NIGHT, _NIGHTLIFE, (_PUB_STREET,), 2, 1.0, 0.92),
    Category("Abandoned Vehicle", 5, _EVEN, _NOON, _BACKYARDS, (_QUARRY, _STATION), 14, 0.9, 0.95),
    Category("Leaf Collection", 3, _LEAVES, _NOON, _TREES, (), 6, 0.7, 0.98),
    Category("Snow and Ice", 4, _SNOW, _NOON, _EVERYWHERE, (_BRIDGE,), 1, 0.7, 0.99),
)

CATEGORIES = tuple(category.name for category in _CATEGORIES)

COMMUNITY = 0
"""The category "Post to Neighbors", which has no request type."""

FIRST_REQUEST_TYPE = 1000
"""The id of a category's request type is this plus the category's number."""

_QUANTILES = 512
_HOT_SHARE = 0.2  # of a category's issues are at its hot spots
_HOT_REACH = 600  # metres


def report_times(random: Random, count: int, days: Sequence[int]) -> Iterator[int]:
    """Yield when issues are reported, in no order.

    Args:
        random: The source of random numbers.
        count: The number of issues.
        days: The days on which they are reported, since 1970.
    """
    by_month = _hours()
    months = [day * DAY % _YEAR * 12 // _YEAR for day in days]
    rates = [
        by_month[month][0] * (_WEEKEND if _weekday(day) in _SATURDAY_SUNDAY else 1)
        for day, month in zip(days, months, strict=True)
    ]
    draw = random.random
    for index in random.choices(range(len(days)), rates, k=count):
        hour = bisect(by_month[months[index]][1], draw())
        yield days[index] * DAY - _EASTERN + hour * _HOUR + int(draw() * _HOUR)


def category_at(timestamp: int, draw: float) -> int:
    """Return the category of an issue that is reported at a time, by a random number."""
    local = timestamp + _EASTERN
    hour = local % _YEAR * 12 // _YEAR * 24 + local // _HOUR % 24
    return bisect(_categories_by_hour()[hour], draw)


def block_of(category: int, random: Random) -> int:
    """Return the number of a block where a category is reported."""
    draw = random.random
    shares, areas = _areas()[category]
    area = areas[bisect(shares, draw())]
    return area[int(draw() * len(area))]


def is_ever_closed(category: int, draw: float) -> bool:
    """Return whether an issue is closed sooner or later, by a random number."""
    return draw < _CATEGORIES[category].closed


def closing_time(category: int, start: int, random: Random) -> int:
    """Return when an issue is closed after `start`, in the office hours of a workday."""
    draw = random.random
    day = (start + _durations()[category][int(draw() * _QUANTILES)] + _EASTERN) // DAY
    if _weekday(day) in _SATURDAY_SUNDAY:
        day += 2
    return max(day * DAY + _OPENING + int(draw() * _OFFICE_HOURS), start)


def _weekday(day: int) -> int:
    return (day + 3) % 7  # 1970-01-01 was a Thursday


@cache
def _rates() -> list[list[float]]:
    """Return for each hour of each month how often each category is reported."""
    by_month = [[kind.weight * n / sum(kind.months) for n in kind.months] for kind in _CATEGORIES]
    by_hour = [[n / sum(kind.hours) for n in kind.hours] for kind in _CATEGORIES]
    numbers = range(len(_CATEGORIES))
    return [
        [by_month[number][month] * by_hour[number][hour] for number in numbers]
        for month in range(12)
        for hour in range(24)
    ]


@cache
def _hours() -> list[tuple[float, list[float]]]:
    """Return for each month the rate of a day, and the cumulative shares of its hours."""
    totals = list(map(sum, _rates()))
    months = [totals[start : start + 24] for start in range(0, len(totals), 24)]
    return [(sum(month), _shares(month)) for month in months]


@cache
def _categories_by_hour() -> list[list[float]]:
    """Return for each hour of each month the cumulative shares of the categories."""
    return list(map(_shares, _rates()))


@cache
def _durations() -> list[list[int]]:
    """Return for each category quantiles of the time to its closing, in seconds."""
    random = Random(0)  # noqa: S311
    quantiles = sorted(random.gauss(0, 1) for _ in range(_QUANTILES))
    return [
        [int(kind.days * DAY * math.exp(kind.spread * quantile)) for quantile in quantiles]
        for kind in _CATEGORIES
    ]


@cache
def _areas() -> list[tuple[list[float], list[Sequence[int]]]]:
    """Return for each category the blocks of its areas, with the areas' cumulative shares."""
    areas: list[tuple[int, Sequence[int]]] = []
    first = 0
    for (_, kind), group in groupby(blocks(), key=lambda block: (block.district, block.kind)):
        end = first + sum(1 for _ in group)
        areas.append((kind, range(first, end)))
        first = end
    found = []
    for category in _CATEGORIES:
        weights = [category.kinds[kind] * len(area) for kind, area in areas]
        hot = _HOT_SHARE / (1 - _HOT_SHARE) * sum(weights) / max(len(category.hot_spots), 1)
        weights += [hot] * len(category.hot_spots)
        spots = [_blocks_near(point) for point in category.hot_spots]
        found.append((_shares(weights), [area for _, area in areas] + spots))
    return found


@cache
def _blocks_near(point: Point) -> Sequence[int]:
    """Return the blocks of a hot spot, the nearest more often."""
    east, north = point
    starts = (block.start for block in blocks())
    distances = [abs(x - east) + abs(y - north) for x, y in starts]
    return [
        block
        for block, distance in enumerate(distances)
        for _ in range(int(_HOT_REACH / max(distance, _HOT_REACH / 6)))
    ]


def _shares(weights: Sequence[float]) -> list[float]:
    """Return the cumulative shares of weights, without the last, which is 1."""
    total = sum(weights)
    return [reached / total for reached in accumulate(weights[:-1])]
