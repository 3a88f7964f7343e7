"""Child processes that run repeatably, and can be killed or cancelled at a chosen point."""

from __future__ import annotations

import importlib
import mmap
import os
import pickle
import signal
import struct
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, Literal, NoReturn, TypeVar

import anyio
import attrs
import httpx
from anyio import lowlevel

import seeclickfix_async
from seeclickfix_async import AsyncClient
from seeclickfix_async._transport.retry import Retry
from tests.support.service_drift import Drift

T = TypeVar("T")

_PACKAGE = str(Path(seeclickfix_async.__file__).parent)
_SECONDS = 300  # after which a child without requests counts as hanging
_FAULTS = ("connect", "read", "503", "429") * 8 + ("half", "html")  # the last two are not retried
_CONTRADICTIONS = ("empty",) * 8 + ("404",)  # which a right count contradicts
_PRELOADED = (  # lazily imported modules: once in the parent, not in each child
    "anyio._backends._asyncio",
    "anyio._backends._trio",
    "pandas",
    "pyarrow.dataset",
    "pyarrow.parquet",
)


@attrs.frozen
class Interruption:
    """The point at which a reader is killed or cancelled.

    Attributes:
        kind: Killed at a line of the package or at a request, or cancelled.
        number: The line or request, or the turn of the event loop.
    """

    kind: Literal["line", "request", "cancel"]
    number: int

    @classmethod
    def choose(cls, random: Random, *kinds: Literal["line", "request", "cancel"]) -> Interruption:
        """Draw an interruption; each order of magnitude of its number is equally likely."""
        kind = random.choice(kinds)
        exponent = {"line": 5.0, "request": 2.0, "cancel": 3.5}[kind]
        return cls(kind, int(10 ** random.uniform(0, exponent)))


class KilledError(Exception):
    """The child was killed by its interruption."""


class HangingError(Exception):
    """The child did not end in time."""


class EndlessError(BaseException):
    """There were too many requests; no `except Exception` catches this."""


class SharedNumber:
    """A number in shared memory, which survives the kill of a child."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def value(self) -> int:
        """The number."""
        return int(struct.unpack_from("q", self._memory)[0])

    @value.setter
    def value(self, number: int) -> None:
        struct.pack_into("q", self._memory, 0, number)


def run_in_child(work: Callable[[], T]) -> T:
    """Call `work` in a child process; return its result.

    Raises:
        KilledError: The child was killed.
        HangingError: The child did not end in time.
        RuntimeError: `work` raised an exception.
    """
    for name in _PRELOADED:
        importlib.import_module(name)
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_child(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        result = pipe.read()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        returned, value = pickle.loads(result)
        if returned:
            return value  # type: ignore[no-any-return]
        raise RuntimeError(value)
    raise HangingError if os.WTERMSIG(status) == signal.SIGALRM else KilledError


def _run_child(work: Callable[[], object], writing: int) -> NoReturn:
    signal.alarm(_SECONDS)
    try:
        _make_repeatable()
        result = pickle.dumps((True, work()))
    except BaseException:  # noqa: BLE001  # nothing may reach the frames of the forked parent
        result = pickle.dumps((False, traceback.format_exc()))
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(result)
    os._exit(0)


def _make_repeatable() -> None:
    """Make the order of threads and of trio's tasks deterministic."""

    async def run_sync(work: Callable[..., T], *args: Any, **_options: Any) -> T:
        await lowlevel.checkpoint()
        return work(*args)

    importlib.import_module("anyio.to_thread").run_sync = run_sync  # type: ignore[attr-defined]
    scheduler: Any = importlib.import_module("trio._core._run")
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True  # as hypothesis does
    scheduler._r = Random(0)


def kill_at_line(number: int) -> None:
    """Kill this process at line number `number` of the package that is executed."""
    remaining = number

    def count(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal remaining
        remaining -= event == "line"
        if remaining <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    def trace(frame: FrameType, _event: str, _arg: object) -> Any:
        return count if frame.f_code.co_filename.startswith(_PACKAGE) else None

    sys.settrace(trace)


async def cancel_after(turns: int | None, work: Callable[[], Awaitable[T]]) -> T | None:
    """Run `work`, cancelled after `turns` turns of the event loop; return None if cancelled."""
    outcome: list[T | Exception] = []

    async def cancel(scope: anyio.CancelScope) -> None:
        for _ in range(turns or 0):
            await lowlevel.checkpoint()
        scope.cancel()

    async with anyio.create_task_group() as tasks:
        if turns is not None:
            tasks.start_soon(cancel, tasks.cancel_scope)
        try:
            outcome.append(await work())
        except Exception as error:  # noqa: BLE001  # raised below, without a group
            outcome.append(error)
        tasks.cancel_scope.cancel()
    if not outcome:
        return None
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


class RequestClock:
    """A clock that only requests advance, so that the load of the machine has no effect."""

    def __init__(self, drift: Drift) -> None:
        self._service = drift.service

    def now(self) -> float:
        """Return the seconds since the first request."""
        return 2.0 * self._service.responses

    async def wait(self, _event: anyio.Event, _seconds: float) -> None:
        """Yield to other tasks."""
        await lowlevel.checkpoint()


class ModelTransport(httpx.AsyncBaseTransport):
    """The network between a client and the model of a service.

    Args:
        drift: The service and its changes.
        responses: Set to the number of responses.
        faults: The share of requests with a fault.
        max_requests: More of them count as endless.
        kill_at: The request at which this process is killed.
    """

    def __init__(
        self,
        drift: Drift,
        responses: SharedNumber,
        *,
        faults: float,
        max_requests: int,
        kill_at: int | None = None,
    ) -> None:
        self._drift = drift
        self._responses = responses
        self._faults = faults
        self._max_requests = max_requests
        self._kill_at = kill_at
        self.requests = 0

    @property
    def is_endless(self) -> bool:
        """True if there were more requests than `max_requests`."""
        return self.requests > self._max_requests

    def client(self) -> AsyncClient:
        """Return a client that never waits."""
        return AsyncClient(
            base_url="http://service.test",
            http=httpx.AsyncClient(transport=self),
            limiter=None,
            cache=None,
            retry=Retry(base=0, cap=0),
            clock=RequestClock(self._drift),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response of the service, or a fault."""
        self.requests += 1
        if self.is_endless:
            raise EndlessError
        if self.requests == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        service = self._drift.service
        self._responses.value = service.responses + 1
        random = Random(f"network of {self._drift.seed} {service.responses}")
        response = service.respond(request)
        for _ in range(random.randrange(4)):  # so that responses overtake each other
            await lowlevel.checkpoint()
        if random.random() >= self._faults:
            return response
        contradictions = _CONTRADICTIONS if service.count_mode == "right" else ()
        return _apply_fault(random.choice(_FAULTS + contradictions), request, response)


def _apply_fault(fault: str, request: httpx.Request, response: httpx.Response) -> httpx.Response:
    match fault:
        case "connect":
            raise httpx.ConnectError("refused", request=request)
        case "read":
            raise httpx.ReadError("reset", request=request)
        case "503":
            return httpx.Response(503)
        case "429":
            return httpx.Response(429, headers={"Retry-After": "0"})
        case "404":
            return httpx.Response(404)
        case "empty":
            return _without_rows(response)
        case "half":
            return httpx.Response(200, content=response.content[: len(response.content) // 2])
        case _:
            return httpx.Response(200, html="<p>Please wait.</p>")


def _without_rows(response: httpx.Response) -> httpx.Response:
    """Return the response without its rows, but with their count."""
    body = response.json()
    if "issues" in body:
        body["issues"] = []
    date = {"Date": response.headers["Date"]}
    return httpx.Response(response.status_code, json=body, headers=date)
