"""`scf watch`."""

from __future__ import annotations

import json as jsons
import shlex
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from anyio import BrokenResourceError, open_process, to_thread

from seeclickfix_async import Change, Delivery, Outbox, SqliteOutbox
from seeclickfix_async._cli.app import FAILED, OK, Box, Json, Near, Place, Site, parse_area
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import encode_json, err, out, print_json
from seeclickfix_async._core.credentials import PRODUCTION
from seeclickfix_async._core.file_replacement import replace_file
from seeclickfix_async._core.os_error import describe_os_error
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._lock import lock_for, locked
from seeclickfix_async.pull._paths import check_path


async def watch(
    *,
    place: Place = None,
    near: Near = None,
    box: Box = None,
    every: float = 60.0,
    cursor: Path | None = None,
    outbox: Path | None = None,
    exec: str | None = None,
    base_url: Site = PRODUCTION,
    json: Json = False,
) -> int:
    """Print the changes to an area's issues until Ctrl-C, oldest first.

    Args:
        place: A place's url_name.
        near: LAT LNG METRES.
        box: MIN_LAT MIN_LNG MAX_LAT MAX_LNG.
        every: Seconds between two requests for changes.
        cursor: A file with the feed's position, so that the same command continues there.
        outbox: A SQLite file with the feed's position and the changes that --exec has processed,
            instead of --cursor. The JSON of a change then has `attempts`: if it is not 0, --exec
            may have processed the change before.
        exec: A command to run for each change, with the change as JSON on its standard input.
            It is run without a shell, so that pipes need `sh -c`. If it fails, the feed stops, and
            starts with the same change the next time.
        base_url: The service's address.
        json: Print one change per line as JSON.
    """
    command = None if exec is None else _parse_command(exec)
    _check_files(cursor, outbox, exec)

    async def report(delivery: Delivery) -> None:
        change = delivery.change
        fields = {**msgspec.to_builtins(change), "automatic": change.automatic}
        if outbox is not None:
            fields["attempts"] = delivery.attempts
        if json:
            print_json(fields)
        else:
            out.print(_format_change(change))
        if out.error is not None:
            raise _EndedError(OK)  # the change is reported again the next time
        if command is not None and not await _run(command, fields):
            raise _EndedError(FAILED)

    async with _opened(cursor, outbox) as store, make_client(base_url) as client:
        feed = client.issues.watch(area=parse_area(place, near, box), every=every)
        try:
            await feed.deliver(report, store)
        except _EndedError as ended:
            return ended.exit_code


class _EndedError(Exception):
    """Ends the feed with an exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def _check_files(cursor: Path | None, outbox: Path | None, command: str | None) -> None:
    """Refuse wrong files before a lock file is made."""
    if outbox is not None:
        if command is None:
            raise InvalidArgumentError("outbox", "is for --exec. Use --cursor without it.")
        if cursor is not None:
            raise InvalidArgumentError("outbox", "contains the position, too. Omit --cursor.")
        check_path("outbox", outbox)
    if cursor is not None:
        check_path("cursor", cursor)
    _read_cursor(cursor)


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


def _format_change(change: Change) -> str:
    content = change.comment.comment if change.comment else change.issue.summary
    author = "a system " if change.automatic else ""
    return f"{change.at} #{change.issue.id} {author}{change.kind}: {content or ''}"


async def _run(command: list[str], fields: dict[str, Any]) -> bool:
    """Run a command for a change; return True if it succeeded."""
    line = encode_json(fields).encode()
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
        err.print(
            f"scf: {command[0]} failed with exit code {process.returncode} on {fields['key']}."
        )
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
