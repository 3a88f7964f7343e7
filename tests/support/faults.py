"""Crashes between two changes of files."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class ProcessEnded(Exception):  # noqa: N818  # not an error of the code under test
    """Stands for a crash of the process."""


def end_process_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Raise `ProcessEnded` instead of the move or removal of a file number `step`, from 0."""
    steps = itertools.count()

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def change_or_end(*arguments: Any, **options: Any) -> Any:
            if next(steps) == step:
                raise ProcessEnded
            return change(*arguments, **options)

        return change_or_end

    for name in ("replace", "unlink"):
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))
