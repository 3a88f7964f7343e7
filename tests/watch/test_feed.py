"""A feed misses nothing of a service that changes, fails and shows things late."""

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
from tests.support.feed_service import Service, follow
from tests.support.feed_world import CALM, START, Options, Row, VirtualTime, World

pytestmark = pytest.mark.anyio

_EVERY = 60.0
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_YEAR = timedelta(days=365)


class _Town:
    """A world in which only a test lets anything happen, and a feed of it."""

    def __init__(self, http: httpx.AsyncClient, service: Service) -> None:
        self.service = service
        self.world = service.world
        self._client = AsyncClient(
            base_url="https://city.test",
            http=http,
            limiter=None,
            retry=Retry(attempts=1, clock=self.world.time),
        )
        self.feed = self.watch()

    def watch(self, cursor: Any = None) -> Watch:
        return self._client.issues.watch(every=_EVERY, cursor=cursor)

    def restart(self) -> None:
        self.feed = self.watch(json.loads(json.dumps(self.feed.cursor)))

    def open(self, at: timedelta = timedelta(0), **options: Any) -> Row:
        return self.world.open(self.world.clock() + at, **options)

    async def told(self, looks: int = 2) -> list[tuple[int, ChangeKind]]:
        """What the feed tells in so many looks."""
        told: list[tuple[int, ChangeKind]] = []
        self.world.stop(looks * _EVERY)
        with anyio.CancelScope() as self.service.scope:
            while True:
                change = await anext(self.feed)
                told.append((change.issue.id, change.kind))
        return told


@pytest.fixture(params=[True, False], ids=["dated", "undated"])
def dated(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def town(dated: bool) -> AsyncIterator[_Town]:
    world = World(0, attrs.evolve(CALM, dated=dated), VirtualTime())
    service = Service(world)
    for hours in range(60, 0, -2):
        world.add_history(timedelta(days=30) + hours * _HOUR)
    world.open(world.clock())
    async with httpx.AsyncClient(transport=service) as http:
        yield _Town(http, service)


# -- everything at once ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (1, Options(lag=0, days=1)),
        (2, Options(skew=(0.0,), jumps=4, days=1)),
        (10, Options(lag=0, dated=False, rate=100, days=0.5)),
        (4, Options(rate=900, days=0.4)),
    ],
    ids=["usual", "a clock that is set", "no Date header", "busy"],
)
async def test_each_change_is_told(seed: int, options: Options) -> None:
    outcome = await follow(seed, options)

    assert outcome.lost == []
    assert outcome.old == []
    assert outcome.reported > 30
    assert outcome.restarts > 0
    assert outcome.largest < 64_000
    assert options.lag or not outcome.out_of_order  # a replica may show an older row later


# -- rows dated in the future ---------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [_HOUR, _YEAR])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_row_dated_in_the_future_makes_no_feed_deaf(
    town: _Town, ahead: timedelta, when: str
) -> None:
    if when == "before":
        town.world.touch(town.open(), town.world.clock() + ahead)
    await town.feed.begin()
    if when == "after":
        row = town.open()
        town.world.touch(row, town.world.clock() + ahead)
        assert await town.told() == [(row.id, ChangeKind.OPENED)]

    first = town.open()
    assert await town.told() == [(first.id, ChangeKind.OPENED)]
    town.restart()
    second = town.open()
    assert await town.told() == [(second.id, ChangeKind.OPENED)]


@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_a_cursor_that_is_ahead_of_the_service_recovers(
    town: _Town, caplog: pytest.LogCaptureFixture
) -> None:
    ahead = (START + _YEAR).isoformat()
    town.feed = town.watch({"began": ahead, "since": ahead, "floor": ahead, "seen": {}})
    await town.told()

    row = town.open()

    assert await town.told() == [(row.id, ChangeKind.OPENED)]
    assert "put back" in caplog.text


# -- clocks that differ ---------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [3, 5, 12])
async def test_servers_whose_clocks_differ_lose_nothing(town: _Town, minutes: int) -> None:
    await town.feed.begin()
    numbers: list[int] = []
    told: list[tuple[int, ChangeKind]] = []

    for turn in range(30):
        numbers.append(town.open(-minutes * _MINUTE * (turn % 2)).id)
        told += await town.told(1)

    told += await town.told()
    assert sorted(told) == [(number, ChangeKind.OPENED) for number in numbers]


@pytest.mark.parametrize("dated", [True], indirect=True)
@pytest.mark.parametrize("hours", [-5, -1, 1])
async def test_a_clock_that_is_set_loses_nothing(town: _Town, hours: int) -> None:
    await town.feed.begin()
    first = town.open()
    assert await town.told() == [(first.id, ChangeKind.OPENED)]

    town.world.clock_offset += hours * 3600.0
    second = town.open()

    assert await town.told(3) == [(second.id, ChangeKind.OPENED)]
    town.restart()
    third = town.open()
    assert await town.told(3) == [(third.id, ChangeKind.OPENED)]


# -- what appears late ----------------------------------------------------------------------------


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=30)])
@pytest.mark.parametrize("explained", [True, False])
async def test_a_backdated_status_is_told(town: _Town, age: timedelta, explained: bool) -> None:
    """Of an issue that the feed has seen, and of one that it has not."""
    await town.feed.begin()
    row = town.open() if not age else next(iter(town.world.rows.values()))
    await town.told(120)
    now = town.world.clock()

    town.world.set_status(row, "closed", now, since=now - timedelta(days=1))
    if explained:
        town.world.comment(row, now)

    expected = [(row.id, ChangeKind.CLOSED), (row.id, ChangeKind.COMMENTED)]
    assert await town.told() == expected[: 1 + explained]


@pytest.mark.parametrize("looks", [0, 200])
async def test_what_a_moderator_held_is_told(town: _Town, looks: int) -> None:
    await town.feed.begin()
    await town.told(looks)

    held = town.open(created=town.world.clock() - 90 * _MINUTE)
    row = next(iter(town.world.rows.values()))
    town.world.comment(row, town.world.clock(), created=town.world.clock() - 45 * _MINUTE)

    told = await town.told()
    assert sorted(told) == [(row.id, ChangeKind.COMMENTED), (held.id, ChangeKind.OPENED)]


async def test_the_past_of_an_old_issue_is_not_told(town: _Town) -> None:
    await town.feed.begin()
    commented, edited, *_ = town.world.rows.values()

    town.world.comment(commented, town.world.clock())
    town.world.touch(edited, town.world.clock())

    told = await town.told()
    assert told == [(commented.id, ChangeKind.COMMENTED), (edited.id, ChangeKind.EDITED)]


# -- edits and archives ---------------------------------------------------------------------------


async def test_an_update_that_nothing_explains_is_an_edit(town: _Town) -> None:
    await town.feed.begin()
    row = town.open()
    assert await town.told() == [(row.id, ChangeKind.OPENED)]

    for after in (timedelta(seconds=2), _HOUR):
        town.world.touch(row, town.world.clock() + after)
        assert await town.told() == [(row.id, ChangeKind.EDITED)]
    town.world.comment(row, town.world.clock())
    assert await town.told() == [(row.id, ChangeKind.COMMENTED)]


async def test_an_archived_issue_is_told_once(town: _Town) -> None:
    await town.feed.begin()
    known, stranger = town.open(), next(iter(town.world.rows.values()))
    await town.told()

    for row in (known, stranger):
        row.status = "Archived"
    town.world.comment(known, town.world.clock())
    town.world.touch(stranger, town.world.clock())
    told = await town.told()
    town.world.comment(stranger, town.world.clock())
    told += await town.told()

    assert sorted(told) == sorted(
        [
            (known.id, ChangeKind.COMMENTED),
            (known.id, ChangeKind.ARCHIVED),
            (stranger.id, ChangeKind.ARCHIVED),
            (stranger.id, ChangeKind.COMMENTED),
        ]
    )


# -- what the service gets wrong ------------------------------------------------------------------


@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_a_row_that_cannot_be_read_costs_itself_only(town: _Town) -> None:
    await town.feed.begin()
    town.service.unreadable.add(town.open().id)
    first = town.open()
    assert await town.told() == [(first.id, ChangeKind.OPENED)]

    second = town.open()

    assert await town.told(5) == [(second.id, ChangeKind.OPENED)]
    assert town.feed.cursor is not None
    assert town.feed.cursor["since"] >= second.times["updated"].strftime("%Y-%m-%dT%H:%M")


async def test_a_count_that_is_wrong_for_ever_holds_no_feed_back(town: _Town) -> None:
    await town.feed.begin()
    town.service.extra_entries = 1
    for _ in range(5):
        row = town.open()
        assert await town.told(4) == [(row.id, ChangeKind.OPENED)]
        assert town.feed.cursor is not None
        assert len(town.feed.cursor["seen"]) < 50


# -- consumers ------------------------------------------------------------------------------------


async def test_a_consumer_who_gives_up_before_each_look_still_gets_changes(town: _Town) -> None:
    await town.feed.begin()
    row = town.open()
    told: list[tuple[int, ChangeKind]] = []

    for _ in range(20):
        town.world.time.seconds += 10.0
        with anyio.CancelScope() as scope:
            town.world.time.on_wait = scope.cancel
            change = await anext(town.feed)
            told.append((change.issue.id, change.kind))

    assert told == [(row.id, ChangeKind.OPENED)]


async def test_a_place_without_issues_is_followed_from_its_first_one(town: _Town) -> None:
    town.world.rows.clear()
    await town.feed.begin()

    row = town.open(-_YEAR)  # the Date header is of another clock

    assert await town.told() == [(row.id, ChangeKind.OPENED)]


@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_rows_from_long_before_the_date_header_are_told(town: _Town) -> None:
    town.world.clock_offset = -_YEAR.total_seconds()
    town.world.rows.clear()
    town.open()
    town.service.date_offset = _YEAR
    await town.feed.begin()
    first = [town.open().id for _ in range(50)]
    assert await town.told(40) == [(number, ChangeKind.OPENED) for number in first]

    last = town.open()

    assert await town.told() == [(last.id, ChangeKind.OPENED)]


@pytest.mark.parametrize("dated", [True], indirect=True)
async def test_looks_after_a_burst_soon_cost_one_request_again(town: _Town) -> None:
    await town.feed.begin()
    for _ in range(200):
        town.open()
    await town.told(40)

    before = town.service.requests
    await town.told(10)

    assert town.service.requests - before <= 11


async def test_a_feed_that_begins_in_a_crowd_tells_nothing_of_it(town: _Town) -> None:
    for _ in range(70):
        town.open()
    await town.feed.begin()
    last = town.open()

    assert await town.told() == [(last.id, ChangeKind.OPENED)]


# -- cursors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dated", [True], indirect=True)
@pytest.mark.parametrize(("count", "warned"), [(2000, False), (5000, True)])
async def test_a_burst_keeps_a_cursor_small(
    town: _Town, count: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await town.feed.begin()
    at = town.world.clock()
    for _ in range(count):
        town.world.set_status(town.open(), "closed", at, since=at)

    told = await town.told(4)
    assert len(json.dumps(town.feed.cursor)) < 64_000
    town.restart()
    last = town.open()

    assert len(set(told)) == len(told) == 2 * count
    assert await town.told(3) == [(last.id, ChangeKind.OPENED)]
    assert ("Too many changes to remember" in caplog.text) is warned


async def test_a_cursor_of_the_former_version_goes_on(town: _Town) -> None:
    at = town.world.clock()
    first = town.open()
    told = {f"{first.id}:opened:{at:%Y-%m-%dT%H:%M:%SZ}": at.isoformat()}
    former = {"began": at.isoformat(), "since": at.isoformat(), "floor": at.isoformat()}
    town.feed = town.watch({**former, "seen": told, "first": False})
    second = town.open()

    told_now = await town.told()

    assert (first.id, ChangeKind.OPENED) not in told_now
    assert (second.id, ChangeKind.OPENED) in told_now
