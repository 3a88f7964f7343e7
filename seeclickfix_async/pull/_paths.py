"""Checks of the paths that a pull or a feed writes to, before it sends a request."""

from __future__ import annotations

import os
from pathlib import Path

from seeclickfix_async.errors import InvalidArgumentError

_FILES_BESIDE = (".lock", ".pull.json", ".pull.json.new", ".pending")
"""The suffixes of the files that a pull opens beside the data. Opening a FIFO would never end."""


def real_path(path: Path) -> Path:
    """Resolve symbolic links in the path of a file, which need not exist."""
    return Path(os.path.realpath(path))


def check_path(argument: str, path: Path) -> None:
    """Check that a file or folder can have this path, and that a pull can open what is beside it.

    Raises:
        InvalidArgumentError: It cannot.
    """
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:
        raise InvalidArgumentError(
            argument, "is not a path: it contains a character that no file name can have."
        ) from None
    if b"\0" in encoded:
        raise InvalidArgumentError(argument, "is not a path: it contains a NUL.")
    target = real_path(path)
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
