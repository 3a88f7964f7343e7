"""Secrets that must not appear in anything that programs show."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

from seeclickfix_async._core.secret import Secret


class Canaries:
    """Secrets, and the output in which they must not appear.

    Attributes:
        values: The secrets.
        output: The output.
        loggers: The loggers that must have been used.
    """

    def __init__(self) -> None:
        self.values: set[str] = {"confidential-secret"}
        self.output: list[str] = []
        self.loggers = {"seeclickfix_async"}

    def hide(self, *secrets: Secret | None) -> None:
        self.values |= {secret.reveal() for secret in secrets if secret is not None}

    def show(self, *things: object) -> None:
        for thing in things:
            self.output += [repr(thing), str(thing), f"{thing}"]

    def show_error(self, error: BaseException) -> None:
        """Add an error as error trackers show it: with locals, notes, causes and contexts."""
        self.show(error)
        self.output.append(str(vars(error)))
        self.output += format_with_locals(error)
        self.output.append(repr(pickle.dumps(error)))

    @property
    def found(self) -> set[str]:
        output = "\n".join(self.output)
        return {value for value in self.values if value in output}


def format_with_locals(error: BaseException | None) -> Iterator[str]:
    """Format an error, its causes and contexts with the local variables outside of tests."""
    while error is not None:
        yield f"{error!r} {vars(error)}"
        frames = traceback.StackSummary.extract(
            traceback.walk_tb(error.__traceback__), capture_locals=True
        )
        yield "".join(
            traceback.StackSummary.from_list(
                [frame for frame in frames if not Path(frame.filename).name.startswith("test_")]
            ).format()
        )
        yield from map(str, getattr(error, "__notes__", ()))
        error = error.__cause__ or error.__context__
