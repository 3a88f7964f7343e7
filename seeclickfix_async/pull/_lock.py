"""Locks on the files that pulls and feeds write to."""

from __future__ import annotations

import errno
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from seeclickfix_async._core.file_lock import FileLock
from seeclickfix_async._core.os_error import describe_os_error
from seeclickfix_async._transport.threads import acquire_lock
from seeclickfix_async.errors import FileLockedError, InvalidArgumentError
from seeclickfix_async.pull._paths import real_path

_SUFFIX = ".lock"
_POLL_INTERVAL = 0.25  # seconds
_CANNOT_LOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


def lock_for(path: Path) -> FileLock:
    """Return the lock of a file or folder, which need not exist: `name.lock` beside it.

    All paths of a file, such as symbolic links to it, have the same lock.
    """
    target = real_path(path)
    return FileLock(target.with_name(f"{target.name}{_SUFFIX}"))


@asynccontextmanager
async def locked(
    lock: FileLock, *, argument: str, wait: float = 0.0, writer: str = "pull"
) -> AsyncGenerator[None]:
    """Hold the lock of a file or folder.

    Args:
        lock: The lock, from `lock_for`.
        argument: The name of the argument that named the file, for errors.
        wait: Seconds to wait while another writer holds the lock.
        writer: A noun for the other writer, for errors.

    Raises:
        FileLockedError: Another writer holds the lock.
        InvalidArgumentError: The file cannot be locked.
    """
    try:
        if not await _acquire(lock, argument, wait):
            raise FileLockedError(argument, _locked_path(lock), lock.holder(), writer)
        yield
    finally:
        lock.release()


def check_lock(lock: FileLock) -> None:
    """Refuse to write if the lock file was removed: another pull may hold a new one.

    Raises:
        InvalidArgumentError: The lock is lost.
    """
    if not lock.is_held():
        raise InvalidArgumentError(
            "to",
            f"the lock file {lock.path} was removed while the pull ran, so another pull may have "
            "begun. Leave lock files in place, and pull again when no other pull is running.",
        )


async def _acquire(lock: FileLock, argument: str, wait: float) -> bool:
    try:
        return await acquire_lock(lock, wait=wait, every=_POLL_INTERVAL)
    except OSError as error:
        path = _locked_path(lock)
        if error.errno in _CANNOT_LOCK:
            reason = (
                f"{path} cannot be locked ({error.strerror}): its file system has no locks, and "
                "two writers would damage it. Choose a file on a local disk."
            )
        else:
            reason = (
                f"{path} cannot be written: its lock file {lock.path.name} cannot be created: "
                f"{describe_os_error(error)}"
            )
        raise InvalidArgumentError(argument, reason) from None


def _locked_path(lock: FileLock) -> Path:
    return lock.path.with_name(lock.path.name.removesuffix(_SUFFIX))
