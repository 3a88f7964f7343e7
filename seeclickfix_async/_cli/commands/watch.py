"""The command that follows what happens."""

from __future__ import annotations

import json as jsons
import shlex
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from anyio import run_process, to_thread

from seeclickfix_async import Change, Watch
from seeclickfix_async._cli.app import (
    FAILED,
    Box,
    Json,
    Near,
    Place,
    Site,
    err,
    out,
    parse_area,
    print_json,
)
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._core.credentials import PRODUCTION
from seeclickfix_async._core.file_replacement import replace_file
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._lock import lock_for, locked


async def watch(
    *,
    place: Place = None,
    near: Near = None,
    box: Box = None,
    every: float = 60.0,
    cursor: Path | None = None,
    exec: str | None = None,
    base_url: Site = PRODUCTION,
    json: Json = False,
) -> int:
    """Follow what happens to an area's issues until Ctrl-C, oldest first.

    Args:
        place: A place's url_name.
        near: LAT LNG METRES.
        box: MIN_LAT MIN_LNG MAX_LAT MAX_LNG.
        every: Seconds between looks.
        cursor: A file that keeps where the feed stands, so that the same command goes on there.
        exec: A command to run for each change, with the change as JSON on its standard input;
            no shell reads it, so that pipes need `sh -c`. When it fails the feed stops, and
            begins with the same change the next time.
        base_url: The service's address.
        json: Print one change a line as JSON.
    """
    command = None if exec is None else _command(exec)
    _read(cursor)  # refuses a wrong file before there is a lock file
    async with _locked(cursor), make_client(base_url) as client:
        kept = await to_thread.run_sync(_read, cursor)
        feed = client.issues.watch(area=parse_area(place, near, box), every=every, cursor=kept)
        await feed.begin()
        await _keep(cursor, feed)
        async for change in feed:
            told = _told(change)
            if json:
                print_json(told)
            else:
                out.print(_line(change), markup=False, highlight=False, soft_wrap=True)
            if command is not None and not await _run(command, told):
                return FAILED
            await _keep(cursor, feed)
    return FAILED  # a feed does not end by itself


def _command(text: str) -> list[str]:
    """The words of a command whose program is there, so that no change has to find out."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = []  # a quotation mark that is not closed
    if not words or shutil.which(words[0]) is None:
        raise InvalidArgumentError("exec", "names no program that is there; no shell reads it.")
    return words


@asynccontextmanager
async def _locked(cursor: Path | None) -> AsyncGenerator[None]:
    """Let no other feed keep its cursor in the same file."""
    if cursor is None:
        yield
        return
    async with locked(lock_for(cursor), argument="cursor", writer="feed"):
        yield


async def _keep(cursor: Path | None, feed: Watch) -> None:
    if cursor is None:
        return
    try:
        await to_thread.run_sync(replace_file, cursor, msgspec.json.encode(feed.cursor))
    except OSError as error:
        raise InvalidArgumentError(
            "cursor", f"{cursor} cannot be written: {error.strerror}."
        ) from None


def _told(change: Change) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(change)
    return {**told, "automatic": change.automatic}


def _line(change: Change) -> str:
    what = change.comment.comment if change.comment else change.issue.summary
    who = "a system " if change.automatic else ""
    return f"{change.at} #{change.issue.id} {who}{change.kind}: {what or ''}"


async def _run(command: list[str], told: dict[str, Any]) -> bool:
    """Run a command; whether it went well."""
    try:
        done = await run_process(
            command, input=msgspec.json.encode(told), stdout=None, stderr=None, check=False
        )
    except OSError as error:
        raise InvalidArgumentError("exec", f"cannot be run: {error}.") from None
    if done.returncode:
        err.print(f"scf: {command[0]} failed with {done.returncode} on {told['key']}.")
    return done.returncode == 0


def _read(cursor: Path | None) -> Any:
    if cursor is None or (cursor.parent.is_dir() and not cursor.exists()):
        return None
    try:
        return jsons.loads(cursor.read_bytes())
    except (OSError, ValueError):
        raise InvalidArgumentError("cursor", f"{cursor} holds no cursor, nor could it.") from None
