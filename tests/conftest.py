"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seeclickfix_async.sandbox import Sandbox, Settings


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def city() -> Sandbox:
    """A sandbox without a quota, for tests that only read."""
    return Sandbox(settings=Settings(quota=None))


@pytest.fixture(scope="session")
def city_url(city: Sandbox) -> Iterator[str]:
    with city.serve() as url:
        yield url
