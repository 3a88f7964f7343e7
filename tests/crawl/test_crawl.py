"""A crawl on the wire, against a service that changes while it is read."""

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
from seeclickfix_async.errors import DecodeError, ServerError, TruncatedResultsError
from seeclickfix_async.models import Status
from tests.support.service_model import OPENED, START, CapMode, ServiceModel

pytestmark = pytest.mark.anyio

_MOST_REQUESTS = 1000


def _client(service: ServiceModel) -> AsyncClient:
    return _served(service.respond)


def _served(serve: Callable[[httpx.Request], httpx.Response]) -> AsyncClient:
    left = iter(range(_MOST_REQUESTS))

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
    got: list[int] = []

    async def keep(batch: Batch[Issue]) -> None:
        got.extend(issue.id for issue in batch.issues)

    report = await crawl.run(keep)
    return got, report


def _check(got: list[int], report: Report, there: set[int]) -> None:
    """Every issue came once; the report says that this is all."""
    assert [number for number, times in Counter(got).items() if times > 1] == []
    assert there - set(got) == set()
    assert report.complete, report.reasons


@pytest.mark.parametrize("cap_mode", ["empty", "error", "repeat"])
@pytest.mark.parametrize("concurrency", [1, 2, 4])
@pytest.mark.parametrize("moment", range(1, 18, 2))
async def test_a_crowded_second_that_loses_a_row_while_it_is_read(
    cap_mode: CapMode, concurrency: int, moment: int
) -> None:
    service = _city(crowd=330, most_per_page=20, cap=200, cap_mode=cap_mode)
    gone = 20 + 7 * moment

    def delete(number: int) -> None:
        if number == moment:
            service.rows.pop(gone)

    service.before_response = delete
    got, report = await _run(_client(service).issues.crawl(concurrency=concurrency))

    _check(got, report, set(service.rows))


@pytest.mark.parametrize("cap_mode", ["empty", "error", "repeat"])
async def test_a_second_with_more_rows_than_both_ends_serve_is_divided(cap_mode: CapMode) -> None:
    service = _city(crowd=500, most_per_page=20, cap=100, cap_mode=cap_mode)

    got, report = await _run(_client(service).issues.crawl(concurrency=2))

    _check(got, report, set(service.rows))


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
        got, report = await _run(_client(service).issues.crawl())
        assert len(got) == len(set(got))
        if report.complete and not set(service.rows) <= set(got):
            lost.append(f"{moment}: {set(service.rows) - set(got)}")

    assert lost == []


async def test_a_service_that_ignores_the_box_is_told_and_not_divided_without_end() -> None:
    service = _city(crowd=120, most_per_page=10, cap=20)
    for row in service.rows.values():
        row.status = Status.OPEN

    def ignore(request: httpx.Request) -> httpx.Response:
        params = {k: v for k, v in request.url.params.items() if "lat" not in k and "lng" not in k}
        return service.respond(httpx.Request("GET", request.url.copy_with(params=params)))

    got, report = await _run(_served(ignore).issues.crawl())

    assert len(got) == len(set(got))
    assert not report.complete
    assert "holds more issues than the service serves" in report.reasons[0]


@pytest.mark.parametrize("count_mode", ["missing", "low", "capped", "jitter"])
async def test_a_count_that_is_too_low_ends_nothing(count_mode: Any) -> None:
    service = _city(300, 5, 295, most_per_page=20, cap=200, count_mode=count_mode)

    got, report = await _run(_client(service).issues.crawl(concurrency=2))

    _check(got, report, set(service.rows))


async def test_a_count_that_is_capped_as_the_rows_are_ends_no_crowded_second() -> None:
    service = _city(crowd=330, most_per_page=20, cap=200, count_mode="capped", has_next_page=False)

    got, report = await _run(_client(service).issues.crawl())

    _check(got, report, set(service.rows))


@pytest.mark.parametrize("count_mode", ["capped", "missing"])
async def test_a_page_that_is_cut_off_at_the_cap_is_not_the_end(count_mode: Any) -> None:
    service = _city(50, 350, 40, most_per_page=20, count_mode=count_mode, has_next_page=False)
    service.cap = 250

    def cut(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        answer = service.respond(request)
        body = json.loads(answer.content)
        served = 250 - (int(params.get("page", 1)) - 1) * int(params["per_page"])
        body["issues"] = body["issues"][: max(0, served)]
        return httpx.Response(200, json=body, headers={"Date": answer.headers["Date"]})

    got, report = await _run(_served(cut).issues.crawl(page_size=20))

    assert len(got) == len(set(got))
    assert sorted(got) == sorted(service.rows) or not report.complete


async def test_ties_whose_order_changes_with_each_page_end_and_are_complete() -> None:
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
        got, report = await _run(_client(service).issues.crawl())

        assert len(got) == len(set(got))
        assert set(service.rows) <= set(got) or not report.complete


@pytest.mark.parametrize("crowd", range(52, 120, 4))
@pytest.mark.parametrize("page_step", [1, 5])
async def test_ties_in_another_order_on_each_page_and_a_count_that_is_too_low(
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

    got, report = await _run(_client(service).issues.crawl())

    assert len(got) == len(set(got))
    assert set(service.rows) <= set(got) or not report.complete


@pytest.mark.parametrize("crowd", range(2, 12, 3))
@pytest.mark.parametrize("most_per_page", [1, 2, 3, 4])
@pytest.mark.parametrize("has_stable_ties", [False, True])
async def test_both_ends_of_a_second_seem_to_meet_where_nothing_is_counted(
    crowd: int, most_per_page: int, *, has_stable_ties: bool
) -> None:
    service = _city(
        crowd=crowd,
        most_per_page=most_per_page,
        cap=most_per_page,
        tie_order="page",
        has_stable_ties=has_stable_ties,
        count_mode="missing",
    )

    got, report = await _run(_client(service).issues.crawl())

    assert len(got) == len(set(got))
    assert set(service.rows) <= set(got) or not report.complete


async def test_issues_without_a_place_are_found_by_their_status() -> None:
    service = _city(crowd=60, most_per_page=10, cap=20)
    for row in service.rows.values():
        if row.id % 3 == 0:
            row.lat = row.lng = None

    got, report = await _run(_client(service).issues.crawl())

    _check(got, report, set(service.rows))


async def test_an_empty_page_hides_no_update() -> None:
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
    got, report = await _run(_served(serve).issues.crawl())

    assert emptied
    _check(got, report, set(service.rows))


async def test_a_count_that_is_too_high_is_told() -> None:
    service = _city(crowd=30, most_per_page=20, count_mode="high")

    got, report = await _run(_client(service).issues.crawl(concurrency=3))

    assert sorted(got) == sorted(service.rows)
    assert not report.complete
    assert len(report.reasons) > 1
    assert report.reasons[-1] == "3 issues that the service counts are missing."


async def test_pages_whose_size_and_cap_vary() -> None:
    for seed in range(20):
        service = _city(100, 160, 100, most_per_page=20, cap=100)

        def vary(number: int, service: ServiceModel = service, seed: int = seed) -> None:
            service.most_per_page = (20, 19, 7, 20)[(number + seed) % 4]
            service.cap_mode = ("empty", "error", "repeat")[(number * 7 + seed) % 3]

        service.before_response = vary
        got, report = await _run(_client(service).issues.crawl(concurrency=1 + seed % 3))

        _check(got, report, set(service.rows))


@pytest.mark.parametrize("per_page", [0, -1, None])
async def test_an_answer_that_grants_no_sensible_page(per_page: int | None) -> None:
    service = _city(50, 45, 50, most_per_page=20)

    def grant(request: httpx.Request) -> httpx.Response:
        body = json.loads(service.respond(request).content)
        body["metadata"]["pagination"]["per_page"] = per_page
        return httpx.Response(200, json=body)

    got, report = await _run(_served(grant).issues.crawl(page_size=20))

    _check(got, report, set(service.rows))


async def test_rows_that_move_behind_the_crawl_are_found_although_the_count_fits() -> None:
    service = _city(100, 0, 100, most_per_page=20)

    def move(number: int) -> None:
        if number == 4:
            service.touch(service.rows[190], created=START + timedelta(seconds=30))
            del service.rows[5]  # was received, and makes up for the other in the count

    service.before_response = move
    got, report = await _run(_client(service).issues.crawl())

    _check(got, report, set(service.rows))


async def test_a_row_that_moves_ahead_of_the_crawl_comes_once() -> None:
    service = _city(100, 0, 100, most_per_page=20)

    def move(number: int) -> None:
        if number == 4:
            service.touch(service.rows[5], created=START + timedelta(days=3))

    service.before_response = move
    got, report = await _run(_client(service).issues.crawl())

    _check(got, report, set(service.rows))


async def test_an_id_that_is_used_again_comes_once() -> None:
    service = _city(100, 0, 100, most_per_page=20)

    def reuse(number: int) -> None:
        if number == 4:
            service.touch(service.rows[5], created=START + timedelta(days=1))

    service.before_response = reuse
    got, report = await _run(_client(service).issues.crawl(concurrency=2))

    _check(got, report, set(service.rows))


async def test_a_crawl_that_fails_goes_on_where_it_stood() -> None:
    service = _city(30, 0, 0, most_per_page=10)
    failures = iter([False, True])

    def fail(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500) if next(failures, False) else service.respond(request)

    crawl = _served(fail).issues.crawl()
    got: list[int] = []
    with pytest.raises(ServerError):
        await _iterate(crawl, got)
    broken = crawl.report
    await _iterate(crawl, got)

    assert (broken.complete, crawl.report.complete) == (False, True)
    assert (broken.requests, crawl.report.requests) == (2, 1 + service.responses)
    assert sorted(got) == sorted(service.rows)


async def _iterate(crawl: Crawl[Issue], got: list[int]) -> None:
    async for issue in crawl:
        got.append(issue.id)  # noqa: PERF401  # what came before an error is to be seen


class _Ended(BaseException):
    """Nobody else knows of it, as of an interrupt."""


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
    got: list[int] = []
    with pytest.raises(error):
        await (_iterate(crawl, got) if iterated else _run(crawl))
    await _iterate(crawl, got)

    assert len(got) == len(set(got))
    assert crawl.report.complete


async def _first_batches(service: ServiceModel, count: int) -> tuple[bytes, list[int]]:
    """The state after some batches, and the issues that came."""
    got: list[int] = []
    state = b""

    async def keep(batch: Batch[Issue]) -> None:
        nonlocal state
        state = batch.state
        got.extend(issue.id for issue in batch.issues)
        if len(got) >= count:
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011  # our own
        await _client(service).issues.crawl().run(keep)
    return state, got


async def test_a_row_that_moves_between_two_processes_comes_once() -> None:
    service = _city(100, 0, 100, most_per_page=20)
    state, got = await _first_batches(service, 60)
    service.touch(service.rows[5], created=START + timedelta(days=3))
    service.touch(service.rows[150], created=START + timedelta(seconds=30))

    crawl = _client(service).issues.crawl(state=state)
    crawl.skip(got)
    more, report = await _run(crawl)

    _check(got + more, report, set(service.rows))


async def test_a_state_alone_gives_out_no_update_twice() -> None:
    service = _city(60, 0, 0, most_per_page=10)
    service.before_response = lambda number: service.touch(service.rows[1 + number % 60])
    got: list[int] = []
    states: list[bytes] = []

    async def keep(batch: Batch[Issue]) -> None:
        states.append(batch.state)
        got.extend(issue.id for issue in batch.issues)
        if len(states) % 2:
            raise OSError

    crawl = _client(service).issues.crawl()
    while not crawl.report.complete:
        with suppress(OSError):
            await crawl.run(keep)
        crawl = _client(service).issues.crawl(state=states[-1])

    assert sorted(got) == sorted(service.rows)


async def test_updates_without_end_and_a_count_that_is_too_high_end() -> None:
    service = _city(60, 0, 0, most_per_page=5, count_mode="high")
    service.before_response = lambda number: service.touch(service.rows[1 + number % 60])

    got, report = await _run(_client(service).issues.crawl())

    assert sorted(got) == sorted(service.rows)
    assert not report.complete


async def test_updates_that_outrun_the_crawl_end_and_are_told() -> None:
    service = _city(60, 0, 0, most_per_page=2, count_mode="missing")

    def touch(number: int) -> None:
        for place in range(5):
            service.touch(service.rows[1 + (5 * number + place) % 60])

    service.before_response = touch
    got, report = await _run(_client(service).issues.crawl())

    assert sorted(got) == sorted(service.rows)
    assert report.reasons == ("Issues were updated faster than they could be read.",)


async def test_a_crawl_that_goes_on_asks_only_for_the_updates_since_it_asked_last() -> None:
    service = _city(100, 0, 0, most_per_page=20)
    broken, since = True, [""]

    def serve(request: httpx.Request) -> httpx.Response:
        answer = service.respond(request)
        params = request.url.params
        since.append(params.get("updated_at_after", ""))
        if broken and params.get("after", "").startswith("2026-01-01T01"):
            body = json.loads(answer.content) | {"issues": []}
            return httpx.Response(200, json=body, headers={"Date": answer.headers["Date"]})
        return answer

    crawl = _served(serve).issues.crawl()
    first, _ = await _run(crawl)
    looked = max(since)
    service.opened += timedelta(days=1)
    broken = False
    asked = len(since)
    crawl.skip(first)
    more, report = await _run(crawl)

    _check(first + more, report, set(service.rows))
    assert looked
    assert max(since[asked:]) > looked


async def test_an_incomplete_crawl_reads_again_what_is_missing() -> None:
    service = _city(100, 0, 100, most_per_page=20)
    state = b""
    got: list[int] = []

    async def keep(batch: Batch[Issue]) -> None:
        nonlocal state
        state = batch.state
        got.extend(issue.id for issue in batch.issues)

    def hide(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after", "")
        answer = service.respond(request)
        if "2026-01-01T01:3" <= after < "2026-01-04" and "sort=created_at" in str(request.url):
            body = json.loads(answer.content)
            return httpx.Response(200, json={**body, "issues": []}, headers={"Date": _DATE})
        return answer

    broken = await _served(hide).issues.crawl().run(keep)
    crawl = _client(service).issues.crawl(state=state)
    crawl.skip(got)
    more, report = await _run(crawl)

    assert not broken.complete
    assert "and sends none" in broken.reasons[0]
    assert 0 < len(more) < 200
    _check(got + more, report, set(service.rows))


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_an_update_that_comes_while_the_crawl_runs_is_received(concurrency: int) -> None:
    service = _city(300, 0, 0, most_per_page=20)

    def update(number: int) -> None:
        if number == 3:
            service.touch(service.rows[250])

    service.before_response = update
    crawl = _client(service).issues.crawl(by="updated_at", concurrency=concurrency)
    got, report = await _run(crawl)

    assert set(got) == set(service.rows)
    assert Counter(got).most_common(2)[1][1] == 1  # the issue may have come before, too
    assert report.complete


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_rows_that_come_twice_are_received_once(concurrency: int) -> None:
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
    got, report = await _run(crawl)

    assert len(got) == len(set(got))
    assert set(got) == set(service.rows) or not report.complete


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
        got.extend(issue.id for issue in batch.issues)

    got: list[int] = []
    incomplete = await _served(hide).issues.crawl(by="updated_at").run(keep)
    crawl = _client(service).issues.crawl(by="updated_at", state=state)
    crawl.skip(got)
    more, report = await _run(crawl)

    assert not incomplete.complete
    _check(got + more, report, set(service.rows))


@pytest.mark.parametrize("by", ["created_at", "updated_at"])
async def test_a_job_that_updates_more_issues_in_one_second_than_are_served(by: Any) -> None:
    service = _city(500, 0, 0, most_per_page=20, cap=100)

    def archive(number: int) -> None:
        if number == (1 if by == "updated_at" else 6):
            now = service.now
            for row in service.rows.values():
                row.status, row.updated, row.lat = Status.ARCHIVED, now, 41.0

    service.before_response = archive
    got, report = await _run(_client(service).issues.crawl(by=by))

    assert set(got) == set(service.rows)
    assert report.complete


async def test_issues_that_do_not_show_their_updates_are_a_reason() -> None:
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
    got, report = await _run(crawl)

    assert sorted(got) == list(range(1, 22))
    assert report.complete
    assert report.until == crawl.date == OPENED


async def test_a_service_without_a_clock_goes_by_this_machines() -> None:
    service = _city(10, 0, 0)
    service.add(datetime.now(UTC) + timedelta(days=1))

    def serve(request: httpx.Request) -> httpx.Response:
        answer = service.respond(request)
        del answer.headers["Date"]
        return answer

    crawl = _served(serve).issues.crawl()
    got, report = await _run(crawl)

    assert sorted(got) == list(range(1, 11))
    assert report.complete
    assert crawl.date is None
    assert report.until is not None
    assert abs(report.until - datetime.now(UTC)) < timedelta(minutes=1)


def _answer(seconds: list[int], entries: int, **more: Any) -> httpx.Response:
    issues = [
        {"id": number, "created_at": f"2026-01-01T00:00:{second:02}Z", **more}
        for number, second in enumerate(seconds, 1)
    ]
    told = {"entries": entries, "page": 1, "per_page": 20}
    return httpx.Response(200, json={"issues": issues, "metadata": {"pagination": told}})


async def test_a_crawl_that_misses_rows_says_so() -> None:
    service = _city(30, 0, 0, most_per_page=10)

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.params["per_page"] == "1":  # the count in the end
            service.count_mode = "high"
        elif service.responses == 1:
            del service.rows[25]
        return service.respond(request)

    got, report = await _run(_served(serve).issues.crawl())

    assert sorted(got) == sorted(service.rows)
    assert report.reasons == ("3 issues that the service counts are missing.",)


async def test_a_bad_row_is_set_aside_and_told() -> None:
    crawl = _served(lambda _: _answer([1, 2], 2, lat={})).issues.crawl()
    got: list[int] = []
    await _iterate(crawl, got)

    assert got == []
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
    got, report = await _run(crawl)
    crawl.skip(got)
    more, again = await _run(crawl)
    is_mended = True
    crawl.skip(got)
    last, mended = await _run(crawl)

    assert (report.rejected, again.rejected, mended.rejected) == (1, 1, 0)
    assert (report.complete, again.complete, more, last) == (False, False, [], [bad])
    _check(got + last, mended, set(service.rows))


async def test_a_page_size_that_the_rows_contradict_is_not_believed() -> None:
    service = _city(400, 0, 0)
    pages: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        pages.append(request)
        body = json.loads(service.respond(request).content)
        body["metadata"]["pagination"]["per_page"] = 1 if len(pages) == 2 else 100
        return httpx.Response(200, json=body, headers={"Date": _DATE})

    got, report = await _run(_served(serve).issues.crawl())

    _check(got, report, set(service.rows))
    assert len(pages) < 10


async def test_a_period_that_begins_while_clocks_are_put_back() -> None:
    start = datetime(2026, 11, 1, 1, 32, 0, 600_000, ZoneInfo("America/New_York"))
    service = ServiceModel(most_per_page=20, opened=OPENED + timedelta(days=400))
    for number in range(90):
        moment = start.astimezone(UTC).replace(microsecond=100_000 * (number // 10))
        service.add(moment)

    got, report = await _run(_client(service).issues.crawl(after=start))

    _check(got, report, set(range(61, 91)))
    assert min(got) == 61


async def test_a_page_of_bad_rows_costs_no_other_row() -> None:
    service = _city(60, 0, 0, most_per_page=10)

    def spoil(request: httpx.Request) -> httpx.Response:
        answer = service.respond(request)
        body = json.loads(answer.content)
        for issue in body["issues"]:
            if 11 <= issue["id"] <= 35:
                issue["lat"] = {}
        return httpx.Response(200, json=body, headers={"Date": _DATE})

    crawl = _served(spoil).issues.crawl()
    got: list[int] = []
    await _iterate(crawl, got)

    assert got == [*range(1, 11), *range(36, 61)]
    assert crawl.report.rejected == 25


async def test_a_service_that_ignores_the_clock_is_found_out() -> None:
    answers = iter([_answer([5, 6], 9)])

    with pytest.raises(TruncatedResultsError, match="before the requested period"):
        await _run(_served(lambda _: next(answers, _answer([1, 2], 9))).issues.crawl())


async def test_a_service_that_counts_rows_and_gives_none_is_found_out() -> None:
    crawl = _served(lambda _: _answer([], 9)).issues.crawl()

    for _ in range(2):
        with pytest.raises(TruncatedResultsError, match="and sends none"):
            await _run(crawl)


async def test_a_service_that_tells_no_time_is_found_out() -> None:
    page = _answer([1, 2], 9).text.replace("created_at", "created")

    with pytest.raises(DecodeError, match="No row contains created_at"):
        await _run(_served(lambda _: httpx.Response(200, text=page)).issues.crawl())


async def test_an_empty_place_takes_one_request() -> None:
    got, report = await _run(_client(ServiceModel()).issues.crawl())

    assert got == []
    assert report.complete
    assert report.requests == 1


async def test_few_pages_are_decoded_while_earlier_ones_are_kept() -> None:
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
    got, report = await _run(crawl)

    assert report.complete, report.reasons
    assert 100 in got


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
