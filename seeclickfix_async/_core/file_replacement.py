"""Atomic replacement of files: readers see the old content or the new, never a part of it.

The new content is written beside the file and flushed to the disk before the rename, and the folder
is flushed after it. So a killed process or a power failure leaves the old file or the new one. The
file keeps its mode, and its owner if the system permits it. If the path is a symbolic link, its
target is replaced.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_POSIX = os.name == "posix"


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace a file, or create it.

    Args:
        path: The file.
        content: The new content.
        durable: Whether to flush it to the disk. Otherwise a power failure within about half a
            minute may leave a damaged file.

    Raises:
        OSError: The file cannot be written; the old content is unchanged.
    """
    with new_file(path, durable=durable) as file:
        file.write(content)
    move_into_place(new_path(path), path, durable=durable)


def new_path(path: Path) -> Path:
    """Return the path of the file with the new content."""
    target = Path(os.path.realpath(path))
    return target.with_name(f"{target.name}.new")


@contextmanager
def new_file(path: Path, *, durable: bool = True) -> Generator[IO[bytes]]:
    """Open the file for the new content, with the permissions of the file to replace.

    It is removed after an error, to free space on a full disk.
    """
    new = new_path(path)
    try:
        with new.open("wb") as file:
            copy_permissions(path, new)
            yield file
            if durable:
                flush_to_disk(file)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def move_into_place(new: Path, path: Path, *, durable: bool = True) -> None:
    """Rename a complete file to a path; if that is a symbolic link, replace its target."""
    target = Path(os.path.realpath(path))
    new.replace(target)
    if durable:
        flush_folder(target.parent)


def copy_permissions(path: Path, new: Path) -> None:
    """Copy mode and owner of a file, if it exists, to a new one."""
    with contextlib.suppress(FileNotFoundError):
        if _POSIX:
            found = path.stat()
            with contextlib.suppress(PermissionError):  # only root can change owners
                os.chown(new, found.st_uid, found.st_gid)
        shutil.copymode(path, new)  # after the owner, whose change resets mode bits


def flush_to_disk(file: IO[bytes]) -> None:
    """Flush the content of a file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Flush the file names of a folder to the disk; Windows has no way to do this."""
    if _POSIX:
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
