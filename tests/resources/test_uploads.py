"""Photos as programs have them: uploads of web services, files of all kinds, and bytes."""

from __future__ import annotations

import io
import mmap
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest
from starlette.datastructures import UploadFile

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Question, QuestionType
from seeclickfix_async.sandbox import Fault
from seeclickfix_async.testing import SandboxHarness

pytestmark = pytest.mark.anyio

_PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 600


class _ThreadedFile:
    """A file like those of aiofiles: async methods, and attributes of the file beneath."""

    def __init__(self, file: Any) -> None:
        self._file = file

    async def read(self, size: int = -1, /) -> Any:
        return await anyio.to_thread.run_sync(self._file.read, size)

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        return await anyio.to_thread.run_sync(self._file.seek, offset, whence)

    @property
    def closed(self) -> bool:
        return self._file.closed  # type: ignore[no-any-return]


def _upload(spooled: bool) -> UploadFile:
    file: Any = tempfile.SpooledTemporaryFile(1 if spooled else 10**6)  # noqa: SIM115
    file.write(_PNG)  # the position is at the end, as after a validation
    return UploadFile(file, filename="Mary's phone.png")


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _unbuffered(path: Path) -> Any:
    file = path.open("rb", buffering=0)
    file.seek(5)
    return file


def _temporary(make: Callable[[], Any]) -> Any:
    file = make()
    file.write(_PNG)
    return file


_SOURCES: dict[str, Callable[[Path], Any]] = {
    "an upload in memory": lambda _: _upload(spooled=False),
    "an upload on disk": lambda _: _upload(spooled=True),
    "BytesIO": lambda _: _temporary(io.BytesIO),
    "open()": lambda path: path.open("rb"),
    "open() without buffer": _unbuffered,
    "a temporary file": lambda _: _temporary(tempfile.TemporaryFile),
    "a named temporary file": lambda _: _temporary(tempfile.NamedTemporaryFile),
    "a file in threads": lambda path: _ThreadedFile(path.open("rb")),
    "a mapped file": _mapped,
    "bytearray": lambda _: bytearray(_PNG),
    "memoryview": lambda _: memoryview(_PNG),
}


@asynccontextmanager
async def _source(kind: str, path: Path) -> AsyncIterator[Any]:
    await anyio.Path(path).write_bytes(_PNG)
    source = _SOURCES[kind](path)
    yield source
    file = getattr(source, "file", getattr(source, "_file", source))
    if hasattr(file, "close"):
        assert not file.closed  # it is the caller's
        file.close()


@pytest.mark.parametrize("kind", _SOURCES)
async def test_a_photo_is_any_binary_file(kind: str, tmp_path: Path) -> None:
    harness = SandboxHarness(quota=None)
    harness.faults.append(Fault(429, None, {"Retry-After": "0.001"}))  # it is sent twice

    async with _source(kind, tmp_path / "photo.png") as image:
        number = harness.issue_with_status("acknowledged")
        await harness.client.issues.comment(number, "Look!", image=image)
        await harness.client.issues.comment(number, "And again", image=image)

    assert list(harness.photos.values()) == [_PNG]
    assert harness.statuses("POST") == [429, 201, 201]


async def test_a_report_takes_an_upload() -> None:
    harness = SandboxHarness(quota=None)
    form = await harness.client.request_types.get("other")
    question = Question(primary_key="issue_image", question_type=QuestionType.FILE)
    form = attrs.evolve(form, questions=(*(form.questions or ()), question))
    answers = {"summary": "A hole"}

    with _upload(spooled=True).file as file:
        upload = UploadFile(file)
        draft = form.draft(lat=41.05, lng=-73.54, address="x", answers=answers, image=upload)
        await harness.client.issues.create(draft)

    assert list(harness.photos.values()) == [_PNG]


def _closed(file: Any) -> Any:
    file.close()
    return file


def _pipe() -> Any:
    read, write = os.pipe()
    os.close(write)
    return os.fdopen(read, "rb")


_CLOSED = "image: is a closed file"
_STRINGS = "image: is a file of strings"
_WRONG = "image: must be a path, bytes, an open binary file or an upload"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path, keep: _closed(path.open("rb")), _CLOSED),
        (lambda path, keep: _closed(_upload(spooled=True).file), _CLOSED),
        (lambda path, keep: UploadFile(_closed(_upload(spooled=False).file)), _CLOSED),
        (lambda path, keep: _ThreadedFile(_closed(path.open("rb"))), _CLOSED),
        (lambda path, keep: keep(path.open()), _STRINGS),
        (lambda path, keep: io.StringIO("x"), _STRINGS),
        (lambda path, keep: _ThreadedFile(keep(path.open())), _STRINGS),
        (lambda path, keep: keep(_pipe()), "image: cannot be read twice"),
        (lambda path, keep: path.parent, "image: cannot be read: Is a directory"),
        (lambda path, keep: "a\0b", "image: cannot be read: embedded null"),
        (lambda path, keep: UploadFile, _WRONG),
        (lambda path, keep: ("photo.png", _PNG, "image/png"), _WRONG),
        (lambda path, keep: 3, _WRONG),
        (lambda path, keep: keep(path.open("wb")), "image: cannot be read"),
    ],
)
async def test_what_is_no_binary_file_is_refused(
    make: Callable[[Path, Callable[[Any], Any]], Any], message: str, tmp_path: Path
) -> None:
    harness = SandboxHarness(quota=None)
    path = tmp_path / "photo.png"
    path.write_text("some text")

    with ExitStack() as files:
        image = make(path, files.enter_context)
        with pytest.raises(InvalidArgumentError, match=message):
            await harness.client.issues.comment(
                harness.issue_with_status("acknowledged"), "Hi", image=image
            )

    assert not harness.requests
