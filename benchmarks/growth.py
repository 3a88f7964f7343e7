"""Time, requests and memory of a pull into a dataset, from 1,000 issues to 1,000,000.

It prints the table of `docs/explanation/growth.md`, and draws its plot.
"""

from __future__ import annotations

import itertools
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import msgspec
from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.listing import listing
from benchmarks.measure import Ratio, stopwatch
from benchmarks.parallel_pulls import WAYS, Cost
from benchmarks.servers import redis

_SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
_PLOT = Path(__file__).parents[1] / "docs" / "explanation" / "growth.svg"


@attrs.frozen
class _Line:
    """A line of the table.

    Attributes:
        seconds: From the start of the first process to the end of the last one.
        cpu: The CPU seconds of all processes except those of the servers.
        requests: The number of requests.
        peak: The peak memory of the largest process, in megabytes.
    """

    way: str
    issues: int
    seconds: float
    cpu: float
    requests: int
    peak: float


def _cpu_of_ended_processes() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _measure(way: str, issues: int, redis_port: int) -> _Line:
    with listing(issues) as url, tempfile.TemporaryDirectory() as folder:
        module = "benchmarks.parallel_pulls"
        command = [sys.executable, "-m", module, way, url, str(redis_port), folder]
        before = _cpu_of_ended_processes()
        with stopwatch() as seconds:
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            elapsed = seconds()
        cpu = _cpu_of_ended_processes() - before
    cost = msgspec.json.decode(done.stdout, type=Cost)
    return _Line(way, issues, elapsed, cpu, cost.requests, cost.peak)


def _print_table(lines: list[_Line]) -> None:
    print("| Issues | By | Seconds | CPU seconds | Requests | MB, largest process |")
    print("|---:|---|---:|---:|---:|---:|")
    for line in lines:
        print(
            f"| {line.issues:,} | {line.way} | {line.seconds:.1f} | {line.cpu:.1f} "
            f"| {line.requests:,} | {line.peak:.0f} |"
        )


def _draw_plot(lines: list[_Line]) -> None:
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    titles = {"cpu": "CPU seconds", "requests": "requests", "peak": "MB, largest process"}
    for axes, (name, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
        for way in WAYS:
            of_way = [line for line in lines if line.way == way]
            values = [getattr(line, name) for line in of_way]
            axes.plot([line.issues for line in of_way], values, "o-", label=way)
        axes.set(xscale="log", xlabel="issues", title=title)
        axes.set(ylim=(0, None)) if name == "peak" else axes.set(yscale="log", ylim=(1, None))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,.0f}")
            axis.set_minor_formatter("")
        axes.grid(color="0.9")
    handles = axes.get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(WAYS))
    _PLOT.parent.mkdir(exist_ok=True)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": _PLOT.name}):
        figure.savefig(_PLOT, metadata={"Date": None})


def ratios(largest: int) -> Iterator[Ratio]:
    """Compare the largest pull with one of a tenth of its issues."""
    sizes = [size for size in _SIZES if size <= largest]
    with redis() as port:
        lines = [_measure(way, size, port) for size, way in itertools.product(sizes, WAYS)]
    _print_table(lines)
    _draw_plot(lines)
    for way in WAYS:
        tenth, _, whole = [line for line in lines if line.way == way][-3:]
        yield Ratio(f"CPU for ten times as many, {way}", whole.cpu / tenth.cpu / 10, 1.1)
        yield Ratio(f"memory, {way}", whole.peak - tenth.peak, 12, " MB more")
