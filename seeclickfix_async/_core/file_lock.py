"""Exclusive locks on files. The operating system releases those of a process that ends."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

# A link is not followed: in a folder that others can write to, it would create a file elsewhere.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
_OWNER_ONLY = 0o600
_LONGEST = 20  # digits of a process id
_PROCESS_ID_AT = 1  # on Windows nobody else can read byte 0, which is the one that is locked


class FileLock:
    """A lock that one holder has at a time: one process, and one object within a process.

    The lock file holds the process id of its holder, and is removed on release. One that a killed
    process left is harmless, and so is removing a lock file that nobody holds.

    Args:
        path: The lock file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Try to take the lock, once; returns whether it was free.

        Raises:
            OSError: The lock file cannot be written, or the file system cannot lock.
        """
        descriptor = os.open(self.path, _FLAGS, _OWNER_ONLY)
        try:
            # Between opening and locking, a holder may have released and removed this very file.
            if lock_descriptor(descriptor, blocking=False) and self._is_at_path(descriptor):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f" {os.getpid()}\n".encode())
                self._descriptor, descriptor = descriptor, -1
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return self._descriptor is not None

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            if self._is_at_path(descriptor):
                with contextlib.suppress(OSError):  # on Windows it stays while it is open
                    self.path.unlink()
            unlock_descriptor(descriptor)  # closing would leave the lock to a forked child
        finally:
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether the lock is ours, and its file is still the one that others try to lock."""
        return self._descriptor is not None and self._is_at_path(self._descriptor)

    def holder(self) -> int | None:
        """Return the process id of the holder; None when it cannot be told."""
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(_PROCESS_ID_AT)
                return int(file.read(_LONGEST))
        except (OSError, ValueError):
            return None

    def _is_at_path(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self.path))
        except OSError:  # it was removed, or its folder
            return False
