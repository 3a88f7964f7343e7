"""Files that are missing, empty or cannot be written: one sentence, and nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from seeclickfix_async._cli.app import app
from seeclickfix_async.sandbox import Sandbox
from tests.support.command_line import run_cli

_SCF = (sys.executable, "-W", "error", "-m", "seeclickfix_async._cli")
_NOWHERE = "http://127.0.0.1:9"
_FORMATS = ("x.jsonl", "x.csv", "x.geojson", "x.db", "x.parquet", "x.geoparquet")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pull", "x.xyz"), "FILE: must end in .jsonl, .csv"),
        (("pull", "x.db", "--status", "opened"), "--status: must be 'all', or some of"),
        (("pull", "no/such/x.db"), "no/such does not exist. Create the folder, or"),
        (("pull", "file/x.db"), "file is not a folder. Create the folder, or"),
        (("map", "gone.db"), "FILE: gone.db does not exist, or is not a file or"),
        (("map", "."), "FILE: must end in one of .jsonl"),
        (("map", ".."), "FILE: must end in one of .jsonl"),
        (("map", "issues.jsonl", "--to", "no/such/x.html"), "Create the folder first."),
        (("map", "issues.jsonl", "--to", "."), "--to: . cannot be written: Is a directory."),
        (("watch", "--cursor", "no/such/x.json"), "no/such does not exist. Create the folder, or"),
        (("watch", "--cursor", "/dev/zero"), "/dev/zero is not a regular file"),
    ],
)
def test_a_wrong_file_is_one_sentence(
    arguments: Sequence[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "issues.jsonl").write_text('{"id": 1}\n', "utf-8")

    done = run_cli(_NOWHERE, *arguments, cwd=tmp_path)

    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"file", "issues.jsonl"}


@pytest.mark.parametrize("name", _FORMATS)
def test_a_pull_without_a_network_leaves_no_file(name: str, tmp_path: Path) -> None:
    done = run_cli(_NOWHERE, "pull", name, cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", _FORMATS)
def test_a_failed_pull_keeps_the_files_that_were_there(name: str, tmp_path: Path) -> None:
    with Sandbox(20).serve() as url:
        run_cli(url, "pull", name, cwd=tmp_path)
    before = {path: path.stat().st_size for path in tmp_path.rglob("*")}

    done = run_cli(_NOWHERE, "pull", name, "--update", cwd=tmp_path)

    assert done.returncode == 1
    assert {path: path.stat().st_size for path in before} == before


@pytest.mark.parametrize("name", _FORMATS)
def test_there_is_no_page_of_a_file_without_issues(name: str, tmp_path: Path) -> None:
    with Sandbox(0).serve() as url:
        pulled = run_cli(url, "pull", name, cwd=tmp_path)

    done = run_cli(_NOWHERE, "map", name, cwd=tmp_path)

    assert pulled.returncode == 0, pulled.stderr
    assert done.returncode == 2
    assert f"FILE: {name} holds no issues to show." in done.stderr
    assert not (tmp_path / f"{name}.html").exists()


def test_a_full_disk_keeps_the_previous_page(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"id": 1}\n', "utf-8")
    page = tmp_path / "x.jsonl.html"
    run_cli(_NOWHERE, "map", "x.jsonl", cwd=tmp_path)
    previous = page.read_bytes()
    limited = ("bash", "-c", 'ulimit -f 1; "$@"', "bash", *_SCF, "map", "x.jsonl")
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}

    done = subprocess.run(limited, cwd=tmp_path, env=environment, capture_output=True, check=False)

    assert done.returncode == 2
    assert done.stderr == b"scf: --to: x.jsonl.html cannot be written: File too large.\n"
    assert page.read_bytes() == previous
    assert len(list(tmp_path.iterdir())) == 2


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a pull in each format."""
    folder = tmp_path_factory.mktemp("pulled")
    with Sandbox(20).serve() as url:
        for name in _FORMATS:
            run_cli(url, "pull", name, cwd=folder)
    return folder


@pytest.mark.parametrize(
    "page",
    [
        *_FORMATS,
        *("link.html", "hard.html", "x.jsonl.pull.json", "x.csv.lock", "x.db-wal", "x.db-journal"),
        *("x.parquet/page.html", "x.csv.update.jsonl", "x.csv.0123abcd.sweep.csv.pull.json"),
        "x.geojson.new",
    ],
)
def test_a_page_never_replaces_its_pull(page: str, pulled: Path, tmp_path: Path) -> None:
    shutil.copytree(pulled, tmp_path, dirs_exist_ok=True)
    (tmp_path / "link.html").symlink_to("x.jsonl")
    (tmp_path / "hard.html").hardlink_to(tmp_path / "x.jsonl")
    before = _contents(tmp_path)
    own = next((name for name in _FORMATS if page.startswith(name)), "x.jsonl")

    done = run_cli(_NOWHERE, "map", own, "--to", page, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "scf: --to: must be another file than the pull.\n"
    assert _contents(tmp_path) == before


def test_the_default_page_may_be_a_link_to_the_pull(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"id": 1}\n', "utf-8")
    (tmp_path / "x.jsonl.html").symlink_to("x.jsonl")

    done = run_cli(_NOWHERE, "map", "x.jsonl", cwd=tmp_path)

    assert done.returncode == 2
    assert (tmp_path / "x.jsonl").read_text("utf-8") == '{"id": 1}\n'


def test_a_page_may_be_beside_its_pull(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"id": 1}\n', "utf-8")
    (tmp_path / "x.jsonl.old").touch()

    for page in ("x.jsonl.old", "x.jsonl-map.html", "x.html"):
        done = run_cli(_NOWHERE, "map", "x.jsonl", "--to", page, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / page).read_text("utf-8").startswith("<!")


@pytest.mark.parametrize("beside", ["x.csv.pull.json", "x.csv.lock", "x.csv.update.jsonl"])
def test_photos_are_never_in_the_place_of_a_file_of_the_pull(beside: str, tmp_path: Path) -> None:
    done = run_cli(_NOWHERE, "pull", "x.csv", "--photos", beside, cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr == "scf: --photos: must be another folder than x.csv.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.geojson", "x.db", "x.csv.pull.json"])
def test_a_cursor_never_replaces_a_pull(name: str, tmp_path: Path) -> None:
    with Sandbox(1).serve() as url:
        for file in _FORMATS:
            run_cli(url, "pull", file, cwd=tmp_path)
        before = _contents(tmp_path)

        done = run_cli(url, "watch", "--cursor", name, cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    after = _contents(tmp_path)
    assert {path: after[path] for path in before} == before


def test_a_page_can_be_written_to_a_device(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"id": 1}\n', "utf-8")

    done = run_cli(_NOWHERE, "map", "x.jsonl", "--to", os.devnull, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errno.ENOSPC, "No space left on device. Free disk space, and try again."),
        (errno.EROFS, "Read-only file system. Choose a folder that you may write to."),
        (errno.ENOENT, "No such file or directory. Create the folder first."),
        (errno.EIO, "Input/output error."),
    ],
)
def test_every_other_error_of_the_system_is_one_sentence(error: int, message: str) -> None:
    def new_command() -> None:
        raise OSError(error, os.strerror(error), "city.db")

    app.command(new_command, name="new")
    try:
        done = run_cli(_NOWHERE, "new")
    finally:
        del app["new"]

    assert (done.returncode, done.stderr) == (1, f"scf: city.db: {message}\n")
