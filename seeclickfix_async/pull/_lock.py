"""One writer at a time for each file that a pull or a feed keeps."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from seeclickfix_async._core.file_lock import FileLock
from seeclickfix_async._transport.threads import acquire_lock
from seeclickfix_async.errors import FileLockedError, InvalidArgumentError

_ENDING = ".lock"
_EVERY = 0.25  # seconds between two tries
_CANNOT_LOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


def real_path(path: Path) -> Path:
    """Return the path of the file itself, without symbolic links; it need not exist."""
    return Path(os.path.realpath(path))


def lock_for(path: Path) -> FileLock:
    """The lock of a file or folder, which need not exist: `name.lock` beside it.

    A symbolic link and other spellings of the path have the same lock.
    """
    target = real_path(path)
    return FileLock(target.with_name(f"{target.name}{_ENDING}"))


@asynccontextmanager
async def locked(
    lock: FileLock, *, argument: str, wait: float = 0.0, writer: str = "pull"
) -> AsyncGenerator[None]:
    """Hold the lock of a file or folder.

    Args:
        lock: As `lock_of` made it.
        argument: The name of the argument that the file was given as, for errors.
        wait: Seconds to wait while another one writes.
        writer: A noun for the other one, for errors.

    Raises:
        FileLockedError: Another one writes to it.
        InvalidArgumentError: It cannot be locked.
    """
    try:
        if not await _acquire(lock, argument, wait):
            raise FileLockedError(argument, _path_of(lock), lock.holder(), writer)
        yield
    finally:
        lock.release()


def check_lock(lock: FileLock) -> None:
    """Refuse to write when somebody removed the lock file: another pull may hold a new one.

    Raises:
        InvalidArgumentError: The lock is lost.
    """
    if not lock.is_held():
        raise InvalidArgumentError(
            "to",
            f"the lock file {lock.path} was removed while the pull ran, so that another pull may "
            "have begun. Leave it in place, and pull again when no other pull runs.",
        )


async def _acquire(lock: FileLock, argument: str, wait: float) -> bool:
    try:
        return await acquire_lock(lock, wait=wait, every=_EVERY)
    except OSError as error:
        path = _path_of(lock)
        if error.errno in _CANNOT_LOCK:
            why = (
                f"{path} cannot be locked ({error.strerror}): its file system has no locks, and "
                "two writers would damage it. Name a file on a local disk."
            )
        else:
            why = (
                f"{path} cannot be written: its lock file {lock.path.name} cannot be made "
                f"({error.strerror})."
            )
        raise InvalidArgumentError(argument, why) from None


def _path_of(lock: FileLock) -> Path:
    return lock.path.with_name(lock.path.name.removesuffix(_ENDING))
