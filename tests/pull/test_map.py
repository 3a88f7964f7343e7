"""The HTML page of a pull, as it is written; `test_map_in_a_browser.py` opens it."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeclickfix_async.errors import InvalidArgumentError, ServerError
from seeclickfix_async.pull import _parquet, pull, write_map
from seeclickfix_async.pull._map._files import read_chunks
from seeclickfix_async.pull._map._page import page_parts
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.event_loops import on_alternate_loops
from tests.support.map_pages import data_of, map_rows, read_map
from tests.support.repository import ROOT
from tests.support.sandboxes import CopyOfPull, failing_client, make_client
from tools import vendor

_NAMES = ["city.jsonl", "city.csv", "city.geojson", "city.db", "city.parquet"]


async def _pulled(to: Path) -> Sandbox:
    sandbox = Sandbox(200, settings=Settings(quota=None))
    await pull(make_client(sandbox), to=to)
    return sandbox


@pytest.mark.anyio
@on_alternate_loops("name", _NAMES)
async def test_a_map_shows_every_issue_of_any_file_format(name: str, tmp_path: Path) -> None:
    sandbox = await _pulled(tmp_path / name)
    city = sandbox.city

    issues = {issue["id"]: issue for issue in read_map(tmp_path / name)}

    assert data_of(tmp_path / f"{name}.html", "pull") == [
        {"name": name, "complete": True, "offline": False}
    ]
    assert set(issues) == {city.id_of(row) for row in range(200)}
    shown = issues[city.id_of(7)]
    assert shown["lat"] == pytest.approx(city.lat[7], abs=6e-7)
    assert shown["lng"] == pytest.approx(city.lng[7], abs=6e-7)
    assert shown["created"] == city.created[7]
    assert {issue["status"] for issue in issues.values()} >= {"open", "archived"}
    assert any(issue["closed"] for issue in issues.values())
    assert any(issue["image"].startswith("http") for issue in issues.values())
    assert shown["link"].replace("{}", str(shown["id"])).endswith(f"/issues/{shown['id']}")


@pytest.mark.anyio
@pytest.mark.parametrize("name", _NAMES)
async def test_the_map_of_an_interrupted_pull_says_so(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_parquet, "_MAX_PENDING", 50)  # so that an interrupted dataset has parts
    sandbox, path = Sandbox(200, settings=Settings(quota=None)), tmp_path / name
    with pytest.raises(ServerError):
        await pull(failing_client(sandbox, after=2), to=path)
    read_map(path)

    (shown,) = data_of(tmp_path / f"{name}.html", "pull")
    assert not shown["complete"]
    (message,) = caplog.messages
    assert message.startswith(f"{path} is not complete: the page shows a part of its pull. ")
    assert message.endswith("The same scf pull command, or call of pull(), continues it.")
    caplog.clear()
    await pull(make_client(sandbox), to=path)
    read_map(path)

    (shown,) = data_of(tmp_path / f"{name}.html", "pull")
    assert shown["complete"]
    assert caplog.messages == []


@pytest.mark.anyio
async def test_a_page_replaces_no_file_that_is_none(
    copy_of_pull: CopyOfPull, tmp_path: Path
) -> None:
    await copy_of_pull(tmp_path / "city.jsonl")
    page = tmp_path / "page.html"
    page.write_text("<!doctype html>\n<p>mine", "utf-8")

    with pytest.raises(InvalidArgumentError, match="exists already and is not a page of a pull"):
        write_map(tmp_path / "city.jsonl", page)
    assert page.read_text("utf-8").endswith("mine")
    page.write_bytes(b"")

    for _ in range(2):  # an empty file, and a page
        write_map(tmp_path / "city.jsonl", page)
        assert data_of(page, "pull")


@pytest.mark.anyio
@on_alternate_loops("name", _NAMES)
async def test_vanished_issues_are_not_on_the_map(name: str, tmp_path: Path) -> None:
    sandbox = await _pulled(tmp_path / name)
    sandbox.city.hide(7)
    await pull(make_client(sandbox), to=tmp_path / name, sweep=True)

    shown = {issue["id"] for issue in read_map(tmp_path / name)}

    assert shown == {sandbox.city.id_of(row) for row in range(200) if row != 7}


_HOSTILE = st.sampled_from(["</script><script>alert(1)</script>", "<!--", "]]>", "\u2028", "&lt;"])


@settings(max_examples=40)
@given(st.lists(st.text() | _HOSTILE, min_size=1, max_size=4))
def test_no_string_of_a_pull_becomes_markup(words: list[str]) -> None:
    block = json.dumps(words).encode()

    page = b"".join(page_parts("<b>", [block, block], complete=True, offline=True)).decode()

    frame = b"".join(page_parts("", [], complete=True, offline=True)).decode()
    assert page.count("<") == frame.count("<") + 4
    found = re.findall(r'class="issues">(.*?)</script>', page, re.DOTALL)
    assert list(map(json.loads, found)) == [words, words]


def test_strings_keep_their_characters(tmp_path: Path) -> None:
    path = tmp_path / "city.jsonl"
    odd = ["</script><script>alert(1)</script>", "\u2028", "  blanks  ", "\U0001f6a7", "{}", ""]
    lines = [
        {"id": id_, "summary": text, "address": text} for id_, text in enumerate([*odd, "a\nb"])
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")

    rows = read_map(path)

    assert [row["summary"] for row in rows] == [*odd, "a b"]
    assert [row["address"] for row in rows] == [*odd, "a b"]
    assert {(row["status"], row["type"]) for row in rows} == {("unknown", "Post to Neighbors")}
    assert {(row["created"], row["closed"], row["lat"]) for row in rows} == {(None, None, None)}


def test_places_that_are_not_on_earth_are_no_places(tmp_path: Path) -> None:
    path = tmp_path / "city.csv"
    places = [(41.5, -73.25), (91, 0), (0, 1e300), (-90, 180), ("nan", 1), ("", "")]
    lines = [f"{id_},{lat},{lng}\n" for id_, (lat, lng) in enumerate(places)]
    path.write_text("id,lat,lng\n" + "".join(lines), "utf-8")

    found = [(row["lat"], row["lng"]) for row in read_map(path)]

    none = (None, None)
    assert found == [(41.5, -73.25), none, none, (-90, 180), none, none]


def test_only_the_programs_of_the_page_run(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text('{"id": 1}\n', "utf-8")

    write_map(tmp_path / "one.jsonl", tmp_path / "page.html")
    write_map(tmp_path / "one.jsonl", tmp_path / "offline.html", offline=True)

    page, offline = ((tmp_path / name).read_text() for name in ("page.html", "offline.html"))
    (policy,) = re.findall('<meta http-equiv="Content-Security-Policy" content="(.*?)">', page)
    assert policy.startswith("default-src 'none'; img-src data: https://tile.openstreetmap.org; ")
    assert policy.count("'sha256-") == page.count("<style>") + page.count("<script>")
    assert "unsafe" not in policy
    assert "img-src data:; " in offline
    assert map_rows(tmp_path / "offline.html") == map_rows(tmp_path / "page.html")


@pytest.mark.parametrize("name", ["city.parquet", "city.geoparquet"])
def test_a_dataset_without_its_extra_is_not_called_damaged(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / name).mkdir()

    with pytest.raises(InvalidArgumentError, match=r"^file: Parquet files .* 'parquet' extra"):
        write_map(tmp_path / name, tmp_path / "map.html")


@pytest.mark.parametrize("file", [file for files in vendor.FILES.values() for file in files])
def test_the_files_of_other_projects_are_unchanged(file: tuple[str, str, str]) -> None:
    _, path, expected = file

    assert vendor.sha256((ROOT / path).read_bytes()) == expected


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("city.xls", "", "must end in"),
        ("none.jsonl", None, "does not exist"),
        (f"{'x' * 300}.jsonl", None, "File name too long"),
        ("bad.jsonl", "mine\n", "was not written by a pull"),
        ("bad.csv", "a,b\n1,2\n", "was not written by a pull"),
        ("bad.geojson", "{}", "was not written by a pull"),
        ("bad.db", "mine", "was not written by a pull"),
    ],
)
def test_a_file_that_no_pull_wrote_is_refused(
    name: str, content: str | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, "utf-8")

    with pytest.raises(InvalidArgumentError, match=words):
        write_map(tmp_path / name, tmp_path / "page.html")


@pytest.mark.anyio
@on_alternate_loops("name", ["city.jsonl", "city.csv", "city.geojson"])
async def test_a_row_that_a_pull_is_writing_is_not_read(
    name: str, copy_of_pull: CopyOfPull, tmp_path: Path
) -> None:
    path = tmp_path / name
    await copy_of_pull(path)
    before = [row["id"] for row in read_map(path)]
    content = path.read_bytes().partition(b"\n]")[0].rstrip(b"\n") + b"\n"  # without the footer
    last_row = content[content.rindex(b"\n", 0, -1) + 1 :]

    path.write_bytes(content + last_row[:40])
    (tmp_path / f"link-{name}").symlink_to(path)

    for file in (path, tmp_path / f"link-{name}"):
        assert [row["id"] for row in read_map(file)] == before


def test_a_csv_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "city.csv").write_text("id,status,summary\r\n21,open,a\r\n2", "utf-8")

    with pytest.raises(InvalidArgumentError, match="line 4 is cut off"):
        write_map(tmp_path / "city.csv", tmp_path / "page.html")


@pytest.mark.anyio
async def test_a_dataset_without_its_manifest_is_read_from_its_folder(
    copy_of_pull: CopyOfPull, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await copy_of_pull(tmp_path / "city.parquet")
    (tmp_path / "city.parquet.pull.json").unlink()
    monkeypatch.chdir(tmp_path)

    assert len(read_map(Path("city.parquet"))) == 300


@pytest.mark.anyio
async def test_a_database_in_a_read_only_folder_is_read(copy_of_pull: CopyOfPull) -> None:
    with tempfile.TemporaryDirectory() as name:  # root's own tmp_path is closed to other users
        path = Path(name, "a?b#c%20.db")
        await copy_of_pull(path)

        assert _count_without_writing(path) == 300


def _count_without_writing(path: Path) -> int:
    user = os.geteuid()
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        if user == 0:
            os.seteuid(65534)  # root may write everywhere
        return sum(len(chunk["id"]) for chunk in read_chunks(path))
    finally:
        os.seteuid(user)
        path.parent.chmod(0o755)


@pytest.mark.anyio
async def test_a_dataset_with_other_types_is_refused(
    copy_of_pull: CopyOfPull, tmp_path: Path
) -> None:
    await copy_of_pull(tmp_path / "city.parquet")
    for path in (tmp_path / "city.parquet").rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        other = pa.array([True] * len(table))
        index = table.column_names.index("created_at")
        pq.write_table(table.set_column(index, "created_at", other), path)

    with pytest.raises(InvalidArgumentError, match="was not written by a pull"):
        write_map(tmp_path / "city.parquet", tmp_path / "page.html")


@pytest.mark.anyio
@on_alternate_loops("name", _NAMES)
async def test_a_file_without_issues_is_refused(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(10, settings=Settings(quota=None))
    before = datetime(2001, 1, 1, tzinfo=UTC)
    await pull(make_client(sandbox), to=tmp_path / name, before=before)

    with pytest.raises(InvalidArgumentError, match="holds no issues to show"):
        write_map(tmp_path / name, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_fifo_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "city.jsonl")

    with pytest.raises(InvalidArgumentError, match="not a file or dataset"):
        write_map(tmp_path / "city.jsonl", tmp_path / "page.html")


def test_a_file_that_is_damaged_in_the_middle_keeps_the_previous_page(tmp_path: Path) -> None:
    lines = ['{"id": 1}\n'] * 6000
    (tmp_path / "x.jsonl").write_text("".join(lines), "utf-8")
    write_map(tmp_path / "x.jsonl", tmp_path / "page.html")
    previous = (tmp_path / "page.html").read_bytes()
    (tmp_path / "x.jsonl").write_text("".join([*lines, "damaged\n"]), "utf-8")

    with pytest.raises(InvalidArgumentError, match="is damaged"):
        write_map(tmp_path / "x.jsonl", tmp_path / "page.html")

    assert (tmp_path / "page.html").read_bytes() == previous
    assert len(list(tmp_path.iterdir())) == 2
