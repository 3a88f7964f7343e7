"""Crawl a scenario's service, and compare what came with the truth."""

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
    cancelled_after,
    in_child,
)
from benchmarks.proof.findings import Findings
from benchmarks.proof.scenario import MOST_ATTEMPTS, Scenario
from seeclickfix_async._crawl.crawl import Batch, Crawl
from seeclickfix_async._crawl.report import Report
from seeclickfix_async.errors import SeeClickFixError, TruncatedResultsError
from seeclickfix_async.models import Issue
from tests.support.service_drift import Drift


def prove_crawl(scenario: Scenario, findings: Findings) -> None:
    """Crawl, with all interruptions, in a child."""
    try:
        found: Findings = in_child(partial(_crawl, scenario))
    except HangingError:
        findings.add("endless", "crawl", "It came to no end, without requests.")
        return
    findings.faults += found.faults
    findings.counts += found.counts


def _crawl(scenario: Scenario) -> Findings:
    findings = Findings(scenario)
    drift = scenario.service()
    transport = ModelTransport(
        drift, SharedNumber(), faults=scenario.faults, most=scenario.endless_requests(scenario.rows)
    )
    drift.begin()
    run = _Run(scenario, drift, transport, findings)
    try:
        anyio.run(run.prove, backend=scenario.backend)
    except BaseException as error:  # noqa: BLE001  # of any kind
        if transport.is_endless:
            findings.add("endless", "crawl", f"{transport.requests} requests")
        else:
            findings.add_exception("crawl", error)
    findings.counts["requests"] += drift.service.answers
    return findings


@attrs.define
class _Run:
    """A crawl and what came of it so far.

    Attributes:
        came: The key of each issue that was given out.
        ids: The ids of those.
        state: Where the crawl stood when the last batch had been kept.
    """

    scenario: Scenario
    drift: Drift
    transport: ModelTransport
    findings: Findings
    came: list[Hashable] = attrs.field(factory=list)
    ids: set[int] = attrs.field(factory=set)
    state: bytes | None = None

    async def prove(self) -> None:
        """Crawl to the end, and again where that was not complete."""
        report = await self._to_the_end("crawl", Random(f"crawl of {self.scenario.seed}"))
        if report is None:
            return
        self._check("crawl", report)
        is_kept = self.scenario.restart == "state and ids" and self.state is not None
        if is_kept and not report.complete:
            report = await self._to_the_end("crawl again", None)
            if report is not None:
                self._check("crawl again", report)

    async def _to_the_end(self, stage: str, chance: Random | None) -> Report | None:
        """Crawl on after each interruption and error."""
        crawl = self._start()
        left = self.scenario.interruptions if chance else 0
        error: SeeClickFixError | None = None
        for _ in range(MOST_ATTEMPTS):
            self.transport.requests = 0
            turns = Interruption.choose(chance, "cancel").number if chance and left > 0 else None
            left -= 1
            try:
                report = await cancelled_after(turns, self._work(crawl))
            except SeeClickFixError as caught:
                error, report = caught, None
                self.findings.counts["errors"] += 1
            if report is not None:
                return report
            if isinstance(error, TruncatedResultsError) and not self.drift.there:
                return None  # it counts rows that it does not have
            self.findings.counts["resumed"] += 1
            if self.scenario.restart != "object" and self.scenario.way == "run":
                crawl = self._start()
        self.findings.add("stuck", stage, repr(error))
        return None

    def _start(self) -> Crawl[Issue]:
        """Begin a crawl, or go on with one from the last state that was kept."""
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
        async def keep(batch: Batch[Issue]) -> None:
            await anyio.lowlevel.checkpoint()
            self._keep(*batch.issues)
            self.state = batch.state

        async def run() -> Report:
            return await crawl.run(keep)

        async def iterate() -> Report:
            async for issue in crawl:
                self._keep(issue)
            return crawl.report

        return run if self.scenario.way == "run" else iterate

    def _keep(self, *issues: Issue) -> None:
        for issue in issues:
            is_version = self.scenario.by == "updated_at"
            self.came.append((issue.id, issue.updated_at) if is_version else issue.id)
            self.ids.add(issue.id)

    def _check(self, stage: str, report: Report) -> None:
        """Compare what came with what was there all the time.

        A state alone does not show which issues an earlier process received, so that those that
        moved are not judged.
        """
        scenario, drift = self.scenario, self.drift
        judged: Any = self.came
        owed = set(drift.there)
        if scenario.restart == "state" and scenario.way == "run":
            owed -= drift.moved
            judged = [key for key in judged if key not in drift.moved]
        self.findings.check_doubled(stage, judged)
        self.findings.check_lost(stage, owed - self.ids, report)
