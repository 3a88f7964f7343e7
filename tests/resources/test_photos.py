"""Photos through the service's redirects: all of them, piece by piece, and the token stays home."""

from __future__ import annotations

import resource
import signal
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from seeclickfix_async import AsyncClient, Created, Issue, models
from seeclickfix_async.errors import (
    AnswerLostError,
    DecodeError,
    InvalidArgumentError,
    NotFoundError,
)
from seeclickfix_async.sandbox import TOKEN, Fault
from tests.support.in_process import NO_WAIT, URL, SandboxHarness

pytestmark = pytest.mark.anyio

_SIZE = resource.RLIMIT_FSIZE
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000


async def _with_photo(client: AsyncClient) -> Issue:
    form = await client.request_types.get("other")
    draft = form.draft(
        lat=41.05, lng=-73.54, address="here", answers={"summary": "Look"}, image=_PNG
    )
    created = await client.issues.create(draft)
    assert isinstance(created, Created)
    return created.issue


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_photo_comes_back_as_it_was_sent(tmp_path: Path) -> None:
    harness = SandboxHarness()
    with harness.sandbox.serve() as url:
        async with AsyncClient(TOKEN, base_url=url, limiter=None) as client:
            issue = await _with_photo(client)
            content = await client.photos.read(issue)
            size = await client.photos.save(issue, tmp_path / "photo.png")

    assert content == _PNG
    assert _files(tmp_path) == {"photo.png": _PNG}
    assert size == len(_PNG)
    carried = {seen.path.split("/")[1]: seen.authorized for seen in harness.sandbox.requests}
    assert carried == {"api": True, "rails": True, "storage": False}


async def test_every_issue_with_a_photo_has_one_to_read() -> None:
    client = SandboxHarness().client
    pictured = [issue for issue in await client.issues.list() if issue.media]

    kinds = {
        (await client.photos.read(issue))[:4]
        for issue in pictured
        if issue.media and issue.media.image_full
    }

    assert kinds == {b"\x89PNG"}


async def test_a_link_may_be_relative_as_of_old() -> None:
    harness = SandboxHarness()

    await harness.client.photos.read("/storage/old")

    assert harness.transport.urls == [f"{URL}/storage/old"]


@pytest.mark.parametrize(
    ("photo", "words"),
    [
        (Issue(7), "there is none"),
        (models.Media(representative_image_url="http://x/icon.png"), "there is none"),
        (models.Comment(), "there is none"),
        ("ftp://x/a.png", "http link"),
        ("http://x/a b.png", "http link"),
        ("http://[1.png", "http link"),
        ("http://x:99999999/a.png", "http link"),
        ("https://xn--/a.png", "no address"),
        (f"https://x/{'a' * 70_000}", "no address"),
        ("", "non-empty"),
        (7, "must be a non-empty string"),
    ],
)
async def test_what_has_no_photo_is_refused(photo: Any, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        await SandboxHarness().client.photos.read(photo)


async def test_a_photo_that_is_gone_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"the old one")

    with pytest.raises(NotFoundError):
        await SandboxHarness().client.photos.save("/storage/gone", path)

    assert _files(tmp_path) == {"photo.png": b"the old one"}


async def test_a_login_page_is_no_picture(tmp_path: Path) -> None:
    harness = SandboxHarness()
    harness.sandbox.faults.append(Fault(200, {"please": "sign in"}))

    with pytest.raises(DecodeError, match="not an image"):
        await harness.client.photos.save("/storage/some", tmp_path / "photo.png")

    assert _files(tmp_path) == {}


async def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    await anyio.Path(tmp_path / "folder").mkdir()

    with pytest.raises(InvalidArgumentError, match="cannot be written"):
        await SandboxHarness().client.photos.save("/storage/some", tmp_path / "no" / "photo.png")
    with pytest.raises(InvalidArgumentError, match="cannot be written"):
        await SandboxHarness().client.photos.save("/storage/some", tmp_path / "folder")

    assert _names(tmp_path) == ["folder"]


async def test_a_disk_that_is_full_is_told_and_not_tried_again(tmp_path: Path) -> None:
    asked: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=_PNG)

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    client = AsyncClient(http=http, base_url=URL, limiter=None, retry=NO_WAIT)
    limits, handler = resource.getrlimit(_SIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(_SIZE, (100_000, limits[1]))
    try:
        with pytest.raises(InvalidArgumentError, match="cannot be written: File too large"):
            await client.photos.save("/x", tmp_path / "photo.png")
    finally:
        resource.setrlimit(_SIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)

    assert len(asked) == 1
    assert _files(tmp_path) == {}


class _Breaking(httpx.AsyncByteStream):
    """A body that breaks off in the middle."""

    async def __aiter__(self) -> Any:
        yield _PNG[:1000]
        raise httpx.ReadError("made up")


@pytest.mark.parametrize("mends", [True, False])
async def test_a_photo_that_breaks_off_is_fetched_again_from_its_start(
    mends: bool, tmp_path: Path
) -> None:
    answers = [httpx.Response(200, stream=_Breaking()) for _ in range(4)]
    if mends:
        answers[2] = httpx.Response(200, content=_PNG)
    left = iter(answers)
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: next(left)))
    client = AsyncClient(http=http, base_url=URL, limiter=None, retry=NO_WAIT)

    if mends:
        assert await client.photos.save("/x", tmp_path / "photo.png") == len(_PNG)
        assert _files(tmp_path) == {"photo.png": _PNG}
    else:
        with pytest.raises(AnswerLostError):
            await client.photos.save("/x", tmp_path / "photo.png")
        assert _files(tmp_path) == {}


async def test_a_download_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    async def serve(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    client = AsyncClient(http=http, base_url=URL, limiter=None)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.photos.save, "/x", tmp_path / "photo.png")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert _files(tmp_path) == {}
