"""A model of the service's listing of issues, which knows what is true.

It answers an `IssueQuery` with a page, for the planner alone, or a request of a client with JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import format_datetime
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
"""When a model begins to answer; everything in it is older."""

CapMode = Literal["empty", "error", "repeat"]
CountMode = Literal["right", "missing", "low", "high", "capped", "jitter"]
TieOrder = Literal["id", "reversed", "page"]
Timespec = Literal["seconds", "milliseconds", "microseconds"]


@attrs.define
class Row:
    """One issue, as the service has it."""

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
    """What a listing is asked for."""

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
    def of_query(cls, query: IssueQuery, number: int) -> Criteria:
        return cls(
            query.after,
            query.before,
            query.updated_at_after,
            query.updated_at_before,
            query.status or _USUAL,
            _box(query.area),
            "updated" if query.sort == "updated_at" else "created",
            query.sort_direction != "ASC",
            query.per_page or 20,
            number,
        )

    @classmethod
    def of_params(cls, given: Mapping[str, str]) -> Criteria:
        def moment(name: str) -> datetime | None:
            return datetime.fromisoformat(given[name]) if name in given else None

        sides = [given.get(name) for name in ("min_lat", "min_lng", "max_lat", "max_lng")]
        return cls(
            moment("after"),
            moment("before"),
            moment("updated_at_after"),
            moment("updated_at_before"),
            tuple(map(Status, given["status"].split(","))) if "status" in given else _USUAL,
            BoundingBox(*(float(side) for side in sides if side)) if all(sides) else None,
            "updated" if given.get("sort") == "updated_at" else "created",
            given.get("sort_direction") != "ASC",
            int(given.get("per_page", 20)),
            int(given.get("page", 1)),
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


_USUAL = (Status.OPEN, Status.ACKNOWLEDGED, Status.CLOSED)


@attrs.define
class ServiceModel:
    """The rows, how the service serves them, and what happens before each answer.

    Attributes:
        rows: By id.
        most_per_page: The largest page that is granted.
        cap: How many rows of one query are served; None for all.
        cap_mode: The answer to a page beyond that.
        cuts_pages: Whether the last page that is served ends there too.
        page_step: The granted page sizes are multiples of it.
        tie_order: How rows of the same moment are ordered; `page` is another order on each page.
        keeps_ties: Whether they have the same order where newer rows come first.
        count_mode: How `entries` is counted.
        names_next: Whether an answer names its next page, as far as the count tells.
        before_answer: Called before each answer, with its number from 0; it may change anything.
        answers: How many answers were given.
        opened: The service's clock before the first answer.
        offset: By how much the clock of the answering machine differs from that.
        hidden: The ids of the rows that the answering replica lacks.
        timespec: How exactly the clocks of rows are shown.
        zone: The offset from UTC in which a moment is shown.
    """

    rows: dict[int, Row] = attrs.field(factory=dict)
    most_per_page: int = 100
    cap: int | None = None
    cap_mode: CapMode = "empty"
    cuts_pages: bool = False
    page_step: int = 1
    tie_order: TieOrder = "id"
    keeps_ties: bool = False
    count_mode: CountMode = "right"
    names_next: bool = True
    before_answer: Callable[[int], None] = lambda _number: None
    answers: int = 0
    opened: datetime = OPENED
    offset: timedelta = timedelta()
    hidden: frozenset[int] = frozenset()
    timespec: Timespec = "microseconds"
    zone: Callable[[datetime], tzinfo] = lambda _moment: UTC

    @property
    def now(self) -> datetime:
        """The service's clock, which an answer moves by two seconds."""
        return self.opened + self.offset + timedelta(seconds=2 * self.answers)

    def add(self, created: datetime, **more: Any) -> Row:
        """Add an issue, with the next id by default."""
        number = more.pop("id", None) or max(self.rows, default=0) + 1
        row = Row(number, created, more.pop("updated", created), **more)
        self.rows[number] = row
        return row

    def touch(self, row: Row, **changes: Any) -> None:
        """Change an issue now."""
        changed = attrs.evolve(row, **changes, updated=self.now, version=row.version + 1)
        self.rows[row.id] = changed

    def answer(self, query: IssueQuery, number: int) -> Page[Issue] | None:
        """The page for a query; None where the service refuses it."""
        self.advance()
        found = self._found(Criteria.of_query(query, number))
        if found is None:
            return None
        rows, told = found
        return Page(
            items=tuple(row.issue() for row in rows),
            page=number,
            per_page=told["per_page"],
            pages=None,
            entries=told["entries"],
            next_page=told["next_page"],
            rejected=(),
            response=Response(200, {}, b""),
            key="issues",
        )

    def respond(self, request: httpx.Request) -> httpx.Response:
        """The answer on the wire, with the service's clock in its Date."""
        date = {"Date": format_datetime(self.now, usegmt=True)}
        self.advance()
        *_, last = request.url.path.split("/")
        if last != "issues":
            row = self.rows.get(int(last))
            if row is None or row.id in self.hidden:
                return httpx.Response(404, json={"message": "No such issue."}, headers=date)
            return httpx.Response(200, content=json.dumps(self._json(row)), headers=date)
        found = self._found(Criteria.of_params(request.url.params))
        if found is None:
            return httpx.Response(400, json={"message": "No such page."}, headers=date)
        rows, told = found
        issues = [self._json(row) for row in rows]
        body = {"issues": issues, "metadata": {"pagination": told}, "errors": {}}
        return httpx.Response(200, content=json.dumps(body), headers=date)

    def advance(self) -> None:
        """Let happen what happens before the next answer, and count that as given."""
        self.before_answer(self.answers)
        self.answers += 1

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

    def _show(self, moment: datetime) -> str:
        return moment.astimezone(self.zone(moment)).isoformat(timespec=self.timespec)

    def _found(self, asked: Criteria) -> tuple[list[Row], dict[str, Any]] | None:
        per_page = min(asked.per_page, self.most_per_page)
        per_page = max(1, per_page - per_page % self.page_step)
        first = (asked.number - 1) * per_page
        matching = [
            row for row in self.rows.values() if row.id not in self.hidden and asked.matches(row)
        ]
        matching.sort(
            key=lambda row: self._place_in_tie(row, f"{first} {per_page}"),
            reverse=asked.descending and not self.keeps_ties,
        )
        matching.sort(key=lambda row: getattr(row, asked.clock), reverse=asked.descending)
        next_page = asked.number + 1 if first + per_page < len(matching) else None
        if self.cap is not None and first >= self.cap:
            if self.cap_mode == "error":
                return None
            first = len(matching) if self.cap_mode == "empty" else max(0, self.cap - per_page)
        told = {
            "entries": self._count(len(matching)),
            "page": asked.number,
            "per_page": per_page,
            "next_page": next_page if self.names_next else None,
        }
        end = first + per_page
        if self.cuts_pages and self.cap is not None and first < self.cap:
            end = min(end, self.cap)
        return matching[first:end], told

    def _place_in_tie(self, row: Row, page: str) -> float:
        match self.tie_order:
            case "reversed":
                return -row.id
            case "page":
                return Random(f"{row.id} {page}").random()
            case _:
                return row.id

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
                return max(0, rows - self.answers % 2)
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
