"""The probe: at most 20 requests, which only read."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import attrs

from seeclickfix_async._api.area import Area
from seeclickfix_async._api.query import ALL, IssueQuery
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core.response import Response
from seeclickfix_async._transport.retry import Retry
from seeclickfix_async._version import __version__
from seeclickfix_async.errors import (
    AuthenticationError,
    DecodeError,
    InvalidArgumentError,
    RateLimitedError,
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

Row = dict[str, Any]


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
        """The rows of a page that the service granted."""
        return int(self.pagination.get("per_page") or len(self.rows))

    @property
    def statuses(self) -> set[str]:
        """The statuses of the issues, in lower case."""
        return {str(status).lower() for status in self.column("status")}

    def column(self, name: str) -> list[Any]:
        """Return the values of a field, without those that are null."""
        return [row[name] for row in self.rows if row.get(name) is not None]

    def times(self, name: str) -> list[datetime]:
        """Return the values of a field of times, without those that are unreadable or naive."""
        times = []
        for value in self.column(name):
            with suppress(ValueError):
                times.append(datetime.fromisoformat(str(value)))
        return [time for time in times if time.tzinfo is not None]


@attrs.define
class _Prober:
    """Sends the requests of a probe, and collects what they show."""

    client: AsyncClient
    area: dict[str, str]
    requests: int = 0
    findings: dict[str, Finding] = attrs.field(factory=dict)
    _drift: Drift = attrs.field(factory=Drift)
    _sorts: set[str] = attrs.field(factory=set)
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
        self._find("sorts", frozenset(self._sorts))
        self._find("missing_fields", self._drift.missing)
        self._find("unknown_fields", tuple(sorted(self._drift.unknown)))
        self._find("unknown_statuses", tuple(sorted(self._drift.statuses)))
        entries = largest.pagination.get("entries")
        await self._look_at_depth("depth", 1000, entries, min(largest.per_page, _PAGE))
        if "most_detailed" in self.findings:
            per_page = self.findings["most_detailed"].value
            await self._look_at_depth("details_depth", 500, entries, per_page, details="true")

    async def _look_at_largest_page(self) -> _Listing:
        listing = await self._list(sort="updated_at", per_page=_LARGEST)
        self._find("dates", listing.has_date)
        self._find("most_per_page", listing.per_page)
        self._find("entries", "entries" in listing.pagination)
        if listing.rows:
            times = listing.times("updated_at")
            self._find("whole_seconds", not any(time.microsecond for time in times))
            self._note_sort("updated_at", times[::-1])
        return listing

    async def _look_at_details(self, _: _Listing) -> None:
        listing = await self._list(sort="rating", details="true", per_page=_PAGE)
        self._find("most_detailed", listing.per_page)
        self._note_sort("rating", listing.column("rating")[::-1])
        self._commented = next((row["id"] for row in listing.rows if row.get("comments")), None)

    async def _look_at_comments(self, largest: _Listing) -> None:
        path = f"/issues/{self._commented or largest.rows[0]['id']}/comments"
        response = await self._get(path)
        for comment in _rows(response, "comments"):
            self._drift.add(comment, Comment, "comment")
        etag = response.headers.get("etag")
        is_confirmed = (
            etag is not None
            and (await self._get(path, headers={"If-None-Match": etag})).status == 304
        )
        self._find("etags", is_confirmed)

    async def _look_at_request_types(self, largest: _Listing) -> None:
        for row in largest.rows:
            if row.get("lat") is not None and row.get("lng") is not None:
                response = await self._get("/issues/new", lat=row["lat"], lng=row["lng"])
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
        pages: dict[int, list[Row]] = {}

        async def fetch(number: int) -> list[int] | None:
            pages[number] = []
            try:
                query = {**_OLDEST_FIRST, **details, "page": number, "per_page": per_page}
                page = await self._list(**query)
            except StatusError:
                return None
            pages[number] = page.rows
            return page.column("id")

        try:
            depth = await find_depth(
                fetch, per_page=per_page, entries=entries or _MANY, expected=expected
            )
            if entries is None and not await self._goes_on(pages):
                self._find(name, None, "The listing may end there: it does not say how long it is.")
                return
        except _SpentError:
            self._find(name, None, f"The search for it takes more than {MAX_REQUESTS} requests.")
            raise
        if depth.rows == UNLIMITED and entries is not None and entries <= expected:
            self._find(name, None, f"The listing has only {entries:,} rows.")
            return
        self._find(name, depth.rows)
        if depth.beyond is not None:
            self._find("beyond", depth.beyond)

    async def _goes_on(self, pages: dict[int, list[Row]]) -> bool:
        """Return whether the service has issues after the last page that can be reached."""
        last = pages[max(number for number, rows in pages.items() if rows)]
        since = await self._list(**_OLDEST_FIRST, after=last[-1]["created_at"], per_page=_PAGE)
        return not set(since.column("id")) <= {row["id"] for row in last}

    async def _list(self, **params: Any) -> _Listing:
        """List issues of all statuses, unless `params` say otherwise, and look at their fields."""
        query = {**self.area, "sort_direction": "DESC", "status": _STATUSES, **params}
        response = await self._get("/issues", **query)
        rows = _rows(response, "issues")
        model = DetailedIssue if "details" in params else Issue
        for row in rows:
            self._drift.add(row, model, "issue")
        metadata = response.json().get("metadata") or {}
        return _Listing(rows, metadata.get("pagination") or {}, "date" in response.headers)

    async def _get(
        self, path: str, *, headers: dict[str, str] | None = None, **params: Any
    ) -> Response:
        """Send a request; after a 429, once more, as the client's retry policy has it."""
        once = self.client.with_options(retry=Retry(attempts=1))
        try:
            return await self._send(once, path, params, headers)
        except RateLimitedError as error:
            if error.status is None:  # the client's own limiter refused
                raise
            self._look_at_refusal(error)
        return await self._send(self.client, path, params, headers)

    async def _send(
        self, client: AsyncClient, path: str, params: Row, headers: dict[str, str] | None
    ) -> Response:
        if self.requests >= MAX_REQUESTS:
            raise _SpentError
        self.requests += 1
        return await client.request("GET", path, params=params, headers=headers)

    def _look_at_refusal(self, error: RateLimitedError) -> None:
        retry_after = error.headers.get("retry-after", "")
        is_date = bool(retry_after) and not retry_after.replace(".", "").isdecimal()
        self._find("retry_after", "date" if is_date else "seconds" if retry_after else "none")
        kind = error.headers.get("content-type", "")
        self._find("limited_body", "json" if error.body else "html" if "html" in kind else "empty")

    def _note_sort(self, name: str, values: list[Any]) -> None:
        """Note that an order has an effect: the values of its field ascend."""
        if len(set(values)) > 1 and values == sorted(values):
            self._sorts.add(name)

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
