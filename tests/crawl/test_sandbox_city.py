"""Crawls, lists and single requests of a sandbox with a whole city."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import anyio
import anyio.lowlevel
import httpx
import pytest

from seeclickfix_async import (
    AsyncClient,
    Batch,
    DetailedIssue,
    Issue,
    PlaceArea,
    Status,
    near,
)
from seeclickfix_async.errors import AuthenticationError, NotFoundError, TruncatedResultsError
from seeclickfix_async.sandbox import TOKEN, Sandbox, Settings
from seeclickfix_async.testing import VirtualClock
from tests.support.event_loops import on_alternate_loops
from tests.support.sandboxes import URL, make_client

pytestmark = pytest.mark.anyio


@on_alternate_loops("concurrency", [1, 4, 32])
async def test_a_crawl_yields_every_issue_once(
    city: Sandbox, city_url: str, concurrency: int
) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        crawl = client.issues.crawl(concurrency=concurrency)
        ids = [issue.id async for issue in crawl]

    assert sorted(ids) == [city.city.id_of(row) for row in range(5000)]
    assert crawl.report.complete
    assert crawl.report.expected == crawl.report.received == 5000


async def test_another_request_is_sent_before_the_next_page_of_a_crawl(city: Sandbox) -> None:
    paths: list[str] = []
    permits = anyio.Semaphore(1)

    class BlockingTransport(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            paths.append(request.url.path)
            await permits.acquire()
            return await super().handle_async_request(request)

    async def store(batch: Batch[Issue]) -> None:
        pass

    http = httpx.AsyncClient(transport=BlockingTransport(app=city.app))
    client = AsyncClient(http=http, base_url="https://city.test", limiter=None)
    crawl = client.issues.crawl(concurrency=32, page_size=20)
    await crawl.estimate()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(crawl.run, store)
        await anyio.wait_all_tasks_blocked()
        assert len(paths) == 17
        tasks.start_soon(client.users.me)
        await anyio.wait_all_tasks_blocked()
        permits.release()
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert paths[17].endswith("/profile")


async def test_a_worker_requests_its_next_page_after_its_batch_is_stored() -> None:
    sandbox = Sandbox(600, settings=Settings(quota=None))
    permits = anyio.Semaphore(0)
    counts: list[int] = []

    async def store(batch: Batch[Issue]) -> None:
        await permits.acquire()

    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app))
    client = AsyncClient(http=http, base_url="https://city.test", limiter=None)
    crawl = client.issues.crawl(concurrency=4, page_size=20)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(crawl.run, store)
        for _ in range(3):
            await anyio.wait_all_tasks_blocked()
            counts.append(len(sandbox.requests))
            permits.release()
        tasks.cancel_scope.cancel()

    # The first page is stored alone, those of the other three workers as one batch. After each
    # batch, its workers request their next pages.
    assert counts == [4, 5, 8]


async def test_a_crawl_sends_few_more_requests_than_there_are_pages(city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        crawl = client.issues.crawl()
        async for _ in crawl:
            pass

    assert crawl.report.minimum == 50
    assert crawl.report.requests <= 1.05 * crawl.report.minimum


async def test_a_crawl_by_updated_at_yields_every_issue_in_order(city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        crawl = client.issues.crawl(by="updated_at")
        times = [issue.updated_at async for issue in crawl]

    assert len(times) == 5000
    assert times == sorted(time for time in times if time)


async def test_a_crawl_with_details_yields_comments(city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        crawl = client.issues.crawl(details=True, status="open")
        issues = [issue async for issue in crawl]

    assert crawl.report.complete
    assert all(isinstance(issue, DetailedIssue) for issue in issues)
    assert sum(len(issue.comments or ()) for issue in issues) > len(issues)


async def test_archived_issues_are_only_listed_on_request(city: Sandbox, city_url: str) -> None:
    counts = Counter(city.city.status)
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        default = await client.issues.list()
        everything = await client.issues.list(status="all")
        archived = await client.issues.list(status=[Status.ARCHIVED])

    assert default.entries == 5000 - counts[3]
    assert everything.entries == 5000
    assert archived.entries == counts[3]


@on_alternate_loops("beyond", ["empty", "error", "repeat"])
async def test_a_list_that_the_service_truncates_raises(beyond: str) -> None:
    sandbox = Sandbox(settings=Settings(quota=None, beyond=beyond))  # type: ignore[arg-type]
    with sandbox.serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            with pytest.raises(TruncatedResultsError) as caught:
                await client.issues.list(status="all", per_page=100).collect()

    assert caught.value.received == 1000
    assert caught.value.entries == 5000


@on_alternate_loops("beyond", ["empty", "error", "repeat"])
async def test_a_second_with_more_issues_than_the_depth_cap_is_partitioned(
    beyond: str,
) -> None:
    settings = Settings(quota=None, beyond=beyond, depth=100)  # type: ignore[arg-type]
    sandbox = Sandbox(1200, settings=settings)
    with sandbox.serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            crawl = client.issues.crawl()
            received = [issue.id async for issue in crawl]

    # Two seconds have 121 and 231 issues, most of them archived.
    assert len(received) == len(set(received)) == 1200
    assert crawl.report.complete
    assert crawl.report.requests <= 4 * crawl.report.minimum


@on_alternate_loops("beyond", ["empty", "error", "repeat"])
async def test_a_second_that_cannot_be_partitioned_is_reported(beyond: str) -> None:
    settings = Settings(quota=None, beyond=beyond, depth=100)  # type: ignore[arg-type]
    with Sandbox(1200, settings=settings).serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            crawl = client.issues.crawl(area=PlaceArea("example-city"))
            received = [issue.id async for issue in crawl]

    # The area of a place has no corners by which to partition it.
    assert 1000 < len(received) == len(set(received)) < 1200
    assert not crawl.report.complete
    assert "more issues than the service serves" in crawl.report.reasons[0]


@pytest.mark.parametrize(("granted", "expected"), [(20, "100"), (100, "100"), (400, "400")])
async def test_the_largest_page_size_is_what_the_service_grants(
    granted: int, expected: str
) -> None:
    sandbox = Sandbox(600, settings=Settings(quota=None, most_per_page=granted))
    with sandbox.serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            crawl = client.issues.crawl(page_size="largest")
            received = {issue.id async for issue in crawl}

    sizes = [request.query["per_page"] for request in sandbox.requests]
    assert len(received) == crawl.report.received == 600
    assert sizes[:2] == ["1000", expected]
    assert crawl.report.requests <= 1.5 * crawl.report.minimum + 2


async def test_pages_that_shift_while_they_are_read_yield_each_issue_once() -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None, drift=3))
    with sandbox.serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            ids = [issue.id async for issue in client.issues.list(status="all")]

    assert len(ids) == len(set(ids))
    assert set(ids) >= {sandbox.city.id_of(row) for row in range(300)}


@pytest.mark.parametrize("end", ["failure", "cancellation"])
async def test_a_batch_that_was_not_stored_is_delivered_again(city: Sandbox, end: str) -> None:
    stored: list[int] = []
    batches = iter(range(4))

    async def store(batch: Batch[Issue]) -> None:
        await anyio.lowlevel.checkpoint()
        if next(batches, None) == 3:
            if end == "failure":
                raise OSError("No space left on device")
            scope.cancel()
            await anyio.lowlevel.checkpoint()
        stored.extend(issue.id for issue in batch.issues)

    crawl = make_client(city).issues.crawl(concurrency=8)
    with anyio.CancelScope() as scope, suppress(OSError):
        await crawl.run(store)
    assert 0 < len(stored) < 5000
    report = await crawl.run(store)

    assert report.complete
    assert sorted(stored) == [city.city.id_of(row) for row in range(5000)]


async def test_requests_are_sent_before_responses_are_decoded() -> None:
    sandbox = Sandbox(2000, settings=Settings(quota=None))
    counts: list[int] = []

    async def store(_: Batch[Issue]) -> None:
        counts.append(len(sandbox.requests))

    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app))
    clock = VirtualClock()  # so that the event loop has no other work
    client = AsyncClient(http=http, base_url=URL, limiter=None, clock=clock)
    await client.issues.crawl(concurrency=32, page_size=20).run(store)

    first, second, *_ = counts
    assert first == 1  # it is not known yet how many workers are useful
    assert second > 32


async def test_fewer_workers_request_large_pages() -> None:
    requests: list[httpx.Request] = []
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {"id": row, "created_at": (start + timedelta(seconds=row)).isoformat()}
        for row in range(1000)
    ]
    pagination = {"entries": 1_000_000, "page": 1, "per_page": 1000, "next_page": 2}

    async def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if len(requests) > 1:
            await anyio.sleep_forever()
        return httpx.Response(200, json={"issues": rows, "metadata": {"pagination": pagination}})

    async def store(_: Batch[Issue]) -> None:
        pass

    http = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    client = AsyncClient(http=http, base_url=URL, limiter=None)
    crawl = client.issues.crawl(concurrency=None, page_size="largest")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(crawl.run, store)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert len(requests) == 1 + 3


async def test_a_received_page_is_not_requested_again() -> None:
    sandbox = Sandbox(3000, settings=Settings(quota=None))
    batches = iter(range(3))

    async def store(_: Batch[Issue]) -> None:
        if next(batches, None) == 2:
            raise OSError("No space left on device")

    crawl = make_client(sandbox).issues.crawl(concurrency=16, page_size=20)
    with suppress(OSError):
        await crawl.run(store)
    sent = len(sandbox.requests)
    assert crawl.report.requests == sent > 16
    report = await crawl.run(store)

    assert report.complete
    assert report.requests == len(sandbox.requests) == len(set(map(str, sandbox.requests)))


async def test_a_time_slice_is_not_split_before_its_response_is_read() -> None:
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    end = begin + timedelta(hours=48)
    early = [begin + timedelta(minutes=minute) for minute in range(20)]
    crowd = [begin + timedelta(hours=23, seconds=second) for second in range(400)]
    late = [begin + timedelta(hours=30, minutes=minute) for minute in range(10)]
    rows = list(enumerate([*early, *crowd, *late]))
    late_requested = anyio.Event()

    async def serve(request: httpx.Request) -> httpx.Response:
        after, before = (datetime.fromisoformat(request.url.params[n]) for n in ("after", "before"))
        if after > crowd[-1]:
            late_requested.set()
        elif before < end:
            await late_requested.wait()  # this response arrives while the late one is read
        found = [{"id": n, "created_at": at.isoformat()} for n, at in rows if after <= at < before]
        pagination = {"entries": len(found), "page": 1, "per_page": 20}
        return httpx.Response(
            200, json={"issues": found[:20], "metadata": {"pagination": pagination}}
        )

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    client = AsyncClient(http=http, base_url=URL, limiter=None, clock=VirtualClock())
    stored: list[int] = []
    disk_is_full = iter([False, True])

    async def store(batch: Batch[Issue]) -> None:
        if next(disk_is_full, False):
            raise OSError("No space left on device")
        stored.extend(issue.id for issue in batch.issues)

    crawl = client.issues.crawl(concurrency=2, page_size=20, after=begin, before=end)
    with suppress(OSError):
        await crawl.run(store)
    await crawl.run(store)

    assert sorted(stored) == [number for number, _ in rows]


async def test_getting_an_issue_and_its_comments(city: Sandbox, city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        issue_id = city.city.id_of(7)
        issue = await client.issues.get(issue_id)
        detailed = await client.issues.get(issue_id, details=True)
        comments = await client.issues.comments(issue_id)

    assert issue.id == detailed.id == issue_id
    assert not isinstance(issue, DetailedIssue)
    assert detailed.comments == comments
    assert all(comment.id for comment in comments)


async def test_getting_an_unknown_issue_raises_not_found(city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        with pytest.raises(NotFoundError, match=r"404 for GET /issues/\{id\}"):
            await client.issues.get(1)


async def test_listing_the_issues_of_a_place_and_of_a_circle(city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        places = await client.places.near(lat=41.05, lng=-73.54)
        place = await client.places.get(places.items[0].id)
        in_place = await client.issues.list(area=PlaceArea(place.url_name or ""), status="all")
        nearby = await client.issues.list(area=near(41.05, -73.54, 1000), status="all")

    assert place == places.items[0]
    assert in_place.entries == 5000
    assert 0 < (nearby.entries or 0) < 1000
    distances = [(i.lat or 0) - 41.05 for i in nearby]
    assert max(map(abs, distances)) < 0.01


async def test_the_signed_in_user(city_url: str) -> None:
    async with AsyncClient(TOKEN, base_url=city_url, limiter=None) as client:
        user = await client.verify()
        anonymous = client.with_options(token=None)

        assert user.id == 41
        assert await client.users.me() == user
        assert await anonymous.users.me() is None
        with pytest.raises(AuthenticationError, match="not signed in"):
            await anonymous.verify()
        with pytest.raises(AuthenticationError, match="token is invalid"):
            await client.with_options(token="wrong").users.me()
