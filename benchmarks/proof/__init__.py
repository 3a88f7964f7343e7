"""The promises of the package, tried with everything that can go wrong.

    python -m benchmarks proof
    python -m benchmarks proof --seeds 10000
    python -m benchmarks proof --seeds 17:18
    python -m benchmarks proof --worlds

Each seed draws a service, its changes, and the way it is read. The service is crawled, and pulled
into a file that is then updated and swept; the readers are killed, cancelled and disconnected. The
data are compared with those of the service. Each seed is repeatable, and a single one prints its
configuration. `worlds` are all small ones instead: each change of a few rows, at each step of a
crawl. `--faults`, `--cancellations` and `--tokens` use real sockets, and the last one a real OAuth
provider (tests/provider) and Redis. Without an option, all but the worlds are run, with 200 seeds.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from typing import get_args

import attrs

from benchmarks.measure import Ratio
from benchmarks.proof import cancellations, fault_matrix, shared_tokens
from benchmarks.proof.crawls import prove_crawl
from benchmarks.proof.findings import FaultKind, Findings
from benchmarks.proof.pulls import prove_pull
from benchmarks.proof.scenario import Scenario
from tests.support.small_worlds import World, crawl, worlds

_PROCESSES = min(2, os.cpu_count() or 1)
_WORLDS = {"3 rows, 2 events": (3, 2, 2), "8 rows, 1 event": (8, 3, 1)}
_CHUNK = 200  # worlds that a process takes at once


def ratios(seeds: str | None = None, part: str | None = None) -> Iterator[Ratio]:
    """Yield the results.

    Args:
        seeds: The number of seeds, or the first one and the one after the last: `17:18`; only these
            are run then.
        part: The name of the only part to run.
    """
    if part is not None:
        yield from _PARTS[part]()
        return
    yield from _seeds(seeds or "200")
    if seeds is None:
        yield from fault_matrix.ratios()
        yield from cancellations.ratios()
        yield from shared_tokens.ratios()


def prove(seed: int) -> Findings:
    """Run the scenario of a seed."""
    scenario = Scenario.from_seed(seed)
    findings = Findings(scenario)
    prove_crawl(scenario, findings)
    prove_pull(scenario, findings)
    return findings


def _seeds(seeds: str) -> Iterator[Ratio]:
    first, _, end = seeds.rpartition(":")
    numbers = range(int(first or 0), int(end))
    faults: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    with get_context("spawn").Pool(min(_PROCESSES, max(1, len(numbers)))) as pool:
        for findings in pool.imap_unordered(prove, numbers):
            counts += findings.counts
            faults.update(fault.kind for fault in findings.faults)
            if len(numbers) == 1:
                _print_scenario(findings.scenario)
            for fault in findings.faults:
                print(fault, flush=True)
    yield Ratio("crawls, and as many pulls", len(numbers), math.inf, "")
    for name, count in sorted(counts.items()):
        yield Ratio(name, count, math.inf, "")
    for kind in get_args(FaultKind):
        yield Ratio(kind, faults[kind], 0, "")


def _print_scenario(scenario: Scenario) -> None:
    for name, value in attrs.asdict(scenario).items():
        print(f"  {name:<18}{value}")


def _worlds() -> Iterator[Ratio]:
    with get_context("spawn").Pool(_PROCESSES) as pool:
        for name, (rows, page_size, events) in _WORLDS.items():
            failures: Counter[str | None] = Counter()
            all_worlds = worlds(rows, page_size, events=events)
            for world, failure in pool.imap_unordered(_crawl_world, all_worlds, _CHUNK):
                failures[failure] += 1
                if failure is not None:
                    print(f"{failure}: {world}", flush=True)
            tried = failures.total()
            yield Ratio(f"failures of {tried} worlds of {name}", tried - failures[None], 0, "")


def _crawl_world(world: World) -> tuple[World, str | None]:
    return world, crawl(world).failure


_PARTS: dict[str, Callable[[], Iterator[Ratio]]] = {
    "worlds": _worlds,
    "faults": fault_matrix.ratios,
    "cancellations": cancellations.ratios,
    "tokens": shared_tokens.ratios,
}
