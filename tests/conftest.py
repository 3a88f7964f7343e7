"""Fixtures for all tests."""

from __future__ import annotations

import gc
import itertools
import os
import pwd
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import keyring
import pytest
from hypothesis import HealthCheck, settings

from seeclickfix_async.testing import SandboxHarness
from tests.support.browser import BrowserPool
from tests.support.doorkeeper import Doorkeeper, doorkeeper
from tests.support.http_backends import HTTPBackend
from tests.support.keyring_backend import MemoryKeyring

# Speed is measured in benchmarks/, and never by a test; `python -m benchmarks fuzz` generates
# millions of examples.
settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)
settings.register_profile("few", settings.get_profile("project"), max_examples=20)
settings.load_profile("project")

_numbers = itertools.count()  # of folders


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Exclude modules and collected tests from garbage collection, which some tests force.

    Let it run rarely on what is left: it took 7 % of the CPU of all tests (measured).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["httpx", "httpx2"])
def backend(request: pytest.FixtureRequest) -> HTTPBackend:
    return HTTPBackend(request.param)


@pytest.fixture(params=["ours", "httpx", "httpx2"])
async def http(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """The `http=` argument of a client: None, or a client of the caller's with one connection."""
    if request.param == "ours":
        yield None
        return
    module = HTTPBackend(request.param).module
    async with module.AsyncClient(verify=False, limits=module.Limits(max_connections=1)) as client:
        yield client


@pytest.fixture(autouse=True)
def _own_quota(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give the commands of each test a quota of their own, away from the user's files."""
    # mktemp() would look through the folders of all tests before this one.
    folder = tmp_path_factory.getbasetemp() / "caches" / str(next(_numbers))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))


@pytest.fixture
def memory_keyring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MemoryKeyring]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    before, backend = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home folder, as of a container that runs under another user id."""

    def find_nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", find_nobody)
    for name in tuple(os.environ):
        if name == "HOME" or name.startswith("XDG_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def city() -> Iterator[SandboxHarness]:
    """A sandbox without a quota, for tests that only read."""
    with SandboxHarness(5000, quota=None) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def city_url(city: SandboxHarness) -> str:
    return city.url


@pytest.fixture(scope="session")
def browsers() -> Iterator[BrowserPool]:
    """A browser for all tests: starting one takes longer than most of them."""
    with closing(BrowserPool()) as pool:
        yield pool


@pytest.fixture(scope="session")
def running_provider() -> Iterator[Doorkeeper]:
    with doorkeeper() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: Doorkeeper) -> Doorkeeper:
    """A real OAuth provider with its default settings, and without tokens."""
    running_provider.reset()
    return running_provider
