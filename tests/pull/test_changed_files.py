"""Files that another program changed: a pull repairs or refuses them."""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import AsyncClient, Report
from seeclickfix_async._tables.columns import NAMES
from seeclickfix_async.errors import InvalidArgumentError, ServerError
from seeclickfix_async.pull import pull
from seeclickfix_async.pull._checkpoint import Checkpoint, checkpoint_path
from seeclickfix_async.pull._id_set import IdSet
from seeclickfix_async.pull._jsonl import JsonLines
from seeclickfix_async.pull._rows import compare_ids
from seeclickfix_async.pull._sinks import open_sink
from seeclickfix_async.pull._text import TextSink
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.event_loops import on_alternate_loops
from tests.support.faults import ProcessEnded
from tests.support.json_values import JSON
from tests.support.pulled_files import read_issues, read_jsonl
from tests.support.sandboxes import URL, CopyOfPull, failing_client, make_client

pytestmark = pytest.mark.anyio

_TEXTS = ["city.jsonl", "city.csv", "city.geojson"]


@pytest.fixture(scope="module")
def small() -> Sandbox:
    return Sandbox(300, settings=Settings(quota=None))


def _edit_same_length(content: bytes) -> bytes:
    """Change digits in the middle of the file, where a check of its end would miss them."""
    place = content.index(b"2000", len(content) // 2)
    return content[:place] + b"2001" + content[place + 4 :]


_CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "line ends": lambda content: content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n\r\n"),
    "semicolons": lambda content: content.replace(b",", b";"),
    "longer text": lambda content: content.replace(b"Stamford", b"Stamford, CT").replace(
        b"St", b"Street", 1
    ),
    "a column more": lambda content: b"row," + content.replace(b"\n", b"\nrow,"),
    "same length": _edit_same_length,
    "zeros at the end": lambda content: content[:-4096] + bytes(4096),
    "all zeros": lambda content: bytes(len(content)),
    "no time zone": lambda content: re.sub(rb"(:\d\d)(Z|[+-]\d\d:\d\d)", rb"\1", content),
    "cut": lambda content: content[:-5000],
    "empty": lambda _: b"",
    "another encoding": lambda content: content.decode().encode("utf-16"),
}


def _rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    content = path.read_bytes()
    changed = change(content)
    assert changed != content
    path.write_bytes(changed)


@on_alternate_loops("change", _CHANGES)
@pytest.mark.parametrize("name", _TEXTS)
async def test_a_file_changed_between_two_calls_is_refused(
    name: str, change: str, small: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / name
    with pytest.raises(ServerError):
        await pull(failing_client(small, after=2), to=path)
    _rewrite(path, _CHANGES[change])
    small.requests.clear()

    with pytest.raises(InvalidArgumentError, match=r"to begin anew") as caught:
        await pull(make_client(small), to=path)

    assert caught.value.argument == "to"
    assert len(small.requests) == 0


@pytest.mark.parametrize("stage", ["update", "sweep"])
@on_alternate_loops("change", ["byte order mark", "semicolons", "same length"])
@pytest.mark.parametrize("name", _TEXTS)
async def test_a_changed_file_is_not_updated(
    name: str, change: str, stage: str, small: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / name
    await pull(make_client(small), to=path)
    _rewrite(path, _CHANGES[change])
    before = path.read_bytes()

    with pytest.raises(InvalidArgumentError, match="not as the pull left it"):
        await pull(make_client(small), to=path, **{stage: True})  # type: ignore[arg-type]

    assert path.read_bytes() == before


@on_alternate_loops("name", _TEXTS)
async def test_appended_bytes_are_cut_off(name: str, small: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(ServerError):
        await pull(failing_client(small, after=2), to=path)
    _rewrite(path, lambda content: content + content)

    assert (await pull(make_client(small), to=path)).complete

    assert len(read_issues(path)) == 300


@on_alternate_loops("added", [b"\n", b'20009999,open,"my own row"\n', b"{}", b"]\n"])
@pytest.mark.parametrize("name", _TEXTS)
async def test_what_another_program_adds_to_a_whole_file_is_kept(
    name: str, added: bytes, small: Sandbox, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    path = tmp_path / name
    await copy_of_pull(path)
    content = path.read_bytes()
    path.write_bytes(content + added)
    with pytest.raises(InvalidArgumentError, match=r"longer than the pull left it.*to begin anew"):
        await pull(make_client(small), to=path, sweep=True)
    assert path.read_bytes() == content + added
    path.write_bytes(content)

    assert (await pull(make_client(small), to=path, sweep=True)).complete


async def test_a_torn_footer_of_a_whole_file_is_repaired(
    small: Sandbox, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    path = tmp_path / "city.geojson"
    await copy_of_pull(path)
    for kept in (0, 1, 20):
        *rows, footer = path.read_bytes().splitlines(keepends=True)
        assert footer.startswith(b"],")
        path.write_bytes(b"".join(rows) + footer[:kept])

        assert (await pull(make_client(small), to=path, update=True)).complete
    assert len(read_issues(path)) == 300


async def test_what_is_added_to_a_pull_without_issues_is_kept(tmp_path: Path) -> None:
    sandbox, path = Sandbox(0, settings=Settings(quota=None)), tmp_path / "city.jsonl"
    await pull(make_client(sandbox), to=path)
    path.write_bytes(b"{}\n")

    with pytest.raises(InvalidArgumentError, match="longer than the pull left it"):
        await pull(make_client(sandbox), to=path, update=True)

    assert path.read_bytes() == b"{}\n"


@on_alternate_loops("name", _TEXTS)
async def test_a_missing_file_is_reported(
    name: str, small: Sandbox, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    path = tmp_path / name
    await copy_of_pull(path)
    path.unlink()

    with pytest.raises(InvalidArgumentError, match=rf"is gone.*remove {name}\.pull\.json"):
        await pull(make_client(small), to=path, update=True)
    (tmp_path / f"{name}.pull.json").unlink()

    assert (await pull(make_client(small), to=path)).complete


@on_alternate_loops("name", _TEXTS)
async def test_a_checkpoint_without_a_checksum_is_accepted(
    name: str, small: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / name
    with pytest.raises(ServerError):
        await pull(failing_client(small, after=2), to=path)
    _remove_checksum(path)
    report = await pull(make_client(small), to=path)

    assert report.complete
    assert len(read_issues(path)) == 300


@pytest.mark.parametrize(
    "change", ["byte order mark", "longer text", "semicolons", "no time zone", "cut"]
)
@on_alternate_loops("name", _TEXTS)
async def test_a_changed_file_without_a_checksum_raises_an_error_of_the_library(
    name: str, change: str, small: Sandbox, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    path = tmp_path / name
    await copy_of_pull(path)
    _remove_checksum(path)
    _rewrite(path, _CHANGES[change])

    with pytest.raises(InvalidArgumentError, match="to begin anew"):
        await pull(make_client(small), to=path, sweep=True)


def _remove_checksum(path: Path) -> None:
    beside = path.with_name(f"{path.name}.pull.json")
    checkpoint_file = json.loads(beside.read_bytes())
    assert checkpoint_file.pop("checksum")
    assert checkpoint_file.pop("checkpoint_checksum")
    beside.write_text(json.dumps(checkpoint_file), "utf-8")


def _client_that_calls(
    sandbox: Sandbox, action: Callable[[], object], before: int = 3
) -> AsyncClient:
    """Return a client that calls a function before one of its requests."""
    left = iter(range(before - 1))

    class Calling(httpx.ASGITransport):
        done = False

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if next(left, None) is None and not self.done:
                self.done = True
                action()
            return await super().handle_async_request(request)

    http = httpx.AsyncClient(transport=Calling(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None)


def _replace(path: Path, content: bytes) -> None:
    other = path.with_name("other")
    other.write_bytes(content)
    other.replace(path)


_MEDDLINGS: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "replaced by an empty one": lambda path: _replace(path, b""),
    "replaced by a copy": lambda path: _replace(path, path.read_bytes()),
    "emptied": lambda path: path.write_bytes(b""),
    "appended to": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    "edited": lambda path: path.write_bytes(_edit_same_length(path.read_bytes())),
}


@on_alternate_loops("meddling", _MEDDLINGS)
@pytest.mark.parametrize("name", _TEXTS)
async def test_a_file_changed_during_a_pull_is_refused(
    name: str, meddling: str, small: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / name
    client = _client_that_calls(small, lambda: _MEDDLINGS[meddling](path))

    with pytest.raises(InvalidArgumentError, match=r"while the pull ran|not as the pull left it"):
        await pull(client, to=path, concurrency=1)


@on_alternate_loops("name", _TEXTS)
async def test_a_file_changed_during_an_update_is_refused(
    name: str, small: Sandbox, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    path = tmp_path / name
    await copy_of_pull(path)
    client = _client_that_calls(
        small, lambda: path.write_bytes(_edit_same_length(path.read_bytes())), before=1
    )

    with pytest.raises(InvalidArgumentError, match="not as the pull left it"):
        await pull(client, to=path, update=True)


@on_alternate_loops("name", _TEXTS)
async def test_a_checkpoint_removed_during_a_pull_is_written_again(
    name: str, small: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / name
    client = _client_that_calls(small, (tmp_path / f"{name}.pull.json").unlink)

    assert (await pull(client, to=path, concurrency=1)).complete

    with pytest.raises(InvalidArgumentError, match="is complete"):
        await pull(make_client(small), to=path)


def _change_checkpoint(**changes: Any) -> Callable[[bytes], bytes]:
    """Return a function that changes a checkpoint file, and removes its checksum."""

    def change(content: bytes) -> bytes:
        checkpoint_file = json.loads(content)
        del checkpoint_file["checkpoint_checksum"]
        checkpoint_file["checkpoint"] |= changes
        return json.dumps(checkpoint_file).encode()

    return change


def _change_report(**changes: Any) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        report = json.loads(content)["checkpoint"]["report"]
        return _change_checkpoint(report=report | changes)(content)

    return change


def _add_base(**changes: Any) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        base = json.loads(content)["checkpoint"] | changes
        return _change_checkpoint(base=base)(content)

    return change


_DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "cut": lambda content: content[: len(content) // 2],
    "zeros at the end": lambda content: content[:-100] + bytes(100),
    "not UTF-8": lambda _: b"\xff\xfe{}",
    "a list": lambda _: b"[]",
    "nested without end": lambda _: b"[" * 100_000,
    "another type": _change_checkpoint(query=7),
    "a year before clocks": _change_checkpoint(began="0001-01-01T00:00:00+14:00"),
    "the last year": _change_checkpoint(began="9999-12-31T23:59:59-14:00"),
    "a time without offset": _change_checkpoint(began="2026-01-01T00:00:00"),
    "no time": _change_checkpoint(began="yesterday"),
    "a first update before clocks": _change_checkpoint(newest="0001-01-01T00:00:00+14:00"),
    "an earlier pull in the last year": _add_base(began="9999-12-31T23:59:59-14:00"),
    "negative": _change_report(received=-1),
    "no state": _change_checkpoint(state={"end": 1}),
    "a time of the service without offset": _change_report(until="2026-01-01T00:00:00"),
}


_CHECKPOINT: dict[str, Any] = {
    "key": "k",
    "query": {},
    "began": "2026-01-01T00:00:00Z",
    "state": {},
    "report": dict.fromkeys(("expected", "received", "duplicates", "rejected", "drift"), 1)
    | dict.fromkeys(("slices", "requests", "minimum", "seconds", "quota_seconds"), 1)
    | {"complete": True, "reasons": [], "until": "2026-01-01T00:00:00Z"},
    "finished": True,
}
_MEMBERS = [field.name for field in attrs.fields(Checkpoint)]
_COUNTS = [field.name for field in attrs.fields(Report)]


@given(
    st.dictionaries(st.sampled_from(_MEMBERS), JSON),
    st.dictionaries(st.sampled_from(_COUNTS), JSON, max_size=1),
    st.sampled_from(["checkpoint", "base"]),
)
def test_any_checkpoint_can_be_used_or_is_refused(
    changes: dict[str, Any], counts: dict[str, Any], place: str
) -> None:
    changed = {**_CHECKPOINT, "report": {**_CHECKPOINT["report"], **counts}, **changes}
    content = json.dumps({**_CHECKPOINT, "base": changed} if place == "base" else changed)
    try:
        checkpoint: Checkpoint | None = Checkpoint.decode(content)
    except InvalidArgumentError:
        return
    while checkpoint is not None:
        assert checkpoint.covered.year > 1
        checkpoint = checkpoint.base


_STORED = ["id", "created_at", "updated_at", "vanished_at", "image", "media"]


@pytest.mark.parametrize("name", _TEXTS)
@given(st.dictionaries(st.sampled_from(_STORED), JSON))
def test_any_row_can_be_compared_or_is_refused(name: str, members: dict[str, Any]) -> None:
    """Files of early versions have no checksum, and may hold anything."""
    row = {"id": 7, **members}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        with open_sink(path) as empty:
            assert isinstance(empty, TextSink)
            header = empty.header
        cells = [str(row.get(column, "")).encode("utf-8", "replace").decode() for column in NAMES]
        rows = {
            ".jsonl": json.dumps(row),
            ".csv": msgspec.json.encode(cells).decode().strip("[]"),
            ".geojson": json.dumps({"properties": row}),
        }
        content = header + rows[path.suffix].encode() + b"\n"
        path.write_bytes(content)
        saved = {"checkpoint": _CHECKPOINT, "length": len(content)}
        checkpoint_path(path).write_text(json.dumps(saved), "utf-8")
        with open_sink(path) as sink, suppress(InvalidArgumentError):
            compare_ids(sink.stored_rows("k"), IdSet([7]), datetime(2026, 1, 1, tzinfo=UTC))


@on_alternate_loops("damage", _DAMAGES)
async def test_a_damaged_checkpoint_is_reported(
    damage: str, small: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "city.jsonl"
    with pytest.raises(ServerError):
        await pull(failing_client(small, after=2), to=path)
    _rewrite(tmp_path / "city.jsonl.pull.json", _DAMAGES[damage])

    with pytest.raises(InvalidArgumentError, match=r"to: its checkpoint cannot be read.*anew"):
        await pull(make_client(small), to=path)


@on_alternate_loops("changed", [None, 0, "removed"])
@pytest.mark.parametrize("name", ["city.jsonl", "city.parquet"])
async def test_a_checkpoint_that_lost_a_member_is_reported(
    name: str, changed: Any, small: Sandbox, tmp_path: Path
) -> None:
    """The data would be cut off at another length, and the pull begin anew in the same file."""
    path, beside = tmp_path / name, tmp_path / f"{name}.pull.json"
    with pytest.raises(ServerError):
        await pull(failing_client(small, after=2), to=path)
    content = beside.read_bytes()
    members = json.loads(content)
    for member in members.keys() - {"checkpoint_checksum"}:
        others = {key: value for key, value in members.items() if key != member}
        damaged = others if changed == "removed" else {**members, member: changed}
        beside.write_bytes(msgspec.json.encode(damaged))
        if damaged != members:
            with pytest.raises(InvalidArgumentError, match=r"its checkpoint cannot be read.*anew"):
                await pull(make_client(small), to=path)
    beside.write_bytes(content)

    assert (await pull(make_client(small), to=path)).complete
    assert len(read_issues(path)) == 300


@on_alternate_loops("damage", ["zeros", "cut"])
@pytest.mark.parametrize("what", ["update.jsonl", "update.jsonl.pull.json"])
async def test_a_damaged_temporary_file_of_an_update_is_replaced(
    what: str, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / "city.jsonl"
    await pull(make_client(sandbox), to=path)
    with monkeypatch.context() as patched:
        patched.setattr(JsonLines, "merge", _end)
        with pytest.raises(ProcessEnded):
            await pull(make_client(sandbox), to=path, update=True)
    _rewrite(tmp_path / f"city.jsonl.{what}", _DAMAGES[damage])

    assert (await pull(make_client(sandbox), to=path, update=True)).complete

    assert len(read_issues(path)) == 300


async def test_a_temporary_file_of_another_pull_is_not_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The temporary file is older than the new pull."""
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / "city.jsonl"
    await pull(make_client(sandbox), to=path)
    with monkeypatch.context() as patched:
        patched.setattr(JsonLines, "merge", _end)
        with pytest.raises(ProcessEnded):
            await pull(make_client(sandbox), to=path, update=True)
    before = read_jsonl(tmp_path / "city.jsonl.update.jsonl")[0]["id"]
    for file in (path, tmp_path / "city.jsonl.pull.json"):
        file.unlink()
    row = sandbox.city.row_of(before) or 0
    sandbox.city.updated[row] += 7200
    sandbox.city.changes += 1
    await pull(make_client(sandbox), to=path)
    fresh = read_issues(path)

    await pull(make_client(sandbox), to=path, update=True)

    assert read_issues(path) == fresh


def _end(*_: object) -> None:
    raise ProcessEnded


@on_alternate_loops("name", _TEXTS)
async def test_a_rewritten_file_keeps_its_mode_and_its_link(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path, link = tmp_path / "data" / name, tmp_path / name
    path.parent.mkdir()
    await pull(make_client(sandbox), to=path)
    link.symlink_to(path)
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    sandbox.city.hide(7)

    report = await pull(make_client(sandbox), to=link, sweep=True)

    assert report.vanished == 1
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.geteuid() != 0 or path.stat().st_uid == 65534
    assert _names(path.parent) == {name, f"{name}.pull.json"}
    assert _names(tmp_path) == {"data", name}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@on_alternate_loops(
    ("name", "other"),
    [
        ("city.jsonl", "city.jsonl.new"),
        ("city.csv", "city.csv.update.jsonl"),
        ("city.geojson", "city.geojson.new"),
        ("city.parquet", "city.parquet.new/thesis.txt"),
        ("city.parquet", "city.parquet.pending"),
        ("city.geoparquet", "city.geoparquet.update.jsonl"),
    ],
)
async def test_files_of_others_beside_the_data_are_not_removed(
    name: str, other: str, tmp_path: Path
) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path, thesis = tmp_path / name, tmp_path / other
    await pull(make_client(sandbox), to=path)
    sandbox.city.touch(0)  # without a change, a text file is not written again
    thesis.parent.mkdir(exist_ok=True)
    thesis.write_text("mine", "utf-8")

    for _ in range(2):
        with pytest.raises(InvalidArgumentError, match=r"was not written by .* pull\. Move it"):
            await pull(make_client(sandbox), to=path, update=True)
        assert thesis.read_text("utf-8") == "mine"
    thesis.unlink()

    assert (await pull(make_client(sandbox), to=path, update=True)).complete
    assert len(read_issues(path)) == 300
    assert _names(tmp_path) <= {name, f"{name}.pull.json"}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("to", "\ud800.jsonl"),
        ("to", "a\0.jsonl"),
        ("to", "loop.parquet"),
        ("photos", "\ud800"),
        ("photos", "\0"),
        ("photos", "/"),
        ("photos", "loop.parquet"),
        ("photos", "city.parquet"),
        ("photos", "city.parquet/photos"),
    ],
)
async def test_paths_that_cannot_be_used_are_refused(
    argument: str, value: str, small: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop.parquet").symlink_to("loop.parquet")
    paths: dict[str, Any] = {"to": "city.parquet", argument: value}

    with pytest.raises(InvalidArgumentError) as caught:
        await pull(make_client(small), wait=1e9, **paths)

    assert caught.value.argument == argument
