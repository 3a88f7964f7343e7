"""Tests of programs that use SeeClickFix: without the service, without waiting, without secrets.

The fixtures `scf_sandbox`, `scf_client` and `scf_clock` are there in each test once the package is
installed with its extra `testing`:

    async def test_the_bot_greets(scf_sandbox, scf_client): ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seeclickfix_async._core.public_names import lazy_getattr

if TYPE_CHECKING:
    from seeclickfix_async.testing._clock import START as START
    from seeclickfix_async.testing._clock import VirtualClock as VirtualClock

_LAZY_IMPORTS = {
    "_clock": ("START", "VirtualClock"),
}

__all__ = [
    "START",
    "VirtualClock",
]

# pytest imports this package when it starts: the names are loaded when they are first used.
__getattr__: Callable[[str], object] = lazy_getattr(__name__, _LAZY_IMPORTS)
