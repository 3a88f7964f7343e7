"""A pull's work on its files."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import msgspec

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull.checkpoint import beside, remove
from seeclickfix_async.pull.sinks import Sink, open_sink
from seeclickfix_async.transport.detached import in_thread

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def in_file(work: Callable[[*Ts], T], *args: *Ts) -> T:
    """Work on the file, in a thread, whatever becomes of the disk."""
    try:
        return await in_thread(work, *args)
    except (OSError, sqlite3.OperationalError) as error:
        raise InvalidArgumentError(
            "to",
            f"the file cannot be used: {error}. What had come before is kept; make room, or end "
            "what else holds the file, and pull again.",
        ) from error


def scratch(path: Path, lasts: timedelta = timedelta.max) -> Sink:
    """A file beside, for what is not in its place yet; one that nobody wrote to for long is new.

    A process may have ended while it removed the last one, data first.
    """
    if path.exists() and _age(path) > lasts:
        path.unlink()
    if not path.exists():
        beside(path).unlink(missing_ok=True)
    return open_sink(path)


def discard(path: Path) -> None:
    """Remove all that a pull made."""
    if path.is_dir():
        shutil.rmtree(path)
        beside(path).unlink()
    elif beside(path).exists():
        remove(path)
    else:
        path.unlink()


def _age(path: Path) -> timedelta:
    """How long ago it was written to."""
    return datetime.now(UTC) - datetime.fromtimestamp(path.stat().st_mtime, UTC)


def issues_in(path: Path, kind: type[Issue]) -> Iterator[Issue]:
    """The issues of a `.jsonl` file."""
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
