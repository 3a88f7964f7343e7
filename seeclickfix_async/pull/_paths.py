"""Checks of the paths that a pull or a feed writes to, before it sends a request."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from seeclickfix_async._core import validation
from seeclickfix_async.errors import InvalidArgumentError

_FILES_BESIDE = (".lock", ".pull.json", ".pull.json.new", ".pending")
"""The suffixes of the files that a pull opens beside the data. Opening a FIFO would never end."""

_ALL_BESIDE = re.compile(
    r"(\.update\.jsonl|\.[0-9a-f]{8}\.sweep\.csv)?(\.pull\.json)?"
    r"(\.lock|\.new|\.pending|-journal|-shm|-wal)?"
)
"""The ends of the names of all files of a pull, its temporary ones too; the data has none."""


def real_path(path: Path) -> Path:
    """Resolve symbolic links in the path of a file, which need not exist."""
    return Path(os.path.realpath(path))


def is_of_pull(path: Path, file: Path) -> bool:
    """Check whether a path is that of a pull's data, in its folder, or of a file beside it.

    Links to these files are such paths, too.
    """
    path, file = real_path(path), real_path(file)
    if path.is_relative_to(file) or (path.parent == file.parent and _is_beside(path, file)):
        return True
    try:
        found = path.stat()
    except OSError:  # there is no file that it could be another name of
        return False
    beside = file.parent.glob(f"{glob.escape(file.name)}*")
    return any(
        os.path.samestat(found, other.stat())
        for other in beside
        if _is_beside(other, file) and other.exists()
    )


def _is_beside(path: Path, file: Path) -> bool:
    end = path.name.removeprefix(file.name)
    return end != path.name and _ALL_BESIDE.fullmatch(end) is not None


def check_path(argument: str, path: Path) -> None:
    """Check that a file or folder can have this path, and that a pull can open what is beside it.

    Raises:
        InvalidArgumentError: It cannot.
    """
    target = real_path(validation.as_path(argument, path))
    if not target.name:
        raise InvalidArgumentError(argument, f"must not be {target}.")
    try:
        if target.is_symlink():
            raise InvalidArgumentError(argument, f"{path} is a symbolic link to itself.")
        _check_files(argument, target)
    except OSError as error:  # such as a name that is too long
        raise InvalidArgumentError(
            argument, f"cannot be used: {error.strerror}. Choose another path."
        ) from None


def _check_files(argument: str, target: Path) -> None:
    folder = target.parent
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise InvalidArgumentError(
            argument, f"{folder} {problem}. Create the folder, or choose another path."
        )
    beside = [target.with_name(f"{target.name}{suffix}") for suffix in _FILES_BESIDE]
    unusable = [file for file in beside if file.exists() and not file.is_file()]
    if target.exists() and not (target.is_file() or target.is_dir()):
        unusable.append(target)
    if unusable:
        raise InvalidArgumentError(
            argument,
            f"{unusable[0]} is not a regular file, which is needed there. Move it elsewhere, or "
            "choose another name.",
        )
