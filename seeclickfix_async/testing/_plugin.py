"""The pytest plugin: fixtures, which load what they need when a test uses them.

pytest imports this module in each run of each project whose environment has the package, so it
imports nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seeclickfix_async import AsyncClient
    from seeclickfix_async.testing import Builder, Cassette, SandboxHarness, VirtualClock

_MARKER = (
    "scf_sandbox(issues=300, *, seed=311, quota=Quota(), **settings): "
    "the city and the settings of the fixture scf_sandbox; see SandboxHarness."
)

_LONGEST_NAME = 100  # file systems allow 255 bytes


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that records cassettes."""
    parser.getgroup("seeclickfix").addoption(
        "--scf-record",
        action="store_true",
        help="send the requests of scf_cassette to the service, and record its responses",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def scf_clock() -> VirtualClock:
    """A clock on which hours pass at once."""
    from seeclickfix_async.testing import VirtualClock  # noqa: PLC0415

    return VirtualClock()


@pytest.fixture
def scf_sandbox(
    request: pytest.FixtureRequest, scf_clock: VirtualClock
) -> Iterator[SandboxHarness]:
    """A SeeClickFix of this test's own, on a real socket once its `url` is used."""
    from seeclickfix_async.testing import SandboxHarness  # noqa: PLC0415

    marker = request.node.get_closest_marker("scf_sandbox")
    options: dict[str, Any] = dict(marker.kwargs) if marker else {}
    with SandboxHarness(*(marker.args if marker else ()), clock=scf_clock, **options) as sandbox:
        yield sandbox


@pytest.fixture
def scf_client(scf_sandbox: SandboxHarness) -> AsyncClient:
    """A client of `scf_sandbox` in the same process, signed in as a resident."""
    return scf_sandbox.client


@pytest.fixture
def scf_builder() -> Builder:
    """A builder of issues, comments, users, places and request types."""
    from seeclickfix_async.testing import Builder  # noqa: PLC0415

    return Builder()


def _as_file_name(name: str) -> str:
    """Return a name for a file; different names of tests have different ones."""
    readable = re.sub(r"[^\w.]+", "-", name)
    if readable == name.replace("[", "-").replace("]", "-") and len(name) <= _LONGEST_NAME:
        return readable.strip("-")
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{readable.strip('-')[:_LONGEST_NAME]}-{digest}"


@pytest.fixture
def scf_cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """The recorded responses of this test, in `cassettes/` beside its file."""
    from seeclickfix_async.testing import Cassette  # noqa: PLC0415

    classes = [node.name for node in request.node.listchain() if isinstance(node, pytest.Class)]
    folder = request.node.path.parent.joinpath("cassettes", request.node.path.stem, *classes)
    path = folder / f"{_as_file_name(request.node.name)}.json"
    with Cassette(path, record=bool(request.config.getoption("--scf-record"))) as cassette:
        yield cassette
