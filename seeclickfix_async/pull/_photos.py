"""The photos of a pull: a file for each issue with a photo.

A photo is downloaded to a temporary file that is renamed when it is complete. So a file in the
folder that begins as an image does is a complete photo, and an interrupted download needs no other
state. Any other file, such as an error page or nothing, is not taken for a photo.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import attrs

from seeclickfix_async._api.query import IssueQuery
from seeclickfix_async._client import AsyncClient
from seeclickfix_async._core.image import HEAD, detect_suffix
from seeclickfix_async.errors import (
    BlockedError,
    ChallengeError,
    DecodeError,
    InvalidArgumentError,
    RateLimitedError,
    RedirectRefusedError,
    ResponseTooLargeError,
    ServerError,
    StatusError,
    TransportError,
)
from seeclickfix_async.pull._file_thread import run_in_file_thread
from seeclickfix_async.pull._lock import lock_for, locked
from seeclickfix_async.pull._paths import check_path, is_of_pull
from seeclickfix_async.pull._rows import StoredRow

_WORKERS = 8
_CHUNK = 64  # rows that are read at a time
_MAX_FAILURES = 24  # in a row: the host is down, and each download would use all its retries
_GONE = (404, 410)
_STALE_AFTER = 3_600  # seconds
_PART = re.compile(r"-?\d+((\.[a-z]+)?\.[0-9a-f]{8})?\.part")
_PHOTO = re.compile(r"(-?\d+)(\.[A-Za-z]+)?")  # the links of early versions had other suffixes


@attrs.define(eq=False)
class PhotoDownloader:
    """Downloads photos into a folder, named by their issues' ids, such as `20000001.jpg`.

    The first bytes of a photo decide its suffix, and whether it is a photo at all. Existing photos
    are not downloaded again. A photo that the service reports as gone leaves an empty file, such as
    `20000001.gone`, so that later calls do not request it.

    Attributes:
        client: Sends the requests.
        folder: The folder.
        present: The number of photos in the folder.
        missing: The number of photos that issues link to and that are not in the folder.
    """

    client: AsyncClient
    folder: Path
    present: int = 0
    missing: int = 0
    _complete: set[int] = attrs.field(factory=set)  # the ids of photos in the folder
    _failures: int = 0  # in a row
    _error: Exception | None = None

    def create_folder(self) -> None:
        """Create the folder, unless it exists.

        Raises:
            InvalidArgumentError: The folder cannot be created.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InvalidArgumentError(
                "photos", f"{self.folder} cannot be a folder: {error.strerror}."
            ) from None

    def remove_stale_parts(self) -> None:
        """Remove temporary files of killed processes, if they are older than an hour.

        Newer ones may belong to another program that saves photos in this folder without a pull.
        """
        for file in self.folder.glob("*.part"):
            with contextlib.suppress(FileNotFoundError):  # its download is complete
                age = time.time() - file.stat().st_mtime
                if _PART.fullmatch(file.name) and age > _STALE_AFTER:
                    file.unlink()

    def count(self, rows: Iterable[StoredRow]) -> int:
        """Set `present` and `missing`, and return the number of photos to download."""
        self._complete = {int(file.stem) for file in self.folder.iterdir() if _is_photo(file)}
        to_download = 0
        for row in filter(_has_photo, rows):
            is_present = row.id in self._complete
            self.present += is_present
            self.missing += not is_present
            to_download += self._is_needed(row)
        return to_download

    async def download(self, rows: Iterator[StoredRow], on_photo: Callable[[], None]) -> None:
        """Download the photos that are not in the folder, several at once.

        A photo that is not available does not stop the others; many failures in a row do. After a
        cancellation, the folder holds complete photos only.

        Args:
            rows: The rows of the issues.
            on_photo: Called after each photo.

        Raises:
            BlockedError: The service refuses this client.
            InvalidArgumentError: The folder cannot be written to.
        """
        needed = filter(self._is_needed, filter(_has_photo, rows))
        while self._failures < _MAX_FAILURES:
            chunk = deque(await run_in_file_thread(lambda: list(itertools.islice(needed, _CHUNK))))
            if not chunk:
                return
            async with anyio.create_task_group() as tasks:
                for _ in range(_WORKERS):
                    tasks.start_soon(self._work, chunk, on_photo, tasks.cancel_scope)
            if self._error is not None:
                raise self._error

    async def _work(
        self, chunk: deque[StoredRow], on_photo: Callable[[], None], scope: anyio.CancelScope
    ) -> None:
        while chunk and self._failures < _MAX_FAILURES:
            try:
                await self._download_one(chunk.popleft())
            except Exception as error:  # noqa: BLE001  # raised by `download`, outside the group
                self._error = error
                scope.cancel()
            on_photo()

    async def _download_one(self, row: StoredRow) -> None:
        try:
            await self._save(row)
        except BlockedError:
            raise
        except InvalidArgumentError as error:
            if isinstance(error.__cause__, OSError):  # from the folder, not from the link
                raise self._unwritable(error.__cause__) from error.__cause__
        except (DecodeError, RedirectRefusedError, ResponseTooLargeError):
            self._failures = 0  # the host works: only this photo is not available
        except (ChallengeError, TransportError, ServerError, RateLimitedError):
            self._failures += 1
        except StatusError as error:
            if error.status in _GONE:
                await self._mark_gone(row)
            self._failures = 0
        else:
            self.present += 1
            self.missing -= 1
            self._failures = 0

    async def _save(self, row: StoredRow) -> None:
        part = self.folder / f"{row.id}.part"
        try:
            await self.client.photos.save(row.image or "", part)
            await run_in_file_thread(_add_suffix, part)
        except BaseException:
            with anyio.CancelScope(shield=True), contextlib.suppress(OSError):
                await anyio.Path(part).unlink()
            raise

    async def _mark_gone(self, row: StoredRow) -> None:
        try:
            await anyio.Path(self._gone_path(row)).touch()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> InvalidArgumentError:
        return InvalidArgumentError(
            "photos",
            f"{self.folder} cannot be written to: {error.strerror}. The photos in it are complete; "
            "free disk space, or correct its permissions, and pull again.",
        )

    def _is_needed(self, row: StoredRow) -> bool:
        return row.id not in self._complete and not self._gone_path(row).exists()

    def _gone_path(self, row: StoredRow) -> Path:
        return self.folder / f"{row.id}.gone"


def _has_photo(row: StoredRow) -> bool:
    return row.image is not None and row.vanished is None


def _is_photo(file: Path) -> bool:
    is_named_so = _PHOTO.fullmatch(file.name) is not None
    return is_named_so and file.is_file() and _suffix(file) is not None


def _add_suffix(part: Path) -> None:
    """Rename a complete download by its first bytes, which `save` has checked."""
    part.replace(part.with_suffix(_suffix(part) or ""))


def _suffix(file: Path) -> str | None:
    with file.open("rb", buffering=0) as opened:
        return detect_suffix(opened.read(HEAD))


def make_downloader(
    client: AsyncClient, folder: Path, query: IssueQuery, path: Path
) -> PhotoDownloader:
    """Return the downloader of the photos of a pull into `path`.

    Raises:
        InvalidArgumentError: The issues have no photos, or the folder cannot be used.
    """
    if query.fields is not None and "media" not in query.fields:
        raise InvalidArgumentError("fields", "must include media, for the photos.")
    downloader = PhotoDownloader(client, folder)
    check_path("photos", downloader.folder)
    if is_of_pull(downloader.folder, path):
        raise InvalidArgumentError("photos", f"must be another folder than {path}.")
    return downloader


@asynccontextmanager
async def photo_folder(downloader: PhotoDownloader | None, wait: float) -> AsyncGenerator[None]:
    """Create the folder of the photos, if the call has one, and hold its lock."""
    if downloader is None:
        yield
        return
    await run_in_file_thread(downloader.create_folder)
    async with locked(lock_for(downloader.folder), argument="photos", wait=wait):
        await run_in_file_thread(downloader.remove_stale_parts)
        yield
