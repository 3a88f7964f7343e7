"""Run benchmarks and print a table: `python -m benchmarks [NAME ...]`.

The exit code is 1 if a target is missed. `python -m benchmarks fuzz [PARSER ...]` fuzzes parsers.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator

from benchmarks import fuzz
from benchmarks.measure import Ratio
from benchmarks.memory import NAMES as MEMORY_NAMES

_ALL = (
    "starting",
    "decoding",
    "requests",
    "pages",
    "logins",
    "pulls",
    "pauses",
    "memory",
    "views",
    "quota",
    "crawls",
    "sinks",
    "map",
    "shared",
    "losses",
    "kills",
    "proof",
    "growth",
    "updates",
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run benchmarks and print a table. The exit code is 1 if a target is missed.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"all by default: {', '.join(_ALL)}"
    )
    proof = parser.add_argument_group("proof")
    part = proof.add_mutually_exclusive_group()
    part.add_argument("--seeds", help="only random worlds: their number, or FIRST:END")
    for name in ("worlds", "faults", "cancellations", "tokens"):
        part.add_argument(
            f"--{name}", dest="part", action="store_const", const=name, help=f"only the {name}"
        )
    growth = parser.add_argument_group("growth")
    growth.add_argument(
        "--largest",
        type=int,
        default=1_000_000,
        help="number of issues; the targets are for the default",
    )
    updates = parser.add_argument_group("updates")
    updates.add_argument(
        "--issues",
        type=int,
        default=500_000,
        help="number of issues; the targets are for the default",
    )
    memory = parser.add_argument_group("memory")
    memory.add_argument("--of", choices=MEMORY_NAMES, help="only of this")
    fuzzing = parser.add_argument_group("fuzz", "Not run by default: fuzz [PARSER ...]")
    fuzzing.add_argument("--runs", type=int, default=fuzz.RUNS, help="of each parser")
    return parser.parse_intermixed_args()  # options may stand before and between names


def _ratios(name: str, options: argparse.Namespace) -> Iterator[Ratio]:
    module = importlib.import_module(f"benchmarks.{name}")
    arguments = {
        "memory": (options.of,),
        "proof": (options.seeds, options.part),
        "growth": (options.largest,),
        "updates": (options.issues,),
    }
    return module.ratios(*arguments.get(name, ()))  # type: ignore[no-any-return]


def main() -> int:
    """Run the named benchmarks, or all."""
    options = _options()
    if options.names[:1] == ["fuzz"]:
        return fuzz.run(options.names[1:], options.runs)
    missed = 0
    for name in options.names or _ALL:
        for ratio in _ratios(name, options):
            missed += not ratio.is_reached
            verdict = "" if ratio.is_reached else "  MISSED"
            shown = f"{ratio.value:8.3f}{ratio.unit}  (target {ratio.target:g}{ratio.unit})"
            print(f"{ratio.name:<52}{shown}{verdict}", flush=True)
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
