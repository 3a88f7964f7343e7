"""Seconds that hold more issues than a page, read by page number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import attrs

from seeclickfix_async._api.area import WORLD, Area, BoundingBox, Near
from seeclickfix_async._api.query import ALL, IssueQuery
from seeclickfix_async._core import validation
from seeclickfix_async._crawl.evidence import Evidence, RowKey
from seeclickfix_async._crawl.limits import Limits
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.models import Issue, Status

_MAX_SETBACKS = 10
_MAX_ATTEMPTS = 2
_MAX_RANDOM_OVERLAP = 2  # rows that two random orders may have in common
_MARGIN = 1e-4  # degrees by which coordinates may lie outside of their box, since they are rounded


@attrs.define(eq=False)
class Listing:
    """A listing that is read by page number, from both of its ends if necessary.

    Attributes:
        status: Only issues of this status; None for those of the query.
        box: Only issues in this box; None for the area of the query.
        after: Only issues created at this moment or later; None for those of the query.
        before: Only issues created before this moment; None for those of the query.
        front: The first rows, oldest first, without a gap.
        back: The last rows, newest first, without a gap.
        backwards: Whether the front cannot be read further, so that the back is read.
        setbacks: The number of pages that did not continue the known rows.
        halves: Boxes that divide the area between the issues of the last page.
        middle: A moment that divides the issues of the last page by creation; None if all were
            created in one second.
    """

    status: Status | None = None
    box: BoundingBox | None = None
    after: datetime | None = attrs.field(default=None, validator=validation.validate_aware)
    before: datetime | None = attrs.field(default=None, validator=validation.validate_aware)
    front: list[RowKey] = attrs.field(factory=list)
    back: list[RowKey] = attrs.field(factory=list)
    backwards: bool = False
    setbacks: int = 0
    halves: list[BoundingBox] = attrs.field(factory=list)
    middle: datetime | None = attrs.field(default=None, validator=validation.validate_aware)

    @property
    def filters(self) -> dict[str, Any]:
        """The filters that this listing adds to those of the query."""
        filters = {
            "status": self.status and (self.status,),
            "area": self.box,
            "after": self.after,
            "before": self.before,
            "sort_direction": "DESC" if self.backwards else None,
        }
        return {name: value for name, value in filters.items() if value is not None}

    @property
    def edge(self) -> list[RowKey]:
        """The rows that the next page continues."""
        return self.back if self.backwards else self.front

    def is_covered(self, entries: int | None) -> bool:
        """Return whether front and back have met, so that no row between them is missing.

        They then end with the same rows, in opposite orders. A service that ignores the direction
        sends the same order. A service with a random order on each page may happen to send the
        opposite one of a few rows; for these the count must agree.
        """
        met = len(set(self.front).intersection(self.back))
        if not met or self.front[-met:] != self.back[: -met - 1 : -1]:
            return False
        return met > _MAX_RANDOM_OVERLAP or entries == len(self.front) + len(self.back) - met

    def extend(self, rows: Sequence[RowKey], offset: int) -> bool:
        """Add a page to the edge if it continues it; return whether it does.

        A page continues the edge if it begins with exactly those rows of the edge that lie after
        the offset: nothing was inserted or deleted before them then, and their order is unchanged.
        The first page replaces the edge; a page without new rows changes nothing.
        """
        edge = self.edge
        known = set(edge)
        overlap = len(edge) - offset
        if not offset:
            edge[:] = rows
        elif not known.issuperset(rows):
            rest = rows[max(0, overlap) :]
            if overlap < 1 or rows[:overlap] != edge[-overlap:] or not known.isdisjoint(rest):
                return False
            edge += rest
        return True

    def step_back(self, rows: int) -> bool:
        """Forget the last known rows, so that the next page begins earlier.

        Return False after too many attempts.
        """
        self.setbacks += 1
        del self.edge[-rows:]
        return self.setbacks < _MAX_SETBACKS

    def note_timestamps(self, issues: Iterable[Issue]) -> None:
        """Note a moment that divides these issues by creation."""
        seconds = {i.created_at.replace(microsecond=0) for i in issues if i.created_at is not None}
        if len(seconds) > 1:
            self.middle = sorted(seconds)[len(seconds) // 2]

    def note_places(self, issues: Iterable[Issue], query: IssueQuery) -> bool:
        """Note boxes that divide these issues; return False if the service ignores the box."""
        area = self.box or _to_box(query.area)
        if area is None:
            return True
        places = [(i.lat, i.lng) for i in issues if i.lat is not None and i.lng is not None]
        self.halves = area.halves(places) or self.halves
        return self.box is None or all(area.contains(lat, lng, _MARGIN) for lat, lng in places)

    def divide(self, query: IssueQuery) -> list[Listing]:
        """Divide the listing by creation, by status or by area; return nothing if that is useless.

        The issues of a status are requested without a box, which would leave out those without
        coordinates.
        """
        after, before = self.after, self.before
        if self.middle is not None:
            earlier = Listing(self.status, self.box, after, self.middle)
            return [earlier, Listing(self.status, self.box, self.middle, before)]
        if self.status is None:
            return [Listing(one, None, after, before) for one in query.status or ALL]
        return [Listing(self.status, box, after, before) for box in self.halves]


@attrs.define(eq=False)
class CrowdedSecond:
    """One second with more issues than the service serves from one end.

    Attributes:
        listings: The listings that are still to be read, in this order; initially that of the whole
            second.
        rows: The received rows.
        divided: Whether it had to be divided, since both ends together are not all of it.
        entries: The service's last count of the whole second.
        attempts: How many times it has been read.
        problem: Why it could not be read; completes "The second ...".
        is_read: Whether nothing more is to be requested.
    """

    listings: list[Listing] = attrs.field(factory=lambda: [Listing()])
    rows: set[RowKey] = attrs.field(factory=set)
    divided: bool = False
    entries: int | None = None
    attempts: int = 1
    problem: str | None = None
    is_read: bool = False

    def add_page(self, evidence: Evidence, limits: Limits, query: IssueQuery) -> None:
        """Continue after a response.

        Args:
            evidence: The response.
            limits: How much the service serves.
            query: The query of the crawl.
        """
        request, page = evidence.request, evidence.page
        if not self.divided:
            self.entries = page.entries
        if not self.listings:
            self._verify(page.entries, query)
            return
        listing = self.listings[0]
        rows = evidence.rows
        self.rows.update(rows)
        listing.note_timestamps(page.items)
        if not listing.note_places(page.items, query):
            self._give_up(limits, query)
            return
        known = len(listing.edge)
        joins = listing.extend(rows, evidence.offset)
        whole = request.number == 1 and not evidence.may_have_more
        if whole or listing.is_covered(page.entries):
            self._next(limits, query)
        elif joins and not evidence.may_have_more:
            # The page may be cut off where the service stops.
            self.read_other_end_or_divide(limits, query)
        elif joins and len(listing.edge) > known:
            self._skip_unserved(limits, query)
        elif rows and not joins:
            if not listing.step_back(len(rows)):
                self.read_other_end_or_divide(limits, query)
        else:
            if evidence.may_have_more:
                limits.note_unserved(request)
            self.read_other_end_or_divide(limits, query)

    def read_other_end_or_divide(self, limits: Limits, query: IssueQuery) -> None:
        """Read a listing from its other end, or divide it, or leave it incomplete."""
        listing = self.listings[0]
        if not listing.backwards:
            listing.backwards = True
        elif more := listing.divide(query):
            self.divided = True
            self.listings[:1] = more
        else:
            self._give_up(limits, query)
            return
        self._skip_unserved(limits, query)

    def _skip_unserved(self, limits: Limits, query: IssueQuery) -> None:
        """Read from the other end, or divide, while no further page is served."""
        while self.listings and limits.window(len(self.listings[0].edge)) is None:
            self.read_other_end_or_divide(limits, query)

    def _give_up(self, limits: Limits, query: IssueQuery) -> None:
        self.problem = "holds more issues than the service serves"
        self._next(limits, query)

    def _next(self, limits: Limits, query: IssueQuery) -> None:
        """Continue with the next listing; after the last one, the second is counted."""
        del self.listings[0]
        if self.listings:
            self._skip_unserved(limits, query)
        elif self.problem is not None and self.attempts < _MAX_ATTEMPTS:
            limits.forget()
            self._begin_again(query)
        elif self.problem is not None:
            self.is_read = True
        elif not self.divided:
            self._verify(self.entries, query)

    def _begin_again(self, query: IssueQuery) -> None:
        """Read the second once more, divided at once, since its order may be unstable."""
        self.listings, self.rows, self.divided = Listing().divide(query), set(), True
        self.problem = None
        self.attempts += 1

    def _verify(self, entries: int | None, query: IssueQuery) -> None:
        """Compare the received rows with the count, and read all of it again if they differ.

        Issues that change their status while a divided second is read may escape all of its
        listings, so that its count must not have changed either.
        """
        received = len(self.rows)
        is_complete = (entries or 0) <= received
        if self.divided:
            is_complete = entries == received == self.entries
        if is_complete:
            self.is_read = True
        elif self.attempts < _MAX_ATTEMPTS:
            self.entries = entries
            self._begin_again(query)
        else:
            count = "an unknown number of issues" if entries is None else counted(entries, "issue")
            self.problem = (
                f"holds {count} by the service's count, of which {received} were received"
            )
            if entries == received:
                self.problem = "changed each time while it was read"
            self.is_read = True


def _to_box(area: Area | None) -> BoundingBox | None:
    """Return an area as a box, if it is one."""
    match area:
        case None:
            return WORLD
        case Near():
            return area.box
        case BoundingBox():
            return area
        case _:
            return None
