"""An issue as one flat row, for tables of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import attrs

from seeclickfix_async.models import DetailedIssue, Issue
from seeclickfix_async.queries import moment

Kind = Literal["integer", "real", "text", "time"]


@attrs.frozen
class Column:
    """One column: what it is called, what it holds, and where that comes from."""

    name: str
    kind: Kind
    of: Callable[[Issue], Any]


def _type_id(issue: Issue) -> int | None:
    number = issue.request_type and issue.request_type.id
    return number if isinstance(number, int) else None


def _comments(issue: Issue) -> int | None:
    return issue.comments_count if isinstance(issue, DetailedIssue) else None


COLUMNS = (
    Column("id", "integer", lambda issue: issue.id),
    Column("status", "text", lambda issue: issue.status and issue.status.value),
    Column("summary", "text", lambda issue: issue.summary),
    Column("description", "text", lambda issue: issue.description),
    Column("rating", "integer", lambda issue: issue.rating),
    Column("lat", "real", lambda issue: issue.lat),
    Column("lng", "real", lambda issue: issue.lng),
    Column("address", "text", lambda issue: issue.address),
    Column("created_at", "time", lambda issue: issue.created_at),
    Column("acknowledged_at", "time", lambda issue: issue.acknowledged_at),
    Column("closed_at", "time", lambda issue: issue.closed_at),
    Column("reopened_at", "time", lambda issue: issue.reopened_at),
    Column("updated_at", "time", lambda issue: issue.updated_at),
    Column("html_url", "text", lambda issue: issue.html_url),
    Column("request_type_id", "integer", _type_id),
    Column("request_type", "text", lambda issue: issue.request_type and issue.request_type.title),
    Column(
        "organization", "text", lambda issue: issue.request_type and issue.request_type.organization
    ),
    Column("reporter_id", "integer", lambda issue: issue.reporter and issue.reporter.id),
    Column("reporter", "text", lambda issue: issue.reporter and issue.reporter.name),
    Column("image", "text", lambda issue: issue.media and issue.media.image_full),
    Column("comments_count", "integer", _comments),
    Column("vanished_at", "time", lambda _: None),  # an issue that comes is there
)
"""The columns of CSV, SQLite and Parquet; `lat` and `lng` are degrees.

`vanished_at` is filled by a sweep, with the moment up to which it looked.
"""

_GETTERS = [(column.name, column.of) for column in COLUMNS]
_TIMES = [column.name for column in COLUMNS if column.kind == "time"]


def plain(issue: Issue) -> dict[str, Any]:
    """An issue's row where there is no type for time: ISO 8601 in UTC."""
    row = {name: of(issue) for name, of in _GETTERS}
    for name in _TIMES:
        if row[name] is not None:
            row[name] = moment(row[name])
    return row
