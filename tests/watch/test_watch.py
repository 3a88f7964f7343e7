"""The change feed, with restarts and failures."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from seeclickfix_async import (
    AsyncClient,
    Change,
    ChangeKind,
    Comment,
    DetailedIssue,
    Near,
    PlaceArea,
    Retry,
    Watch,
    near,
)
from seeclickfix_async._watch.changes import find_changes
from seeclickfix_async.errors import AuthenticationError, InvalidArgumentError
from seeclickfix_async.models import UserRef
from seeclickfix_async.sandbox import OFFICIAL_TOKEN, TOKEN, Sandbox, Settings
from seeclickfix_async.sandbox._city import OPEN
from seeclickfix_async.testing import VirtualClock

pytestmark = pytest.mark.anyio


class _City:
    """A small city with the clients of an official and of a consumer of the feed."""

    def __init__(self, issues: int = 300) -> None:
        self.sandbox = Sandbox(issues, settings=Settings(quota=None))
        self.clock = VirtualClock()
        self.official = self._client(OFFICIAL_TOKEN)
        self.client = self._client(TOKEN)
        self.fail: Callable[[httpx.Request], httpx.Response | None] = lambda _request: None

    def _client(self, token: str) -> AsyncClient:
        town = self

        class Failing(httpx.ASGITransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                refused = town.fail(request) if token == TOKEN else None
                return refused or await super().handle_async_request(request)

        http = httpx.AsyncClient(transport=Failing(app=self.sandbox.app))
        return AsyncClient(
            token,
            http=http,
            base_url="https://city.test",
            limiter=None,
            retry=Retry(attempts=1),
            clock=self.clock,
        )

    def watch(self, **options: Any) -> Watch:
        return self.client.issues.watch(**options)

    def open_issue(self) -> int:
        """Return the id of an open issue, after some time has passed."""
        self.sandbox.city.report()
        city = self.sandbox.city
        return city.id_of(len(city) - 2 - city.status[-2::-1].index(OPEN))


@pytest.fixture
def town() -> _City:
    return _City()


async def _next_changes(watch: Watch, count: int, **wanted: Any) -> list[Change]:
    """Return the next changes of a kind or an issue, without the comments of new issues."""
    changes: list[Change] = []
    with anyio.fail_after(20):
        while len(changes) < count:
            change = await anext(watch)
            facts = {"kind": change.kind, "number": change.issue.id}
            if facts.items() >= wanted.items():
                changes.append(change)
    return changes


async def test_changes_are_delivered_in_order(town: _City) -> None:
    watch = town.watch()
    await watch.begin()

    number = town.open_issue()
    await town.official.issues.acknowledge(number, comment="We are on it.")
    town.sandbox.city.report()
    await town.official.issues.comment(number, "Tomorrow.")
    town.sandbox.city.report()
    await town.official.issues.close(number, comment="Done.")
    changes = await _next_changes(watch, 5, number=number)

    assert [change.kind for change in changes] == [
        ChangeKind.ACKNOWLEDGED,
        ChangeKind.COMMENTED,
        ChangeKind.COMMENTED,
        ChangeKind.CLOSED,
        ChangeKind.COMMENTED,
    ]
    assert [one.comment.comment for one in changes if one.comment] == [
        "We are on it.",
        "Tomorrow.",
        "Done.",
    ]
    assert len({change.key for change in changes}) == 5
    assert [change.at for change in changes] == sorted(change.at for change in changes)


@pytest.mark.parametrize(
    ("area", "warning"),
    [
        (PlaceArea("exmple-city"), "no issues at 'exmple-city'. Is it the place's url_name?"),
        (near(-73.54, 41.05, 500), "no issues in this area. Is its latitude first"),
        (PlaceArea("example-city"), ""),
        (None, ""),
    ],
)
async def test_a_feed_warns_of_an_area_without_issues(
    town: _City, area: PlaceArea | Near | None, warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The service returns no issues for an unknown name, too."""
    await town.watch(**({"area": area} if area else {})).begin()

    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == bool(warning)
    assert warning in caplog.text


async def test_a_poll_without_changes_costs_one_request_and_no_body(town: _City) -> None:
    watch = town.watch(every=30)
    await watch.begin()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anext, watch)
            while len(town.sandbox.requests) < 3:  # the response to the second can be confirmed
                await anyio.lowlevel.checkpoint()
            town.sandbox.requests.clear()
            town.clock.waits.clear()
            while len(town.sandbox.requests) < 5:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    assert {seen.status for seen in town.sandbox.requests} == {304}
    assert set(town.clock.waits) == {30}
    assert abs(len(town.sandbox.requests) - len(town.clock.waits)) <= 1


async def test_two_tasks_cannot_read_the_same_feed(town: _City) -> None:
    """Each would take changes away from the other."""
    watch = town.watch()
    refusals: list[str] = []

    async def begin() -> None:
        try:
            await watch.begin()
        except anyio.BusyResourceError as error:
            refusals.append(str(error))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(begin)
        tasks.start_soon(begin)
    (refusal,) = refusals
    assert "use a feed for each" in refusal


async def test_a_burst_larger_than_a_page_is_delivered(town: _City) -> None:
    watch = town.watch()
    await watch.begin()

    rows = [town.sandbox.city.report() for _ in range(70)]
    changes = await _next_changes(watch, 70, kind=ChangeKind.OPENED)

    assert [change.issue.id for change in changes] == [town.sandbox.city.id_of(row) for row in rows]


async def test_a_cursor_exists_before_the_first_change(town: _City) -> None:
    watch = town.watch()
    await watch.begin()
    kept = watch.cursor
    await watch.begin()
    row = town.sandbox.city.report()

    (change,) = await _next_changes(town.watch(cursor=kept), 1)

    assert watch.cursor == kept
    assert (change.kind, change.issue.id) == (ChangeKind.OPENED, town.sandbox.city.id_of(row))


async def test_a_restart_continues_after_the_last_processed_change(town: _City) -> None:
    watch = town.watch()
    await watch.begin()
    rows = [town.sandbox.city.report() for _ in range(50)]
    changes = await _next_changes(watch, 30, kind=ChangeKind.OPENED)
    kept = json.dumps(watch.cursor)

    rows += [town.sandbox.city.report() for _ in range(30)]  # while no feed polls
    changes += await _next_changes(town.watch(cursor=json.loads(kept)), 50, kind=ChangeKind.OPENED)

    assert [change.issue.id for change in changes] == [town.sandbox.city.id_of(row) for row in rows]
    assert len(kept) < 12_000


async def test_an_unprocessed_change_is_delivered_again_with_the_same_key(town: _City) -> None:
    watch = town.watch()
    await watch.begin()
    before = watch.cursor
    town.sandbox.city.report()

    first = await _next_changes(watch, 1)
    again = await _next_changes(town.watch(cursor=before), 1)

    assert first[0].key == again[0].key


async def test_older_changes_of_an_outage_are_delivered_after_newer_ones(
    town: _City,
) -> None:
    watch = town.watch()
    await watch.begin()
    number = town.open_issue()

    await town.official.issues.acknowledge(number, comment="Seen.")
    for _ in range(60):  # an hour
        town.sandbox.city.report()
    await town.official.issues.close(number, comment="Done.")
    changes = await _next_changes(watch, 4, number=number)

    assert [change.kind for change in changes] == [
        ChangeKind.ACKNOWLEDGED,
        ChangeKind.COMMENTED,
        ChangeKind.CLOSED,
        ChangeKind.COMMENTED,
    ]


async def test_temporary_failures_are_waited_out(town: _City) -> None:
    watch = town.watch(every=60)
    await watch.begin()
    row = town.sandbox.city.report()
    failures = iter([500, 502, 429, 503, 500])

    def fail(_request: httpx.Request) -> httpx.Response | None:
        status = next(failures, None)
        return None if status is None else httpx.Response(status)

    town.fail = fail
    (change,) = await _next_changes(watch, 1)

    assert change.issue.id == town.sandbox.city.id_of(row)
    assert [wait for wait in town.clock.waits if wait > 60] == [120, 240, 480, 900]


async def test_permanent_failures_are_raised(town: _City) -> None:
    watch = town.watch()
    town.fail = lambda _request: httpx.Response(401)

    with pytest.raises(AuthenticationError):
        await anext(watch)


async def test_the_cursor_of_another_feed_is_refused(town: _City) -> None:
    """Its position would move on without the changes of the first one."""
    place = PlaceArea("example-city")
    feed = town.watch(area=place)
    await feed.begin()
    saved = json.loads(json.dumps(feed.cursor))

    for options in ({}, {"area": near(41.05, -73.54, 500)}, {"area": place, "request_types": [7]}):
        with pytest.raises(InvalidArgumentError, match="cursor: belongs to a feed of another"):
            town.watch(cursor=saved, **options)
    assert town.watch(cursor=saved, area=place, every=5).cursor == saved
    del saved["feed"]  # as in an early version

    assert town.watch(cursor=saved).cursor is not None


@pytest.mark.parametrize("cursor", [{}, {"began": 1}, 7, "now", [], {"began": "2026-01-01"}])
def test_an_invalid_cursor_is_refused(cursor: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="cursor"):
        AsyncClient().issues.watch(cursor=cursor)


@pytest.mark.parametrize(
    "options",
    [{"status": "open"}, {"sort": "rating"}, {"fields": ["id"]}, {"every": 0}, {"colour": "red"}],
)
def test_reserved_filters_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        AsyncClient().issues.watch(**options)


_CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _issue(**fields: Any) -> DetailedIssue:
    return DetailedIssue(id=7, created_at=_CREATED, **fields)


def test_a_reopened_issue_has_all_its_changes() -> None:
    hours = [_CREATED + timedelta(hours=hour) for hour in range(4)]
    issue = _issue(closed_at=hours[2], acknowledged_at=hours[1], reopened_at=hours[3])

    assert [change.kind for change in find_changes(issue)] == [
        ChangeKind.OPENED,
        ChangeKind.ACKNOWLEDGED,
        ChangeKind.CLOSED,
        ChangeKind.REOPENED,
    ]


@pytest.mark.parametrize(
    ("text", "role", "automatic"),
    [
        ("Public Works assigned this issue to Jo", "Verified Official", True),
        ("This issue has been closed.", "Verified Official", True),
        ("Acknowledged.", "Admin", True),
        ("This issue was marked as a duplicate of another", "Verified Official", True),
        ("This issue has been closed.", "Registered User", False),
        ("We closed the road for you.", "Verified Official", False),
        ("", "Verified Official", False),
        (None, None, False),
    ],
)
def test_comments_of_systems_are_marked_as_automatic(
    text: str | None, role: str | None, automatic: bool
) -> None:
    assert Comment(comment=text, commenter=UserRef(role=role)).automatic is automatic
