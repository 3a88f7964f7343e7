"""Paths that a pull cannot write to are refused before any request, with the next step."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull import pull, write_map
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.sandboxes import make_client

pytestmark = pytest.mark.anyio

_FILES = ["city.jsonl", "city.csv", "city.geojson", "city.db"]
_NAMES = [*_FILES, "city.parquet", "city.geoparquet"]


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(20, settings=Settings(quota=None))


async def _refuse(sandbox: Sandbox, path: Path, message: str, **options: object) -> None:
    sandbox.requests.clear()
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        await pull(make_client(sandbox), to=path, **options)  # type: ignore[arg-type]
    assert caught.value.argument == "to"
    assert len(sandbox.requests) == 0


def _bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.path.relpath(path))  # its length is limited


def _link_to_device(path: Path) -> None:
    path.symlink_to("/dev/full")


_SPECIAL_FILES = [os.mkfifo, _bind_socket, _link_to_device]


@pytest.mark.parametrize("create", _SPECIAL_FILES)
@pytest.mark.parametrize("name", _NAMES)
async def test_a_special_file_is_not_opened(
    name: str, create: Callable[[Path], None], sandbox: Sandbox, tmp_path: Path
) -> None:
    create(tmp_path / name)

    await _refuse(sandbox, tmp_path / name, "not a regular file.* choose another name")


@pytest.mark.parametrize("create", [os.mkfifo, Path.mkdir])
@pytest.mark.parametrize("suffix", [".lock", ".pull.json", ".pull.json.new", ".pending"])
async def test_what_is_no_file_beside_the_data_is_not_opened(
    suffix: str, create: Callable[[Path], None], sandbox: Sandbox, tmp_path: Path
) -> None:
    """Opening a FIFO would never end."""
    for name in _NAMES:
        create(tmp_path / f"{name}{suffix}")
        await _refuse(sandbox, tmp_path / name, rf"{name}{suffix} is not a regular file.* Move it")


@pytest.mark.parametrize("name", _NAMES)
async def test_temporary_files_are_checked_before_an_update(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / name
    await pull(make_client(sandbox), to=path)
    os.mkfifo(tmp_path / f"{name}.update.jsonl")

    await _refuse(sandbox, path, "is not a regular file", update=True)
    await _refuse(sandbox, path, "is not a regular file", sweep=True)


@pytest.mark.parametrize("name", _FILES)
async def test_a_folder_is_not_a_file(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()

    await _refuse(sandbox, tmp_path / name, "is a folder, but has to be a file. Choose another")


@pytest.mark.parametrize("name", ["city.parquet", "city.geoparquet"])
async def test_a_file_is_not_a_folder(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / name).touch()

    await _refuse(sandbox, tmp_path / name, "is a file, but has to be a folder. Choose another")


@pytest.mark.parametrize("name", _NAMES)
async def test_a_missing_folder_is_named(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / f"link-{name}").symlink_to(tmp_path / "no" / name)

    await _refuse(sandbox, tmp_path / "no" / name, "no does not exist. Create the folder")
    await _refuse(sandbox, tmp_path / f"link-{name}", "no does not exist. Create the folder")
    await _refuse(sandbox, tmp_path / "file" / name, "file is not a folder. Create the folder")


@pytest.mark.parametrize("name", _NAMES)
async def test_a_name_that_is_too_long_is_refused(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The names of the files beside the data are longer."""
    await _refuse(sandbox, tmp_path / ("x" * 300 + name), "File name too long. Choose another")
    await _refuse(sandbox, tmp_path / ("x" * 240 + name), "File name too long. Choose another")
    name = "x" * 216 + name
    assert (await pull(make_client(sandbox), to=tmp_path / name)).complete
    await _refuse(sandbox, tmp_path / name, "File name too long. Choose another", sweep=True)


@pytest.mark.parametrize("name", _NAMES)
async def test_a_broken_link_is_filled(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")

    assert (await pull(make_client(sandbox), to=tmp_path / name)).complete
    assert (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", _NAMES)
async def test_a_name_need_not_be_utf_8(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9" + name.encode())

    report = await pull(make_client(sandbox), to=path)
    swept = await pull(make_client(sandbox), to=path, sweep=True)

    write_map(path, tmp_path / "map.html")
    assert report.received == 20
    assert (swept.complete, swept.vanished) == (True, 0)
