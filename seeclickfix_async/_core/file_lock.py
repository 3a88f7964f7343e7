"""Exclusive locks on files, which the operating system releases when their process ends."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

from seeclickfix_async._core.private_file import SAFE_FLAGS

_FLAGS = os.O_RDWR | os.O_CREAT | SAFE_FLAGS  # followed, a link would create a file elsewhere
_OWNER_ONLY = 0o600
_CONTENT = re.compile(rb"[\s\d\0]*")  # zeros after a power failure
_MAX_CONTENT = 64  # bytes
_MAX_DIGITS = 20  # of a process id
_PROCESS_ID_OFFSET = 1  # byte 0 is locked, and on Windows unreadable for other processes


class FileLock:
    """A lock for one holder at a time: one process, and one object within a process.

    The lock file contains the process id of its holder, and is removed on release. A lock file that
    a killed process left does no harm, nor does removing one without a holder.

    Args:
        path: The lock file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Try once to acquire the lock; return whether it was free.

        Raises:
            OSError: The lock file cannot be written or holds something else, or the file system
                cannot lock.
        """
        descriptor = os.open(self.path, _FLAGS, _OWNER_ONLY)
        try:
            # Between opening and locking, the holder may have released the lock and its file.
            if lock_descriptor(descriptor, blocking=False) and self._is_at_path(descriptor):
                self._check_content(descriptor)
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f" {os.getpid()}\n".encode())
                self._descriptor, descriptor = descriptor, -1
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return self._descriptor is not None

    def release(self) -> None:
        """Release the lock, if it is acquired."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            if self._is_at_path(descriptor):
                with contextlib.suppress(OSError):  # Windows does not remove an open file
                    self.path.unlink()
            unlock_descriptor(descriptor)  # after closing alone, a forked child would keep the lock
        finally:
            os.close(descriptor)

    def is_held(self) -> bool:
        """Check whether the lock is ours, and its file is still the one that others try to lock."""
        return self._descriptor is not None and self._is_at_path(self._descriptor)

    def holder(self) -> int | None:
        """Return the process id of the holder, or None if it is unknown."""
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(_PROCESS_ID_OFFSET)
                return int(file.read(_MAX_DIGITS))
        except (OSError, ValueError):
            return None

    def _check_content(self, descriptor: int) -> None:
        """Refuse a file that is no lock file: it would be emptied, and removed on release."""
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        if not is_file or not _CONTENT.fullmatch(os.read(descriptor, _MAX_CONTENT)):
            raise FileExistsError(errno.EEXIST, "it holds something else", str(self.path))
        os.lseek(descriptor, 0, os.SEEK_SET)

    def _is_at_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self.path))
        except OSError:  # the file or its folder was removed
            return False
