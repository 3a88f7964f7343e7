"""The columns of tables, and the conversion of issues to rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any, Literal
from zoneinfo import ZoneInfo

import attrs
import msgspec

from seeclickfix_async.models import DetailedIssue, Issue

_CHUNK = 500  # issues

ColumnType = Literal["integer", "real", "text", "time", "local time"]


@attrs.frozen
class Column:
    """A column of a table.

    Attributes:
        name: The name of the column.
        type: The type of its values.
        value_of: Returns the value for an issue.
        field: The field of the issue that contains the value; by default of the same name.
    """

    name: str
    type: ColumnType
    value_of: Callable[[Issue], Any]
    field: str = attrs.Factory(lambda self: self.name, takes_self=True)


def _type_id(issue: Issue) -> int | None:
    number = issue.request_type and issue.request_type.id
    return number if isinstance(number, int) else None


def _comments(issue: Issue) -> int | None:
    return issue.comments_count if isinstance(issue, DetailedIssue) else None


COLUMNS = (
    Column("id", "integer", attrgetter("id")),
    Column("status", "text", lambda issue: issue.status and issue.status.value),
    Column("summary", "text", attrgetter("summary")),
    Column("description", "text", attrgetter("description")),
    Column("rating", "integer", attrgetter("rating")),
    Column("lat", "real", attrgetter("lat")),
    Column("lng", "real", attrgetter("lng")),
    Column("address", "text", attrgetter("address")),
    Column("created_at", "time", attrgetter("created_at")),
    Column("acknowledged_at", "time", attrgetter("acknowledged_at")),
    Column("closed_at", "time", attrgetter("closed_at")),
    Column("reopened_at", "time", attrgetter("reopened_at")),
    Column("updated_at", "time", attrgetter("updated_at")),
    Column("html_url", "text", attrgetter("html_url")),
    Column("request_type_id", "integer", _type_id, "request_type"),
    Column("request_type", "text", lambda issue: issue.request_type and issue.request_type.title),
    Column(
        "organization",
        "text",
        lambda issue: issue.request_type and issue.request_type.organization,
        "request_type",
    ),
    Column(
        "reporter_id", "integer", lambda issue: issue.reporter and issue.reporter.id, "reporter"
    ),
    Column("reporter", "text", lambda issue: issue.reporter and issue.reporter.name),
    Column("image", "text", lambda issue: issue.media and issue.media.image_full, "media"),
    Column("comments_count", "integer", _comments),
    Column("vanished_at", "time", lambda _: None),  # a received issue exists
)
"""The columns of CSV, SQLite and Parquet; `lat` and `lng` are degrees.

`vanished_at` is set by a sweep, to the end of the period that it covered.
"""

NAMES = tuple(column.name for column in COLUMNS)


@cache
def columns_in(zone: ZoneInfo | None) -> tuple[Column, ...]:
    """Return the columns of a pull; with a time zone, also the local time of each time.

    The local times stand before `vanished_at`, except its own: a sweep replaces the end of a row.
    """
    if zone is None:
        return COLUMNS
    *local, vanished = (_local(column, zone) for column in COLUMNS if column.type == "time")
    return (*COLUMNS[:-1], *local, COLUMNS[-1], vanished)


def mark_cells(vanished: datetime | None, zone: ZoneInfo | None) -> dict[str, str | None]:
    """Return the cells at the end of a row that a sweep replaces, by column."""
    times = {"vanished_at": vanished and vanished.astimezone(UTC)}
    if zone is not None:
        times[local_name("vanished_at")] = to_local(vanished, zone)
    cells: dict[str, str | None] = msgspec.to_builtins(times)
    return cells


def local_name(name: str) -> str:
    """Return the name of the column with the local time of a time."""
    return f"{name}_local"


def to_local(time: datetime | None, zone: ZoneInfo) -> datetime | None:
    """Return a local time without its offset.

    Engines convert times with an offset, or a time zone, to the time zone of their own session:
    DuckDB silently, to another day. pandas reads no column with the offsets of summer and winter.
    """
    return time and time.astimezone(zone).replace(tzinfo=None)


def _local(column: Column, zone: ZoneInfo) -> Column:
    def value_of(issue: Issue) -> datetime | None:
        return to_local(column.value_of(issue), zone)

    return Column(local_name(column.name), "local time", value_of, column.field)


def to_columns(
    issues: Sequence[Issue], columns: Sequence[Column] = COLUMNS
) -> dict[str, list[Any]]:
    """Return the values of issues by column."""
    return {column.name: list(map(column.value_of, issues)) for column in columns}


def plain_rows(
    issues: Iterable[Issue], columns: Sequence[Column] = COLUMNS
) -> Iterator[tuple[Any, ...]]:
    """Iterate over the rows of issues, with times as ISO 8601 strings.

    Those in UTC end in Z; local ones have no offset.
    """
    for chunk in chunked(issues):
        values = to_columns(chunk, columns)
        for column in columns:
            times = values[column.name]
            if column.type == "time":
                times = [value and value.astimezone(UTC) for value in times]
            if column.type in ("time", "local time"):
                values[column.name] = msgspec.to_builtins(times)  # takes half as long as isoformat
        yield from zip(*values.values(), strict=True)


def chunked(issues: Iterable[Issue]) -> Iterator[list[Issue]]:
    """Divide issues into chunks, so that the values of only one chunk are in memory at once.

    A batch of a crawl may hold 32 pages.
    """
    remaining = iter(issues)
    return iter(lambda: list(itertools.islice(remaining, _CHUNK)), [])
