"""`scf watch`."""

from __future__ import annotations

import json as jsons
import shlex
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from anyio import BrokenResourceError, open_process, to_thread

from seeclickfix_async import Change, Watch
from seeclickfix_async._api.query import format_timestamp
from seeclickfix_async._cli.exit_codes import FAILED, OK
from seeclickfix_async._cli.notifier import Notifier, format_change
from seeclickfix_async._cli.options import (
    QUERY,
    ROWS,
    SITE,
    QueryOptions,
    RowOptions,
    SiteOptions,
)
from seeclickfix_async._cli.rows import Layout, RowWriter
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import encode_json, err, out
from seeclickfix_async._core.file_replacement import replace_file
from seeclickfix_async._core.os_error import describe_os_error
from seeclickfix_async._core.variables import NOTIFY_VARIABLE
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._columns import NAMES, plain_rows
from seeclickfix_async.pull._lock import lock_for, locked
from seeclickfix_async.pull._paths import check_path

Deliver = Callable[[Change], Awaitable[bool]]


async def watch(
    *,
    query: QueryOptions = QUERY,
    every: float = 60.0,
    cursor: Path | None = None,
    exec: str | None = None,
    notify: str | None = None,
    rows: RowOptions = ROWS,
    options: SiteOptions = SITE,
) -> int:
    """Print the changes to an area's issues until Ctrl-C, oldest first.

    Args:
        every: Seconds between two requests for changes.
        cursor: A file with the feed's position, so that the same command continues there.
        exec: A command to run for each change, with the change as JSON on its standard input.
            It is run without a shell, so that pipes need `sh -c`. If it fails, the feed stops, and
            starts with the same change the next time.
        notify: The URL of a service of apprise, which receives a message for each change. Other
            users of this machine can see it, and its password: set SEECLICKFIX_NOTIFY instead. If a
            message cannot be delivered, the feed stops as with a command that fails.
    """
    deliver = await _find_delivery(exec, notify)
    writer = RowWriter(_CHANGES, rows)
    filters = query.filters()
    if cursor is not None:
        check_path("cursor", cursor)
    _read_cursor(cursor)  # refuses a wrong file before a lock file is made
    async with _locked(cursor), make_client(options) as client:
        saved = await to_thread.run_sync(_read_cursor, cursor)
        feed = client.issues.watch(every=every, cursor=saved, **filters)
        await feed.begin()
        await _save_cursor(cursor, feed)
        with writer:
            async for change in feed:
                writer.write([change])
                if out.error is not None:
                    return OK  # the change is reported again the next time
                if deliver is not None and not await deliver(change):
                    return FAILED
                await _save_cursor(cursor, feed)
    return FAILED  # a feed ends only by an error


async def _find_delivery(exec: str | None, notify: str | None) -> Deliver | None:
    """Return the delivery of --exec or --notify, which returns True if it succeeded.

    Raises:
        InvalidArgumentError: There are both, of which one alone could fail, or one is invalid.
    """
    notifier = await Notifier.find(notify)
    if exec is None:
        return None if notifier is None else notifier.send
    if notifier is not None:
        raise InvalidArgumentError(
            "notify",
            f"(or {NOTIFY_VARIABLE}) cannot be used together with --exec. Run two feeds, each with "
            "a cursor file of its own.",
        )
    return partial(_run, _parse_command(exec))


def _parse_command(line: str) -> list[str]:
    """Split a command line, and check that its program exists before the first change."""
    try:
        command = shlex.split(line)
    except ValueError:
        command = []  # a quotation mark that is not closed
    if not command or shutil.which(command[0]) is None:
        raise InvalidArgumentError(
            "exec", "must start with the name of a program; it is run without a shell."
        )
    return command


@asynccontextmanager
async def _locked(cursor: Path | None) -> AsyncGenerator[None]:
    """Lock the cursor file against other feeds."""
    if cursor is None:
        yield
        return
    async with locked(lock_for(cursor), argument="cursor", writer="feed"):
        yield


async def _save_cursor(cursor: Path | None, feed: Watch) -> None:
    if cursor is None:
        return
    try:
        await to_thread.run_sync(replace_file, cursor, msgspec.json.encode(feed.cursor))
    except OSError as error:
        raise InvalidArgumentError(
            "cursor", f"{cursor} cannot be written: {describe_os_error(error)}"
        ) from None


def _to_json(change: Change) -> dict[str, Any]:
    return {**msgspec.to_builtins(change), "automatic": change.automatic}


def _to_cells(changes: Sequence[Change]) -> Iterator[tuple[Any, ...]]:
    issues = plain_rows([change.issue for change in changes])
    for change, issue in zip(changes, issues, strict=True):
        comment = change.comment and change.comment.comment
        at = format_timestamp(change.at)
        yield (change.key, change.kind.value, at, change.automatic, comment, *issue)


_CHANGES: Layout[Change] = Layout(
    {}, ("key", "kind", "at", "automatic", "comment", *NAMES), _to_cells, _to_json, format_change
)


async def _run(command: list[str], change: Change) -> bool:
    """Run a command for a change; return True if it succeeded."""
    line = encode_json(_to_json(change)).encode()
    try:
        process = await open_process(command, stdout=None, stderr=None)
    except OSError as error:
        raise InvalidArgumentError("exec", f"cannot be run: {error}.") from None
    stdin: Any = process.stdin  # a pipe
    async with process:  # until its end
        with suppress(BrokenResourceError):  # the command need not read its input
            await stdin.send(line)
    if process.returncode:
        err.print(f"scf: {command[0]} failed with exit code {process.returncode} on {change.key}.")
    return process.returncode == 0


def _read_cursor(cursor: Path | None) -> Any:
    if cursor is None:
        return None
    if not cursor.parent.is_dir():
        raise InvalidArgumentError(
            "cursor", f"the folder {cursor.parent} does not exist. Create it first."
        )
    if not cursor.exists():
        return None
    try:
        saved = jsons.loads(cursor.read_bytes()) if cursor.is_file() else None
    except (OSError, ValueError, RecursionError):
        saved = None
    if saved is None:  # also of `null`, with which a feed would begin now
        raise InvalidArgumentError(
            "cursor", f"{cursor} is not a cursor file, and cannot become one."
        )
    return saved
