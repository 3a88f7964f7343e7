"""The photos of a pull: available ones are downloaded once and completely."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import RedirectResponse, Response, StreamingResponse

from seeclickfix_async import AsyncClient, Report
from seeclickfix_async.errors import BlockedError, InvalidArgumentError
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox import TOKEN, Fault, Sandbox, Settings
from seeclickfix_async.sandbox._server import serve
from seeclickfix_async.testing import VirtualClock
from tests.support.forked_processes import kill_pull
from tests.support.image_samples import IMAGES, NOT_IMAGES
from tests.support.pulled_files import read_issues, vanished_ids

pytestmark = pytest.mark.anyio

_NAMES = ["city.jsonl", "city.csv", "city.geojson", "city.db", "city.parquet"]
_SINKS = [("trio", _NAMES[0]), *(("asyncio", name) for name in _NAMES[1:])]
_PNG = b"\x89PNG\r\n\x1a\n"


class _Storage:
    """A sandbox on a real socket, with some unavailable photos."""

    def __init__(self, issues: int = 60) -> None:
        self.sandbox = Sandbox(issues, settings=Settings(quota=None))
        self.faults: dict[str, str] = {}  # by the key in the photo's link
        self.contents: dict[str, bytes] = {}  # by that key
        self.fetched: Counter[str] = Counter()
        self.had_token: set[bool] = set()  # of requests to the storage
        self.delay = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        key = next((key for key in self.faults if key in path), "")
        if path.startswith("/storage/"):
            self.fetched[path.rpartition("/")[2]] += 1
            self.had_token.add(any(name == b"authorization" for name, _ in scope["headers"]))
            await anyio.sleep(self.delay)
        fault = self.faults.get(key, "")
        app: Any = self.sandbox.app
        if fault.isdigit() and path.startswith("/storage/"):
            app = Response(status_code=int(fault))
        elif fault == "down" and path.startswith("/rails/"):
            app = RedirectResponse("http://localhost:9/photo.jpg")
        elif fault == "torn" and path.startswith("/storage/"):
            app = StreamingResponse(_disconnect(), headers={"Content-Length": "1000"})
        elif path.startswith("/storage/") and (content := self._content(path)) is not None:
            app = Response(content, media_type="image/jpeg")
        elif fault == "page":
            app = Response("sign in", media_type="text/html")
        elif fault == "link":
            app = RedirectResponse("ftp://nowhere/photo.jpg")
        elif fault == "host":
            app = RedirectResponse("https://xn--/photo.jpg")
        with contextlib.suppress(_Disconnected):
            await app(scope, receive, send)

    def _content(self, path: str) -> bytes | None:
        return next((self.contents[key] for key in self.contents if key in path), None)

    async def links(self, client: AsyncClient) -> dict[int, str]:
        """Return the keys of the photos by issue."""
        issues = [issue async for issue in client.issues.list(status="all", per_page=100)]
        links = {issue.id: issue.media and issue.media.image_full for issue in issues}
        return {number: link.split("/")[-3] for number, link in links.items() if link}


class _Disconnected(Exception):  # noqa: N818  # ends a response
    pass


async def _disconnect() -> Any:
    yield _PNG
    raise _Disconnected


@pytest.fixture
def storage() -> _Storage:
    return _Storage()


@pytest.fixture
def url(storage: _Storage) -> Iterator[str]:
    with serve(storage) as url:
        yield url


def _client(url: str) -> AsyncClient:
    return AsyncClient(TOKEN, base_url=url, limiter=None, clock=VirtualClock())


def _names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_every_photo_is_downloaded_once(
    name: str, storage: _Storage, url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    async with _client(url) as client:
        links = await storage.links(client)
        report = await pull(client, to=tmp_path / name, photos=folder)
        again = await pull(client, to=tmp_path / name, photos=folder)

    assert len(links) > 20
    assert _names(folder) == {f"{number}.png" for number in links}
    assert all(file.read_bytes().startswith(_PNG) for file in folder.iterdir())
    assert (report.photos, report.photos_missing) == (len(links), 0)
    assert (again.photos, again.photos_missing) == (len(links), 0)
    assert set(storage.fetched.values()) == {1}
    assert storage.had_token == {False}


async def test_unavailable_photos_are_counted_and_stop_nothing(
    storage: _Storage, url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    faults = ["404", "410", "403", "500", "torn", "down", "page", "link", "host"]
    async with _client(url) as client:
        links = await storage.links(client)
        storage.faults = dict(zip(links.values(), faults, strict=False))
        lost = dict(zip(links, faults, strict=False))
        report = await pull(client, to=tmp_path / "city.db", photos=folder)
        first = storage.fetched.copy()

        storage.faults = {key: fault for key, fault in storage.faults.items() if fault == "404"}
        later = await pull(client, to=tmp_path / "city.db", update=True, photos=folder)

    assert report.complete
    assert (report.photos, report.photos_missing) == (len(links) - len(faults), len(faults))
    assert (later.photos, later.photos_missing) == (len(links) - 2, 2)
    gone = {f"{number}.gone" for number, fault in lost.items() if fault in ("404", "410")}
    there = {f"{number}.png" for number in links} - {name.replace("gone", "png") for name in gone}
    assert _names(folder) == gone | there
    assert all(storage.fetched[key] == first[key] for key in list(links.values())[:2])


async def test_the_first_bytes_of_a_photo_decide_its_name(
    storage: _Storage, url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    async with _client(url) as client:
        links = await storage.links(client)
        names = dict(zip(links, IMAGES, strict=False))
        other = dict(zip(list(links)[len(names) :], NOT_IMAGES, strict=False))
        storage.contents = {links[number]: IMAGES[name] for number, name in names.items()}
        storage.contents |= {links[number]: content for number, content in other.items()}
        report = await pull(client, to=tmp_path / "city.db", photos=folder)

        assert (report.photos, report.photos_missing) == (len(links) - len(other), len(other))
        assert not other.keys() & {int(file.stem) for file in folder.iterdir()}

        storage.contents = {}
        later = await pull(client, to=tmp_path / "city.db", photos=folder)

    assert (later.photos, later.photos_missing) == (len(links), 0)
    assert _names(folder) == {
        f"{number}{Path(names.get(number, 'a.png')).suffix}" for number in links
    }
    assert set(storage.fetched.values()) == {1, 2}


async def test_a_file_that_is_not_an_image_is_replaced(url: str, tmp_path: Path) -> None:
    async with _client(url) as client:
        await pull(client, to=tmp_path / "city.jsonl", photos=tmp_path / "photos")
        first, second, third, fourth, *_ = sorted((tmp_path / "photos").iterdir())
        first.write_bytes(b"")
        second.write_bytes(b"<!DOCTYPE html>")
        third.rename(third.with_suffix(".JPEG"))
        fourth.rename(fourth.with_suffix(""))
        await pull(client, to=tmp_path / "city.jsonl", photos=tmp_path / "photos")

    assert first.read_bytes()[: len(_PNG)] == second.read_bytes()[: len(_PNG)] == _PNG
    assert third.with_suffix(".JPEG").name in _names(tmp_path / "photos")
    assert not {third.name, fourth.name} & _names(tmp_path / "photos")


async def test_a_failing_host_is_not_requested_for_every_photo(
    url: str, storage: _Storage, tmp_path: Path
) -> None:
    async with _client(url) as client:
        links = await storage.links(client)
        storage.faults = dict.fromkeys(links.values(), "503")
        report = await pull(client, to=tmp_path / "city.jsonl", photos=tmp_path / "photos")

    assert (report.photos, report.photos_missing) == (0, len(links))
    assert 24 <= len(storage.fetched) < len(links)


@pytest.mark.parametrize("fault", ["403", "page"])
async def test_many_refused_photos_do_not_stop_the_others(
    fault: str, url: str, storage: _Storage, tmp_path: Path
) -> None:
    async with _client(url) as client:
        links = await storage.links(client)
        storage.faults = {links[number]: fault for number in sorted(links)[:32]}
        report = await pull(client, to=tmp_path / "city.db", photos=tmp_path / "photos")

    assert len(links) > 32
    assert (report.photos, report.photos_missing) == (len(links) - 32, 32)


async def test_a_blocked_client_stops(url: str, storage: _Storage, tmp_path: Path) -> None:
    async with _client(url) as client:
        await pull(client, to=tmp_path / "city.jsonl")
        words = {"message": "Request forbidden by administrative rules."}
        storage.sandbox.faults.extend([Fault(403, words)] * 20)

        with pytest.raises(BlockedError):
            await pull(client, to=tmp_path / "city.jsonl", photos=tmp_path / "photos")

        storage.sandbox.faults.clear()
        report = await pull(client, to=tmp_path / "city.jsonl", photos=tmp_path / "photos")

    assert report.photos_missing == 0


async def test_photos_of_vanished_issues_are_not_requested(
    url: str, storage: _Storage, tmp_path: Path
) -> None:
    async with _client(url) as client:
        links = await storage.links(client)
        await pull(client, to=tmp_path / "city.jsonl")
        number = next(iter(links))
        storage.sandbox.city.hide(storage.sandbox.city.row_of(number) or 0)
        folder = tmp_path / "photos"
        report = await pull(client, to=tmp_path / "city.jsonl", sweep=True, photos=folder)

    assert vanished_ids(tmp_path / "city.jsonl") == {number}
    assert (report.vanished, report.photos, report.photos_missing) == (1, len(links) - 1, 0)


async def test_a_pull_into_a_shared_database_downloads_its_own_photos_only(
    url: str, storage: _Storage, tmp_path: Path
) -> None:
    async with _client(url) as client:
        await pull(client, to=tmp_path / "city.db", status="open")
        report = await pull(
            client, to=tmp_path / "city.db", status="closed", photos=tmp_path / "photos"
        )
        closed = [issue async for issue in client.issues.list(status="closed")]

    assert report.photos == sum(bool(one.media and one.media.image_full) for one in closed)


async def test_new_temporary_files_of_other_programs_are_preserved(
    url: str, tmp_path: Path
) -> None:
    part = tmp_path / "photos" / "20000000.jpg.0123abcd.part"
    part.parent.mkdir()
    _write(part)
    async with _client(url) as client:
        await pull(client, to=tmp_path / "city.jsonl", photos=part.parent)

    assert part.read_bytes() == b"mine"


async def test_an_unusable_photo_folder_is_refused_before_any_request(
    url: str, storage: _Storage, tmp_path: Path
) -> None:
    _write(tmp_path / "file")
    async with _client(url) as client:
        with pytest.raises(InvalidArgumentError, match=r"photos: .* cannot be a folder"):
            await pull(client, to=tmp_path / "city.jsonl", photos=tmp_path / "file")
        with pytest.raises(InvalidArgumentError, match=r"photos: .*no does not exist"):
            await pull(client, to=tmp_path / "city.jsonl", photos=tmp_path / "no" / "photos")
        with pytest.raises(InvalidArgumentError, match="must include media"):
            await pull(
                client, to=tmp_path / "city.jsonl", photos=tmp_path / "photos", fields=["summary"]
            )

    assert len(storage.sandbox.requests) == 0


def _write(path: Path) -> None:
    path.write_bytes(b"mine")


async def _resume(url: str, folder: Path) -> Report:
    async with _client(url) as client:
        return await pull(client, to=folder / "city.jsonl", photos=folder / "photos")


def test_a_killed_photo_download_is_continued(tmp_path: Path) -> None:
    storage = _Storage(120)
    storage.delay = 0.01
    with serve(storage) as url:
        for wanted in (10, 30):
            kill_pull(
                lambda wanted=wanted: storage.fetched.total() >= wanted,  # type: ignore[misc]
                url,
                tmp_path / "city.jsonl",
                photos=tmp_path / "photos",
            )
        _write(tmp_path / "photos" / "20000000.jpg.0123abcd.part")
        for part in (tmp_path / "photos").glob("*.part"):
            os.utime(part, (0, 0))
        report = anyio.run(_resume, url, tmp_path)

    numbers = {
        row["id"] for row in read_issues(tmp_path / "city.jsonl") if row["media"]["image_full"]
    }
    assert _names(tmp_path / "photos") == {f"{number}.png" for number in numbers}
    assert (report.photos, report.photos_missing) == (len(numbers), 0)
    sizes = {file.stat().st_size for file in (tmp_path / "photos").iterdir()}
    assert len(sizes) == 1  # each photo is the same complete pixel
    assert storage.fetched.total() <= len(numbers) + 2 * 8  # the pending ones
