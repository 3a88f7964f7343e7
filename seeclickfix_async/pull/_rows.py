"""What a file holds of an issue that tells whether it is still there, and where its photo is."""

from __future__ import annotations

import csv
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import attrs

VanishedMarks = dict[int, datetime | None]
"""When issues were found to have vanished, by id; None for those that came again."""


@attrs.frozen
class StoredRow:
    """A row of a file, as far as sweeps and photos go by it.

    Attributes:
        id: The issue's.
        told: When the service last told of it: updated, or created where that is all.
        vanished: When a sweep found that it had vanished; None while it is there.
        image: The link to its photo in full size.
    """

    id: int
    told: datetime | None
    vanished: datetime | None
    image: str | None = None


@attrs.frozen
class Comparison:
    """A file beside what a sweep met.

    Attributes:
        marks: The marks that are to be changed.
        vanished: How many rows are marked as vanished then.
        missing: The ids that the sweep met and the file does not hold.
    """

    marks: VanishedMarks
    vanished: int
    missing: list[int]


def compare_ids(rows: Iterable[StoredRow], there: array[int], until: datetime) -> Comparison:
    """Compare what a file holds with what a sweep met.

    An issue that the service told of later is left alone: it may have come, or come back, behind
    the sweep's back. One that vanished since then is for the next sweep.

    Args:
        rows: What the file holds.
        there: The ids that the sweep met, ascending.
        until: The moment up to which it looked.
    """
    marks: VanishedMarks = {}
    vanished = 0
    held = bytearray(len(there))
    for row in rows:
        place = bisect_left(there, row.id)
        mark = row.vanished
        if place < len(there) and there[place] == row.id:
            mark, held[place] = None, True
        elif mark is None and row.told is not None and row.told < until:
            mark = until
        if mark != row.vanished:
            marks[row.id] = mark
        vanished += mark is not None
    missing = [number for number, is_held in zip(there, held, strict=True) if not is_held]
    return Comparison(marks, vanished, missing)


def read_ids(path: Path) -> array[int]:
    """The ids in a CSV file, ascending: 8 bytes each, and some 40 while they are sorted."""
    with path.open(encoding="utf-8", newline="") as text:
        rows = csv.reader(text)
        next(rows)
        return array("q", sorted(int(row[0]) for row in rows))
