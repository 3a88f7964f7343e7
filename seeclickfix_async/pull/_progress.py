"""The interface for progress reports."""

from __future__ import annotations

from typing import Literal, Protocol

from seeclickfix_async._crawl.report import Estimate, Report

Stage = Literal["pull", "update", "sweep", "photos"]
"""A part of a pull that has progress of its own."""


class ProgressListener(Protocol):
    """Receives the progress of a pull, for a person to see."""

    def begin(self, stage: Stage, estimate: Estimate) -> None:
        """Receive the estimate for a stage of the call that begins now."""
        ...

    def update(self, report: Report) -> None:
        """Receive the report on the issues or photos so far."""
        ...


class NoProgress:
    """Ignores the progress of a pull."""

    def begin(self, stage: Stage, estimate: Estimate) -> None:
        """Do nothing."""

    def update(self, report: Report) -> None:
        """Do nothing."""
