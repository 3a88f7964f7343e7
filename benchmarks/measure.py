"""How to measure fairly on a noisy machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs


@attrs.frozen
class Ratio:
    """One line of the table."""

    name: str
    value: float
    target: float
    unit: str = "x"

    @property
    def holds(self) -> bool:
        """Whether the target is reached."""
        return self.value <= self.target


def paired(ours: Callable[[], float], other: Callable[[], float], rounds: int) -> float:
    """The median of ours to the other, pair by pair, after one warm-up of each.

    Both give what they cost; they take turns in going first, since machines drift.
    """
    ours()
    other()
    ratios: list[float] = []
    for turn in range(rounds):
        if turn % 2:
            mine, theirs = ours(), other()
        else:
            theirs, mine = other(), ours()
        ratios.append(mine / theirs)
    return statistics.median(ratios)


def cost(work: Callable[[], object], times: int) -> Callable[[], float]:
    """CPU seconds of doing something so many times."""

    def measure() -> float:
        start = time.process_time()
        for _ in range(times):
            work()
        return time.process_time() - start

    return measure


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Wall seconds since the start."""
    start = time.perf_counter()
    yield lambda: time.perf_counter() - start


def peak_memory() -> float:
    """Megabytes that this process held at most.

    Not `ru_maxrss`, which a new program inherits from the process that started it.
    """
    status = Path("/proc/self/status").read_text("ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
