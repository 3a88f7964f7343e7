"""The proof itself: it finds faults, and each seed does the same each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from benchmarks.proof.findings import Findings
from benchmarks.proof.scenario import Scenario
from seeclickfix_async.models import Status
from seeclickfix_async.report import Report

_REPOSITORY = Path(__file__).parents[1]


def _prove(seeds: str) -> str:
    command = [sys.executable, "-m", "benchmarks", "proof", "--seeds", seeds]
    done = subprocess.run(command, cwd=_REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_some_seeds_show_no_fault() -> None:
    assert "MISSED" not in _prove("0:8")


def test_a_seed_does_the_same_each_time() -> None:
    first = _prove("8:9")

    assert "backend" in first, "One seed prints its configuration."
    assert _prove("8:9") == first
