"""The decisions of a crawl: every issue once, or the report says why not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import Issue
from seeclickfix_async._api.query import IssueQuery
from seeclickfix_async._crawl.crowded_second import Listing
from seeclickfix_async._crawl.id_set import IdSet
from seeclickfix_async._crawl.planner import CrawlPlanner
from seeclickfix_async._crawl.state import CrawlState
from seeclickfix_async._crawl.time_slice import TimeSlice
from seeclickfix_async.errors import InvalidArgumentError
from tests.support.json_values import JSON
from tests.support.service_model import START, CapMode, CountMode, ServiceModel
from tests.support.small_worlds import World, crawl, worlds


@pytest.mark.parametrize(
    ("rows", "page_size", "events", "every"),
    [(5, 2, 1, 2), (3, 2, 2, 8), (8, 3, 1, 80)],
    ids=["one event", "two events", "eight rows"],
)
@pytest.mark.timeout(600)
@pytest.mark.exhaustive
def test_small_worlds_in_which_something_happens_at_every_moment(
    rows: int, page_size: int, events: int, every: int
) -> None:
    """Of `every` worlds one is drawn; `python -m benchmarks proof --worlds` tries all."""
    random, tried = Random(events), 0
    for world in worlds(rows, page_size, events=events):
        if random.randrange(every) == 0:
            assert crawl(world).failure is None, world
            tried += 1

    assert tried > 10_000


@pytest.mark.parametrize("seconds", [(5,), (1, 1, 1, 1, 1), (1, 4), (4, 1), (2, 3), (0, 0, 3)])
@pytest.mark.parametrize("cap", [None, 4])
def test_a_small_world_in_which_nothing_happens_is_complete(
    seconds: tuple[int, ...], cap: int | None
) -> None:
    outcome = crawl(World(seconds, 2, cap, "empty", workers=2))

    assert outcome.complete
    assert sorted(outcome.received) == list(range(1, sum(seconds) + 1))


_SECONDS = st.lists(st.integers(0, 3599), max_size=150) | st.lists(st.integers(0, 12), max_size=150)


@given(
    seconds=_SECONDS,
    served=st.tuples(
        st.none() | st.integers(2, 30),
        st.sampled_from(["empty", "error", "repeat"]),
        st.sampled_from(["right", "missing", "low", "high", "capped", "jitter"]),
    ),
    page_size=st.integers(1, 30),
    workers=st.integers(1, 5),
    changes=st.integers(0, 20),
    chance=st.randoms(use_true_random=False),
)
def test_whatever_the_service_counts_no_issue_is_lost_in_silence(
    seconds: list[int],
    served: tuple[int | None, CapMode, CountMode],
    *,
    page_size: int,
    workers: int,
    changes: int,
    chance: Random,
) -> None:
    cap, cap_mode, count_mode = served
    service = ServiceModel(
        most_per_page=page_size,
        cap=cap and max(cap, page_size),
        cap_mode=cap_mode,
        count_mode=count_mode,
    )
    for place, second in enumerate(seconds):
        created = START + timedelta(seconds=second)
        service.add(created, lat=float(place % 7), updated=created)
    there = set(service.rows)
    query = IssueQuery(status="all")
    planner: CrawlPlanner[Issue] = CrawlPlanner(query, by="created_at", page_size=page_size)
    received: list[int] = []

    for _ in range(5000):
        if not planner.slices:
            break
        if chance.random() < changes / 100 and service.rows:
            del service.rows[chance.choice(list(service.rows))]
            there &= service.rows.keys()
        part = chance.choice(planner.slices)
        request = planner.request(part)
        page = service.page(request.query, request.number)
        planner.count_requests(1)
        if page is None:
            assert planner.refuse(part, request)
            continue
        received += (issue.id for issue in planner.receive(part, request, page, service.now))
        if part in planner.slices and part.is_between_pages:
            planner.share(part, workers - len(planner.slices))
        if chance.random() < 0.3:
            state = planner.state.encode()
            planner = CrawlPlanner(query, by="created_at", page_size=page_size, state=state)
    assert not planner.slices
    if received or not planner.state.gaps:
        planner.finish(len(service.rows))

    assert len(received) == len(set(received))
    assert there <= set(received) or not planner.state.report(rate=1).complete


def test_the_state_is_small_json() -> None:
    planner: CrawlPlanner[Issue] = CrawlPlanner(IssueQuery(status="all"), by="created_at")

    assert len(planner.state.encode()) < 1000
    assert msgspec.json.decode(planner.state.encode())["finished"] is False


_SLICE = '{"by": "created_at", "start": null, "end": "%s"}'
_STATE = '{"slices": [%s], "limits": {"requested": 100, "depth": %s}}'


@pytest.mark.parametrize(
    "state",
    [
        "",
        "{}",
        "[1]",
        '{"slices": 1}',
        "[" * 5000,
        _STATE % ("", "0"),
        (_STATE % ("", "null")).replace("100", "1000000000"),
        _STATE % (_SLICE % "9999-12-31T23:59:59-05:00", "null"),
        _STATE % (_SLICE % "0001-01-01T00:00:00+01:00", "null"),
        _STATE % (_SLICE % "2026-01-01T00:00:00", "null"),
    ],
)
def test_a_state_that_is_not_one_is_refused(state: str) -> None:
    for broken in (state.encode(), state.encode() + b"\xff"):
        with pytest.raises(InvalidArgumentError, match="not the state of a crawl"):
            CrawlPlanner[Issue](IssueQuery(), by="created_at", state=broken)


def test_a_state_of_a_crawl_is_accepted() -> None:
    state = _STATE % (_SLICE % "2026-01-01T00:00:00Z", "null")

    planner = CrawlPlanner[Issue](IssueQuery(), by="created_at", state=state.encode())

    assert [period.end for period in planner.slices] == [datetime(2026, 1, 1, tzinfo=UTC)]


_NAMES = [field.name for model in (CrawlState, TimeSlice, Listing) for field in attrs.fields(model)]


@given(st.dictionaries(st.sampled_from(_NAMES), JSON), st.sampled_from(["state", "slice"]))
def test_any_state_continues_or_is_refused(changes: dict[str, Any], place: str) -> None:
    period: dict[str, Any] = {"by": "created_at", "start": None, "end": "2026-01-01T00:00:00Z"}
    state: dict[str, Any] = {"slices": [period], "limits": {"requested": 100}}
    if place == "slice":
        period |= {**changes, "listing": changes, "crowd": {"listings": [changes]}}
    else:
        state |= changes
    try:
        content = json.dumps(state).encode()
        planner = CrawlPlanner[Issue](IssueQuery(), by="created_at", state=content)
    except InvalidArgumentError:
        return
    for left in planner.slices:
        assert planner.request(left).per_page <= 100
    assert planner.state.report(rate=1.0).minimum >= 1


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_a_set_of_ids_holds_what_was_added(numbers: list[int]) -> None:
    ids, seen = IdSet(), set[int]()
    for number in numbers:
        assert ids.add(number) == (number not in seen)
        seen.add(number)
    assert not any(ids.add(number) for number in numbers)
    assert all(number in ids for number in numbers)
    assert all(ids.may_overlap(number, number) for number in numbers)


@given(st.sets(st.integers(-5000, 5000)), st.integers(-5000, 5000), st.integers(0, 5000))
def test_a_set_of_ids_may_overlap_each_range_that_holds_one(
    numbers: set[int], first: int, length: int
) -> None:
    ids = IdSet(numbers)
    last = first + length
    blocks = range(first // 1024, last // 1024 + 1)

    assert (first in ids) == (first in numbers)
    assert ids.may_overlap(first, last) == any(number // 1024 in blocks for number in numbers)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([5, 6], id="begins beyond what is known"),
        pytest.param([2, 4], id="was shifted by an insertion"),
        pytest.param([4, 3], id="has another order"),
        pytest.param([3, 4, 2], id="holds a row that came before"),
    ],
)
def test_a_page_that_does_not_begin_with_the_last_known_rows_proves_nothing(
    rows: list[int],
) -> None:
    listing = Listing()

    assert listing.extend([1, 2, 3], 0)
    assert not listing.extend(rows, 2)
    assert listing.front == [1, 2, 3]


def test_a_page_that_begins_with_the_last_known_rows_continues_them() -> None:
    listing = Listing()

    assert listing.extend([1, 2, 3], 0)
    assert listing.extend([2, 3, 4], 1)
    assert listing.extend([], 4)
    assert listing.extend([1, 2], 6)
    assert listing.front == [1, 2, 3, 4]
