"""The files and folders of tokens, which only their owner may access."""

from __future__ import annotations

import os
import shlex
import stat
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from seeclickfix_async._core.file_replacement import flush_folder, flush_to_disk
from seeclickfix_async._core.private_file import is_foreign, is_open_to_others, read_file
from seeclickfix_async.errors import TokenStoreError

MISSING = (FileNotFoundError, NotADirectoryError)
"""The errors for a file that is missing: the home folder of a service may be `/dev/null`."""

_OTHERS_ACCESS = stat.S_IRWXG | stat.S_IRWXO


def find_user_folder(find: Callable[[], Path]) -> Path:
    """Return a folder of this user, by a function of platformdirs.

    Raises:
        TokenStoreError: The user has no home folder, as in a container.
    """
    try:
        folder = find()
    except RuntimeError:
        folder = Path()
    if not folder.is_absolute():  # early versions of platformdirs return `~/.config`
        raise TokenStoreError(
            "There is no home folder to store tokens in. Set HOME to a folder of your own."
        )
    return folder


def read_private_file(path: Path, max_bytes: int) -> bytes | None:
    """Return the first `max_bytes` of a file, or None if there is none.

    Raises:
        OSError: It cannot be read.
        TokenStoreError: It is not a file, or other users can access it.
    """
    try:
        _check_file(path, path.lstat())  # before it is opened: that has effects on some devices
    except MISSING:
        return None
    return read_file(path, max_bytes, partial(_check_file, path))


def write_private_file(path: Path, content: bytes) -> None:
    """Replace a file atomically by one that only the owner can ever access.

    `replace_file` would keep the mode of the old file and follow a symbolic link, whose target may
    belong to another user.

    Raises:
        OSError: It cannot be written; the old file is unchanged.
    """
    descriptor, new_name = tempfile.mkstemp(  # with mode 0600
        dir=path.parent, prefix=f"{path.stem}.", suffix=".new"
    )
    new = Path(new_name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            flush_to_disk(file)
        new.replace(path)
        flush_folder(path.parent)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def check_private_folder(folder: Path) -> None:
    """Check that only this process's user can access a folder, if it exists.

    A link to a folder is followed: its owner may have chosen another disk.

    Raises:
        OSError: It cannot be examined.
        TokenStoreError: It is not a folder, or other users can access it.
    """
    try:
        found = folder.stat()
    except MISSING:
        return
    if not stat.S_ISDIR(found.st_mode):
        raise TokenStoreError(f"The folder of the tokens is a file: {folder}.")
    _check_owner_and_mode(
        folder, found, "The folder of the tokens", "Use a folder of your own, or", mode=0o700
    )


def _check_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise TokenStoreError(
            f"A link, a folder or a device is in the place of the token's file: {path}. Remove it."
        )
    _check_owner_and_mode(
        path,
        found,
        "This token's file",
        "They may have copied the token: revoke it. Then delete the file, or",
        mode=0o600,
    )


def _check_owner_and_mode(
    path: Path, found: os.stat_result, name: str, advice: str, *, mode: int
) -> None:
    """Refuse what other users can access."""
    quoted = shlex.quote(str(path))
    if is_foreign(found):
        raise TokenStoreError(
            f"{name} belongs to another user. {advice} run: chown {os.geteuid()} {quoted}"
        )
    if is_open_to_others(found, _OTHERS_ACCESS):
        raise TokenStoreError(
            f"Other users can access {name[0].lower()}{name[1:]}. {advice} run: "
            f"chmod {mode:o} {quoted}"
        )
