"""The files of a pull: the data, what belongs to them, and temporary ones beside them."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio

from seeclickfix_async._core.file_lock import FileLock
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._checkpoint import Checkpoint, checkpoint_path
from seeclickfix_async.pull._file_thread import opened, run_in_file_thread
from seeclickfix_async.pull._paths import real_path
from seeclickfix_async.pull._sinks import Sink, open_sink


@asynccontextmanager
async def opened_file(
    path: Path, lock: FileLock, *, excel: bool, zone: ZoneInfo | None
) -> AsyncGenerator[Sink]:
    """Open the sink of a file; remove a new file after an error if no pull was stored in it."""
    target = real_path(path)
    is_unused = is_new = not await run_in_file_thread(_any_exists, target)
    try:
        async with opened(lambda: open_sink(path, excel=excel, timezone=zone)) as sink:
            try:
                yield sink
            except BaseException:
                with anyio.CancelScope(shield=True):
                    is_unused = is_new and await run_in_file_thread(_is_unused, sink)
                raise
    except BaseException:
        if is_unused and lock.is_held():
            with anyio.CancelScope(shield=True):
                await run_in_file_thread(discard, target)
        raise


def _files_of(path: Path) -> tuple[Path, ...]:
    """Return the paths of all files of a pull, in the order of their removal."""
    ends = ("-wal", "-shm", "-journal", ".pending")
    return (*(path.with_name(f"{path.name}{end}") for end in ends), path, checkpoint_path(path))


def _any_exists(path: Path) -> bool:
    return any(map(os.path.lexists, _files_of(path)))


def _is_unused(sink: Sink) -> bool:
    try:
        return sink.is_empty
    except InvalidArgumentError:  # another program has locked it
        return False


def open_scratch(path: Path, key: str, is_usable: Callable[[Checkpoint], bool]) -> Sink:
    """Open a temporary sink beside the file, for rows that are merged into it later.

    An earlier call may have left one. If it is damaged or not usable, it is replaced.

    Raises:
        InvalidArgumentError: The file is another program's, as it has no checkpoint.
    """
    has_content = path.exists() and path.stat().st_size > 0
    if path.is_dir() or (has_content and not checkpoint_path(path).exists()):
        raise InvalidArgumentError(
            "to",
            f"{path} is needed for new rows, but was not written by a pull. Move it elsewhere, and "
            "pull again.",
        )
    if not _is_usable(path, key, is_usable):
        discard(path)
    return open_sink(path)


def _is_usable(path: Path, key: str, is_usable: Callable[[Checkpoint], bool]) -> bool:
    try:
        with open_sink(path) as sink:
            checkpoint = sink.read_checkpoint(key)
            return checkpoint is None or is_usable(checkpoint)
    except InvalidArgumentError:  # damaged, of another query, or half removed
        return False


def discard(path: Path) -> None:
    """Remove the files of a pull, as far as they exist.

    A database comes after its journals, which would be replayed into the next one of this name. The
    checkpoint is removed last: if only it is left, the next call says that the data file is gone.
    """
    for file in _files_of(path):
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)


def file_age(path: Path) -> timedelta:
    """Return the time since a file was modified."""
    return datetime.now(UTC) - datetime.fromtimestamp(path.stat().st_mtime, UTC)
