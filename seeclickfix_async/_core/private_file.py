"""Files that only their owner can access; one that processes share, changed under a lock."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import lock_descriptor, unlock_descriptor

T = TypeVar("T")

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _NO_FOLLOW
SAFE_FLAGS = _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""For a file that others may have replaced: no link is followed, and a pipe does not block."""
_FILE_FLAGS = os.O_RDWR | os.O_CREAT | SAFE_FLAGS
_HAS_FOLDER_DESCRIPTORS = os.open in os.supports_dir_fd
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class PrivateFile:
    """A file of at most `max_bytes`, in a folder that only its owner can write to.

    It is changed in place: no other process sees it before the lock is released. A process that is
    killed in between may leave a part of the new content.

    Args:
        folder: Created with mode 0700 if it is missing. The file has mode 0600.
        name: The name of the file, which is created empty.
        max_bytes: Of a larger file, only these are read.
    """

    def __init__(self, folder: Path, name: str, max_bytes: int) -> None:
        self.folder = folder
        self._name = name
        self._max_bytes = max_bytes

    def update(self, change: Callable[[bytes], tuple[bytes, T]]) -> T:
        """Replace the content by that which `change` returns for it, and return its result.

        Raises:
            BlockingIOError: Another process is changing the file.
            OSError: The file cannot be used, or belongs to another user.
        """
        with self._opened_folder() as folder, self._opened_file(folder) as descriptor:
            if not lock_descriptor(descriptor, blocking=False):
                raise BlockingIOError(errno.EAGAIN, "another process is changing it")
            try:
                if not self._is_in_folder(descriptor, folder):
                    raise BlockingIOError(errno.EAGAIN, "it was removed before it was locked")
                with open(descriptor, "r+b", closefd=False) as file:
                    content, result = change(file.read(self._max_bytes))
                    file.seek(0)
                    file.write(content)
                    file.truncate()
                return result
            finally:
                unlock_descriptor(descriptor)  # after closing alone, a forked child would keep it

    @contextmanager
    def _opened_folder(self) -> Generator[int | None]:
        """Open the folder, so that it cannot be replaced between the checks and the opening."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _HAS_FOLDER_DESCRIPTORS:  # on Windows, where user folders have access lists
            yield None
            return
        descriptor = os.open(self.folder, _FOLDER_FLAGS)
        try:
            _check_owner(os.fstat(descriptor))
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _opened_file(self, folder: int | None) -> Generator[int]:
        descriptor = os.open(self._path(folder), _FILE_FLAGS, 0o600, dir_fd=folder)
        try:
            check_own_file(os.fstat(descriptor))
            yield descriptor
        finally:
            os.close(descriptor)

    def _is_in_folder(self, descriptor: int, folder: int | None) -> bool:
        try:
            status = os.stat(self._path(folder), dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(descriptor), status)

    def _path(self, folder: int | None) -> str:
        return str(self.folder / self._name) if folder is None else self._name


def read_file(path: Path, max_bytes: int, check: Callable[[os.stat_result], None]) -> bytes | None:
    """Return the first bytes of a file after a check of its owner and mode; None if it is missing.

    Raises:
        OSError: It cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | SAFE_FLAGS)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123  # a descriptor, not a path
        check(os.fstat(descriptor))
        return file.read(max_bytes)


def is_foreign(status: os.stat_result) -> bool:
    """Check whether a file or folder belongs to another user; Windows has no such owners."""
    return os.name == "posix" and status.st_uid != os.geteuid()


def is_open_to_others(status: os.stat_result, access: int) -> bool:
    """Check whether other users have some of this access; Windows has no such modes."""
    return os.name == "posix" and bool(status.st_mode & access)


def check_own_file(status: os.stat_result) -> None:
    """Check that this is a regular file, which no other user can write to.

    Raises:
        OSError: It is not, or belongs to another user.
    """
    _check_owner(status)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def _check_owner(status: os.stat_result) -> None:
    if is_foreign(status):
        raise PermissionError(errno.EPERM, "it belongs to another user")
    if is_open_to_others(status, _WRITABLE_BY_OTHERS):
        raise PermissionError(errno.EPERM, "other users can write to it")
