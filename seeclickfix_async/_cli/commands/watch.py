"""`scf watch`."""

from __future__ import annotations

import json as jsons
import shlex
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import msgspec
from anyio import BrokenResourceError, CancelScope, open_process, to_thread

from seeclickfix_async import Delivery, Outbox, SqliteOutbox
from seeclickfix_async._api.query import format_timestamp
from seeclickfix_async._cli.exit_codes import FAILED, OK
from seeclickfix_async._cli.interrupts import cancelled_by_sigterm
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
from seeclickfix_async._tables.columns import NAMES, plain_rows
from seeclickfix_async._watch.cursor import Cursor
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._lock import lock_for, locked
from seeclickfix_async.pull._paths import check_path

Deliver = Callable[[Delivery], Awaitable[bool]]
ToJson = Callable[[Delivery], dict[str, Any]]


async def watch(
    *,
    query: QueryOptions = QUERY,
    every: float = 60.0,
    cursor: Path | None = None,
    outbox: Path | None = None,
    exec: str | None = None,
    notify: str | None = None,
    rows: RowOptions = ROWS,
    options: SiteOptions = SITE,
) -> int:
    """Print the changes to an area's issues until Ctrl-C, oldest first.

    SIGTERM lets a running --exec or --notify end, and records it; the exit code is then 0.

    Args:
        every: Seconds between two requests for changes.
        cursor: A file with the feed's position, so that the same command continues there.
        outbox: A SQLite file with the feed's position and the changes that --exec or --notify has
            processed, instead of --cursor. The JSON of a change then has `attempts`: if it is not
            0, the change may have been processed before.
        exec: A command to run for each change, with the change as JSON on its standard input.
            It is run without a shell, so that pipes need `sh -c`. If it fails, the feed stops, and
            starts with the same change the next time.
        notify: The URL of a service of apprise, which receives a message for each change. Other
            users of this machine can see it, and its password: set SEECLICKFIX_NOTIFY instead. If a
            message cannot be delivered, the feed stops as with a command that fails.
    """
    layout = _DELIVERIES if outbox is None else _RECORDED_DELIVERIES
    deliver = await _find_delivery(exec, notify, layout.to_json)
    writer = RowWriter(layout, rows)
    filters = query.filters()
    _check_files(cursor, outbox, has_delivery=deliver is not None)

    async def report(delivery: Delivery) -> None:
        writer.write([delivery])
        if out.error is not None:
            raise _EndedError(OK)  # the change is reported again the next time
        with CancelScope(shield=True):  # half a delivery would be repeated
            if deliver is not None and not await deliver(delivery):
                raise _EndedError(FAILED)

    async with _opened(cursor, outbox) as store, make_client(options) as client:
        feed = client.issues.watch(every=every, **filters)
        with writer, CancelScope() as scope, cancelled_by_sigterm(scope):
            try:
                await feed.deliver(report, store)
            except _EndedError as ended:
                return ended.exit_code
    return OK


class _EndedError(Exception):
    """Ends the feed with an exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def _check_files(cursor: Path | None, outbox: Path | None, *, has_delivery: bool) -> None:
    """Refuse wrong files before a lock file is made."""
    if outbox is not None:
        if not has_delivery:
            raise InvalidArgumentError(
                "outbox", "is for --exec and --notify. Use --cursor without them."
            )
        if cursor is not None:
            raise InvalidArgumentError("outbox", "contains the position, too. Omit --cursor.")
        check_path("outbox", outbox)
    if cursor is not None:
        check_path("cursor", cursor)
    _read_cursor(cursor)


async def _find_delivery(exec: str | None, notify: str | None, to_json: ToJson) -> Deliver | None:
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
            "an outbox of its own.",
        )
    return partial(_run, _parse_command(exec), to_json)


def _parse_command(line: str) -> list[str]:
    """Split a command line, and check that its program exists before the first change."""
    try:
        command = shlex.split(line)
    except ValueError:
        command = []  # a quotation mark that is not closed
    if not command:
        raise InvalidArgumentError(
            "exec", "must start with the name of a program; it is run without a shell."
        )
    if shutil.which(command[0]) is None:
        is_there = Path(command[0]).exists()
        advice = "is not executable: use chmod +x" if is_there else "does not exist"
        raise InvalidArgumentError("exec", f"{command[0]} {advice}. It is run without a shell.")
    return command


class _CursorFile:
    """An outbox that stores the cursor only, in a JSON file; nothing without a path."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    async def load(self, feed: str) -> Any:  # noqa: ARG002  # the file does not say whose it is
        return await to_thread.run_sync(_read_cursor, self._path)

    async def claim(self, key: str) -> int:  # noqa: ARG002  # the cursor knows the keys
        return 0

    async def save(self, cursor: Mapping[str, Any], delivered: str | None = None) -> None:  # noqa: ARG002
        if self._path is None:
            return
        try:
            await to_thread.run_sync(replace_file, self._path, msgspec.json.encode(cursor))
        except OSError as error:
            raise InvalidArgumentError(
                "cursor", f"{self._path} cannot be written: {describe_os_error(error)}"
            ) from None


@asynccontextmanager
async def _opened(cursor: Path | None, outbox: Path | None) -> AsyncGenerator[Outbox]:
    """Open the outbox, or lock the cursor file against other feeds."""
    if outbox is not None:
        async with SqliteOutbox(outbox) as store:
            yield store
    elif cursor is not None:
        async with locked(lock_for(cursor), argument="cursor", writer="feed"):
            yield _CursorFile(cursor)
    else:
        yield _CursorFile(None)


def _to_json(delivery: Delivery) -> dict[str, Any]:
    return {**delivery.change.to_dict(), "automatic": delivery.change.automatic}


def _to_recorded_json(delivery: Delivery) -> dict[str, Any]:
    return {**_to_json(delivery), "attempts": delivery.attempts}


def _to_cells(deliveries: Sequence[Delivery]) -> Iterator[tuple[Any, ...]]:
    changes = [delivery.change for delivery in deliveries]
    issues = plain_rows([change.issue for change in changes])
    for change, issue in zip(changes, issues, strict=True):
        comment = change.comment and change.comment.comment
        at = format_timestamp(change.at)
        yield (change.key, change.kind.value, at, change.automatic, comment, *issue)


_DELIVERIES: Layout[Delivery] = Layout(
    {},
    ("key", "kind", "at", "automatic", "comment", *NAMES),
    _to_cells,
    _to_json,
    lambda delivery: format_change(delivery.change),
)
_RECORDED_DELIVERIES = attrs.evolve(_DELIVERIES, to_json=_to_recorded_json)


async def _run(command: list[str], to_json: ToJson, delivery: Delivery) -> bool:
    """Run a command for a change; return True if it succeeded."""
    line = encode_json(to_json(delivery)).encode()
    try:
        process = await open_process(command, stdout=None, stderr=None)
    except OSError as error:
        raise InvalidArgumentError("exec", f"cannot be run: {error}.") from None
    stdin: Any = process.stdin  # a pipe
    async with process:  # until its end
        # The command need not read its input; older versions of anyio raise a ConnectionError.
        with suppress(BrokenResourceError, ConnectionError):
            await stdin.send(line)
    if process.returncode:
        key = delivery.change.key
        err.print(f"scf: {command[0]} failed with exit code {process.returncode} on {key}.")
    return process.returncode == 0


def _read_cursor(cursor: Path | None) -> Any:
    if cursor is None:
        return None
    if not cursor.exists():
        return None
    try:
        saved = jsons.loads(cursor.read_bytes()) if cursor.is_file() else None
    except (OSError, ValueError, RecursionError):
        saved = None
    try:
        Cursor.load(saved)  # also refuses `null`, with which a feed would begin now
    except InvalidArgumentError:
        raise InvalidArgumentError(
            "cursor",
            f"{cursor} is not a cursor file, and cannot become one. Choose another file.",
        ) from None
    return saved
