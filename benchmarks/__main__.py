"""`python -m benchmarks [NAME ...]`: measure, print a table, fail when a target is missed."""

from __future__ import annotations

import importlib
import sys

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
)


def main() -> int:
    """Run what was asked for, or everything."""
    missed = 0
    for name in sys.argv[1:] or _ALL:
        for ratio in importlib.import_module(f"benchmarks.{name}").ratios():
            missed += not ratio.holds
            verdict = "" if ratio.holds else "  MISSED"
            shown = f"{ratio.value:8.3f}{ratio.unit}  (target {ratio.target:g}{ratio.unit})"
            print(f"{ratio.name:<52}{shown}{verdict}", flush=True)
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
