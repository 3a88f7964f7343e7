"""Files that are replaced as a whole: whoever reads meets the old content or the new, never half.

The new content is written beside the file and flushed to the disk before it takes the name, and
the folder is flushed after that. So neither a process that is killed nor a power cut leaves
anything else. The file keeps its mode, and its owner where the system allows it; where the name is
a symbolic link, the file that it leads to is replaced.
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
        content: Its new content.
        durable: Whether it is flushed to the disk. If not, only a power cut within the next
            half minute or so may leave a damaged file.

    Raises:
        OSError: The file cannot be written; the old one is unchanged.
    """
    with new_file(path, durable=durable) as file:
        file.write(content)
    take_place(new_path(path), path, durable=durable)


def new_path(path: Path) -> Path:
    """Return where the new content of a file is written to."""
    target = Path(os.path.realpath(path))
    return target.with_name(f"{target.name}.new")


@contextmanager
def new_file(path: Path, *, durable: bool = True) -> Generator[IO[bytes]]:
    """Open a file for the new content, with the permissions of the one that it is to replace.

    It is removed when it cannot be finished: a full disk needs the room.
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


def take_place(new: Path, path: Path, *, durable: bool = True) -> None:
    """Put a written file into the place of another one, or of the one that a link leads to."""
    target = Path(os.path.realpath(path))
    new.replace(target)
    if durable:
        flush_folder(target.parent)


def copy_permissions(path: Path, new: Path) -> None:
    """Give a file the mode and the owner of another one, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        if _POSIX:
            found = path.stat()
            with contextlib.suppress(PermissionError):  # only root can give files away
                os.chown(new, found.st_uid, found.st_gid)
        shutil.copymode(path, new)  # after the owner, whose change takes bits away


def flush_to_disk(file: IO[bytes]) -> None:
    """Wait until what was written to a file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows offers nothing for this."""
    if _POSIX:
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
