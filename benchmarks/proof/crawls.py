"""Crawls of a scenario's service, compared with its rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from random import Random
from typing import Any

import anyio
import attrs

from benchmarks.proof.child import (
    HangingError,
    Interruption,
    ModelTransport,
    SharedNumber,
    cancel_after,
    run_in_child,
)
from benchmarks.proof.findings import Findings
from benchmarks.proof.scenario import MAX_ATTEMPTS, Scenario
from seeclickfix_async._crawl.crawl import Crawl
from seeclickfix_async._crawl.driver import Batch
from seeclickfix_async._crawl.report import Report
from seeclickfix_async.errors import SeeClickFixError, TruncatedResultsError
from seeclickfix_async.models import Issue
from tests.support.service_drift import Drift


def prove_crawl(scenario: Scenario, findings: Findings) -> None:
    """Crawl in a child process, with all interruptions; add what was found."""
    try:
        found: Findings = run_in_child(partial(_crawl, scenario))
    except HangingError:
        findings.add("endless", "crawl", "The crawl hangs without requests.")
        return
    findings.faults += found.faults
    findings.counts += found.counts


def _crawl(scenario: Scenario) -> Findings:
    findings = Findings(scenario)
    drift = scenario.service()
    transport = ModelTransport(
        drift,
        SharedNumber(),
        faults=scenario.faults,
        max_requests=scenario.max_requests(scenario.rows),
    )
    drift.begin()
    run = _Run(scenario, drift, transport, findings)
    try:
        anyio.run(run.prove, backend=scenario.backend)
    except BaseException as error:  # noqa: BLE001  # checked by the caller
        if transport.is_endless:
            findings.add("endless", "crawl", f"{transport.requests} requests")
        else:
            findings.add_exception("crawl", error)
    findings.counts["requests"] += drift.service.responses
    return findings


@attrs.define
class _Run:
    """A crawl and the issues it has delivered.

    Attributes:
        received: The key of each delivered issue.
        ids: The ids of these.
        state: The state of the crawl after the last saved batch.
    """

    scenario: Scenario
    drift: Drift
    transport: ModelTransport
    findings: Findings
    received: list[Hashable] = attrs.field(factory=list)
    ids: set[int] = attrs.field(factory=set)
    state: bytes | None = None

    async def prove(self) -> None:
        """Crawl to the end, and once more if that was not complete."""
        report = await self._run_to_the_end("crawl", Random(f"crawl of {self.scenario.seed}"))
        if report is None:
            return
        self._check("crawl", report)
        has_ids = self.scenario.restart == "state and ids" and self.state is not None
        if has_ids and not report.complete:
            report = await self._run_to_the_end("crawl again", None)
            if report is not None:
                self._check("crawl again", report)

    async def _run_to_the_end(self, stage: str, random: Random | None) -> Report | None:
        """Crawl to the end, resuming after each interruption and error."""
        crawl = self._start()
        interruptions_left = self.scenario.interruptions if random else 0
        error: SeeClickFixError | None = None
        for _ in range(MAX_ATTEMPTS):
            self.transport.requests = 0
            turns = None
            if random and interruptions_left > 0:
                turns = Interruption.choose(random, "cancel").number
            interruptions_left -= 1
            try:
                report = await cancel_after(turns, self._work(crawl))
            except SeeClickFixError as caught:
                error, report = caught, None
                self.findings.counts["errors"] += 1
            if report is not None:
                return report
            if isinstance(error, TruncatedResultsError) and not self.drift.stable:
                return None  # the service counts rows that it does not have
            self.findings.counts["resumed"] += 1
            if self.scenario.restart != "object" and self.scenario.mode == "run":
                crawl = self._start()
        self.findings.add("stuck", stage, repr(error))
        return None

    def _start(self) -> Crawl[Issue]:
        """Begin a crawl, or resume it from the last saved state."""
        scenario = self.scenario
        crawl = self.transport.client().issues.crawl(
            by=scenario.by,
            concurrency=scenario.workers,
            page_size=scenario.page_size,
            state=self.state,
        )
        if self.state is not None and scenario.restart == "state and ids":
            crawl.skip(self.ids)
        return crawl

    def _work(self, crawl: Crawl[Issue]) -> Callable[[], Awaitable[Report]]:
        async def save(batch: Batch[Issue]) -> None:
            await anyio.lowlevel.checkpoint()
            self._receive(*batch.issues)
            self.state = batch.state

        async def run() -> Report:
            return await crawl.run(save)

        async def iterate() -> Report:
            async for issue in crawl:
                self._receive(issue)
            return crawl.report

        return run if self.scenario.mode == "run" else iterate

    def _receive(self, *issues: Issue) -> None:
        for issue in issues:
            is_by_update = self.scenario.by == "updated_at"
            self.received.append((issue.id, issue.updated_at) if is_by_update else issue.id)
            self.ids.add(issue.id)

    def _check(self, stage: str, report: Report) -> None:
        """Compare the delivered issues with those that were there all the time.

        A state alone does not contain the ids that an earlier process delivered, so moved issues
        are not checked.
        """
        scenario, drift = self.scenario, self.drift
        checked: Any = self.received
        expected = set(drift.stable)
        if scenario.restart == "state" and scenario.mode == "run":
            expected -= drift.moved
            checked = [key for key in checked if key not in drift.moved]
        self.findings.check_doubled(stage, checked)
        self.findings.check_lost(stage, expected - self.ids, report)
