"""Whom a pull tells how it goes."""

from __future__ import annotations

from typing import Literal, Protocol

from seeclickfix_async._crawl.report import Estimate, Report

Stage = Literal["pull", "update", "sweep", "photos"]


class ProgressListener(Protocol):
    """Tells a person how a pull goes."""

    def begin(self, stage: Stage, estimate: Estimate) -> None:
        """So much is to come, in this stage of the call."""
        ...

    def tell(self, report: Report) -> None:
        """So much has come."""
        ...


class NoProgress:
    """Tells nobody."""

    def begin(self, stage: Stage, estimate: Estimate) -> None:
        """Say nothing."""

    def tell(self, report: Report) -> None:
        """Say nothing."""
