"""Tests of programs that use SeeClickFix: without the service, without waiting, without secrets.

The fixtures `scf_sandbox`, `scf_client` and `scf_clock` are there in each test once the package is
installed with its extra `testing`:

    async def test_the_bot_greets(scf_sandbox, scf_client): ...

`scf_builder` makes objects, and `scf_cassette` replays recorded responses. Without pytest, use
`SandboxHarness` and `VirtualClock`; where plugins are not loaded by themselves, run
`pytest -p seeclickfix_async.testing._plugin`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seeclickfix_async._core.extras import requires_extra
from seeclickfix_async._core.public_names import lazy_getattr

if TYPE_CHECKING:
    from seeclickfix_async.testing._assertions import (
        commented_exactly_once as commented_exactly_once,
    )
    from seeclickfix_async.testing._assertions import kept_the_quota as kept_the_quota
    from seeclickfix_async.testing._assertions import reported_exactly_once as reported_exactly_once
    from seeclickfix_async.testing._assertions import wrote_nothing as wrote_nothing
    from seeclickfix_async.testing._builder import Builder as Builder
    from seeclickfix_async.testing._cassette import Cassette as Cassette
    from seeclickfix_async.testing._cassette import UnrecordedRequestError as UnrecordedRequestError
    from seeclickfix_async.testing._clock import START as START
    from seeclickfix_async.testing._clock import VirtualClock as VirtualClock
    from seeclickfix_async.testing._harness import IN_PROCESS_URL as IN_PROCESS_URL
    from seeclickfix_async.testing._harness import SandboxHarness as SandboxHarness

_LAZY_IMPORTS = {
    "_assertions": (
        "commented_exactly_once",
        "kept_the_quota",
        "reported_exactly_once",
        "wrote_nothing",
    ),
    "_builder": ("Builder",),
    "_cassette": ("Cassette", "UnrecordedRequestError"),
    "_clock": ("START", "VirtualClock"),
    "_harness": ("IN_PROCESS_URL", "SandboxHarness"),
}

__all__ = [
    "IN_PROCESS_URL",
    "START",
    "Builder",
    "Cassette",
    "SandboxHarness",
    "UnrecordedRequestError",
    "VirtualClock",
    "commented_exactly_once",
    "kept_the_quota",
    "reported_exactly_once",
    "wrote_nothing",
]

# pytest imports this package when it starts: the names are loaded when they are first used.
_load: Callable[[str], object] = lazy_getattr(__name__, _LAZY_IMPORTS)


def __getattr__(name: str) -> object:
    extra = ("h11", "python_multipart", "starlette", "uvicorn")
    with requires_extra(f"{__name__}.{name}", "testing", *extra):
        return _load(name)
