"""A pulled file of a large invented city, made without a pull."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seeclickfix_async._tables.columns import NAMES

_STREETS = [
    f"{name}{end} {kind}"
    for name in ("Elm", "Chapel", "Grand", "Whalley", "Orange", "Dixwell", "Howard", "Ferry")
    for end in ("", "wood", "field", "ton", "ville", "view")
    for kind in ("St", "Ave", "Pl", "Rd", "Ct")
]
_TYPES = ("Pothole", "Graffiti", "Illegal Dumping", "Street Lamp", "Traffic Signal", "Tree")
_WORDS = [
    "large",
    "near",
    "the",
    "corner",
    "broken",
    "again",
    "dangerous",
    "blocked",
    "since",
    "Monday",
    "please",
    "help",
]
_STATUSES = ("open", "acknowledged", "closed", "archived")
_FIRST = datetime(2011, 1, 1, tzinfo=UTC)
_SPAN = 15 * 365 * 86_400


def write_city(path: Path, issues: int) -> None:
    """Write a database of issues over fifteen years, two in five with a photo."""
    marks = ", ".join("?" * len(NAMES))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE issues ({', '.join(NAMES)})")
        database.executemany(f"INSERT INTO issues VALUES ({marks})", _rows(issues))


def _rows(issues: int) -> Iterator[list[object]]:
    draw = random.Random(7)
    for row in range(issues):
        created = _FIRST + timedelta(seconds=row * _SPAN // issues)
        status = draw.choices(_STATUSES, (2, 1, 2, 5))[0]
        closed = created + timedelta(seconds=draw.expovariate(1 / 900_000))
        street = min(int(draw.expovariate(1 / 60)), len(_STREETS) - 1)
        number = draw.randrange(1, 900)
        kind = draw.choice(_TYPES)
        id_ = 1_000_000 + row * 40 + draw.randrange(40)
        cells: dict[str, object] = {
            "id": id_,
            "status": status,
            "request_type": kind,
            "summary": " ".join((kind, *draw.choices(_WORDS, k=draw.randrange(6)))),
            "address": f"{number} {_STREETS[street]}, New Haven, CT, USA",
            "lat": 41.26 + 0.0004 * street + 0.0000003 * number,
            "lng": -73.0 + 0.0001 * number + 0.0002 * (street % 7),
            "created_at": _format(created),
            "updated_at": _format(created),
            "closed_at": _format(closed) if status in _STATUSES[2:] else None,
            "html_url": f"https://seeclickfix.com/issues/{id_}",
        }
        if draw.random() < 0.4:
            photo = f"{draw.getrandbits(128):032x}"
            cells["image"] = f"https://seeclickfix.com/files/issue_images/{photo}/original.jpg"
        yield [cells.get(name) for name in NAMES]


def _format(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
