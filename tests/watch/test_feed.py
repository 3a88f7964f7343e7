"""The change feed of a service that changes, fails and publishes changes late."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import anyio
import attrs
import httpx
import pytest

from seeclickfix_async import AsyncClient, ChangeKind, Retry, Watch
from seeclickfix_async._watch import cursor as cursor_module
from tests.support.event_loops import on_alternate_loops
from tests.support.feed_service import Service, follow
from tests.support.feed_world import CALM, START, Options, Row, VirtualTime, World

pytestmark = pytest.mark.anyio

_EVERY = 60.0
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_YEAR = timedelta(days=365)


class _WatchedService:
    """A service in which only the test changes issues, and a feed of it."""

    def __init__(self, http: httpx.AsyncClient, service: Service) -> None:
        self.service = service
        self.world = service.world
        self._client = AsyncClient(
            base_url="https://city.test",
            http=http,
            limiter=None,
            retry=Retry(attempts=1),
            clock=self.world.time,
        )
        self.feed = self.watch()

    def watch(self, cursor: Any = None) -> Watch:
        return self._client.issues.watch(every=_EVERY, cursor=cursor)

    def restart(self) -> None:
        self.feed = self.watch(json.loads(json.dumps(self.feed.cursor)))

    def open(self, at: timedelta = timedelta(0), **options: Any) -> Row:
        return self.world.open(self.world.clock() + at, **options)

    async def poll(self, polls: int = 2) -> list[tuple[int, ChangeKind]]:
        """Return the changes that the feed delivers in a number of polls."""
        changes: list[tuple[int, ChangeKind]] = []
        self.world.stop(polls * _EVERY)
        with anyio.CancelScope() as self.service.scope:
            while True:
                change = await anext(self.feed)
                changes.append((change.issue.id, change.kind))
        return changes


@pytest.fixture(params=[True, False], ids=["dated", "undated"])
def dated(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def anyio_backend(dated: bool) -> str:
    """Each kind of service on one event loop: a feed does the same on both."""
    return "asyncio" if dated else "trio"


@pytest.fixture
async def town(dated: bool) -> AsyncIterator[_WatchedService]:
    world = World(0, attrs.evolve(CALM, dated=dated), VirtualTime())
    service = Service(world)
    for hours in range(60, 0, -2):
        world.add_history(timedelta(days=30) + hours * _HOUR)
    world.open(world.clock())
    async with httpx.AsyncClient(transport=service) as http:
        yield _WatchedService(http, service)


@on_alternate_loops(
    ("seed", "options"),
    [
        (1, Options(lag=0, days=1)),
        (2, Options(skew=(0.0,), jumps=4, days=1)),
        (3006, Options(skew=(0.0,), jumps=4, days=1)),
        (10, Options(lag=0, dated=False, rate=100, days=0.5)),
        (4, Options(rate=900, days=0.4)),
    ],
    ids=[
        "usual",
        "a clock that is set",
        "a row that moved to a page before",
        "no Date header",
        "busy",
    ],
)
async def test_every_change_is_delivered(seed: int, options: Options) -> None:
    outcome = await follow(seed, options)

    assert outcome.lost == []
    assert outcome.old == []
    assert outcome.reported > 30
    assert outcome.restarts > 0
    assert outcome.largest < 64_000
    assert options.lag or not outcome.out_of_order  # a replica may return an older row later


@pytest.mark.parametrize("ahead", [_HOUR, _YEAR])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_row_dated_in_the_future_does_not_stop_the_feed(
    town: _WatchedService, ahead: timedelta, when: str
) -> None:
    if when == "before":
        town.world.touch(town.open(), town.world.clock() + ahead)
    await town.feed.begin()
    if when == "after":
        row = town.open()
        town.world.touch(row, town.world.clock() + ahead)
        assert await town.poll() == [(row.id, ChangeKind.OPENED)]

    first = town.open()
    assert await town.poll() == [(first.id, ChangeKind.OPENED)]
    town.restart()
    second = town.open()
    assert await town.poll() == [(second.id, ChangeKind.OPENED)]


async def test_changes_of_issues_without_a_time_of_update_are_delivered_once(
    town: _WatchedService,
) -> None:
    old = min(town.world.rows)
    town.service.never_updated.add(old)
    await town.feed.begin()
    row = town.open()
    town.service.never_updated.add(row.id)
    assert await town.poll() == [(row.id, ChangeKind.OPENED)]

    for _ in range(3):
        town.restart()
        others = [town.open() for _ in range(40)]
        assert await town.poll() == [(one.id, ChangeKind.OPENED) for one in others]
    town.world.comment(row, town.world.clock())
    assert await town.poll() == [(row.id, ChangeKind.COMMENTED)]


@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_a_cursor_ahead_of_the_service_recovers(
    town: _WatchedService, caplog: pytest.LogCaptureFixture
) -> None:
    ahead = (START + _YEAR).isoformat()
    town.feed = town.watch({"began": ahead, "since": ahead, "floor": ahead, "seen": {}})
    await town.poll()

    row = town.open()

    assert await town.poll() == [(row.id, ChangeKind.OPENED)]
    assert "put back" in caplog.text


@on_alternate_loops("minutes", [3, 5, 12])
async def test_clock_skew_between_servers_loses_nothing(
    town: _WatchedService, minutes: int
) -> None:
    await town.feed.begin()
    numbers: list[int] = []
    changes: list[tuple[int, ChangeKind]] = []

    for turn in range(30):
        numbers.append(town.open(-minutes * _MINUTE * (turn % 2)).id)
        changes += await town.poll(1)

    changes += await town.poll()
    assert sorted(changes) == [(number, ChangeKind.OPENED) for number in numbers]


@pytest.mark.parametrize("dated", [True], indirect=True)
@on_alternate_loops("hours", [-5, -1, 1])
async def test_a_clock_that_is_put_back_loses_nothing(town: _WatchedService, hours: int) -> None:
    await town.feed.begin()
    first = town.open()
    assert await town.poll() == [(first.id, ChangeKind.OPENED)]

    town.world.clock_offset += hours * 3600.0
    second = town.open()

    assert await town.poll(3) == [(second.id, ChangeKind.OPENED)]
    town.restart()
    third = town.open()
    assert await town.poll(3) == [(third.id, ChangeKind.OPENED)]


@on_alternate_loops("age", [timedelta(0), timedelta(days=30)])
@pytest.mark.parametrize("explained", [True, False])
async def test_a_backdated_status_is_delivered(
    town: _WatchedService, age: timedelta, explained: bool
) -> None:
    """The feed knows one of the issues, and not the other."""
    await town.feed.begin()
    row = town.open() if not age else next(iter(town.world.rows.values()))
    await town.poll(120)
    now = town.world.clock()

    town.world.set_status(row, "closed", now, since=now - timedelta(days=1))
    if explained:
        town.world.comment(row, now)

    expected = [(row.id, ChangeKind.CLOSED), (row.id, ChangeKind.COMMENTED)]
    assert await town.poll() == expected[: 1 + explained]


@on_alternate_loops("looks", [0, 200])
async def test_a_comment_released_by_a_moderator_is_delivered(
    town: _WatchedService, looks: int
) -> None:
    await town.feed.begin()
    await town.poll(looks)

    released = town.open(created=town.world.clock() - 90 * _MINUTE)
    row = next(iter(town.world.rows.values()))
    town.world.comment(row, town.world.clock(), created=town.world.clock() - 45 * _MINUTE)

    changes = await town.poll()
    assert sorted(changes) == [(row.id, ChangeKind.COMMENTED), (released.id, ChangeKind.OPENED)]


_LATE = {
    "a released issue": [("opened", 70), ("commented", 65), ("commented", 50)],
    "a released issue with a newer comment": [("opened", 70), ("commented", 65), ("commented", 20)],
    "a released comment": [("opened", 1800), ("commented", 65)],
    "an imported issue": [
        ("opened", 300),
        ("acknowledged", 250),
        ("commented", 200),
        ("closed", 70),
    ],
    "an imported issue that was reopened": [("opened", 300), ("closed", 250), ("reopened", 70)],
    "an imported issue that was archived": [("opened", 300), ("closed", 200), ("archived", 0)],
    "an archived issue with an automatic comment": [
        ("closed", 90),
        ("commented", 0),
        ("archived", 0),
    ],
}


@on_alternate_loops("changes", _LATE.values(), ids=_LATE)
async def test_all_changes_of_an_unknown_issue_that_came_late_are_delivered(
    town: _WatchedService, changes: list[tuple[str, int]]
) -> None:
    """The changes with their ages in minutes appear in one update, 40 minutes after the start.

    The feed begins in a busy time, so that it remembers little from before.
    """
    for minutes in range(40):
        town.open(-minutes * _MINUTE)
    await town.feed.begin()
    await town.poll(40)
    now = town.world.clock()

    row = town.open(created=now - 72 * _HOUR)
    for kind, age in changes:
        at = now - age * _MINUTE
        if kind == "opened":
            row.times["created"] = at
        elif kind == "commented":
            town.world.comment(row, now, created=at)
        elif kind == "archived":
            town.world.archive(row, now)
        else:
            town.world.set_status(row, kind, now, since=at)

    assert await town.poll() == [(row.id, ChangeKind(kind)) for kind, _ in changes]


async def test_old_changes_of_an_updated_issue_are_not_delivered(town: _WatchedService) -> None:
    await town.feed.begin()
    commented, edited, *_ = town.world.rows.values()

    town.world.comment(commented, town.world.clock())
    town.world.touch(edited, town.world.clock())

    changes = await town.poll()
    assert changes == [(commented.id, ChangeKind.COMMENTED), (edited.id, ChangeKind.EDITED)]


async def test_an_update_without_a_timestamped_change_is_an_edit(town: _WatchedService) -> None:
    await town.feed.begin()
    row = town.open()
    assert await town.poll() == [(row.id, ChangeKind.OPENED)]

    for after in (timedelta(seconds=2), _HOUR):
        town.world.touch(row, town.world.clock() + after)
        assert await town.poll() == [(row.id, ChangeKind.EDITED)]
    town.world.comment(row, town.world.clock())
    assert await town.poll() == [(row.id, ChangeKind.COMMENTED)]


async def test_an_archived_issue_is_delivered_once(town: _WatchedService) -> None:
    await town.feed.begin()
    known, stranger = town.open(), next(iter(town.world.rows.values()))
    await town.poll()

    town.world.archive(known, town.world.clock())
    town.world.comment(known, town.world.clock())
    town.world.archive(stranger, town.world.clock())
    changes = await town.poll()
    town.world.comment(stranger, town.world.clock())
    changes += await town.poll()

    assert sorted(changes) == sorted(
        [
            (known.id, ChangeKind.COMMENTED),
            (known.id, ChangeKind.ARCHIVED),
            (stranger.id, ChangeKind.ARCHIVED),
            (stranger.id, ChangeKind.COMMENTED),
        ]
    )


@on_alternate_loops("change", ["closed", "commented", "edited"])
@pytest.mark.parametrize("known", [True, False])
async def test_an_issue_that_is_archived_after_another_change_is_delivered_with_both(
    town: _WatchedService, known: bool, change: str
) -> None:
    await town.feed.begin()
    row = town.open() if known else next(iter(town.world.rows.values()))
    await town.poll()

    at = town.world.clock()
    if change == "closed":
        town.world.set_status(row, "closed", at, since=at)
    elif change == "commented":
        town.world.comment(row, at)
    town.world.archive(row, town.world.clock())

    before = [] if change == "edited" else [(row.id, ChangeKind(change))]
    assert await town.poll() == [*before, (row.id, ChangeKind.ARCHIVED)]


async def test_an_issue_that_is_archived_again_is_delivered_again(town: _WatchedService) -> None:
    await town.feed.begin()
    row = next(iter(town.world.rows.values()))

    for turn in range(3):
        if turn:
            at = town.world.clock()
            town.world.set_status(row, "reopened", at, since=at)
            assert await town.poll() == [(row.id, ChangeKind.REOPENED)]
            town.restart()
        town.world.archive(row, town.world.clock())
        assert await town.poll() == [(row.id, ChangeKind.ARCHIVED)]
        town.world.comment(row, town.world.clock())
        assert await town.poll() == [(row.id, ChangeKind.COMMENTED)]


@pytest.mark.parametrize("restarts", [True, False])
@on_alternate_loops("minutes", [10, 50])
async def test_a_row_that_becomes_readable_is_delivered(
    town: _WatchedService, minutes: int, restarts: bool
) -> None:
    await town.feed.begin()
    row = town.open()
    town.service.unreadable.add(row.id)
    for _ in range(minutes // 5):
        other = town.open()
        assert await town.poll(5) == [(other.id, ChangeKind.OPENED)]
        if restarts:
            town.restart()

    town.service.unreadable.clear()

    assert await town.poll() == [(row.id, ChangeKind.OPENED)]


@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_a_row_that_stays_unreadable_is_given_up(town: _WatchedService) -> None:
    await town.feed.begin()
    town.service.unreadable.add(town.open().id)
    for _ in range(24):
        other = town.open()
        assert await town.poll(5) == [(other.id, ChangeKind.OPENED)]
        town.restart()

    before = town.service.requests
    await town.poll(10)

    assert town.service.requests - before <= 11


@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_an_unreadable_row_loses_no_other_change(town: _WatchedService) -> None:
    await town.feed.begin()
    town.service.unreadable.add(town.open().id)
    first = town.open()
    assert await town.poll() == [(first.id, ChangeKind.OPENED)]

    second = town.open()

    assert await town.poll(5) == [(second.id, ChangeKind.OPENED)]
    assert town.feed.cursor is not None
    assert town.feed.cursor["since"] >= second.times["updated"].strftime("%Y-%m-%dT%H:%M")


async def test_a_permanently_wrong_count_does_not_stop_the_feed(town: _WatchedService) -> None:
    await town.feed.begin()
    town.service.extra_entries = 1
    for _ in range(3):
        row = town.open()
        assert await town.poll(4) == [(row.id, ChangeKind.OPENED)]
        assert town.feed.cursor is not None
        assert len(town.feed.cursor["seen"]) < 50


async def test_a_consumer_that_times_out_before_each_poll_receives_changes(
    town: _WatchedService,
) -> None:
    await town.feed.begin()
    row = town.open()
    changes: list[tuple[int, ChangeKind]] = []

    for _ in range(20):
        town.world.time.seconds += 10.0
        with anyio.CancelScope() as scope:
            town.world.time.on_wait = scope.cancel
            change = await anext(town.feed)
            changes.append((change.issue.id, change.kind))

    assert changes == [(row.id, ChangeKind.OPENED)]


async def test_a_place_without_issues_is_watched_from_its_first_issue(
    town: _WatchedService,
) -> None:
    town.world.rows.clear()
    await town.feed.begin()

    row = town.open(-_YEAR)  # the Date header is from another clock

    assert await town.poll() == [(row.id, ChangeKind.OPENED)]


@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_rows_stamped_long_before_the_date_header_are_delivered(
    town: _WatchedService,
) -> None:
    town.world.clock_offset = -_YEAR.total_seconds()
    town.world.rows.clear()
    town.open()
    town.service.date_offset = _YEAR
    await town.feed.begin()
    first = [town.open().id for _ in range(50)]
    assert await town.poll(40) == [(number, ChangeKind.OPENED) for number in first]

    last = town.open()

    assert await town.poll() == [(last.id, ChangeKind.OPENED)]


@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_polls_after_a_burst_return_to_one_request(town: _WatchedService) -> None:
    await town.feed.begin()
    for _ in range(200):
        town.open()
    await town.poll(40)

    before = town.service.requests
    await town.poll(10)

    assert town.service.requests - before <= 11


async def test_a_feed_that_begins_in_a_crowded_second_delivers_none_of_it(
    town: _WatchedService,
) -> None:
    for _ in range(70):
        town.open()
    await town.feed.begin()
    last = town.open()

    assert await town.poll() == [(last.id, ChangeKind.OPENED)]


@pytest.mark.parametrize("dated", [True], indirect=True)
@on_alternate_loops(("count", "warned"), [(2000, False), (5000, True)])
async def test_a_burst_keeps_a_cursor_small(
    town: _WatchedService, count: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await town.feed.begin()
    at = town.world.clock()
    for _ in range(count):
        town.world.set_status(town.open(), "closed", at, since=at)

    changes = await town.poll(4)
    assert len(json.dumps(town.feed.cursor)) < 64_000
    town.restart()
    last = town.open()

    assert len(set(changes)) == len(changes) == 2 * count
    assert await town.poll(3) == [(last.id, ChangeKind.OPENED)]
    assert ("Too many changes to remember" in caplog.text) is warned


@on_alternate_loops("count", [5000, 11_000])
@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_an_issue_with_thousands_of_comments_is_delivered_in_linear_time(
    town: _WatchedService, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More comments than fit into the cursor are delivered as well."""
    keys: list[str] = []

    def count_digest(key: str) -> str:
        keys.append(key)
        assert len(keys) < 20 * count
        return digest(key)

    digest = cursor_module._digest
    monkeypatch.setattr(cursor_module, "_digest", count_digest)
    await town.feed.begin()
    row, now = town.open(), town.world.clock()
    row.comments = dict.fromkeys(range(count), now)

    changes = await town.poll(3)

    assert changes == [(row.id, ChangeKind.OPENED)] + count * [(row.id, ChangeKind.COMMENTED)]
    assert len(json.dumps(town.feed.cursor)) < 64_000


async def test_a_cursor_of_an_early_version_is_accepted(town: _WatchedService) -> None:
    at = town.world.clock()
    first = town.open()
    keys = {f"{first.id}:opened:{at:%Y-%m-%dT%H:%M:%SZ}": at.isoformat()}
    early = {"began": at.isoformat(), "since": at.isoformat(), "floor": at.isoformat()}
    town.feed = town.watch({**early, "seen": keys, "first": False})
    second = town.open()

    delivered = await town.poll()

    assert (first.id, ChangeKind.OPENED) not in delivered
    assert (second.id, ChangeKind.OPENED) in delivered


@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_a_restart_in_the_poll_after_a_clock_was_put_back_loses_nothing(
    town: _WatchedService,
) -> None:
    await town.feed.begin()
    first = town.open()
    assert await town.poll() == [(first.id, ChangeKind.OPENED)]
    town.world.clock_offset -= 7200.0
    assert await town.poll() == []
    opened = []
    for _ in range(9):  # while the feed cannot poll
        town.world.time.seconds += 300
        opened.append(town.open().id)

    delivered = [(await anext(town.feed)).issue.id]
    town.restart()
    delivered += [number for number, _ in await town.poll()]

    assert delivered == opened
