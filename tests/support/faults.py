"""A process that ends between two changes of files."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Ended(Exception):  # noqa: N818  # nothing went wrong
    """The process ends here."""


def end_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """End before a file is moved or removed, after so many others were."""
    steps = itertools.count()

    def ending(change: Callable[..., Any]) -> Callable[..., Any]:
        def maybe(*arguments: Any, **options: Any) -> Any:
            if next(steps) == step:
                raise Ended
            return change(*arguments, **options)

        return maybe

    for name in ("replace", "unlink"):
        monkeypatch.setattr(Path, name, ending(getattr(Path, name)))
