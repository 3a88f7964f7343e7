"""Run a piece of work in a process of its own, the same way each time, to its end or its kill."""

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
_SECONDS = 300  # after which work that makes no request hangs
_FAULTS = ("connect", "read", "503", "429") * 8 + ("half", "html")  # the last are not tried again
_CONTRADICTIONS = ("empty",) * 8 + ("404",)  # which the right count contradicts
_LATE = (  # modules that are imported when they are used first: once, and not in each child
    "anyio._backends._asyncio",
    "anyio._backends._trio",
    "pandas",
    "pyarrow.dataset",
    "pyarrow.parquet",
)


@attrs.frozen
class Interruption:
    """How a reader ends too early.

    Attributes:
        kind: Killed at a line of the package or at a request, or cancelled.
        number: The line or request, or the turn of the event loop.
    """

    kind: Literal["line", "request", "cancel"]
    number: int

    @classmethod
    def choose(cls, chance: Random, *kinds: Literal["line", "request", "cancel"]) -> Interruption:
        """Choose one, at a moment of which each order of magnitude is as likely."""
        kind = chance.choice(kinds)
        most = {"line": 5.0, "request": 2.0, "cancel": 3.5}[kind]
        return cls(kind, int(10 ** chance.uniform(0, most)))


class KilledError(Exception):
    """The child was killed, as it was asked to be."""


class HangingError(Exception):
    """The child came to no end."""


class EndlessError(BaseException):
    """There were too many requests; no reader may catch this."""


class SharedNumber:
    """A number that outlives a child that is killed."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    @property
    def value(self) -> int:
        """The number."""
        return int(struct.unpack_from("q", self._memory)[0])

    @value.setter
    def value(self, number: int) -> None:
        struct.pack_into("q", self._memory, 0, number)


def in_child(work: Callable[[], T]) -> T:
    """Return what work returns in a child.

    Raises:
        KilledError: It was killed.
        HangingError: It did not end in time.
        RuntimeError: It raised, which it should not.
    """
    for name in _LATE:
        importlib.import_module(name)
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _work(work, writing)
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


def _work(work: Callable[[], object], writing: int) -> NoReturn:
    signal.alarm(_SECONDS)
    try:
        _make_repeatable()
        result = pickle.dumps((True, work()))
    except BaseException:  # noqa: BLE001  # the caller's frames are the parent's
        result = pickle.dumps((False, traceback.format_exc()))
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(result)
    os._exit(0)


def _make_repeatable() -> None:
    """Let threads and trio work in the same order each time."""

    async def run_sync(work: Callable[..., T], *args: Any, **_options: Any) -> T:
        await lowlevel.checkpoint()
        return work(*args)

    importlib.import_module("anyio.to_thread").run_sync = run_sync  # type: ignore[attr-defined]
    scheduler: Any = importlib.import_module("trio._core._run")
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001  # as hypothesis does
    scheduler._r = Random(0)  # noqa: SLF001


def kill_at_line(number: int) -> None:
    """Kill this process when so many lines of the package have begun."""
    left = number

    def count(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal left
        left -= event == "line"
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    def trace(frame: FrameType, _event: str, _arg: object) -> Any:
        return count if frame.f_code.co_filename.startswith(_PACKAGE) else None

    sys.settrace(trace)


async def cancelled_after(turns: int | None, work: Callable[[], Awaitable[T]]) -> T | None:
    """Work, and cancel that after so many turns of the event loop; None if it was."""
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


class StillClock:
    """A clock that moves by requests alone, so that a busy machine changes nothing."""

    def __init__(self, drift: Drift) -> None:
        self._service = drift.service

    def now(self) -> float:
        """Seconds since the first request."""
        return 2.0 * self._service.answers

    async def wait(self, _event: anyio.Event, _seconds: float) -> None:
        """Let other tasks run."""
        await lowlevel.checkpoint()


class ModelTransport(httpx.AsyncBaseTransport):
    """The network between a client and the model of a service.

    Args:
        drift: The service, and what happens to it.
        answers: Counts its answers.
        faults: The share of requests that meet a fault.
        most: How many requests are endless.
        kill_at: The request at which this process is killed.
    """

    def __init__(
        self,
        drift: Drift,
        answers: SharedNumber,
        *,
        faults: float,
        most: int,
        kill_at: int | None = None,
    ) -> None:
        self._drift = drift
        self._answers = answers
        self._faults = faults
        self._most = most
        self._kill_at = kill_at
        self.requests = 0

    @property
    def is_endless(self) -> bool:
        """Whether there were too many requests."""
        return self.requests > self._most

    def client(self) -> AsyncClient:
        """Return a client that waits for nothing."""
        return AsyncClient(
            base_url="http://service.test",
            http=httpx.AsyncClient(transport=self),
            limiter=None,
            cache=None,
            retry=Retry(base=0, cap=0, clock=StillClock(self._drift)),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or break."""
        self.requests += 1
        if self.is_endless:
            raise EndlessError
        if self.requests == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        service = self._drift.service
        self._answers.value = service.answers + 1
        chance = Random(f"network of {self._drift.seed} {service.answers}")
        response = service.respond(request)
        for _ in range(chance.randrange(4)):  # so that answers overtake each other
            await lowlevel.checkpoint()
        if chance.random() >= self._faults:
            return response
        contradictions = _CONTRADICTIONS if service.count_mode == "right" else ()
        return _broken(chance.choice(_FAULTS + contradictions), request, response)


def _broken(fault: str, request: httpx.Request, response: httpx.Response) -> httpx.Response:
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
            return _emptied(response)
        case "half":
            return httpx.Response(200, content=response.content[: len(response.content) // 2])
        case _:
            return httpx.Response(200, html="<p>Please wait.</p>")


def _emptied(response: httpx.Response) -> httpx.Response:
    """The answer of a machine that counts the rows of a listing and gives none of them."""
    body = response.json()
    if "issues" in body:
        body["issues"] = []
    date = {"Date": response.headers["Date"]}
    return httpx.Response(response.status_code, json=body, headers=date)
