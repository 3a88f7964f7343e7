"""The proof of crawls and pulls: its findings, and the repeatability of a seed."""

from __future__ import annotations

import subprocess
import sys

import attrs
import pytest

from benchmarks.proof.findings import Findings
from benchmarks.proof.scenario import Scenario
from seeclickfix_async._crawl.report import Report
from tests.support.repository import ROOT

_COMPLETE = Report(
    expected=2,
    received=2,
    duplicates=0,
    rejected=0,
    drift=0,
    slices=1,
    requests=1,
    minimum=1,
    seconds=0.0,
    quota_seconds=0.0,
    complete=True,
    reasons=(),
)
_INCOMPLETE = attrs.evolve(_COMPLETE, complete=False, reasons=("One page was not served.",))


def _prove(seeds: str) -> str:
    command = [sys.executable, "-m", "benchmarks", "proof", "--seeds", seeds]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Seed 8286: an update of a pull without issues, from a service that always counts three too many.
@pytest.mark.parametrize("seeds", ["0:3", "8286:8287"])
@pytest.mark.exhaustive
def test_some_seeds_show_no_fault(seeds: str) -> None:
    assert "MISSED" not in _prove(seeds)


@pytest.mark.exhaustive
def test_a_seed_is_repeatable() -> None:
    first = _prove("3:4")

    assert "backend" in first, "One seed prints its configuration."
    assert "MISSED" not in first
    assert _prove("3:4") == first


def test_missing_and_duplicate_issues_are_faults() -> None:
    findings = Findings(Scenario.from_seed(0))

    findings.check_doubled("crawl", [1, 2, 2])
    findings.check_lost("crawl", {3}, _COMPLETE)
    findings.check_lost("crawl", {3}, _INCOMPLETE)

    assert [fault.kind for fault in findings.faults] == ["doubled", "lost silently"]
    assert findings.counts == {"reported complete": 1, "reported incomplete": 1}


def test_an_incomplete_report_of_a_static_service_is_a_fault() -> None:
    scenarios = map(Scenario.from_seed, range(1000))
    still = next(scenario for scenario in scenarios if scenario.is_static)
    findings, lying = Findings(still), Findings(attrs.evolve(still, count_mode="high"))

    for found in (findings, lying):
        found.check_lost("pull", set(), _INCOMPLETE)

    assert [fault.kind for fault in findings.faults] == ["incomplete without reason"]
    assert not lying.faults
