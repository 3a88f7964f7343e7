"""Every fault in every operation, on both event loops and both HTTP libraries.

A fault spoils the first response, or every one. The outcome is right data or an error of this
package; then the operation is tried again without faults, and has to succeed. A write must have
been carried out once at most.
"""

from __future__ import annotations

import itertools
import logging
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import anyio
import attrs

from benchmarks.measure import Ratio
from benchmarks.proof.faults import SPOILED_ROW, NamedFault, connection_faults, value_faults
from benchmarks.proof.faulty_server import FaultyServer, faulty_server
from benchmarks.proof.operations import OPERATIONS, Operation, Workplace, WrongDataError
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.sandbox import Sandbox, Settings

_ROWS = 60
_ALWAYS = 10**6
_DEADLINE = 15.0  # seconds for an operation
_POLLS = 2.0  # seconds after which an endless operation is cancelled

Verdict = Literal["hangs", "wrong data", "sent twice", "raw error", "stuck"]
"""An outcome that must not occur; `stuck` is a failure without a fault, after one."""

_VERDICTS: tuple[Verdict, ...] = ("hangs", "wrong data", "sent twice", "raw error", "stuck")


@attrs.frozen
class Setting:
    """An event loop and an HTTP library."""

    backend: str
    library: str


@attrs.frozen
class Outcome:
    """The outcome of an operation: `right`, the name of an error, or a verdict."""

    name: str
    details: str = ""


def ratios() -> Iterator[Ratio]:
    """Yield the number of cells, and of each bad outcome."""
    settings = [
        Setting(*pair) for pair in itertools.product(("asyncio", "trio"), ("httpx", "httpx2"))
    ]
    outcomes: Counter[str] = Counter()
    with get_context("spawn").Pool(2) as pool:
        for results in pool.imap_unordered(_run_setting, settings):
            for cell, outcome in results:
                outcomes[outcome.name] += 1
                if outcome.name in _VERDICTS:
                    print(f"{cell}: {outcome.name}: {outcome.details}", flush=True)
    yield Ratio("faults in operations", outcomes.total(), float("inf"), "")
    for name, count in outcomes.most_common():
        if name not in _VERDICTS:
            yield Ratio(f"  {name}", count, float("inf"), "")
    for verdict in _VERDICTS:
        yield Ratio(verdict, outcomes[verdict], 0, "")


def _run_setting(setting: Setting) -> list[tuple[str, Outcome]]:
    """Run all cells of an event loop and a library."""
    logging.disable()
    warnings.simplefilter("ignore")
    results: list[tuple[str, Outcome]] = []
    with faulty_server() as server:
        for fault, operation, times in _cells():
            outcome = run_cell(setting, server, fault, operation, times)
            often = "always" if times == _ALWAYS else "once"
            cell = f"{setting.backend}, {setting.library}, {operation.name}, {fault.name} {often}"
            results.append((cell, outcome))
    return results


def _cells() -> Iterator[tuple[NamedFault, Operation, int]]:
    row = Sandbox(_ROWS).city.id_of(SPOILED_ROW)
    for operation in OPERATIONS:
        faults = [*connection_faults()]
        if operation.on == "*":
            faults += value_faults(row)
        for fault in faults:
            yield fault, operation, 1
            if not operation.is_endless and fault.is_quick:
                yield fault, operation, _ALWAYS


def run_cell(
    setting: Setting, server: FaultyServer, fault: NamedFault, operation: Operation, times: int
) -> Outcome:
    """Run an operation with a fault, and then again without."""
    server.serve(Sandbox(_ROWS, settings=Settings(quota=None)))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Workplace(server, setting.library, Path(folder))
        server.faults.append(fault.fault, on=operation.on, times=times)
        outcome = anyio.run(_try, operation, place, backend=setting.backend)
        server.faults.clear()
        if operation.is_write:
            return Outcome("sent twice") if server.writes > 1 else outcome
        if outcome.name not in _VERDICTS and outcome.name != "right":
            again = anyio.run(_try, operation, place, backend=setting.backend)
            if again.name != "right" and again.name not in _FINAL:
                return Outcome("stuck", f"{outcome}, then {again}")
    return outcome


_FINAL = ("ReauthorizationRequiredError",)  # the response with the new tokens was lost


async def _try(operation: Operation, place: Workplace) -> Outcome:
    try:
        with anyio.fail_after(_POLLS if operation.is_endless else _DEADLINE):
            await operation.run(place)
    except SeeClickFixError as error:
        return Outcome(type(error).__name__, str(error))
    except WrongDataError as error:
        return Outcome("wrong data", str(error))
    except TimeoutError as error:
        is_polling = operation.is_endless and error.__cause__ is None
        return Outcome("polls again") if is_polling else Outcome("hangs", repr(error))
    except Exception as error:  # noqa: BLE001  # a finding
        return Outcome("raw error", repr(error))
    return Outcome("right")
