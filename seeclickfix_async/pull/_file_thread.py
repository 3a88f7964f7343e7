"""A pull's work on its files."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import anyio
import msgspec

from seeclickfix_async._transport.threads import in_thread
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull._checkpoint import Checkpoint, checkpoint_path, remove
from seeclickfix_async.pull._sinks import Sink, open_sink

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def run_in_file_thread(work: Callable[[*Ts], T], *args: *Ts) -> T:
    """Work on the file, in a thread, whatever becomes of the disk."""
    try:
        return await in_thread(work, *args)
    except (OSError, sqlite3.OperationalError) as error:
        raise InvalidArgumentError(
            "to",
            f"the file cannot be used: {error}. What had come before is kept; make room, or end "
            "what else holds the file, and pull again.",
        ) from error


@asynccontextmanager
async def opened(work: Callable[[], Sink]) -> AsyncGenerator[Sink]:
    """A sink that is opened and closed in a thread: a database may be held by another program."""
    entered = contextlib.ExitStack()
    try:
        yield await run_in_file_thread(lambda: entered.enter_context(work()))
    finally:
        with anyio.CancelScope(shield=True):
            await run_in_file_thread(entered.close)


def open_scratch(path: Path, key: str, fits: Callable[[Checkpoint], bool]) -> Sink:
    """A file beside, for what is not in its place yet.

    It begins anew when what an earlier call left there is damaged, or does not fit.
    """
    if not _fits(path, key, fits):
        for file in (path, checkpoint_path(path)):
            file.unlink(missing_ok=True)
    return open_sink(path)


def _fits(path: Path, key: str, fits: Callable[[Checkpoint], bool]) -> bool:
    try:
        with open_sink(path) as sink:
            found = sink.load(key)
            return found is None or fits(found)
    except InvalidArgumentError:  # it is damaged, or of another query, or half removed
        return False


def discard(path: Path) -> None:
    """Remove all that a pull made."""
    if path.is_dir():
        shutil.rmtree(path)
        checkpoint_path(path).unlink()
    elif checkpoint_path(path).exists():
        remove(path)
    else:
        path.unlink()


def file_age(path: Path) -> timedelta:
    """How long ago a file was written to."""
    return datetime.now(UTC) - datetime.fromtimestamp(path.stat().st_mtime, UTC)


def read_issues(path: Path, kind: type[Issue]) -> Iterator[Issue]:
    """The issues of a `.jsonl` file."""
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
