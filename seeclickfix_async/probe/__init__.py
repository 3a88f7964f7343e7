"""A check of what a service does today, against what this library rests on.

    report = await probe(client)
    print(report)

The report has no personal data and no token, and can be attached to a bug report.
"""

from seeclickfix_async._core.public_names import publish
from seeclickfix_async.probe._assumptions import ASSUMPTIONS as ASSUMPTIONS
from seeclickfix_async.probe._assumptions import Assumption as Assumption
from seeclickfix_async.probe._prober import probe as probe
from seeclickfix_async.probe._report import Finding as Finding
from seeclickfix_async.probe._report import ProbeReport as ProbeReport

__all__ = ["ASSUMPTIONS", "Assumption", "Finding", "ProbeReport", "probe"]

publish(__name__, [Assumption, Finding, ProbeReport, probe])
