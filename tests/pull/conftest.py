"""Fixtures for the tests of pulls."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.sandboxes import CopyOfPull, make_client


async def _pull(path: Path, issues: int) -> None:
    await pull(make_client(Sandbox(issues, settings=Settings(quota=None))), to=path)


@pytest.fixture(scope="module")
def copy_of_pull(tmp_path_factory: pytest.TempPathFactory) -> CopyOfPull:
    """A function with the effect of a pull of a new city, which is pulled once for each file name.

    The copy of a dataset takes a hundredth of the time of its pull.
    """
    made: dict[object, Path] = {}

    async def copy(
        to: Path, issues: int = 300, write: Callable[[Path, int], Awaitable[None]] = _pull
    ) -> None:
        key = (to.name, issues, write)
        if key not in made:
            folder = tmp_path_factory.mktemp("pulled")
            await write(folder / to.name, issues)
            made[key] = folder
        shutil.copytree(made[key], to.parent, dirs_exist_ok=True)

    return copy
