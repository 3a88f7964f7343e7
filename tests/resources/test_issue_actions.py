"""Actions on issues: each write, its possible responses, and the state that is read afterwards."""

from __future__ import annotations

import io
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import attrs
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeclickfix_async import AsyncClient, Comment, Moderated, Status, errors
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.sandbox import NEIGHBOUR_TOKEN, OFFICIAL_TOKEN, TOKEN, Fault
from seeclickfix_async.testing import IN_PROCESS_URL, SandboxHarness

pytestmark = pytest.mark.anyio

_PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 700

Call = Callable[[AsyncClient, int], Awaitable[Any]]


@attrs.frozen
class Write:
    """An action, with the status of an issue and the token that it requires."""

    call: Call
    method: str = "POST"
    status: Status = Status.OPEN
    token: str = TOKEN
    has_comment: bool = False

    def make_harness(self, **settings: Any) -> tuple[SandboxHarness, AsyncClient, int]:
        harness = SandboxHarness(quota=None, **settings)
        return harness, harness.make_client(self.token), harness.issue_with_status(self.status)


async def _comment(harness: SandboxHarness, comment: str, image: Any) -> None:
    """Comment on an open issue."""
    number = harness.issue_with_status(Status.OPEN)
    await harness.client.issues.comment(number, comment, image=image)


_WRITES = {
    "comment": Write(
        lambda client, number: client.issues.comment(number, "Still there."), has_comment=True
    ),
    "close": Write(
        lambda client, number: client.issues.close(number, "It is mended."), has_comment=True
    ),
    "reopen": Write(
        lambda client, number: client.issues.reopen(number, "It is back."),
        status=Status.CLOSED,
        has_comment=True,
    ),
    "acknowledge": Write(
        lambda client, number: client.issues.acknowledge(number, "We know."),
        token=OFFICIAL_TOKEN,
        has_comment=True,
    ),
    "vote": Write(lambda client, number: client.issues.vote(number)),
    "unvote": Write(lambda client, number: client.issues.unvote(number), method="DELETE"),
    "follow": Write(lambda client, number: client.issues.follow(number)),
    "unfollow": Write(lambda client, number: client.issues.unfollow(number), method="DELETE"),
    "flag": Write(lambda client, number: client.issues.flag(number, "It is an advertisement.")),
    "flag a comment": Write(
        lambda client, number: client.comments.flag(number * 10, "It is rude.")
    ),
}
_every_write = pytest.mark.parametrize("write", _WRITES.values(), ids=_WRITES)
_COMMENTING = {name: write for name, write in _WRITES.items() if write.has_comment}
_every_comment = pytest.mark.parametrize("write", _COMMENTING.values(), ids=_COMMENTING)


@_every_write
async def test_a_write_is_sent_once(write: Write) -> None:
    harness, client, number = write.make_harness()

    await write.call(client, number)

    assert harness.statuses(write.method) in ([201], [204])


@_every_comment
async def test_a_moderated_comment_is_not_shown(write: Write) -> None:
    _harness, client, number = write.make_harness(moderated=True)
    before = await client.issues.get(number, details=True)

    assert await write.call(client, number) == Moderated()

    assert await client.issues.get(number, details=True) == before


@_every_write
@pytest.mark.parametrize("token", [None, "wrong"])
async def test_a_write_requires_a_valid_token(write: Write, token: str | None) -> None:
    harness, _client, number = write.make_harness()

    with pytest.raises(errors.AuthenticationError):
        await write.call(harness.make_client(token), number)

    assert harness.statuses(write.method) == [401]


@_every_write
async def test_a_write_without_permission_is_an_error(write: Write) -> None:
    harness, client, number = write.make_harness()
    harness.faults.append(Fault(403, {"message": "Not yours."}))

    with pytest.raises(errors.PermissionDeniedError):
        await write.call(client, number)


@_every_write
async def test_a_write_to_a_missing_issue_is_an_error(write: Write) -> None:
    harness, client, _number = write.make_harness()

    with pytest.raises(errors.NotFoundError):
        await write.call(client, 1)

    assert harness.statuses(write.method) == [404]


@_every_write
@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"comment": "Can't be blank."}, {"comment": ["Can't be blank."]}),
        ({"errors": {"comment": "can't be blank."}}, {"comment": ["can't be blank."]}),
        ({"errors": {"comment": ["short", "rude"]}}, {"comment": ["short", "rude"]}),
        ({"errors": {"142": ["can't be blank"]}}, {"142": ["can't be blank"]}),
    ],
)
async def test_a_refused_write_names_the_field(
    write: Write, body: Any, faults: dict[str, list[str]]
) -> None:
    harness, client, number = write.make_harness()
    harness.faults.append(Fault(422, body))

    with pytest.raises(errors.ValidationError) as caught:
        await write.call(client, number)

    assert caught.value.errors == faults


@_every_write
async def test_a_success_that_lists_errors_is_an_error(write: Write) -> None:
    harness, client, number = write.make_harness()
    harness.faults.append(Fault(201, {"errors": {"base": ["not today"]}}))

    with pytest.raises(errors.ValidationError, match="not today"):
        await write.call(client, number)


@_every_write
async def test_a_write_is_repeated_after_429(write: Write) -> None:
    harness, client, number = write.make_harness()
    harness.faults.extend([Fault(429, None, {"Retry-After": "0.001"})] * 2)

    await write.call(client, number)

    assert harness.statuses(write.method) in ([429, 429, 201], [429, 429, 204])


@_every_write
async def test_a_write_without_a_response_is_not_sent_again(write: Write) -> None:
    harness, client, number = write.make_harness()
    harness.faults.append(Fault.reset(), times=math.inf)

    with pytest.raises(errors.AnswerLostError, match="Before you write again, check"):
        await write.call(client, number)

    assert harness.statuses(write.method) in ([201], [204])


@_every_write
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_write_is_not_sent_again_after_a_server_error(write: Write, status: int) -> None:
    harness, client, number = write.make_harness()
    harness.faults.append(Fault(status))

    with pytest.raises(errors.ServerError, match="may have executed the request"):
        await write.call(client, number)

    assert harness.statuses(write.method) == [status]


@_every_write
async def test_a_proxy_page_is_not_a_success(write: Write) -> None:
    number = SandboxHarness(quota=None).issue_with_status(write.status)
    page = httpx.Response(200, html="<h1>Welcome to the wifi</h1>")
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: page))
    client = AsyncClient(TOKEN, http=http, base_url=IN_PROCESS_URL, limiter=None)

    with pytest.raises(errors.AnswerLostError, match="probably executed the request"):
        await write.call(client, number)


@_every_comment
async def test_an_unreadable_response_to_a_write_says_that_it_may_have_been_carried_out(
    write: Write,
) -> None:
    harness, client, number = write.make_harness()
    harness.faults.append(Fault(201, {"created_at": [1]}))

    with pytest.raises(errors.AnswerLostError, match="probably executed the request") as caught:
        await write.call(client, number)

    assert isinstance(caught.value.__cause__, errors.DecodeError)


async def test_the_next_read_returns_a_new_comment() -> None:
    harness = SandboxHarness(quota=None)
    number = harness.issue_with_status(Status.OPEN)

    written = await harness.client.issues.comment(number, "Für Elise & co. 🎹")
    read = (await harness.client.issues.comments(number))[-1]

    assert isinstance(written, Comment)
    assert written.comment == read.comment == "Für Elise & co. 🎹"
    assert written.commenter is not None
    assert written.commenter.id == 41
    assert read.id is not None


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("close", Status.CLOSED),
        ("reopen", Status.OPEN),
        ("acknowledge", Status.ACKNOWLEDGED),
    ],
)
async def test_the_next_read_returns_the_new_status(name: str, status: Status) -> None:
    write = _WRITES[name]
    _harness, client, number = write.make_harness()
    listed = await client.issues.list(status=status)
    assert number not in {issue.id for issue in listed}

    written = await write.call(client, number)
    issue = await client.issues.get(number, details=True)

    assert written.issue.status == issue.status == status
    assert issue.comments is not None
    assert issue.comments[-1].comment == written.comment
    assert number in {issue.id for issue in await client.issues.list(status=status)}


async def test_an_archived_issue_stays_archived() -> None:
    harness = SandboxHarness(quota=None)
    number = harness.issue_with_status(Status.ARCHIVED)

    with pytest.raises(errors.ValidationError) as caught:
        await harness.client.issues.reopen(number, "But it is back!")

    assert list(caught.value.errors) == ["status"]


async def test_only_officials_acknowledge() -> None:
    harness = SandboxHarness(quota=None)
    number = harness.issue_with_status(Status.OPEN)
    official = harness.make_client(OFFICIAL_TOKEN)

    with pytest.raises(errors.PermissionDeniedError):
        await harness.client.issues.acknowledge(number, "Me too.")

    as_citizen = await harness.client.issues.get(number)
    as_official = await official.issues.get(number)
    assert "acknowledge_url" not in (as_citizen.transitions or {})
    assert "acknowledge_url" in (as_official.transitions or {})


async def test_each_account_votes_once() -> None:
    harness = SandboxHarness(quota=None)
    number = harness.issue_with_status(Status.OPEN)
    neighbour = harness.make_client(NEIGHBOUR_TOKEN)
    before = (await harness.client.issues.get(number)).rating or 0

    for client in (harness.client, harness.client, neighbour):
        await client.issues.vote(number)
    voted = await harness.client.issues.get(number, details=True)
    await harness.client.issues.unvote(number)
    withdrawn = await harness.client.issues.get(number, details=True)

    assert voted.rating == before + 2
    assert withdrawn.rating == before + 1
    assert [
        issue.current_user_relationship and issue.current_user_relationship.voted
        for issue in (voted, withdrawn)
    ] == [True, False]


async def test_following_twice_is_refused() -> None:
    harness = SandboxHarness(quota=None)
    number = harness.issue_with_status(Status.OPEN)

    await harness.client.issues.follow(number)
    with pytest.raises(errors.ValidationError):
        await harness.client.issues.follow(number)
    followed = await harness.client.issues.get(number, details=True)
    await harness.client.issues.unfollow(number)
    unfollowed = await harness.client.issues.get(number, details=True)

    assert [
        issue.current_user_relationship and issue.current_user_relationship.following
        for issue in (followed, unfollowed)
    ] == [True, False]


async def test_flags_are_received() -> None:
    harness = SandboxHarness(quota=None)
    number = harness.issue_with_status(Status.OPEN)
    written = await harness.client.issues.comment(number, "Buy now!")
    comment = (await harness.client.issues.comments(number))[-1]
    assert isinstance(written, Comment)
    assert comment.id is not None

    await harness.client.issues.flag(number, "an advertisement")
    await harness.client.comments.flag(comment.id, "another")

    assert list(harness.flags) == [
        ("issue", number, "an advertisement"),
        ("comment", comment.id, "another"),
    ]


async def test_own_issues_require_a_token() -> None:
    harness = SandboxHarness(quota=None)

    assert await harness.client.issues.mine().collect() == []
    with pytest.raises(errors.AuthenticationError):
        await harness.make_client(None).issues.mine()


class _SlowFile:
    """An open file that returns little at a time; `max_size` is the largest size requested."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)
        self.max_size = 0

    async def read(self, size: int = -1, /) -> bytes:
        self.max_size = max(self.max_size, size)
        return self._file.read(min(size, 1000))

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)


@pytest.mark.parametrize("kind", ["bytes", "path", "string", "open", "slow"])
async def test_a_photo_is_bytes_or_a_path_or_an_open_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "Mary's phone.png"
    path.write_bytes(_PNG)
    harness = SandboxHarness(quota=None)
    number = harness.issue_with_status(Status.OPEN)
    slow = _SlowFile(_PNG)
    async with await anyio.open_file(path, "rb") as opened:
        images: dict[str, Any] = {
            "bytes": _PNG,
            "path": path,
            "string": str(path),
            "open": opened,
            "slow": slow,
        }
        written = await harness.client.issues.comment(number, "Look!", image=images[kind])

    assert isinstance(written, Comment)
    assert written.media is not None
    assert written.media.image_full is not None
    key = written.media.image_full.split("/")[-2]
    assert harness.photos[key] == _PNG
    assert slow.max_size <= 65_536


async def test_a_photo_is_sent_again_after_429(tmp_path: Path) -> None:
    harness = SandboxHarness(quota=None)
    path = tmp_path / "photo.png"
    path.write_bytes(_PNG)
    harness.faults.append(Fault(429, None, {"Retry-After": "0.001"}))

    async with await anyio.open_file(path, "rb") as opened:
        for image in (path, opened):
            await _comment(harness, "Hi", image)

    assert list(harness.photos.values()) == [_PNG]


async def test_a_form_is_like_a_browsers_and_omits_the_file_name(tmp_path: Path) -> None:
    path = tmp_path / "Mary's phone.png"
    path.write_bytes(_PNG)
    sent: list[httpx.Request] = []

    async def serve(request: httpx.Request) -> httpx.Response:
        await request.aread()
        sent.append(request)
        return httpx.Response(201, json={})

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    client = AsyncClient(TOKEN, http=http, base_url=IN_PROCESS_URL, limiter=None)
    await client.issues.comment(7, "Zeile\r\nzwei", image=path, youtube_url="https://youtu.be/x")

    content = sent[0].content
    assert int(sent[0].headers["content-length"]) == len(content)
    assert "transfer-encoding" not in sent[0].headers
    assert b'name="comment"\r\n\r\nZeile\r\nzwei\r\n' in content
    assert b'name="image"; filename="photo.png"\r\nContent-Type: image/png\r\n\r\n' in content
    assert b"Mary" not in content


async def test_a_photo_over_a_real_socket() -> None:
    harness = SandboxHarness(quota=None)
    with harness.serve() as url:
        async with AsyncClient(TOKEN, base_url=url, limiter=None) as client:
            await client.issues.comment(harness.issue_with_status(Status.OPEN), "Look!", image=_PNG)

    assert list(harness.photos.values()) == [_PNG]


@settings(max_examples=30)
@given(st.text(min_size=1).filter(str.strip), st.binary(max_size=200))
def test_any_comment_and_photo_are_received_unchanged(text: str, tail: bytes) -> None:
    async def write() -> str | None:
        harness = SandboxHarness(quota=None)
        number = harness.issue_with_status(Status.OPEN)
        await harness.client.issues.comment(number, text, image=photo)
        assert list(harness.photos.values()) == [photo]
        return (await harness.client.issues.comments(number))[-1].comment

    photo = b"GIF89a" + tail

    assert anyio.run(write) == text


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"", "not a png, jpeg, gif, webp, heic or avif"),
        (b"%PDF-1.7 and more", "not a png, jpeg, gif, webp, heic or avif"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20 * 2**20), "cannot be converted: it is damaged"),
        ("there/is/no/such.png", "No such file"),
        (_SlowFile(b"%PDF-1.7 and more"), "not a png, jpeg, gif, webp, heic or avif"),
        (7, "must be a path, bytes, an open binary file or an upload"),
    ],
)
async def test_an_invalid_photo_is_refused_before_sending(image: Any, message: str) -> None:
    harness = SandboxHarness(quota=None)

    with pytest.raises(InvalidArgumentError, match=message) as caught:
        await _comment(harness, "Look!", image)

    assert caught.value.argument == "image"
    assert not harness.requests


async def test_a_write_fails_if_its_photo_becomes_shorter() -> None:
    harness = SandboxHarness(quota=None)
    shrinking = _SlowFile(_PNG)
    shrinking.seek = _seek_to(len(_PNG) + 5, shrinking.seek)  # type: ignore[method-assign]

    with pytest.raises(InvalidArgumentError, match="became shorter"):
        await _comment(harness, "Hi", shrinking)

    assert not harness.photos


def _seek_to(end: int, seek: Callable[[int, int], Awaitable[int]]) -> Any:
    async def fake_seek(offset: int, whence: int = 0, /) -> int:
        position = await seek(offset, whence)
        return end if whence else position

    return fake_seek


@pytest.mark.parametrize(
    "call",
    [
        lambda issues: issues.comment(0, "x"),
        lambda issues: issues.comment(7, " "),
        lambda issues: issues.comment(7, None),
        lambda issues: issues.comment(7, "\ud83d"),
        lambda issues: issues.comment(7, "x", youtube_url=""),
        lambda issues: issues.close(7, ""),
        lambda issues: issues.flag(7, ""),
        lambda issues: issues.vote("x"),
    ],
)
async def test_invalid_arguments_are_refused(call: Callable[[Any], Any]) -> None:
    harness = SandboxHarness(quota=None)

    with pytest.raises(InvalidArgumentError):
        await call(harness.client.issues)

    assert not harness.requests


async def test_a_write_without_a_token_says_not_signed_in() -> None:
    harness = SandboxHarness(quota=None)
    with harness.serve() as url:
        async with AsyncClient(base_url=url, limiter=None) as client:
            with pytest.raises(errors.AuthenticationError, match="not signed in"):
                await client.issues.comment(harness.issue_with_status(Status.OPEN), "Hi")
