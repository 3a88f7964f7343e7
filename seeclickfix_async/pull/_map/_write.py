"""The writing of the page of a pull."""

from __future__ import annotations

import csv
import itertools
import logging
import os
import sqlite3
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from seeclickfix_async._core.file_replacement import move_into_place, new_file, new_path
from seeclickfix_async._core.os_error import describe_os_error
from seeclickfix_async._core.time_zone import parse_zone
from seeclickfix_async._tables.arrow import import_pyarrow
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._map._blocks import encode_blocks
from seeclickfix_async.pull._map._files import READERS, is_complete, read_chunks
from seeclickfix_async.pull._map._page import is_page, page_parts
from seeclickfix_async.pull._paths import is_of_pull

_logger = logging.getLogger("seeclickfix_async.pull")

# The errors of readers for damaged files, and for other columns; Arrow's are subclasses of these.
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    OverflowError,
    NotImplementedError,
    OSError,
    csv.Error,
    sqlite3.Error,
    msgspec.MsgspecError,
)


def write_map(
    file: Path, to: Path, *, timezone: str | tzinfo | None = None, offline: bool = False
) -> None:
    """Write the HTML page of a pull: a map, charts and a table, which work without a network.

    Issues that a sweep marked as vanished are left out. If the pull is not complete, the page says
    so, and a warning is logged. The page is written while the file is read, and replaces an older
    one when it is complete.

    Args:
        file: A file or dataset that `pull` wrote.
        to: The page.
        timezone: The time zone of days and months; by default that of the pull, or UTC.
        offline: Leave out the button that loads streets from OpenStreetMap.

    Raises:
        InvalidArgumentError: The file does not exist, holds no issues, or was not written by
            `pull`; or the page cannot be written, or would replace another file.
    """
    zone = parse_zone(timezone)
    if file.suffix and is_of_pull(to, file):  # otherwise the file is not a pull
        raise InvalidArgumentError("to", "must be another file than the pull.")
    blocks = _read_blocks(file, zone)
    first = next(blocks, None)
    if first is None:
        raise InvalidArgumentError(
            "file",
            f"{file} holds no issues to show. If its pull was interrupted, continue it first; if "
            "no pull has written it, choose another file.",
        )
    name = os.fsencode(file.name).decode("utf-8", "replace")
    complete = is_complete(file)
    if not complete:
        _logger.warning("%s is not complete: the page shows a part of its pull.", file)
    chain = itertools.chain([first], blocks)
    parts = page_parts(name, chain, complete=complete, offline=offline)
    try:
        _write(parts, to)
    except OSError as error:
        raise InvalidArgumentError(
            "to", f"{to} cannot be written: {describe_os_error(error)}"
        ) from None


def _read_blocks(file: Path, zone: ZoneInfo | None) -> Iterator[bytes]:
    if file.suffix not in READERS:
        raise InvalidArgumentError("file", f"must end in one of {', '.join(READERS)}.")
    if file.suffix.endswith("parquet"):
        import_pyarrow("file")
    try:
        is_there = file.is_file() or file.is_dir()
        if is_there:
            yield from encode_blocks(read_chunks(file), zone)
    except _UNREADABLE as error:
        raise InvalidArgumentError(
            "file",
            f"{file} was not written by a pull, or is damaged: {error!r}. Pull it again, or "
            "restore it.",
        ) from None
    if not is_there:
        raise InvalidArgumentError("file", f"{file} does not exist, or is not a file or dataset.")


def _write(parts: Iterator[bytes], to: Path) -> None:
    is_special = to.exists() and not to.is_file()  # such as /dev/stdout
    if not is_special and to.exists() and to.stat().st_size and not is_page(to):
        raise InvalidArgumentError(
            "to", f"{to} exists already and is not a page of a pull. Choose another name."
        )
    with to.open("wb") if is_special else new_file(to) as page:
        page.writelines(parts)
    if not is_special:
        move_into_place(new_path(to), to)
