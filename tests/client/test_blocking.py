"""Calls of a client from synchronous code."""

from __future__ import annotations

import signal
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, assert_type

import anyio
import pytest

from seeclickfix_async import AsyncClient, DetailedIssue, Issue, Page, User, blocking
from seeclickfix_async.errors import (
    ClosedClientError,
    EventLoopError,
    InvalidArgumentError,
    NotFoundError,
)
from seeclickfix_async.sandbox import NEIGHBOUR_TOKEN, TOKEN
from seeclickfix_async.testing import SandboxHarness
from tests.support.endpoints import ISSUE


@pytest.fixture(scope="module")
def harness() -> SandboxHarness:
    return SandboxHarness(quota=None)


@pytest.fixture
def client(harness: SandboxHarness) -> AsyncClient:
    return harness.make_client(TOKEN)


def test_a_view_is_refused_since_the_block_could_not_close_it(client: AsyncClient) -> None:
    for refused in (client.with_options(token=TOKEN), 5):
        with pytest.raises(InvalidArgumentError, match="not a view"), blocking(refused):  # type: ignore[arg-type]
            pass


def test_calls_have_the_types_of_what_they_return(client: AsyncClient) -> None:
    with blocking(client) as scf:
        issue = scf(client.issues.get(ISSUE))
        detailed = scf(client.issues.get(ISSUE, details=True))
        page = scf(client.issues.list(status="open", per_page=5))
        neighbour = scf(client.with_options(token=NEIGHBOUR_TOKEN).users.me())

    assert_type(issue, Issue)
    assert_type(detailed, DetailedIssue)
    assert_type(page, Page[Issue])
    assert_type(neighbour, User | None)
    assert (issue.id, detailed.id, len(page)) == (ISSUE, ISSUE, 5)
    assert neighbour is not None


def test_a_listing_is_an_iterator_that_can_be_left(client: AsyncClient) -> None:
    closed = []

    async def generate() -> AsyncIterator[int]:
        try:
            for number in range(9):
                yield number
        finally:
            closed.append(True)

    with blocking(client) as scf:
        listed = [issue.id for issue in scf.iterate(client.issues.list(status="all"))]
        crawled = {issue.id for issue in scf.iterate(client.issues.crawl())}
        numbers = scf.iterate(generate())
        first = next(numbers)
        numbers.close()

    assert set(listed) == crawled
    assert len(listed) == 300
    assert (first, closed) == (0, [True])


def test_errors_are_raised_where_the_call_is(client: AsyncClient) -> None:
    with blocking(client) as scf:
        with pytest.raises(NotFoundError):
            scf(client.issues.get(1))
        assert scf(client.issues.get(ISSUE)).id == ISSUE


def test_what_is_no_call_is_refused(client: AsyncClient) -> None:
    wrong: list[Any] = [client.issues.get, client.issues.crawl(), None]
    with blocking(client) as scf:
        for value in wrong:
            with pytest.raises(InvalidArgumentError, match="must be a call"):
                scf(value)


def test_it_works_inside_a_running_event_loop(client: AsyncClient) -> None:
    async def cell() -> Issue:  # of a notebook
        with blocking(client) as scf:
            return scf(client.issues.get(ISSUE))

    assert anyio.run(cell).id == ISSUE


def test_threads_can_share_it(client: AsyncClient) -> None:
    with blocking(client) as scf, ThreadPoolExecutor(4) as threads:
        issues = list(threads.map(lambda _: scf(client.issues.get(ISSUE)), range(8)))

    assert {issue.id for issue in issues} == {ISSUE}


def test_the_client_is_closed_at_the_end(client: AsyncClient) -> None:
    with blocking(client) as scf:
        scf(client.issues.get(ISSUE))

    for call in (client.issues.get(ISSUE), client.issues.list()):
        with pytest.raises(ClosedClientError):
            scf(call)
    with pytest.raises(ClosedClientError):
        anyio.run(client.issues.get, ISSUE)
    assert "seeclickfix-async" not in {thread.name for thread in threading.enumerate()}


def test_a_client_of_another_loop_is_refused(client: AsyncClient) -> None:
    anyio.run(client.issues.get, ISSUE)

    with blocking(client) as scf, pytest.raises(EventLoopError):
        scf(client.issues.get(ISSUE))


def test_an_interrupt_cancels_the_call(client: AsyncClient) -> None:
    main, ended = threading.get_ident(), threading.Event()

    async def interrupt() -> None:
        try:
            signal.pthread_kill(main, signal.SIGINT)
            await anyio.sleep_forever()
        finally:
            ended.set()

    with blocking(client) as scf:
        with pytest.raises(KeyboardInterrupt):
            scf(interrupt())
        assert ended.wait(10)
        assert scf(client.issues.get(ISSUE)).id == ISSUE

    with pytest.raises(KeyboardInterrupt), blocking(client) as scf:
        scf(interrupt())


def test_only_what_is_asynchronous_is_iterated_over() -> None:
    items: Any = [7]

    with (
        blocking(AsyncClient()) as scf,
        pytest.raises(InvalidArgumentError, match="items: must be a listing"),
    ):
        next(scf.iterate(items))
