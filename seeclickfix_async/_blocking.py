"""Calls of a client from synchronous code: scripts, notebooks, and web frameworks without async."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Generator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from inspect import isawaitable, iscoroutine
from typing import Generic, TypeVar

from anyio import CancelScope
from anyio.from_thread import BlockingPortal, start_blocking_portal

from seeclickfix_async._client import AsyncClient
from seeclickfix_async.errors import ClosedClientError, InvalidArgumentError

T = TypeVar("T")

_END = object()


class Blocking:
    """Waits for the calls of a client, in the event loop of another thread.

    Several threads can share it. `blocking()` returns it.

    Attributes:
        closed: Whether the block of `blocking()` has ended.
    """

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self.closed: bool = False

    def __call__(self, call: Awaitable[T]) -> T:
        """Wait for a call, and return its result.

        Ctrl-C cancels the call.

        Args:
            call: A call that is not awaited yet: `client.issues.get(7)`, `client.issues.list()` for
                its first page, `pull(client, to="city.db")`, or your own coroutine.

        Raises:
            ClosedClientError: The block of `blocking()` has ended.
            InvalidArgumentError: It is not a call that can be awaited.
        """
        if not isawaitable(call):
            raise InvalidArgumentError(
                "call", "must be a call, such as client.issues.get(7). Use iterate() for a crawl."
            )
        if self.closed:
            if iscoroutine(call):
                call.close()
            raise ClosedClientError
        task = _Task(call)
        try:
            return self._portal.start_task_soon(task.run).result()
        except Exception:
            raise
        except BaseException:  # also while the task is being started
            self._portal.start_task_soon(task.cancel)
            raise

    def iterate(self, items: AsyncIterable[T]) -> Generator[T]:
        """Iterate over a listing, a crawl or a feed, which is read as you proceed.

        Args:
            items: Such as `client.issues.list(status="open")`.

        Raises:
            InvalidArgumentError: It is nothing to iterate over.
        """
        if not isinstance(items, AsyncIterable):
            raise InvalidArgumentError(
                "items", 'must be a listing, such as client.issues.list(status="open"), or a feed.'
            )
        iterator = aiter(items)
        try:
            while (item := self(anext(iterator, _END))) is not _END:
                yield item  # type: ignore[misc]  # not the sentinel
        finally:
            close = getattr(iterator, "aclose", None)  # of a generator
            if close is not None and not self.closed:
                self(close())


@contextmanager
def blocking(client: AsyncClient) -> Generator[Blocking]:
    """Call a client from synchronous code, also where an event loop runs, as in a notebook.

        client = AsyncClient()
        with blocking(client) as scf:
            issue = scf(client.issues.get(7))
            for issue in scf.iterate(client.issues.list(status="open")):
                print(issue.summary)

    At the end of the block, or at Ctrl-C, the calls that are pending are cancelled, and the client
    is closed.

    Args:
        client: A client that was not used in another event loop. Its views can be used, too.

    Raises:
        InvalidArgumentError: It is a view, whose connections the block could not close.
    """
    if not isinstance(client, AsyncClient) or client.is_view:
        raise InvalidArgumentError(
            "client", "must be an AsyncClient, not a view of one. Use views inside the block."
        )
    with (
        start_blocking_portal(name="seeclickfix-async") as portal,
        portal.wrap_async_context_manager(client),
    ):
        runner = Blocking(portal)
        try:
            yield runner
        finally:
            runner.closed = True


class _Task(Generic[T]):
    """A call in the event loop, which can be cancelled before it has begun, too."""

    def __init__(self, call: Awaitable[T]) -> None:
        self._call = call
        self._scope: CancelScope | None = None
        self._is_cancelled = False

    async def run(self) -> T:
        with CancelScope() as self._scope:
            if self._is_cancelled:
                self._scope.cancel()
            return await self._call
        raise CancelledError  # to the thread that cancelled it, and does not wait any more

    async def cancel(self) -> None:
        self._is_cancelled = True
        if self._scope is not None:
            self._scope.cancel()
