"""Stored rows, and their comparison with what a sweep has found."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import attrs

from seeclickfix_async.models import Issue
from seeclickfix_async.pull._id_set import IdSet

VanishedMarks = dict[int, datetime | None]
"""The times at which issues were found to have vanished, by id; None for those that are back."""


@attrs.frozen
class StoredRow:
    """A row of a sink, with the columns that sweeps and photos need.

    Attributes:
        id: The issue's id.
        created: The issue's creation.
        updated: The issue's last update.
        vanished: When a sweep found that the issue had vanished; None if it exists.
        image: The link to its photo in full size.
    """

    id: int
    created: datetime | None
    updated: datetime | None
    vanished: datetime | None
    image: str | None = None

    def is_before(self, time: datetime) -> bool:
        """Check whether the issue was created and updated before a time, as far as is known."""
        times = [known for known in (self.created, self.updated) if known is not None]
        return bool(times) and max(times) < time


@attrs.frozen
class Comparison:
    """The differences between the stored rows and the ids that a sweep found.

    Attributes:
        marks: The marks to change.
        vanished: The number of rows that are then marked as vanished.
        missing: The ids that the sweep found and that are not stored.
    """

    marks: VanishedMarks
    vanished: int
    missing: list[int]


def compare_ids(rows: Iterable[StoredRow], found: IdSet, until: datetime) -> Comparison:
    """Compare the stored rows with the ids that a sweep found.

    An issue that was created or updated at `until` or later is not judged: the sweep did not list
    it, or it may have been restored after the sweep had passed it. Some issues are dated hours
    ahead, by the clock of another system. If it vanished since then, a later sweep marks it.

    Args:
        rows: The stored rows.
        found: The ids that the sweep found.
        until: The end of the period that the sweep covered.
    """
    marks: VanishedMarks = {}
    vanished = 0
    for row in rows:
        mark = row.vanished
        if found.see(row.id):
            mark = None
        elif mark is None and row.is_before(until):
            mark = until
        if mark != row.vanished:
            marks[row.id] = mark
        vanished += mark is not None
    return Comparison(marks, vanished, list(found.unseen()))


def read_ids(path: Path) -> IdSet:
    """Read the ids of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return IdSet(int(row[0]) for row in rows)


def last_versions(issues: Iterable[Issue], repeated: Counter[int]) -> Iterator[Issue]:
    """Iterate over the last version of each issue.

    Args:
        issues: The issues.
        repeated: How many more versions follow the first one of each issue, if any; it is used up.
    """
    for issue in issues:
        if repeated[issue.id]:
            repeated[issue.id] -= 1
        else:
            yield issue
