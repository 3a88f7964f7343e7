"""`python -m benchmarks [NAME ...]`: measure, print a table, fail when a target is missed."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator

from benchmarks.measure import Ratio

_ALL = (
    "starting",
    "decoding",
    "requests",
    "logins",
    "pulls",
    "quota",
    "crawls",
    "sinks",
    "shared",
    "losses",
    "kills",
    "proof",
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_ALL))
    proof = parser.add_argument_group("proof")
    proof.add_argument("--seeds", default="200", help="how many, or FIRST:END")
    proof.add_argument("--worlds", action="store_true", help="every small world instead")
    return parser.parse_args()


def _ratios(name: str, options: argparse.Namespace) -> Iterator[Ratio]:
    module = importlib.import_module(f"benchmarks.{name}")
    if name == "proof":
        return module.ratios(options.seeds, every_world=options.worlds)  # type: ignore[no-any-return]
    return module.ratios()  # type: ignore[no-any-return]


def main() -> int:
    """Run what was asked for, or everything."""
    options = _options()
    missed = 0
    for name in options.names or _ALL:
        for ratio in _ratios(name, options):
            missed += not ratio.holds
            verdict = "" if ratio.holds else "  MISSED"
            shown = f"{ratio.value:8.3f}{ratio.unit}  (target {ratio.target:g}{ratio.unit})"
            print(f"{ratio.name:<52}{shown}{verdict}", flush=True)
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
