"""Parameters of tests whose number of cases has nothing to do with the event loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def on_alternate_loops(
    names: str | tuple[str, ...], values: Iterable[Any], *, ids: Iterable[str] | None = None
) -> pytest.MarkDecorator:
    """Parametrize a test like `pytest.mark.parametrize`: each case on one event loop, in turn.

    For code above the transport, which does the same on both: twice the cases would find no more.
    """
    several = not isinstance(names, str)
    cases = [
        (("asyncio", "trio")[number % 2], *(value if several else (value,)))
        for number, value in enumerate(values)
    ]
    all_names = ("anyio_backend", *(names if several else (names,)))
    return pytest.mark.parametrize(all_names, cases, ids=ids)
