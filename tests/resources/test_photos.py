"""Downloads of photos, through redirects to storage that does not receive the token."""

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
from seeclickfix_async.testing import IN_PROCESS_URL, SandboxHarness, VirtualClock
from tests.support.image_samples import IMAGES, NOT_IMAGES

pytestmark = pytest.mark.anyio

_SIZE = resource.RLIMIT_FSIZE
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2000


async def _report_with_photo(client: AsyncClient) -> Issue:
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


async def test_a_photo_is_downloaded_as_it_was_sent(tmp_path: Path) -> None:
    harness = SandboxHarness(quota=None)
    with harness.serve() as url:
        async with AsyncClient(TOKEN, base_url=url, limiter=None) as client:
            issue = await _report_with_photo(client)
            content = await client.photos.read(issue)
            size = await client.photos.save(issue, tmp_path / "photo.png")

    assert content == _PNG
    assert _files(tmp_path) == {"photo.png": _PNG}
    assert size == len(_PNG)
    authorized = {request.path.split("/")[1]: request.authorized for request in harness.requests}
    assert authorized == {"api": True, "rails": True, "storage": False}


async def test_the_photo_of_every_issue_can_be_read() -> None:
    client = SandboxHarness(quota=None).client
    with_photo = [issue for issue in await client.issues.list() if issue.media]

    signatures = {
        (await client.photos.read(issue))[:4]
        for issue in with_photo
        if issue.media and issue.media.image_full
    }

    assert signatures == {b"\x89PNG"}


async def test_a_link_can_be_relative() -> None:
    harness = SandboxHarness(quota=None)

    await harness.client.photos.read("/storage/old")

    assert [request.url for request in harness.requests] == [f"{IN_PROCESS_URL}/storage/old"]


async def test_blanks_in_a_link_are_encoded() -> None:
    harness = SandboxHarness(quota=None)

    await harness.client.photos.read(" /storage/old photo ")

    assert [request.url for request in harness.requests] == [
        f"{IN_PROCESS_URL}/storage/old%20photo"
    ]


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        (Issue(7), "no link to a photo"),
        (models.Media(representative_image_url="http://x/icon.png"), "no link to a photo"),
        (models.Comment(), "no link to a photo"),
        ("ftp://x/a.png", "https link"),
        ("http://x.test/a\x07b.png", "https link"),
        ("http://[1.png", "https link"),
        ("http://x.test:99999999/a.png", "https link"),
        ("https://xn--/a.png", "public internet"),
        ("https://xn--.test/a.png", "not a valid URL"),
        (f"https://x.test/{'a' * 70_000}", "not a valid URL"),
        ("", "non-empty"),
        (7, "must be a non-empty string"),
    ],
)
async def test_an_object_without_a_valid_link_is_refused(photo: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        await SandboxHarness(quota=None).client.photos.read(photo)


async def test_a_removed_photo_does_not_replace_a_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"the old one")

    with pytest.raises(NotFoundError):
        await SandboxHarness(quota=None).client.photos.save("/storage/gone", path)

    assert _files(tmp_path) == {"photo.png": b"the old one"}


async def test_a_login_page_is_not_saved(tmp_path: Path) -> None:
    harness = SandboxHarness(quota=None)
    harness.faults.append(Fault(200, {"please": "sign in"}))

    with pytest.raises(DecodeError, match="not an image"):
        await harness.client.photos.save("/storage/some", tmp_path / "photo.png")

    assert _files(tmp_path) == {}


def _answering(content: bytes, content_type: str) -> AsyncClient:
    """Return a client whose service answers everything with this content."""
    headers = {"Content-Type": content_type}
    transport = httpx.MockTransport(
        lambda request: httpx.Response(200, headers=headers, content=content)
    )
    http = httpx.AsyncClient(transport=transport)
    return AsyncClient(http=http, base_url=IN_PROCESS_URL, limiter=None, clock=VirtualClock())


@pytest.mark.parametrize("content", IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize("content_type", ["image/jpeg", "application/octet-stream", "text/html"])
async def test_the_first_bytes_make_a_photo(
    content: bytes, content_type: str, tmp_path: Path
) -> None:
    client = _answering(content, content_type)

    assert await client.photos.read("/x") == content
    assert await client.photos.save("/x", tmp_path / "photo") == len(content)
    assert _files(tmp_path) == {"photo": content}


@pytest.mark.parametrize("content", NOT_IMAGES)
async def test_other_content_is_not_a_photo(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"the old one")
    client = _answering(content, "image/jpeg")

    with pytest.raises(DecodeError, match="not an image"):
        await client.photos.read("/x")
    with pytest.raises(DecodeError, match="not an image"):
        await client.photos.save("/x", path)

    assert _files(tmp_path) == {"photo.jpg": b"the old one"}


async def test_an_unwritable_file_is_refused(tmp_path: Path) -> None:
    await anyio.Path(tmp_path / "folder").mkdir()

    with pytest.raises(InvalidArgumentError, match="cannot be written"):
        await SandboxHarness(quota=None).client.photos.save(
            "/storage/some", tmp_path / "no" / "photo.png"
        )
    with pytest.raises(InvalidArgumentError, match="cannot be written"):
        await SandboxHarness(quota=None).client.photos.save("/storage/some", tmp_path / "folder")

    assert _names(tmp_path) == ["folder"]


async def test_a_download_to_a_full_disk_is_not_repeated(tmp_path: Path) -> None:
    requests: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, content=_PNG)

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    client = AsyncClient(http=http, base_url=IN_PROCESS_URL, limiter=None, clock=VirtualClock())
    limits, handler = resource.getrlimit(_SIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(_SIZE, (100_000, limits[1]))
    try:
        with pytest.raises(InvalidArgumentError, match="cannot be written: File too large"):
            await client.photos.save("/x", tmp_path / "photo.png")
    finally:
        resource.setrlimit(_SIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)

    assert len(requests) == 1
    assert _files(tmp_path) == {}


class _InterruptedBody(httpx.AsyncByteStream):
    """A body whose connection breaks in the middle."""

    async def __aiter__(self) -> Any:
        yield _PNG[:1000]
        raise httpx.ReadError("made up")


@pytest.mark.parametrize("recovers", [True, False])
async def test_an_interrupted_download_is_repeated_from_its_start(
    recovers: bool, tmp_path: Path
) -> None:
    responses = [httpx.Response(200, stream=_InterruptedBody()) for _ in range(4)]
    if recovers:
        responses[2] = httpx.Response(200, content=_PNG)
    remaining = iter(responses)
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: next(remaining)))
    client = AsyncClient(http=http, base_url=IN_PROCESS_URL, limiter=None, clock=VirtualClock())

    if recovers:
        assert await client.photos.save("/x", tmp_path / "photo.png") == len(_PNG)
        assert _files(tmp_path) == {"photo.png": _PNG}
    else:
        with pytest.raises(AnswerLostError):
            await client.photos.save("/x", tmp_path / "photo.png")
        assert _files(tmp_path) == {}


async def test_a_cancelled_download_leaves_no_file(tmp_path: Path) -> None:
    async def serve(_request: httpx.Request) -> httpx.Response:
        await anyio.sleep_forever()
        raise AssertionError

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    client = AsyncClient(http=http, base_url=IN_PROCESS_URL, limiter=None)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.photos.save, "/x", tmp_path / "photo.png")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()

    assert _files(tmp_path) == {}
