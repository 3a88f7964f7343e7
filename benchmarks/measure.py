"""Measurements that are robust on a noisy machine."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import attrs


@attrs.frozen
class Ratio:
    """A measured value and its target: a line of the table."""

    name: str
    value: float
    target: float
    unit: str = "x"

    @property
    def is_reached(self) -> bool:
        """True if the value does not exceed the target."""
        return self.value <= self.target


def paired(ours: Callable[[], float], other: Callable[[], float], rounds: int) -> float:
    """Return the median ratio of two costs, measured in pairs after a warm-up of each.

    The two alternate in going first, since the speed of a machine drifts.
    """
    ours()
    other()
    ratios: list[float] = []
    for round_number in range(rounds):
        if round_number % 2:
            our_cost, other_cost = ours(), other()
        else:
            other_cost, our_cost = other(), ours()
        ratios.append(our_cost / other_cost)
    return statistics.median(ratios)


def cost(work: Callable[[], object], times: int) -> Callable[[], float]:
    """Return a function that measures the CPU seconds of calling `work` `times` times."""

    def measure() -> float:
        start = time.process_time()
        for _ in range(times):
            work()
        return time.process_time() - start

    return measure


async def cpu_of_calls(
    calls: Sequence[Callable[[], Awaitable[object]]], *, times: int, tasks: int
) -> float:
    """Return the CPU seconds of `times` calls by `tasks` tasks, which take turns with these."""
    remaining = itertools.islice(itertools.cycle(calls), times)

    async def work() -> None:
        for call in remaining:
            await call()

    await calls[0]()
    start = time.process_time()
    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(work)
    return time.process_time() - start


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Yield a function that returns the wall seconds since the start."""
    start = time.perf_counter()
    yield lambda: time.perf_counter() - start


def peak_memory() -> float:
    """Return the peak memory of this process in megabytes.

    It does not use `ru_maxrss`, which a new program inherits from the process that started it.
    """
    status = Path("/proc/self/status").read_text("ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
