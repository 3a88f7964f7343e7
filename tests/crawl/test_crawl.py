"""Crawls of a service that changes while it is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import anyio.lowlevel
import attrs
import httpx
import pytest

from seeclickfix_async import AsyncClient, Batch, Crawl, Issue, Report, Retry
from seeclickfix_async.errors import (
    DecodeError,
    InvalidArgumentError,
    ServerError,
    TruncatedResultsError,
)
from seeclickfix_async.models import Status
from tests.support.event_loops import on_alternate_loops
from tests.support.service_model import OPENED, START, CapMode, ServiceModel

pytestmark = pytest.mark.anyio

_MAX_REQUESTS = 1000


def _client(service: ServiceModel) -> AsyncClient:
    return _served(service.respond)


def _served(serve: Callable[[httpx.Request], httpx.Response]) -> AsyncClient:
    left = iter(range(_MAX_REQUESTS))

    def count(request: httpx.Request) -> httpx.Response:
        assert next(left, None) is not None, "an endless crawl"
        return serve(request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(count))
    retry = Retry(attempts=1)
    return AsyncClient(http=http, base_url="https://city.example", limiter=None, retry=retry)


def _city(before: int = 20, crowd: int = 0, after: int = 20, **options: Any) -> ServiceModel:
    """Issues a minute apart, then many in one second, then others a minute apart."""
    service = ServiceModel(**options)
    for minute in range(before):
        service.add(START + timedelta(minutes=minute))
    for _ in range(crowd):
        service.add(START + timedelta(days=1))
    for minute in range(after):
        service.add(START + timedelta(days=2, minutes=minute))
    for number, row in service.rows.items():
        row.lat = 41 + number / 10_000
        row.status = tuple(Status)[number % 4]
    return service


async def _run(crawl: Crawl[Issue]) -> tuple[list[int], Report]:
    received: list[int] = []

    async def keep(batch: Batch[Issue]) -> None:
        received.extend(issue.id for issue in batch.issues)

    report = await crawl.run(keep)
    return received, report


def _check(received: list[int], report: Report, expected: set[int]) -> None:
    """Check that every issue was received once, and that the report is complete."""
    assert [number for number, times in Counter(received).items() if times > 1] == []
    assert expected - set(received) == set()
    assert report.complete, report.reasons


@pytest.mark.parametrize("cap_mode", ["empty", "error", "repeat"])
@pytest.mark.parametrize("concurrency", [1, 2, 4])
@on_alternate_loops("moment", range(1, 18, 2))
async def test_a_crowded_second_that_loses_a_row_during_the_crawl_is_complete(
    cap_mode: CapMode, concurrency: int, moment: int
) -> None:
    service = _city(crowd=330, most_per_page=20, cap=200, cap_mode=cap_mode)
    gone = 20 + 7 * moment

    def delete(number: int) -> None:
        if number == moment:
            service.rows.pop(gone)

    service.before_response = delete
    received, report = await _run(_client(service).issues.crawl(concurrency=concurrency))

    _check(received, report, set(service.rows))


@on_alternate_loops("cap_mode", ["empty", "error", "repeat"])
async def test_a_second_with_more_rows_than_both_ends_serve_is_divided(cap_mode: CapMode) -> None:
    service = _city(crowd=500, most_per_page=20, cap=100, cap_mode=cap_mode)

    received, report = await _run(_client(service).issues.crawl(concurrency=2))

    _check(received, report, set(service.rows))


@pytest.mark.exhaustive
async def test_an_issue_that_changes_its_status_while_a_second_is_divided_is_not_lost() -> None:
    lost: list[str] = []
    for moment in range(1, 60):
        service = _city(crowd=120, most_per_page=10, cap=20)

        def change(number: int, service: ServiceModel = service, moment: int = moment) -> None:
            if number == moment:
                for row in list(service.rows.values())[20:140:5]:
                    row.status = Status.OPEN  # without a new updated_at
                del service.rows[3]

        service.before_response = change
        received, report = await _run(_client(service).issues.crawl())
        assert len(received) == len(set(received))
        if report.complete and not set(service.rows) <= set(received):
            lost.append(f"{moment}: {set(service.rows) - set(received)}")

    assert lost == []


async def test_a_service_that_ignores_the_box_is_reported_and_not_divided_endlessly() -> None:
    service = _city(crowd=120, most_per_page=10, cap=20)
    for row in service.rows.values():
        row.status = Status.OPEN

    def ignore(request: httpx.Request) -> httpx.Response:
        params = {k: v for k, v in request.url.params.items() if "lat" not in k and "lng" not in k}
        return service.respond(httpx.Request("GET", request.url.copy_with(params=params)))

    received, report = await _run(_served(ignore).issues.crawl())

    assert len(received) == len(set(received))
    assert not report.complete
    assert "holds more issues than the service serves" in report.reasons[0]


@on_alternate_loops("count_mode", ["missing", "low", "capped", "jitter"])
async def test_a_count_that_is_too_low_does_not_end_the_crawl(count_mode: Any) -> None:
    service = _city(300, 5, 295, most_per_page=20, cap=200, count_mode=count_mode)

    received, report = await _run(_client(service).issues.crawl(concurrency=2))

    _check(received, report, set(service.rows))


async def test_a_count_capped_like_the_rows_does_not_end_a_crowded_second() -> None:
    service = _city(crowd=330, most_per_page=20, cap=200, count_mode="capped", has_next_page=False)

    received, report = await _run(_client(service).issues.crawl())

    _check(received, report, set(service.rows))


@pytest.mark.parametrize("count_mode", ["capped", "missing"])
async def test_a_page_that_is_cut_off_at_the_cap_is_not_the_end(count_mode: Any) -> None:
    service = _city(50, 350, 40, most_per_page=20, count_mode=count_mode, has_next_page=False)
    service.cap = 250

    def cut(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        response = service.respond(request)
        body = json.loads(response.content)
        served = 250 - (int(params.get("page", 1)) - 1) * int(params["per_page"])
        body["issues"] = body["issues"][: max(0, served)]
        return httpx.Response(200, json=body, headers={"Date": response.headers["Date"]})

    received, report = await _run(_served(cut).issues.crawl(page_size=20))

    assert len(received) == len(set(received))
    assert sorted(received) == sorted(service.rows) or not report.complete


async def test_ties_whose_order_changes_with_each_page_are_received() -> None:
    for seed in range(5):
        service = _city(50, 60, 50, most_per_page=20)
        chance = Random(seed)

        def shuffle(_number: int, service: ServiceModel = service, chance: Random = chance) -> None:
            crowd = [row for row in service.rows.values() if row.created.day == 2]
            ids = [row.id for row in crowd]
            chance.shuffle(ids)  # the model orders by id what is of one second
            for row, number in zip(crowd, ids, strict=True):
                service.rows[number] = attrs.evolve(row, id=number)

        service.before_response = shuffle
        received, report = await _run(_client(service).issues.crawl())

        assert len(received) == len(set(received))
        assert set(service.rows) <= set(received) or not report.complete


@on_alternate_loops("crowd", range(52, 120, 4))
@pytest.mark.parametrize("page_step", [1, 5])
async def test_ties_with_random_orders_and_a_low_count_are_received_or_reported(
    crowd: int, page_step: int
) -> None:
    service = _city(
        crowd=crowd,
        most_per_page=50,
        page_step=page_step,
        tie_order="page",
        count_mode="low",
        has_next_page=False,
    )

    received, report = await _run(_client(service).issues.crawl())

    assert len(received) == len(set(received))
    assert set(service.rows) <= set(received) or not report.complete


@on_alternate_loops("crowd", range(2, 12, 3))
@pytest.mark.parametrize("most_per_page", [1, 2, 3, 4])
@pytest.mark.parametrize("has_stable_ties", [False, True])
async def test_ends_of_a_second_that_meet_by_chance_are_not_believed(
    crowd: int, most_per_page: int, *, has_stable_ties: bool
) -> None:
    service = _city(
        2,
        crowd,
        2,
        most_per_page=most_per_page,
        cap=most_per_page,
        tie_order="page",
        has_stable_ties=has_stable_ties,
        count_mode="missing",
    )

    received, report = await _run(_client(service).issues.crawl())

    assert len(received) == len(set(received))
    assert set(service.rows) <= set(received) or not report.complete


async def test_issues_without_coordinates_are_received_by_their_status() -> None:
    service = _city(crowd=60, most_per_page=10, cap=20)
    for row in service.rows.values():
        if row.id % 3 == 0:
            row.lat = row.lng = None

    received, report = await _run(_client(service).issues.crawl())

    _check(received, report, set(service.rows))


async def test_updates_after_an_empty_page_are_received() -> None:
    service = _city(100, 0, 0, most_per_page=20)
    emptied: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        if not emptied and request.url.params["sort"] == "updated_at":
            emptied.append(request)
            body = json.loads(service.respond(request).content) | {"issues": []}
            return httpx.Response(200, json=body)
        return service.respond(request)

    def move(number: int) -> None:
        if number == 3:
            service.touch(service.rows[95], created=START)

    service.before_response = move
    received, report = await _run(_served(serve).issues.crawl())

    assert emptied
    _check(received, report, set(service.rows))


async def test_a_count_that_is_too_high_is_reported() -> None:
    service = _city(crowd=30, most_per_page=20, count_mode="high")

    received, report = await _run(_client(service).issues.crawl(concurrency=3))

    assert sorted(received) == sorted(service.rows)
    assert not report.complete
    assert len(report.reasons) > 1
    assert report.reasons[-1] == "3 issues that the service counts are missing."


@on_alternate_loops("first", [0, 1])
async def test_pages_of_varying_size_and_cap_are_received(first: int) -> None:
    for seed in range(first, 20, 2):
        service = _city(100, 160, 100, most_per_page=20, cap=100)

        def vary(number: int, service: ServiceModel = service, seed: int = seed) -> None:
            service.most_per_page = (20, 19, 7, 20)[(number + seed) % 4]
            service.cap_mode = ("empty", "error", "repeat")[(number * 7 + seed) % 3]

        service.before_response = vary
        received, report = await _run(_client(service).issues.crawl(concurrency=1 + seed % 3))

        _check(received, report, set(service.rows))


@pytest.mark.parametrize("per_page", [0, -1, None])
async def test_an_invalid_page_size_in_a_response_is_ignored(per_page: int | None) -> None:
    service = _city(50, 45, 50, most_per_page=20)

    def grant(request: httpx.Request) -> httpx.Response:
        body = json.loads(service.respond(request).content)
        body["metadata"]["pagination"]["per_page"] = per_page
        return httpx.Response(200, json=body)

    received, report = await _run(_served(grant).issues.crawl(page_size=20))

    _check(received, report, set(service.rows))


async def test_rows_that_move_to_a_read_period_are_received_although_the_count_fits() -> None:
    service = _city(100, 0, 100, most_per_page=20)

    def move(number: int) -> None:
        if number == 4:
            service.touch(service.rows[190], created=START + timedelta(seconds=30))
            del service.rows[5]  # was received, and makes up for the other in the count

    service.before_response = move
    received, report = await _run(_client(service).issues.crawl())

    _check(received, report, set(service.rows))


async def test_a_row_that_moves_to_an_unread_period_is_received_once() -> None:
    service = _city(100, 0, 100, most_per_page=20)

    def move(number: int) -> None:
        if number == 4:
            service.touch(service.rows[5], created=START + timedelta(days=3))

    service.before_response = move
    received, report = await _run(_client(service).issues.crawl())

    _check(received, report, set(service.rows))


async def test_an_id_that_is_used_again_is_received_once() -> None:
    service = _city(100, 0, 100, most_per_page=20)

    def reuse(number: int) -> None:
        if number == 4:
            service.touch(service.rows[5], created=START + timedelta(days=1))

    service.before_response = reuse
    received, report = await _run(_client(service).issues.crawl(concurrency=2))

    _check(received, report, set(service.rows))


async def test_a_failed_crawl_resumes() -> None:
    service = _city(30, 0, 0, most_per_page=10)
    failures = iter([False, True])

    def fail(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500) if next(failures, False) else service.respond(request)

    crawl = _served(fail).issues.crawl()
    received: list[int] = []
    with pytest.raises(ServerError):
        await _iterate(crawl, received)
    broken = crawl.report
    await _iterate(crawl, received)

    assert (broken.complete, crawl.report.complete) == (False, True)
    assert (broken.requests, crawl.report.requests) == (2, 1 + service.responses)
    assert sorted(received) == sorted(service.rows)


async def _iterate(crawl: Crawl[Issue], received: list[int]) -> None:
    async for issue in crawl:
        received.append(issue.id)  # noqa: PERF401  # what came before an error is to be seen


class _Ended(BaseException):
    """An exception that no code of the package handles, like an interrupt."""


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("error", [_Ended, LookupError])
@pytest.mark.parametrize("iterated", [True, False])
async def test_any_error_of_a_request_is_raised_as_itself(
    concurrency: int, error: type[BaseException], iterated: bool
) -> None:
    service = _city(300, 0, 0, most_per_page=10)
    failures = iter([None, None, error])

    def fail(request: httpx.Request) -> httpx.Response:
        if failure := next(failures, None):
            raise failure
        return service.respond(request)

    crawl = _served(fail).issues.crawl(concurrency=concurrency)
    received: list[int] = []
    with pytest.raises(error):
        await (_iterate(crawl, received) if iterated else _run(crawl))
    await _iterate(crawl, received)

    assert len(received) == len(set(received))
    assert crawl.report.complete


async def _first_batches(service: ServiceModel, count: int) -> tuple[bytes, list[int]]:
    """Return the state after some batches, and the received issues."""
    received: list[int] = []
    state = b""

    async def keep(batch: Batch[Issue]) -> None:
        nonlocal state
        state = batch.state
        received.extend(issue.id for issue in batch.issues)
        if len(received) >= count:
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011  # our own
        await _client(service).issues.crawl().run(keep)
    return state, received


async def test_a_row_that_moves_between_two_processes_is_received_once() -> None:
    service = _city(100, 0, 100, most_per_page=20)
    state, received = await _first_batches(service, 60)
    service.touch(service.rows[5], created=START + timedelta(days=3))
    service.touch(service.rows[150], created=START + timedelta(seconds=30))

    crawl = _client(service).issues.crawl(state=state)
    crawl.skip(received)
    more, report = await _run(crawl)

    _check(received + more, report, set(service.rows))


async def test_a_crawl_resumed_from_a_state_delivers_no_update_twice() -> None:
    service = _city(60, 0, 0, most_per_page=10)
    service.before_response = lambda number: service.touch(service.rows[1 + number % 60])
    received: list[int] = []
    states: list[bytes] = []

    async def keep(batch: Batch[Issue]) -> None:
        states.append(batch.state)
        received.extend(issue.id for issue in batch.issues)
        if len(states) % 2:
            raise OSError

    crawl = _client(service).issues.crawl()
    while not crawl.report.complete:
        with suppress(OSError):
            await crawl.run(keep)
        crawl = _client(service).issues.crawl(state=states[-1])

    assert sorted(received) == sorted(service.rows)


async def test_a_crawl_ends_despite_endless_updates_and_a_high_count() -> None:
    service = _city(60, 0, 0, most_per_page=5, count_mode="high")
    service.before_response = lambda number: service.touch(service.rows[1 + number % 60])

    received, report = await _run(_client(service).issues.crawl())

    assert sorted(received) == sorted(service.rows)
    assert not report.complete


async def test_updates_faster_than_the_crawl_are_reported() -> None:
    service = _city(60, 0, 0, most_per_page=2, count_mode="missing")

    def touch(number: int) -> None:
        for place in range(5):
            service.touch(service.rows[1 + (5 * number + place) % 60])

    service.before_response = touch
    received, report = await _run(_client(service).issues.crawl())

    assert sorted(received) == sorted(service.rows)
    assert report.reasons == ("Issues were updated faster than they could be read.",)


async def test_a_resumed_crawl_requests_only_the_updates_since_its_last_request_for_them() -> None:
    service = _city(100, 0, 0, most_per_page=20)
    broken, since = True, [""]

    def serve(request: httpx.Request) -> httpx.Response:
        response = service.respond(request)
        params = request.url.params
        since.append(params.get("updated_at_after", ""))
        if broken and params.get("after", "").startswith("2026-01-01T01"):
            body = json.loads(response.content) | {"issues": []}
            return httpx.Response(200, json=body, headers={"Date": response.headers["Date"]})
        return response

    crawl = _served(serve).issues.crawl()
    first, _ = await _run(crawl)
    looked = max(since)
    service.opened += timedelta(days=1)
    broken = False
    earlier = len(since)
    crawl.skip(first)
    more, report = await _run(crawl)

    _check(first + more, report, set(service.rows))
    assert looked
    assert max(since[earlier:]) > looked


async def test_an_incomplete_crawl_reads_again_what_is_missing() -> None:
    service = _city(100, 0, 100, most_per_page=20)
    state = b""
    received: list[int] = []

    async def keep(batch: Batch[Issue]) -> None:
        nonlocal state
        state = batch.state
        received.extend(issue.id for issue in batch.issues)

    def hide(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after", "")
        response = service.respond(request)
        if "2026-01-01T01:3" <= after < "2026-01-04" and "sort=created_at" in str(request.url):
            body = json.loads(response.content)
            return httpx.Response(200, json={**body, "issues": []}, headers={"Date": _DATE})
        return response

    broken = await _served(hide).issues.crawl().run(keep)
    crawl = _client(service).issues.crawl(state=state)
    crawl.skip(received)
    more, report = await _run(crawl)

    assert not broken.complete
    assert "and sends none" in broken.reasons[0]
    assert 0 < len(more) < 200
    _check(received + more, report, set(service.rows))


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_an_update_during_the_crawl_is_received(concurrency: int) -> None:
    service = _city(300, 0, 0, most_per_page=20)

    def update(number: int) -> None:
        if number == 3:
            service.touch(service.rows[250])

    service.before_response = update
    crawl = _client(service).issues.crawl(by="updated_at", concurrency=concurrency)
    received, report = await _run(crawl)

    assert set(received) == set(service.rows)
    assert Counter(received).most_common(2)[1][1] == 1  # the issue may have come before, too
    assert report.complete


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_rows_that_are_sent_twice_are_received_once(concurrency: int) -> None:
    service = _city(300, 45, 100, most_per_page=20)
    pages: list[bytes] = []

    def serve(request: httpx.Request) -> httpx.Response:
        """Include the end of the period, repeat a row on its page, and now and then a page."""
        params = dict(request.url.params)
        if "updated_at_before" in params:
            end = datetime.fromisoformat(params["updated_at_before"]) + timedelta(microseconds=1)
            request.url = request.url.copy_set_param("updated_at_before", end.isoformat())
        body = json.loads(service.respond(request).content)
        body["issues"] += body["issues"][-1:]
        pages.append(json.dumps(body).encode())
        content = pages[len(pages) // 2] if len(pages) % 7 == 0 else pages[-1]
        return httpx.Response(200, content=content, headers={"Date": _DATE})

    crawl = _served(serve).issues.crawl(by="updated_at", concurrency=concurrency)
    received, report = await _run(crawl)

    assert len(received) == len(set(received))
    assert set(received) == set(service.rows) or not report.complete


async def test_skipped_issues_are_not_received_again() -> None:
    service = _city(100, 0, 100, most_per_page=20)
    state = b""

    def hide(request: httpx.Request) -> httpx.Response:
        response = service.respond(request)
        if "2026-01-01T01:3" <= request.url.params.get("updated_at_after", "") < "2026-01-03":
            body = json.loads(response.content)
            return httpx.Response(200, json={**body, "issues": []}, headers={"Date": _DATE})
        return response

    async def keep(batch: Batch[Issue]) -> None:
        nonlocal state
        state = batch.state
        received.extend(issue.id for issue in batch.issues)

    received: list[int] = []
    incomplete = await _served(hide).issues.crawl(by="updated_at").run(keep)
    crawl = _client(service).issues.crawl(by="updated_at", state=state)
    crawl.skip(received)
    more, report = await _run(crawl)

    assert not incomplete.complete
    _check(received + more, report, set(service.rows))


@pytest.mark.parametrize("by", ["created_at", "updated_at"])
async def test_more_updates_in_one_second_than_are_served_are_received(by: Any) -> None:
    service = _city(500, 0, 0, most_per_page=20, cap=100)

    def archive(number: int) -> None:
        if number == (1 if by == "updated_at" else 6):
            now = service.now
            for row in service.rows.values():
                row.status, row.updated, row.lat = Status.ARCHIVED, now, 41.0

    service.before_response = archive
    received, report = await _run(_client(service).issues.crawl(by=by))

    assert set(received) == set(service.rows)
    assert report.complete


async def test_issues_without_an_update_time_are_reported() -> None:
    service = _city(100, 0, 0, most_per_page=20)

    def serve(request: httpx.Request) -> httpx.Response:
        response = service.respond(request)
        body = json.loads(response.content)
        for issue in body["issues"]:
            del issue["updated_at"]
        return httpx.Response(200, json=body, headers={"Date": response.headers["Date"]})

    def update(number: int) -> None:
        if number == 3:
            for row in list(service.rows.values()):
                service.touch(row)

    service.before_response = update
    _, report = await _run(_served(serve).issues.crawl())

    assert report.reasons == ("The service does not say when issues were updated.",)


_DATE = "Sun, 01 Feb 2026 00:00:00 GMT"


async def test_the_end_of_a_crawl_is_the_services_clock() -> None:
    service = _city(10, 0, 10)
    service.add(OPENED - timedelta(seconds=1))
    service.add(OPENED + timedelta(days=400))  # dated in the future

    crawl = _client(service).issues.crawl()
    received, report = await _run(crawl)

    assert sorted(received) == list(range(1, 22))
    assert report.complete
    assert report.until == crawl.date == OPENED


@pytest.mark.parametrize("count_mode", ["right", "missing"])
async def test_an_issue_updated_in_the_second_of_the_first_response_is_received(
    count_mode: Any,
) -> None:
    service = ServiceModel(count_mode=count_mode)
    service.add(START, updated=OPENED)

    def serve(request: httpx.Request) -> httpx.Response:
        body = (response := service.respond(request)).json()
        if count_mode == "missing":
            body["metadata"]["pagination"]["entries"] = 0
        return httpx.Response(200, json=body, headers={"Date": response.headers["Date"]})

    received, report = await _run(_served(serve).issues.crawl(by="updated_at"))

    assert received == [1]
    assert report.complete


async def test_without_a_date_header_this_machines_clock_is_used() -> None:
    service = _city(10, 0, 0)
    service.add(datetime.now(UTC) + timedelta(days=1))

    def serve(request: httpx.Request) -> httpx.Response:
        response = service.respond(request)
        del response.headers["Date"]
        return response

    crawl = _served(serve).issues.crawl()
    received, report = await _run(crawl)

    assert sorted(received) == list(range(1, 11))
    assert report.complete
    assert crawl.date is None
    assert report.until is not None
    assert abs(report.until - datetime.now(UTC)) < timedelta(minutes=1)


def _response(seconds: list[int], entries: int, **more: Any) -> httpx.Response:
    issues = [
        {"id": number, "created_at": f"2026-01-01T00:00:{second:02}Z", **more}
        for number, second in enumerate(seconds, 1)
    ]
    pagination = {"entries": entries, "page": 1, "per_page": 20}
    return httpx.Response(200, json={"issues": issues, "metadata": {"pagination": pagination}})


async def test_missing_rows_are_reported() -> None:
    service = _city(30, 0, 0, most_per_page=10)

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.params["per_page"] == "1":  # the count in the end
            service.count_mode = "high"
        elif service.responses == 1:
            del service.rows[25]
        return service.respond(request)

    received, report = await _run(_served(serve).issues.crawl())

    assert sorted(received) == sorted(service.rows)
    assert report.reasons == ("3 issues that the service counts are missing.",)


async def test_an_unreadable_row_is_rejected_and_reported() -> None:
    crawl = _served(lambda _: _response([1, 2], 2, lat={})).issues.crawl()
    received: list[int] = []
    await _iterate(crawl, received)

    assert received == []
    assert crawl.report.rejected == 2
    assert crawl.report.reasons == ("2 rows could not be read.",)


@pytest.mark.parametrize("bad", [1, 35, 60])
async def test_an_unreadable_row_is_read_again(bad: int) -> None:
    service = _city(20, 0, 40, most_per_page=10)
    is_mended = False

    def spoil(request: httpx.Request) -> httpx.Response:
        body = json.loads(service.respond(request).content)
        for issue in body["issues"]:
            if issue["id"] == bad and not is_mended:
                issue["lat"] = {}
        return httpx.Response(200, json=body, headers={"Date": _DATE})

    crawl = _served(spoil).issues.crawl()
    received, report = await _run(crawl)
    crawl.skip(received)
    more, again = await _run(crawl)
    is_mended = True
    crawl.skip(received)
    last, mended = await _run(crawl)

    assert (report.rejected, again.rejected, mended.rejected) == (1, 1, 0)
    assert (report.complete, again.complete, more, last) == (False, False, [], [bad])
    _check(received + last, mended, set(service.rows))


async def test_a_page_size_that_the_rows_contradict_is_ignored() -> None:
    service = _city(400, 0, 0)
    pages: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        pages.append(request)
        body = json.loads(service.respond(request).content)
        body["metadata"]["pagination"]["per_page"] = 1 if len(pages) == 2 else 100
        return httpx.Response(200, json=body, headers={"Date": _DATE})

    received, report = await _run(_served(serve).issues.crawl())

    _check(received, report, set(service.rows))
    assert len(pages) < 10


async def test_a_period_that_begins_while_a_clock_is_put_back_is_received() -> None:
    start = datetime(2026, 11, 1, 1, 32, 0, 600_000, ZoneInfo("America/New_York"))
    service = ServiceModel(most_per_page=20, opened=OPENED + timedelta(days=400))
    for number in range(90):
        moment = start.astimezone(UTC).replace(microsecond=100_000 * (number // 10))
        service.add(moment)

    received, report = await _run(_client(service).issues.crawl(after=start))

    _check(received, report, set(range(61, 91)))
    assert min(received) == 61


async def test_a_period_ends_after_it_began_while_a_clock_is_put_back() -> None:
    start = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    end = start.replace(minute=15, fold=1)  # three quarters of an hour later
    service = ServiceModel(opened=OPENED + timedelta(days=400))
    for minute in range(-10, 60):
        service.add(start.astimezone(UTC) + timedelta(minutes=minute))

    received, report = await _run(_client(service).issues.crawl(after=start, before=end))

    _check(received, report, set(range(11, 56)))
    with pytest.raises(InvalidArgumentError, match="earlier"):
        _client(service).issues.crawl(after=end, before=start)


async def test_a_page_of_unreadable_rows_does_not_affect_other_pages() -> None:
    service = _city(60, 0, 0, most_per_page=10)

    def spoil(request: httpx.Request) -> httpx.Response:
        response = service.respond(request)
        body = json.loads(response.content)
        for issue in body["issues"]:
            if 11 <= issue["id"] <= 35:
                issue["lat"] = {}
        return httpx.Response(200, json=body, headers={"Date": _DATE})

    crawl = _served(spoil).issues.crawl()
    received: list[int] = []
    await _iterate(crawl, received)

    assert received == [*range(1, 11), *range(36, 61)]
    assert crawl.report.rejected == 25


async def test_rows_from_before_the_period_raise_truncated_results() -> None:
    responses = iter([_response([5, 6], 9)])

    with pytest.raises(TruncatedResultsError, match="before the requested period"):
        await _run(_served(lambda _: next(responses, _response([1, 2], 9))).issues.crawl())


async def test_a_count_without_rows_raises_truncated_results() -> None:
    crawl = _served(lambda _: _response([], 9)).issues.crawl()

    for _ in range(2):
        with pytest.raises(TruncatedResultsError, match="and sends none"):
            await _run(crawl)


async def test_rows_without_creation_times_raise_decode_error() -> None:
    page = _response([1, 2], 9).text.replace("created_at", "created")

    with pytest.raises(DecodeError, match="No row contains created_at"):
        await _run(_served(lambda _: httpx.Response(200, text=page)).issues.crawl())


async def test_an_empty_place_takes_one_request() -> None:
    received, report = await _run(_client(ServiceModel()).issues.crawl())

    assert received == []
    assert report.complete
    assert report.requests == 1


async def test_few_pages_are_decoded_while_earlier_ones_are_processed() -> None:
    service = _city(before=1000, after=0)
    crawl = _client(service).issues.crawl(status="all", concurrency=32, page_size=5)
    batches: list[int] = []

    async def keep(batch: Batch[Issue]) -> None:
        if len(batches) < 60:
            await anyio.wait_all_tasks_blocked()  # every worker has a page by now
        batches.append(len(batch.issues))

    report = await crawl.run(keep)

    assert report.complete, report.reasons
    assert sum(batches) == 1000
    assert max(batches) <= 16 * 5  # pages, as many as requests at once


async def test_a_crawl_by_updates_up_to_a_future_time_receives_what_moves_meanwhile() -> None:
    service = _city(before=0, after=120, most_per_page=10)

    def change(number: int) -> None:
        if number == 6:  # an unread issue moves to a period that was read, and a read one is gone
            service.touch(service.rows[100])
            service.rows.pop(3)

    service.before_response = change
    crawl = _client(service).issues.crawl(
        by="updated_at", updated_at_before=OPENED + timedelta(days=1), concurrency=2
    )
    received, report = await _run(crawl)

    assert report.complete, report.reasons
    assert 100 in received


async def test_an_older_version_in_a_slow_response_does_not_follow_the_newer_one() -> None:
    service = _city(before=0, after=120, most_per_page=10)
    number = 15
    newer_sent = anyio.Event()

    async def serve(request: httpx.Request) -> httpx.Response:
        response = service.respond(request)
        row = next((row for row in response.json()["issues"] if row["id"] == number), None)
        if row is not None and row["summary"] == "version 0":
            service.touch(service.rows[number])
            service.rows[number].updated = OPENED - timedelta(seconds=30)
            with anyio.fail_after(10):
                await newer_sent.wait()
            for _ in range(200):  # until the newer version is processed
                await anyio.lowlevel.checkpoint()
        elif row is not None:
            newer_sent.set()
        return response

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    client = AsyncClient(http=http, base_url="https://city.example", limiter=None)
    crawl = client.issues.crawl(by="updated_at", concurrency=2)
    versions: list[str | None] = []

    async def keep(batch: Batch[Issue]) -> None:
        versions.extend(issue.summary for issue in batch.issues if issue.id == number)

    report = await crawl.run(keep)

    assert report.complete, report.reasons
    assert versions == ["version 1"]
