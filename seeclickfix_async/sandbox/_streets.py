"""The street plan of the synthetic city: a town on a shore, with a river and a park.

Points are metres east (x) and north (y) of the center. A street consists of blocks, from corner to
corner. Each block has the same number of lots, and each lot has an address and a point.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import attrs

CENTER = (41.05, -73.54)
REACH = 0.06
"""Half the height and width of the city, in degrees."""

CENTRAL, INNER, INDUSTRIAL, SHORE, SUBURB, AVENUE = range(6)
"""The kinds of a block: of its district, or a main street in any of them."""

LOTS = 24
"""The number of lots of a block, on both sides of the street."""

_LAT = 1 / 111_200  # degrees in a metre
_LNG = _LAT / math.cos(math.radians(CENTER[0]))
_SETBACK = 12  # from the middle of the street to a lot
_STEP = 200  # the length of an avenue's blocks

# Center, kind, direction of the streets in degrees, length and width of a block. Each point belongs
# to the district with the nearest center.
_DISTRICTS = (
    (100, -100, CENTRAL, 14, 170, 120),
    (900, -1500, CENTRAL, -20, 180, 130),
    (-1900, -700, INNER, 4, 220, 140),
    (1900, -300, INNER, 22, 220, 140),
    (-400, 1900, INDUSTRIAL, 38, 330, 220),
    (-2300, -2300, SHORE, 24, 260, 170),
    (3300, -1700, SHORE, -12, 280, 180),
    (1500, 2000, INNER, -8, 250, 160),
    (-2500, 2000, SUBURB, -30, 320, 230),
    (3500, 1600, SUBURB, 30, 320, 240),
    (-4000, 200, SUBURB, 12, 320, 230),
    (-600, 4200, SUBURB, 18, 380, 300),
    (2400, 4200, SUBURB, -22, 400, 320),
)
_CENTERS = [(east, north) for east, north, *_ in _DISTRICTS]
_WIDEST = 2200  # from a district's center to its farthest corner
_EDGE = 300_000  # the difference of two squared distances that makes a point one of both districts

_PARK = (-1150, 550, 520)  # x, y and radius

_NAMES = (
    *("Elm", "Oak", "Maple", "Cedar", "Birch", "Chestnut", "Walnut", "Willow", "Linden", "Spruce"),
    *("Hickory", "Laurel", "Poplar", "Sycamore", "Magnolia", "Hawthorn", "Juniper", "Aspen"),
    *("Meadow", "Orchard", "Spring", "Valley", "Hill", "Forest", "Brook", "Garden", "Sunset"),
    *("Church", "School", "Union", "Grove", "Prospect", "Pleasant", "Summit", "Washington"),
    *("Lincoln", "Franklin", "Adams", "Madison", "Jackson", "Clinton", "Cooper", "Hudson"),
)
_SUFFIXES = ("St", "Ave", "Rd", "Ln", "Dr", "Ct", "Pl", "Ter", "Way")

Point = tuple[float, float]


def shore_at(x: float) -> float:
    """Return the northing of the shore; south of it is water."""
    return -2750 + 480 * math.sin(x / 1250 + 0.4) + 190 * math.sin(x / 430)


def river_at(y: float) -> float:
    """Return the easting of the river."""
    return -450 + 420 * math.sin(y / 1350 + 0.5) + 0.08 * y


_AVENUES: dict[str, Callable[[float], Point]] = {
    "Main St": lambda x: (x, -300 + 180 * math.sin(x / 1400)),
    "Broadway": lambda y: (180 + 240 * math.sin(y / 1700), y),
    "Harbor Dr": lambda x: (x, shore_at(x) + 170),
    "River Rd": lambda y: (river_at(y) + 140, y),
    "Park Ave": lambda way: (2700 * math.cos(way / 2700), 100 + 2700 * math.sin(way / 2700)),
    "Mill Rd": lambda way: (-0.62 * way, 0.78 * way),
    "Ridge Rd": lambda way: (0.5 * way, 0.86 * way),
    "Post Rd": lambda x: (x, 900 - 0.28 * x),
}
_AVENUE_REACH = 42  # blocks in both directions


@attrs.frozen
class Block:
    """A street between two corners.

    Attributes:
        street: Its name.
        hundred: Its first house number; each block of a street begins another hundred.
        start: A corner.
        end: The other corner.
        district: The number of its district.
        kind: Its kind.
    """

    street: str
    hundred: int
    start: Point
    end: Point
    district: int
    kind: int


def format_address(lot: int) -> str:
    """Return a lot's address; the sides of a street have odd and even numbers."""
    number, house = divmod(lot, LOTS)
    block = blocks()[number]
    return f"{block.hundred + house // 2 * 8 + house % 2} {block.street} Example, EX"


@cache
def lot_lines() -> Sequence[tuple[float, float, float, float]]:
    """Return the two sides of each block: the first lot, and the step from each to the next.

    These are degrees: latitude, longitude, and their steps. Lot `i` of all lots of a side is on
    line `i // LOTS * 2 + i % 2`.
    """
    return [_lot_line(block, side) for block in blocks() for side in (1, -1)]


def _lot_line(block: Block, side: int) -> tuple[float, float, float, float]:
    (x, y), (end_x, end_y) = block.start, block.end
    step_x, step_y = (end_x - x) / (LOTS // 2), (end_y - y) / (LOTS // 2)
    setback = side * _SETBACK / math.hypot(step_x, step_y)
    x += step_x / 2 - step_y * setback
    y += step_y / 2 + step_x * setback
    return CENTER[0] + y * _LAT, CENTER[1] + x * _LNG, step_y * _LAT, step_x * _LNG


@cache
def blocks() -> Sequence[Block]:
    """Return all blocks; those of a district and kind are neighbours."""
    found = itertools.chain(_avenue_blocks(), _side_street_blocks())
    return sorted(found, key=lambda block: (block.district, block.kind))


def _avenue_blocks() -> Iterator[Block]:
    for name, point_at in _AVENUES.items():
        line = [point_at(_STEP * i) for i in range(-_AVENUE_REACH, _AVENUE_REACH + 1)]
        corners = [corner if _is_built_up(corner) else None for corner in line]
        for hundred, start, end in _pairs(corners):
            yield Block(name, hundred, start, end, _district_of(start), AVENUE)


def _side_street_blocks() -> Iterator[Block]:
    """Yield the blocks of the districts' grids; each has a direction of its own."""
    names = (f"{name} {suffix}" for suffix in _SUFFIXES for name in _NAMES)
    for district, (*_, kind, _, _, _) in enumerate(_DISTRICTS):
        grid = _corners(district)
        for line in itertools.chain(grid, zip(*grid, strict=True)):
            street = list(_pairs(line))
            if len(street) < 2:  # a rest at the district's edge
                continue
            name = next(names)
            for hundred, start, end in street:
                yield Block(name, hundred, start, end, district, kind)


def _corners(district: int) -> list[list[Point | None]]:
    """Return the corners of a district's grid; None where no street is."""
    east, north, _, degrees, length, width = _DISTRICTS[district]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rows, columns = _WIDEST // width, _WIDEST // length
    grid: list[list[Point | None]] = []
    for row in range(-rows, rows + 1):
        up = row * width
        line = [
            (east + along * cos - up * sin, north + along * sin + up * cos)
            for along in range(-columns * length, columns * length + 1, length)
        ]
        bent = [_bend(corner) if _is_in(district, corner) else None for corner in line]
        grid.append([corner if corner and _is_built_up(corner) else None for corner in bent])
    return grid


def _pairs(corners: Sequence[Point | None]) -> Iterator[tuple[int, Point, Point]]:
    """Yield the hundred and the ends of each block of a street, without bridges."""
    for number, (start, end) in enumerate(itertools.pairwise(corners), 1):
        if start and end and _is_built_up(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)):
            yield number * 100, start, end


def _is_built_up(point: Point) -> bool:
    x, y = point
    east, north, radius = _PARK
    return (
        (x / 4800) ** 2 + ((y - 700) / 5300) ** 2 < 1
        and y > shore_at(x) + 60
        and abs(x - river_at(y)) > 75
        and math.hypot(x - east, y - north) > radius
    )


def _district_of(point: Point) -> int:
    x, y = point
    distances = [(x - east) ** 2 + (y - north) ** 2 for east, north in _CENTERS]
    return distances.index(min(distances))


def _is_in(district: int, point: Point) -> bool:
    """Return whether a corner is in a district or at its edge."""
    x, y = point
    east, north = _CENTERS[district]
    farthest = (x - east) ** 2 + (y - north) ** 2 - _EDGE
    if farthest > _WIDEST**2:
        return False
    return farthest <= min([(x - east) ** 2 + (y - north) ** 2 for east, north in _CENTERS])


def _bend(point: Point) -> Point:
    """Move a corner: far from the center, streets are curved."""
    x, y = point
    bend = 0.045 * max(math.hypot(x, y) - 1200, 0)
    return x + bend * math.sin(y / 520), y + bend * math.sin(x / 610)
