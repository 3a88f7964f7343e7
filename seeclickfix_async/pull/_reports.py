"""The report of a pull, made of those of its stages."""

from __future__ import annotations

import attrs

from seeclickfix_async._crawl.report import Report
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.pull._checkpoint import Checkpoint
from seeclickfix_async.pull._late_issues import LateIssues


def with_requests(report: Report, requests: int) -> Report:
    """Add requests to a report that the crawl did not send, and the time that the quota takes."""
    total = report.requests + requests
    pace = report.quota_seconds / max(1, report.requests)
    return attrs.evolve(report, requests=total, quota_seconds=round(total * pace, 3))


def missing_reasons(missing: int) -> tuple[str, ...]:
    """Return the reason why a pull without this many issues is incomplete, if there are any."""
    if not missing:
        return ()
    issues = counted(missing, "issue")
    return (f"The last sweep found {issues} that could not be pulled. The next one tries again.",)


def with_earlier_reasons(report: Report, checkpoint: Checkpoint) -> Report:
    """Add to the report of an update the reasons why the pull was incomplete before."""
    earlier = missing_reasons(checkpoint.missing)
    if checkpoint.base is not None:
        earlier += checkpoint.base.report.reasons
    reasons = report.reasons + earlier
    return attrs.evolve(report, complete=not reasons, reasons=reasons)


def add_sweep(
    update: Checkpoint, sweep: Report, vanished: int | None, missing: int, late: LateIssues
) -> Report:
    """Add the report of a sweep to that of the update before it.

    Args:
        update: The checkpoint of the update.
        sweep: The report of the sweep.
        vanished: The number of marked issues; None if the sweep could not mark any.
        missing: The number of issues that are still missing.
        late: The issues that were missing before.
    """
    sweep = with_requests(sweep, late.requests)
    reasons = update.report.reasons
    if vanished is None:
        why = " ".join(sweep.reasons) or "It found no issues. Check that the area still exists."
        reasons += (f"The sweep marked nothing: {why}",)
    else:
        known = missing_reasons(update.missing)
        reasons = tuple(reason for reason in reasons if reason not in known)
        if late.failed:
            failed = counted(late.failed, "issue")
            reasons += (f"{failed} could not be read. The next sweep tries again.",)
        if missing > late.failed:
            others = counted(missing - late.failed, "issue")
            reasons += (f"{others} that the service lists could not be pulled.",)
    report = update.report
    return attrs.evolve(
        report,
        requests=report.requests + sweep.requests,
        minimum=report.minimum + sweep.minimum,
        seconds=round(report.seconds + sweep.seconds, 3),
        quota_seconds=round(report.quota_seconds + sweep.quota_seconds, 3),
        complete=not reasons,
        reasons=reasons,
        vanished=vanished,
    )
