"""A model of the service's listing of issues.

It returns the page of an `IssueQuery`, for the planner alone, or the JSON response to a client's
request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import format_datetime
from operator import attrgetter
from random import Random
from typing import Any, Literal

import attrs
import httpx

from seeclickfix_async import BoundingBox, Issue, Page, Response
from seeclickfix_async._api.area import Area, Near
from seeclickfix_async._api.query import IssueQuery
from seeclickfix_async.models import Status

START = datetime(2026, 1, 1, tzinfo=UTC)
OPENED = START + timedelta(days=30)
"""The time of the first response of a model; all its rows are older."""

CapMode = Literal["empty", "error", "repeat"]
CountMode = Literal["right", "missing", "low", "high", "capped", "jitter"]
TieOrder = Literal["id", "reversed", "page"]
Timespec = Literal["seconds", "milliseconds", "microseconds"]


@attrs.define
class Row:
    """An issue, as the service stores it."""

    id: int
    created: datetime
    updated: datetime
    status: Status = Status.OPEN
    lat: float | None = 41.0
    lng: float | None = -73.0
    version: int = 0

    def issue(self) -> Issue:
        return Issue(
            id=self.id,
            status=self.status,
            summary=f"version {self.version}",
            lat=self.lat,
            lng=self.lng,
            created_at=self.created.replace(microsecond=0),
            updated_at=self.updated.replace(microsecond=0),
        )


@attrs.frozen
class Criteria:
    """The criteria of a listing, parsed."""

    after: datetime | None
    before: datetime | None
    updated_after: datetime | None
    updated_before: datetime | None
    statuses: tuple[Status, ...]
    box: BoundingBox | None
    clock: str
    descending: bool
    per_page: int
    number: int

    @classmethod
    def from_query(cls, query: IssueQuery, number: int) -> Criteria:
        return cls(
            query.after,
            query.before,
            query.updated_at_after,
            query.updated_at_before,
            query.status or _DEFAULT_STATUSES,
            _box(query.area),
            "updated" if query.sort == "updated_at" else "created",
            query.sort_direction != "ASC",
            query.per_page or 20,
            number,
        )

    @classmethod
    def from_params(cls, params: Mapping[str, str]) -> Criteria:
        def parse_time(name: str) -> datetime | None:
            return datetime.fromisoformat(params[name]) if name in params else None

        sides = [params.get(name) for name in ("min_lat", "min_lng", "max_lat", "max_lng")]
        return cls(
            parse_time("after"),
            parse_time("before"),
            parse_time("updated_at_after"),
            parse_time("updated_at_before"),
            tuple(map(Status, params["status"].split(",")))
            if "status" in params
            else _DEFAULT_STATUSES,
            BoundingBox(*(float(side) for side in sides if side)) if all(sides) else None,
            "updated" if params.get("sort") == "updated_at" else "created",
            params.get("sort_direction") != "ASC",
            int(params.get("per_page", 20)),
            int(params.get("page", 1)),
        )

    def matches(self, row: Row) -> bool:
        box = self.box
        return (
            (self.after is None or row.created >= self.after)
            and (self.before is None or row.created < self.before)
            and (self.updated_after is None or row.updated >= self.updated_after)
            and (self.updated_before is None or row.updated < self.updated_before)
            and row.status in self.statuses
            and (
                box is None
                or (row.lat is not None and row.lng is not None and box.contains(row.lat, row.lng))
            )
        )


_DEFAULT_STATUSES = (Status.OPEN, Status.ACKNOWLEDGED, Status.CLOSED)


@attrs.define
class ServiceModel:
    """The rows, and how the service lists them.

    Attributes:
        rows: By id.
        most_per_page: The upper limit of the page size.
        cap: Number of rows of a query that can be reached; None for all.
        cap_mode: The response to a page past the cap.
        cuts_last_page: Whether the last page within the cap ends there.
        page_step: Page sizes are rounded down to a multiple of it.
        tie_order: The order of rows with the same time; with `page`, each page has another.
        has_stable_ties: Whether that order is the same in both sort directions.
        count_mode: How `entries` is counted.
        has_next_page: Whether `next_page` is set.
        before_response: Called with the number of the next response, from 0; may change anything.
        responses: Number of responses so far.
        opened: The service's clock before the first response.
        offset: The error of the responding machine's clock.
        hidden: The ids of the rows that the responding replica lacks.
        timespec: The precision of the timestamps of rows.
        zone: Returns the UTC offset in which a time is shown.
    """

    rows: dict[int, Row] = attrs.field(factory=dict)
    most_per_page: int = 100
    cap: int | None = None
    cap_mode: CapMode = "empty"
    cuts_last_page: bool = False
    page_step: int = 1
    tie_order: TieOrder = "id"
    has_stable_ties: bool = False
    count_mode: CountMode = "right"
    has_next_page: bool = True
    before_response: Callable[[int], None] = lambda _number: None
    responses: int = 0
    opened: datetime = OPENED
    offset: timedelta = timedelta()
    hidden: frozenset[int] = frozenset()
    timespec: Timespec = "microseconds"
    zone: Callable[[datetime], tzinfo] = lambda _moment: UTC

    @property
    def now(self) -> datetime:
        """The service's clock, which each response advances by two seconds."""
        return self.opened + self.offset + timedelta(seconds=2 * self.responses)

    def add(self, created: datetime, **options: Any) -> Row:
        """Add an issue, with the next id by default."""
        number = options.pop("id", None) or max(self.rows, default=0) + 1
        row = Row(number, created, options.pop("updated", created), **options)
        self.rows[number] = row
        return row

    def touch(self, row: Row, **changes: Any) -> None:
        """Change an issue, and set its update time to now."""
        changed = attrs.evolve(row, **changes, updated=self.now, version=row.version + 1)
        self.rows[row.id] = changed

    def page(self, query: IssueQuery, number: int) -> Page[Issue] | None:
        """Return a page of a query; None if the service refuses it."""
        self.advance()
        found = self._select(Criteria.from_query(query, number))
        if found is None:
            return None
        rows, pagination = found
        return Page(
            items=tuple(row.issue() for row in rows),
            page=number,
            per_page=pagination["per_page"],
            pages=None,
            entries=pagination["entries"],
            next_page=pagination["next_page"],
            rejected=(),
            response=Response(200, {}, b""),
            key="issues",
        )

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Return the response to a request, with the service's clock in its Date header."""
        date = {"Date": format_datetime(self.now, usegmt=True)}
        self.advance()
        *_, last = request.url.path.split("/")
        if last != "issues":
            row = self.rows.get(int(last))
            if row is None or row.id in self.hidden:
                return httpx.Response(404, json={"message": "No such issue."}, headers=date)
            return httpx.Response(200, content=json.dumps(self._json(row)), headers=date)
        found = self._select(Criteria.from_params(request.url.params))
        if found is None:
            return httpx.Response(400, json={"message": "No such page."}, headers=date)
        rows, pagination = found
        issues = [self._json(row) for row in rows]
        body = {"issues": issues, "metadata": {"pagination": pagination}, "errors": {}}
        return httpx.Response(200, content=json.dumps(body), headers=date)

    def advance(self) -> None:
        """Call `before_response`, and count the response."""
        self.before_response(self.responses)
        self.responses += 1

    def _json(self, row: Row) -> dict[str, Any]:
        return {
            "id": row.id,
            "status": row.status.value.capitalize(),
            "summary": f"version {row.version}",
            "lat": row.lat,
            "lng": row.lng,
            "created_at": self._show(row.created),
            "updated_at": self._show(row.updated),
        }

    def _show(self, time: datetime) -> str:
        return time.astimezone(self.zone(time)).isoformat(timespec=self.timespec)

    def _select(self, criteria: Criteria) -> tuple[list[Row], dict[str, Any]] | None:
        per_page = min(criteria.per_page, self.most_per_page)
        per_page = max(1, per_page - per_page % self.page_step)
        first = (criteria.number - 1) * per_page
        matching = [
            row for row in self.rows.values() if row.id not in self.hidden and criteria.matches(row)
        ]
        matching.sort(
            key=self._tie_key(f"{first} {per_page}"),
            reverse=criteria.descending and not self.has_stable_ties,
        )
        matching.sort(key=attrgetter(criteria.clock), reverse=criteria.descending)
        next_page = criteria.number + 1 if first + per_page < len(matching) else None
        if self.cap is not None and first >= self.cap:
            if self.cap_mode == "error":
                return None
            first = len(matching) if self.cap_mode == "empty" else max(0, self.cap - per_page)
        pagination = {
            "entries": self._count(len(matching)),
            "page": criteria.number,
            "per_page": per_page,
            "next_page": next_page if self.has_next_page else None,
        }
        end = first + per_page
        if self.cuts_last_page and self.cap is not None and first < self.cap:
            end = min(end, self.cap)
        return matching[first:end], pagination

    def _tie_key(self, page: str) -> Callable[[Row], float]:
        match self.tie_order:
            case "reversed":
                return lambda row: -row.id
            case "page":
                return lambda row: Random(f"{row.id} {page}").random()
            case _:
                return attrgetter("id")

    def _count(self, rows: int) -> int | None:
        match self.count_mode:
            case "missing":
                return None
            case "low":
                return max(0, rows - 3)
            case "high":
                return rows + 3
            case "capped":
                return min(rows, self.cap or rows)
            case "jitter":
                return max(0, rows - self.responses % 2)
            case _:
                return rows


def _box(area: Area | None) -> BoundingBox | None:
    match area:
        case Near():
            return area.box
        case BoundingBox():
            return area
        case _:
            return None
