"""The photos of a pull, one file for each issue that has one.

A photo comes into a file beside, which takes its name when all of it is there: so a name in the
folder is a whole photo, and whoever goes on has nothing else to remember.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import anyio
import attrs

from seeclickfix_async._client import AsyncClient
from seeclickfix_async.errors import (
    BlockedError,
    DecodeError,
    InvalidArgumentError,
    RateLimitedError,
    ServerError,
    StatusError,
    TransportError,
)
from seeclickfix_async.pull._file_thread import run_in_file_thread
from seeclickfix_async.pull._rows import StoredRow

_AT_ONCE = 8
_TOGETHER = 64  # so many are looked up in the file at a time
_MOST_FAILURES = 24  # in a row: then their host is down, and each of them would take its retries
_FOR_GOOD = (404, 410)
_SUFFIX = re.compile(r"\.(jpe?g|png|gif|webp)(?=$|[?#])", re.IGNORECASE)
_TORN_FOR = 3_600  # seconds
_TORN = re.compile(r"\d+(\.[a-z]+)?\.[0-9a-f]{8}\.part")


@attrs.define(eq=False)
class PhotoDownloader:
    """A folder of photos named by their issues' ids, such as `20000001.jpg`.

    One that is there is not fetched again. One that the service says is gone leaves an empty file,
    such as `20000001.gone`, so that nobody asks for it with every update.

    Attributes:
        kept: How many photos are there.
        missing: How many are not, though issues have links to them.
    """

    client: AsyncClient
    folder: Path
    kept: int = 0
    missing: int = 0
    _failures: int = 0  # in a row
    _error: Exception | None = None

    def make(self) -> None:
        """Make the folder.

        Raises:
            InvalidArgumentError: It cannot be one.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InvalidArgumentError(
                "photos", f"{self.folder} cannot be a folder: {error.strerror}."
            ) from None

    def drop_torn(self) -> None:
        """Drop what a killed process left half done, an hour later.

        What is younger may be on its way for somebody who saves photos here without a pull.
        """
        for file in self.folder.glob("*.part"):
            with contextlib.suppress(FileNotFoundError):  # it is whole by now
                if _TORN.fullmatch(file.name) and time.time() - file.stat().st_mtime > _TORN_FOR:
                    file.unlink()

    def count(self, rows: Iterable[StoredRow]) -> int:
        """How many are to be fetched; counts what is there, too."""
        left = 0
        for row in filter(_is_pictured, rows):
            there = self._path(row).exists()
            self.kept += there
            self.missing += not there
            left += self._is_wanted(row)
        return left

    async def fill(self, rows: Iterator[StoredRow], tell: Callable[[], None]) -> None:
        """Fetch what is not there, some at once; one that cannot be had costs no other.

        Ends early when it seems that none can be had. Cancelled, it leaves whole photos.

        Args:
            rows: The issues.
            tell: Called after each photo.

        Raises:
            BlockedError: The service refuses this client as a whole.
            InvalidArgumentError: The folder cannot be written to.
        """
        wanted = filter(self._is_wanted, filter(_is_pictured, rows))
        while self._failures < _MOST_FAILURES:
            some = deque(
                await run_in_file_thread(lambda: list(itertools.islice(wanted, _TOGETHER)))
            )
            if not some:
                return
            async with anyio.create_task_group() as tasks:
                for _ in range(_AT_ONCE):
                    tasks.start_soon(self._work, some, tell, tasks.cancel_scope)
            if self._error is not None:
                raise self._error

    async def _work(
        self, some: deque[StoredRow], tell: Callable[[], None], scope: anyio.CancelScope
    ) -> None:
        while some and self._failures < _MOST_FAILURES:
            try:
                await self._fetch(some.popleft())
            except Exception as error:  # noqa: BLE001  # reaches the caller, without a group
                self._error = error
                scope.cancel()
            tell()

    async def _fetch(self, row: StoredRow) -> None:
        try:
            await self.client.photos.save(row.image or "", self._path(row))
        except BlockedError:
            raise
        except InvalidArgumentError as error:
            if isinstance(error.__cause__, OSError):  # the folder's fault, not the link's
                raise
        except (TransportError, ServerError, RateLimitedError):
            self._failures += 1
        except StatusError as error:  # its host answers: only this one cannot be had
            if error.status in _FOR_GOOD:
                await self._mark_gone(row)
            self._failures = 0
        except DecodeError:
            self._failures = 0
        else:
            self.kept += 1
            self.missing -= 1
            self._failures = 0

    async def _mark_gone(self, row: StoredRow) -> None:
        try:
            await anyio.Path(self._gone(row)).touch()
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def _is_wanted(self, row: StoredRow) -> bool:
        return not self._path(row).exists() and not self._gone(row).exists()

    def _path(self, row: StoredRow) -> Path:
        suffix = _SUFFIX.search(row.image or "")
        return self.folder / f"{row.id}{suffix[0].lower() if suffix else ''}"

    def _gone(self, row: StoredRow) -> Path:
        return self.folder / f"{row.id}.gone"


def _unwritable(folder: Path, error: OSError) -> InvalidArgumentError:
    return InvalidArgumentError("photos", f"{folder} cannot be written to: {error.strerror}.")


def _is_pictured(row: StoredRow) -> bool:
    return row.image is not None and row.vanished is None
