"""The probe: at most 20 requests, which only read."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs

from seeclickfix_async._api.area import Area
from seeclickfix_async._api.query import ALL, IssueQuery
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core.backoff import parse_http_date
from seeclickfix_async._core.response import Response
from seeclickfix_async._core.validation import is_visible_ascii
from seeclickfix_async._transport.retry import Retry
from seeclickfix_async._version import __version__
from seeclickfix_async.errors import (
    AuthenticationError,
    DecodeError,
    InvalidArgumentError,
    RateLimitedError,
    SeeClickFixError,
    StatusError,
)
from seeclickfix_async.models import Comment, DetailedIssue, Issue, RequestTypeOption
from seeclickfix_async.probe._assumptions import ASSUMPTIONS
from seeclickfix_async.probe._depth import UNLIMITED, find_depth
from seeclickfix_async.probe._drift import Drift
from seeclickfix_async.probe._report import Finding, ProbeReport

MAX_REQUESTS = 20

_LARGEST = 1000  # rows, the most that the service was seen to grant
_PAGE = 100  # rows, the documented maximum
_MANY = 1_000_000  # rows of a listing that does not say how many it has
_STATUSES = ",".join(ALL)
_OLDEST_FIRST = {"sort": "created_at", "sort_direction": "ASC"}

_SORTS = frozenset({"created_at", "updated_at", "rating"})
_NOTHING = Finding("")

Row = dict[str, Any]
T = TypeVar("T")


async def probe(client: AsyncClient, *, area: Area | None = None) -> ProbeReport:
    """Check which behaviours of a service this library can rest on, with at most 20 requests.

    The requests only read, and wait for the client's rate limiter.

    Args:
        client: The client, whose token is left out.
        area: An area with at least some thousand issues, which is less work for the service. None
            for all of its issues.

    Raises:
        InvalidArgumentError: An argument is invalid.
        SeeClickFixError: The service could not be reached, or does not list issues.
    """
    if not isinstance(client, AsyncClient):
        raise InvalidArgumentError("client", "must be an AsyncClient.")
    prober = _Prober(client.with_options(token=None), dict(IssueQuery(area=area).params()))
    with suppress(_SpentError):
        await prober.run()
    findings = tuple(
        prober.findings.get(assumption.name, Finding(assumption.name)) for assumption in ASSUMPTIONS
    )
    return ProbeReport(client.base_url, datetime.now(UTC), __version__, prober.requests, findings)


class _SpentError(Exception):
    """The probe has used all of its requests."""


@attrs.frozen
class _Listing:
    """A page of issues as the service sent it."""

    rows: list[Row]
    pagination: Row
    has_date: bool

    @property
    def per_page(self) -> int:
        """The rows of a page that the service granted; 0 if there is no sign of it."""
        return _as_count(self.pagination.get("per_page")) or len(self.rows)

    @property
    def entries(self) -> int | None:
        """The rows of the listing, or None if the service does not say how many."""
        return _as_count(self.pagination.get("entries"))

    @property
    def statuses(self) -> set[str]:
        """The statuses of the issues, in lower case."""
        return {status.lower() for status in self.column("status", str)}

    def column(self, name: str, *types: type[T]) -> list[T]:
        """Return the values of a field that have one of these types."""
        # A value of another type, also of a subclass such as a boolean, is a fault of the service.
        return [row[name] for row in self.rows if type(row.get(name)) in types]

    def times(self, name: str) -> list[datetime]:
        """Return the values of a field of times, without those that are unreadable or naive."""
        times = []
        for value in self.column(name, str):
            with suppress(ValueError):
                times.append(datetime.fromisoformat(value))
        return [time for time in times if time.tzinfo is not None]


@attrs.define
class _Prober:
    """Sends the requests of a probe, and collects what they show."""

    client: AsyncClient
    area: dict[str, str]
    requests: int = 0
    findings: dict[str, Finding] = attrs.field(factory=dict)
    _drift: Drift = attrs.field(factory=Drift)
    _sorts: dict[str, bool] = attrs.field(factory=dict)
    _commented: int | None = None

    async def run(self) -> None:
        """Send all requests, those about the depths last: their number is not known before."""
        largest = await self._look_at_largest_page()
        if not largest.rows:
            return
        for look in (
            self._look_at_details,
            self._look_at_comments,
            self._look_at_request_types,
            self._look_at_profile,
            self._look_at_oldest,
            self._look_at_newest,
        ):
            with suppress(StatusError, DecodeError):
                await look(largest)
        self._find_sorts()
        self._find("missing_fields", self._drift.missing)
        self._find("unknown_fields", tuple(sorted(self._drift.unknown)))
        self._find("unknown_statuses", tuple(sorted(self._drift.statuses)))
        entries = largest.entries
        await self._look_at_depth("depth", 1000, entries, min(largest.per_page, _PAGE))
        per_page = self.findings.get("most_detailed", _NOTHING).value
        if per_page is not None:
            await self._look_at_depth("details_depth", 500, entries, per_page, details="true")

    async def _look_at_largest_page(self) -> _Listing:
        listing = await self._list(sort="updated_at", per_page=_LARGEST)
        self._find("dates", listing.has_date)
        self._find("most_per_page", listing.per_page or None)
        self._find("entries", listing.entries is not None)
        if listing.rows:
            times = listing.times("updated_at")
            self._find("whole_seconds", not any(time.microsecond for time in times))
            self._note_sort("updated_at", times[::-1])
        return listing

    async def _look_at_details(self, _: _Listing) -> None:
        listing = await self._list(sort="rating", details="true", per_page=_PAGE)
        self._find("most_detailed", listing.per_page or None)
        self._note_sort("rating", listing.column("rating", int, float)[::-1])
        commented = attrs.evolve(listing, rows=[row for row in listing.rows if row.get("comments")])
        self._commented = next(iter(commented.column("id", int)), None)

    async def _look_at_comments(self, largest: _Listing) -> None:
        number = self._commented or next(iter(largest.column("id", int)), None)
        if number is None:
            return
        path = f"/issues/{number}/comments"
        response = await self._get(path)
        for comment in _rows(response, "comments"):
            self._drift.add(comment, Comment, "comment")
        etag = response.headers.get("etag")
        is_confirmed = (
            is_visible_ascii(etag)  # otherwise it cannot be sent
            and (await self._get(path, headers={"If-None-Match": etag})).status == 304
        )
        self._find("etags", is_confirmed)

    async def _look_at_request_types(self, largest: _Listing) -> None:
        for row in largest.rows:
            if {type(row.get("lat")), type(row.get("lng"))} <= {int, float}:
                response = await self._get("/issues/new", {"lat": row["lat"], "lng": row["lng"]})
                for option in _rows(response, "request_types"):
                    self._drift.add(option, RequestTypeOption, "request_type")
                return

    async def _look_at_profile(self, _: _Listing) -> None:
        try:
            profile = (await self._get("/profile")).json()
        except AuthenticationError:
            self._find("anonymous_profile", "unauthorized")
        else:
            if isinstance(profile, dict) and profile.get("id") is None:
                self._find("anonymous_profile", "null_id")

    async def _look_at_oldest(self, largest: _Listing) -> None:
        """Look at the oldest issues, most of which are archived, without a `status`."""
        oldest = await self._list(**_OLDEST_FIRST, status="", per_page=_PAGE)
        self._note_sort("created_at", oldest.times("created_at"))
        shown = "archived" in oldest.statuses
        if shown or "archived" in largest.statuses or await self._has_archived():
            self._find("archived_by_default", shown)

    async def _has_archived(self) -> bool:
        archived = await self._list(status="archived", per_page=1)
        return bool(archived.rows)

    async def _look_at_newest(self, largest: _Listing) -> None:
        """Request the issues since the second in which one of the newest was created."""
        times = largest.times("created_at")
        if not times:
            return
        second = max(times).isoformat()
        since = await self._list(**_OLDEST_FIRST, after=second, per_page=_PAGE)
        created = {time.isoformat() for time in since.times("created_at")}
        self._find("after_inclusive", second in created)

    async def _look_at_depth(
        self, name: str, expected: int, entries: int | None, per_page: int, **details: str
    ) -> None:
        pages: dict[int, _Listing] = {}

        async def fetch(number: int) -> list[int] | None:
            query = {**_OLDEST_FIRST, **details, "page": number, "per_page": per_page}
            try:
                pages[number] = await self._list(**query)
            except RateLimitedError:
                raise
            except StatusError:
                return None
            return pages[number].column("id", int)

        try:
            depth = await find_depth(
                fetch, per_page=per_page, entries=entries or _MANY, expected=expected
            )
            if depth.rows <= 0:
                self._find(name, None, "None of its pages could be read.")
                return
            if entries is None and not await self._goes_on(pages):
                self._find(name, None, "The listing may end there: it does not say how long it is.")
                return
        except _SpentError:
            self._find(name, None, f"The search for it takes more than {MAX_REQUESTS} requests.")
            raise
        except (StatusError, DecodeError):
            self._find(name, None, "A page was refused because of the quota, or was not readable.")
            return
        if depth.rows == UNLIMITED and entries is not None and entries <= expected:
            self._find(name, None, f"The listing has only {entries:,} rows.")
            return
        self._find(name, depth.rows)
        if depth.beyond is not None:
            self._find("beyond", depth.beyond)

    async def _goes_on(self, pages: dict[int, _Listing]) -> bool:
        """Return whether the service has issues after the last page that can be reached."""
        last = pages[max(number for number, page in pages.items() if page.rows)]
        times = last.column("created_at", str)
        if not times:
            return False
        since = await self._list(**_OLDEST_FIRST, after=times[-1], per_page=_PAGE)
        return not set(since.column("id", int)) <= set(last.column("id", int))

    async def _list(self, **params: Any) -> _Listing:
        """List issues of all statuses, unless `params` say otherwise, and look at their fields."""
        query = {**self.area, "sort_direction": "DESC", "status": _STATUSES, **params}
        response = await self._get("/issues", query)
        rows = _rows(response, "issues")
        model = DetailedIssue if "details" in params else Issue
        for row in rows:
            self._drift.add(row, model, "issue")
        metadata = _as_dict(response.json().get("metadata"))
        return _Listing(rows, _as_dict(metadata.get("pagination")), "date" in response.headers)

    async def _get(
        self, path: str, params: Row | None = None, headers: dict[str, str] | None = None
    ) -> Response:
        """Send a request; after a 429, once more, or twice if no limiter waits before it."""
        try:
            return await self._send(path, params, headers, attempts=1)
        except RateLimitedError as error:
            if error.status is None:  # the client's own limiter refused
                raise
            self._look_at_refusal(error)
        return await self._send(path, params, headers, attempts=2)

    async def _send(
        self, path: str, params: Row | None, headers: dict[str, str] | None, *, attempts: int
    ) -> Response:
        if self.requests + attempts > MAX_REQUESTS:
            raise _SpentError
        client = self.client.with_options(retry=Retry(attempts=attempts))
        try:
            response = await client.request("GET", path, params=params, headers=headers)
        except SeeClickFixError as error:
            self.requests += error.requests
            raise
        self.requests += response.requests
        return response

    def _look_at_refusal(self, error: RateLimitedError) -> None:
        retry_after = error.headers.get("retry-after", "").strip()
        if parse_http_date(retry_after) is not None:
            self._find("retry_after", "date")
        elif error.retry_after is not None:
            self._find("retry_after", "seconds")
        else:
            note = "It is neither a number nor a date." if retry_after else ""
            self._find("retry_after", "none", note)
        kind = error.headers.get("content-type", "")
        self._find("limited_body", "json" if error.body else "html" if "html" in kind else "empty")

    def _note_sort(self, name: str, values: list[Any]) -> None:
        """Note whether an order has an effect: the values of its field ascend."""
        if len(set(values)) > 1:
            self._sorts[name] = values == sorted(values)

    def _find_sorts(self) -> None:
        """Find the orders that have an effect; those that were not seen are no difference."""
        unseen = sorted(_SORTS - self._sorts.keys())
        note = f"{' and '.join(unseen)}: not seen." if unseen else ""
        found = frozenset(name for name in _SORTS if self._sorts.get(name, True))
        self._find("sorts", None if unseen and found == _SORTS else found, note)

    def _find(self, name: str, value: Any, note: str = "") -> None:
        self.findings[name] = Finding(name, value, note)


def _rows(response: Response, key: str) -> list[Row]:
    """Return the rows of a response.

    Raises:
        DecodeError: It is not a list of objects under this key.
    """
    document = response.json()
    rows = document.get(key) if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise response.decode_error("It is not a list of objects.", key)
    return rows


def _as_dict(value: Any) -> Row:
    return value if isinstance(value, dict) else {}


def _as_count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
