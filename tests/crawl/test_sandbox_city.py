"""The main job, on a real socket: everything of a city, and what the service says of itself."""

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
from tests.support.clock import VirtualClock
from tests.support.sandboxes import URL, make_client

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("concurrency", [1, 4, 32])
async def test_a_crawl_brings_every_issue_once(
    city: Sandbox, city_url: str, concurrency: int
) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        walk = client.issues.crawl(concurrency=concurrency)
        ids = [issue.id async for issue in walk]

    assert sorted(ids) == [city.city.id_of(row) for row in range(5000)]
    assert walk.report.complete
    assert walk.report.expected == walk.report.received == 5000


async def test_however_many_walk_somebody_else_is_next(city: Sandbox) -> None:
    asked: list[str] = []
    permits = anyio.Semaphore(1)

    class Held(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request.url.path)
            await permits.acquire()
            return await super().handle_async_request(request)

    async def keep(batch: Batch[Issue]) -> None:
        pass

    http = httpx.AsyncClient(transport=Held(app=city.app))
    client = AsyncClient(http=http, base_url="http://city.test", limiter=None)
    walk = client.issues.crawl(concurrency=32, page_size=20)
    await walk.estimate()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(walk.run, keep)
        await anyio.wait_all_tasks_blocked()
        assert len(asked) == 17
        tasks.start_soon(client.users.me)
        await anyio.wait_all_tasks_blocked()
        permits.release()
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert asked[17].endswith("/profile")


async def test_a_walker_goes_on_when_what_it_brought_has_been_kept() -> None:
    sandbox = Sandbox(600, settings=Settings(quota=None))
    permits = anyio.Semaphore(0)
    asked: list[int] = []

    async def keep(batch: Batch[Issue]) -> None:
        await permits.acquire()

    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app))
    client = AsyncClient(http=http, base_url="http://city.test", limiter=None)
    walk = client.issues.crawl(concurrency=4, page_size=20)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(walk.run, keep)
        for _ in range(3):
            await anyio.wait_all_tasks_blocked()
            asked.append(len(sandbox.requests))
            permits.release()
        tasks.cancel_scope.cancel()

    # The first page is kept alone, those of the other three together: then all three ask again.
    assert asked == [4, 5, 8]


async def test_a_crawl_needs_hardly_more_requests_than_there_are_pages(city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        walk = client.issues.crawl()
        async for _ in walk:
            pass

    assert walk.report.minimum == 50
    assert walk.report.requests <= 1.05 * walk.report.minimum


async def test_a_crawl_by_the_other_clock_brings_every_issue(city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        walk = client.issues.crawl(by="updated_at")
        clocks = [issue.updated_at async for issue in walk]

    assert len(clocks) == 5000
    assert clocks == sorted(clock for clock in clocks if clock)


async def test_a_crawl_with_details_brings_comments(city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        walk = client.issues.crawl(details=True, status="open")
        issues = [issue async for issue in walk]

    assert walk.report.complete
    assert all(isinstance(issue, DetailedIssue) for issue in issues)
    assert sum(len(issue.comments or ()) for issue in issues) > len(issues)


async def test_archived_issues_come_only_when_asked_for(city: Sandbox, city_url: str) -> None:
    counts = Counter(city.city.status)
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        usual = await client.issues.list()
        everything = await client.issues.list(status="all")
        archived = await client.issues.list(status=[Status.ARCHIVED])

    assert usual.entries == 5000 - counts[3]
    assert everything.entries == 5000
    assert archived.entries == counts[3]


@pytest.mark.parametrize("beyond", ["empty", "error", "repeat"])
async def test_a_listing_that_the_service_cuts_short_does_not_end_silently(beyond: str) -> None:
    sandbox = Sandbox(settings=Settings(quota=None, beyond=beyond))  # type: ignore[arg-type]
    with sandbox.serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            with pytest.raises(TruncatedResultsError) as caught:
                await client.issues.list(status="all", per_page=100).collect()

    assert caught.value.received == 1000
    assert caught.value.entries == 5000


@pytest.mark.parametrize("beyond", ["empty", "error", "repeat"])
async def test_a_second_that_holds_more_than_the_service_serves_is_read_in_parts(
    beyond: str,
) -> None:
    settings = Settings(quota=None, beyond=beyond, depth=100)  # type: ignore[arg-type]
    sandbox = Sandbox(1200, settings=settings)
    with sandbox.serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            walk = client.issues.crawl()
            received = [issue.id async for issue in walk]

    # Two seconds hold 120 and 230 issues, most of them archived.
    assert len(received) == len(set(received)) == 1200
    assert walk.report.complete
    assert walk.report.requests <= 4 * walk.report.minimum


@pytest.mark.parametrize("beyond", ["empty", "error", "repeat"])
async def test_a_second_that_cannot_be_read_in_parts_is_reported(beyond: str) -> None:
    settings = Settings(quota=None, beyond=beyond, depth=100)  # type: ignore[arg-type]
    with Sandbox(1200, settings=settings).serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            walk = client.issues.crawl(area=PlaceArea("example-city"))
            received = [issue.id async for issue in walk]

    # A place cannot be cut up by its corners.
    assert 1000 < len(received) == len(set(received)) < 1200
    assert not walk.report.complete
    assert "more issues than the service serves" in walk.report.reasons[0]


@pytest.mark.parametrize(("granted", "then"), [(20, "100"), (100, "100"), (400, "400")])
async def test_the_largest_page_is_what_is_granted(granted: int, then: str) -> None:
    sandbox = Sandbox(600, settings=Settings(quota=None, most_per_page=granted))
    with sandbox.serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            walk = client.issues.crawl(page_size="largest")
            received = {issue.id async for issue in walk}

    asked = [seen.query["per_page"] for seen in sandbox.requests]
    assert len(received) == walk.report.received == 600
    assert asked[:2] == ["1000", then]
    assert walk.report.requests <= 1.5 * walk.report.minimum + 2


async def test_pages_that_shift_while_they_are_read_give_each_issue_once() -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None, drift=3))
    with sandbox.serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            ids = [issue.id async for issue in client.issues.list(status="all")]

    assert len(ids) == len(set(ids))
    assert set(ids) >= {sandbox.city.id_of(row) for row in range(300)}


@pytest.mark.parametrize("ends", ["failure", "cancellation"])
async def test_what_was_not_kept_is_given_out_again(city: Sandbox, ends: str) -> None:
    kept: list[int] = []
    left = iter(range(4))

    async def keep(batch: Batch[Issue]) -> None:
        await anyio.lowlevel.checkpoint()
        if next(left, None) == 3:
            if ends == "failure":
                raise OSError("No space left on device")
            scope.cancel()
            await anyio.lowlevel.checkpoint()
        kept.extend(issue.id for issue in batch.issues)

    walk = make_client(city).issues.crawl(concurrency=8)
    with anyio.CancelScope() as scope, suppress(OSError):
        await walk.run(keep)
    assert 0 < len(kept) < 5000
    report = await walk.run(keep)

    assert report.complete
    assert sorted(kept) == [city.city.id_of(row) for row in range(5000)]


async def test_requests_go_out_before_answers_are_read() -> None:
    sandbox = Sandbox(6000, settings=Settings(quota=None))
    asked: list[int] = []

    async def keep(_: Batch[Issue]) -> None:
        asked.append(len(sandbox.requests))

    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app))
    clock = VirtualClock()  # an event loop without other work
    client = AsyncClient(http=http, base_url=URL, limiter=None, clock=clock)
    await client.issues.crawl(concurrency=32, page_size=20).run(keep)

    first, second, *_ = asked
    assert first == 1  # nobody knows yet how many concurrency are worth it
    assert second > 32


async def test_an_answer_that_came_is_not_asked_for_again() -> None:
    sandbox = Sandbox(3000, settings=Settings(quota=None))
    batches = iter(range(3))

    async def keep(_: Batch[Issue]) -> None:
        if next(batches, None) == 2:
            raise OSError("No space left on device")

    walk = make_client(sandbox).issues.crawl(concurrency=16, page_size=20)
    with suppress(OSError):
        await walk.run(keep)
    sent = len(sandbox.requests)
    assert walk.report.requests == sent > 16
    report = await walk.run(keep)

    assert report.complete
    assert report.requests == len(sandbox.requests) == len(set(map(str, sandbox.requests)))


async def test_a_slice_is_not_split_under_an_answer_that_was_not_read() -> None:
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    end = begin + timedelta(hours=48)
    early = [begin + timedelta(minutes=minute) for minute in range(20)]
    crowd = [begin + timedelta(hours=23, seconds=second) for second in range(400)]
    late = [begin + timedelta(hours=30, minutes=minute) for minute in range(10)]
    rows = list(enumerate([*early, *crowd, *late]))
    late_came = anyio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        after, before = (datetime.fromisoformat(request.url.params[n]) for n in ("after", "before"))
        if after > crowd[-1]:
            late_came.set()
        elif before < end:
            await late_came.wait()  # this answer comes while that one is read
        found = [{"id": n, "created_at": at.isoformat()} for n, at in rows if after <= at < before]
        told = {"entries": len(found), "page": 1, "per_page": 20}
        return httpx.Response(200, json={"issues": found[:20], "metadata": {"pagination": told}})

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    client = AsyncClient(http=http, base_url=URL, limiter=None, clock=VirtualClock())
    kept: list[int] = []
    full = iter([False, True])

    async def keep(batch: Batch[Issue]) -> None:
        if next(full, False):
            raise OSError("No space left on device")
        kept.extend(issue.id for issue in batch.issues)

    walk = client.issues.crawl(concurrency=2, page_size=20, after=begin, before=end)
    with suppress(OSError):
        await walk.run(keep)
    await walk.run(keep)

    assert sorted(kept) == [number for number, _ in rows]


async def test_one_issue_and_its_comments(city: Sandbox, city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        number = city.city.id_of(7)
        issue = await client.issues.get(number)
        detailed = await client.issues.get(number, details=True)
        comments = await client.issues.comments(number)

    assert issue.id == detailed.id == number
    assert not isinstance(issue, DetailedIssue)
    assert detailed.comments == comments
    assert all(comment.id for comment in comments)


async def test_an_issue_that_is_not_there(city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        with pytest.raises(NotFoundError, match=r"404 for GET /issues/\{id\}"):
            await client.issues.get(1)


async def test_places_and_areas(city_url: str) -> None:
    async with AsyncClient(base_url=city_url, limiter=None) as client:
        places = await client.places.near(lat=41.05, lng=-73.54)
        place = await client.places.get(places.items[0].id)
        here = await client.issues.list(area=PlaceArea(place.url_name or ""), status="all")
        around = await client.issues.list(area=near(41.05, -73.54, 1000), status="all")

    assert place == places.items[0]
    assert here.entries == 5000
    assert 0 < (around.entries or 0) < 1000
    distances = [(i.lat or 0) - 41.05 for i in around]
    assert max(map(abs, distances)) < 0.01


async def test_who_is_signed_in(city_url: str) -> None:
    async with AsyncClient(TOKEN, base_url=city_url, limiter=None) as client:
        user = await client.verify()
        nobody = client.with_options(token=None)

        assert user.id == 41
        assert await client.users.me() == user
        assert await nobody.users.me() is None
        with pytest.raises(AuthenticationError, match="not signed in"):
            await nobody.verify()
        with pytest.raises(AuthenticationError, match="token is invalid"):
            await client.with_options(token="wrong").users.me()
