"""A sweep marks what the service gives no longer, and nothing else."""

from __future__ import annotations

import contextlib
import os
from array import array
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import BoundingBox, IssueFilters, PlaceArea, Report
from seeclickfix_async.errors import InvalidArgumentError, ServerError
from seeclickfix_async.pull import pull
from seeclickfix_async.pull._rows import StoredRow, compare_ids
from seeclickfix_async.pull._text import JsonLines
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.faults import ProcessEnded, end_process_at
from tests.support.pulled_files import read_issues, read_sqlite, vanished_ids
from tests.support.sandboxes import failing_client, make_client

_NAMES = ["city.jsonl", "city.csv", "city.geojson", "city.db", "city.geoparquet"]
_SINKS = [("trio", _NAMES[0]), *(("asyncio", name) for name in _NAMES)]


def _city(issues: int = 300, **settings: Any) -> Sandbox:
    return Sandbox(issues, settings=Settings(quota=None, **settings))


def _files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.mark.anyio
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_what_vanished_is_marked_until_it_comes_again(name: str, tmp_path: Path) -> None:
    sandbox = _city()
    path = tmp_path / name
    client = make_client(sandbox)
    first = await pull(client, to=path, sweep=True)  # everything has just come
    before = read_issues(path)
    gone = [7, 120, 260]
    for row in gone:
        sandbox.city.hide(row)
    sandbox.requests.clear()

    swept = await pull(client, to=path, sweep=True)

    assert first.vanished is None
    assert (swept.vanished, swept.complete) == (3, True)
    assert swept.received == 1  # the newest of before comes with each update
    assert vanished_ids(path) == {sandbox.city.id_of(row) for row in gone}
    assert len(read_issues(path)) == 300
    assert swept.requests == len(sandbox.requests)
    assert {seen.query.get("fields[issue]") for seen in sandbox.requests} >= {"id,created_at"}

    sandbox.city.show(7)
    again = await pull(client, to=path, sweep=True)
    assert again.vanished == 2
    assert vanished_ids(path) == {sandbox.city.id_of(row) for row in gone[1:]}

    for row in gone[1:]:
        sandbox.city.show(row)
    await pull(client, to=path, sweep=True)
    assert read_issues(path) == before
    assert _files(tmp_path) <= {name, f"{name}.pull.json"}


@pytest.mark.anyio
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_issue_that_is_shown_late_comes_with_a_sweep(name: str, tmp_path: Path) -> None:
    sandbox = _city()
    whole, path = tmp_path / f"whole-{name}", tmp_path / name
    await pull(make_client(sandbox), to=whole)
    sandbox.city.hide(7)
    await pull(make_client(sandbox), to=path)
    sandbox.city.show(7)  # with the times of long before

    updated = await pull(make_client(sandbox), to=path, update=True)
    assert len(read_issues(path)) == 299
    swept = await pull(make_client(sandbox), to=path, sweep=True)

    assert (updated.complete, swept.complete) == (True, True)
    assert sorted(map(str, read_issues(path))) == sorted(map(str, read_issues(whole)))


@pytest.mark.anyio
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_issue_that_is_updated_has_come_again(name: str, tmp_path: Path) -> None:
    sandbox = _city()
    path = tmp_path / name
    await pull(make_client(sandbox), to=path)
    sandbox.city.hide(7)
    sandbox.city.hide(8)
    await pull(make_client(sandbox), to=path, sweep=True)
    sandbox.city.show(7)
    sandbox.city.updated[7] = int(datetime.now(UTC).timestamp()) - 60
    sandbox.city.changes += 1

    report = await pull(make_client(sandbox), to=path, update=True)

    assert report.vanished is None
    assert vanished_ids(path) == {sandbox.city.id_of(8)}


@pytest.mark.anyio
async def test_details_are_swept_without_details(tmp_path: Path) -> None:
    sandbox = _city()
    await pull(make_client(sandbox), to=tmp_path / "city.jsonl", details=True)
    sandbox.city.hide(7)
    sandbox.requests.clear()

    report = await pull(make_client(sandbox), to=tmp_path / "city.jsonl", details=True, sweep=True)

    assert report.vanished == 1
    assert len(sandbox.requests) <= 6  # an update, and three pages of ids


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["city.jsonl", "city.db", "city.parquet"])
async def test_a_sweep_that_is_not_complete_marks_nothing(name: str, tmp_path: Path) -> None:
    whole, capped = _city(1000), _city(1000, depth=100)
    area = PlaceArea("example-city")  # which cannot be cut up
    await pull(make_client(whole), to=tmp_path / name, area=area)
    capped.city.hide(7)

    report = await pull(make_client(capped), to=tmp_path / name, area=area, sweep=True)

    assert (report.complete, report.vanished) == (False, None)
    assert "marked nothing" in report.reasons[-1]
    assert "more issues than the service serves" in report.reasons[-1]
    assert vanished_ids(tmp_path / name) == set()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name", ["city.jsonl", "city.csv", "city.geojson", "city.db", "city.parquet"]
)
async def test_an_area_that_was_always_empty_is_swept(name: str, tmp_path: Path) -> None:
    sandbox = _city()
    sandbox.city.hidden.update(range(300))
    await pull(make_client(sandbox), to=tmp_path / name)

    report = await pull(make_client(sandbox), to=tmp_path / name, sweep=True)

    assert report.complete, report.reasons
    assert report.vanished == 0


@pytest.mark.anyio
async def test_an_area_that_is_empty_at_once_marks_nothing(tmp_path: Path) -> None:
    sandbox = _city()
    await pull(make_client(sandbox), to=tmp_path / "city.jsonl")
    sandbox.city.hidden.update(range(300))
    sandbox.city.changes += 1

    report = await pull(make_client(sandbox), to=tmp_path / "city.jsonl", sweep=True)

    assert not report.complete
    assert "no issue at all" in report.reasons[-1]
    assert vanished_ids(tmp_path / "city.jsonl") == set()


@pytest.mark.anyio
async def test_a_pull_that_issues_can_leave_is_not_swept(tmp_path: Path) -> None:
    client = make_client(_city())
    await pull(client, to=tmp_path / "city.jsonl", status="open")

    with pytest.raises(InvalidArgumentError, match="leaves a status"):
        await pull(client, to=tmp_path / "city.jsonl", status="open", sweep=True)


@pytest.mark.anyio
async def test_what_is_new_is_not_swept(tmp_path: Path) -> None:
    """Neither an issue of the last hour, nor a period that is not older than that."""
    sandbox = _city()
    now = datetime.now(UTC)
    for minutes in (50, 40):
        moment = int((now - timedelta(minutes=minutes)).timestamp())
        sandbox.city.add(sandbox.city.random(300), moment, now=moment)
    everything = await pull(make_client(sandbox), to=tmp_path / "city.jsonl")
    latest: IssueFilters = {"after": now - timedelta(minutes=45)}
    few = await pull(make_client(sandbox), to=tmp_path / "new.jsonl", **latest)
    sandbox.city.hide(301)

    swept = await pull(make_client(sandbox), to=tmp_path / "city.jsonl", sweep=True)
    young = await pull(make_client(sandbox), to=tmp_path / "new.jsonl", sweep=True, **latest)

    assert (everything.received, few.received) == (302, 1)
    assert (swept.vanished, swept.complete) == (0, True)
    assert (young.vanished, young.complete) == (None, True)


@pytest.mark.anyio
async def test_a_sweep_of_one_pull_leaves_the_others_in_the_database_alone(tmp_path: Path) -> None:
    sandbox = _city()
    path = tmp_path / "city.db"
    south, north = BoundingBox(40, -74, 41.05, -73), BoundingBox(41.05, -74, 42, -73)
    for half in (south, north):
        await pull(make_client(sandbox), to=path, area=half)
    gone = [next(row for row in range(300) if sandbox.city.lat[row] < 41.05), 0]
    gone[1] = next(row for row in range(300) if sandbox.city.lat[row] > 41.05)
    for row in gone:
        sandbox.city.status[row] = 0
        sandbox.city.hide(row)
    with_them = len(read_sqlite(path, "SELECT * FROM open_issues"))

    report = await pull(make_client(sandbox), to=path, area=south, sweep=True)

    assert report.vanished == 1
    assert vanished_ids(path) == {sandbox.city.id_of(gone[0])}
    held = {row["id"] for row in read_sqlite(path, "SELECT * FROM open_issues")}
    assert sandbox.city.id_of(gone[0]) not in held
    assert len(held) <= with_them


@pytest.mark.anyio
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_sweep_that_is_interrupted_goes_on(name: str, tmp_path: Path) -> None:
    sandbox = _city(600)
    path = tmp_path / name
    await pull(make_client(sandbox), to=path)
    sandbox.city.hide(7)
    for after in (3, 4):
        with pytest.raises(ServerError):
            await pull(failing_client(sandbox, after=after), to=path, sweep=True)
    assert vanished_ids(path) == set()
    sandbox.requests.clear()

    report = await pull(make_client(sandbox), to=path, sweep=True)

    assert vanished_ids(path) == {sandbox.city.id_of(7)}
    assert report.vanished == 1
    pages = [seen for seen in sandbox.requests if "fields[issue]" in seen.query]
    assert len(pages) <= 2 + 1  # of seven, and a count at the end


@pytest.mark.parametrize("name", _NAMES)
def test_a_sweep_that_is_left_at_any_step_is_whole_in_the_end(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = _city()
    path = tmp_path / name
    _run(sandbox, path)
    for row in (7, 120):
        sandbox.city.hide(row)
    expected = {sandbox.city.id_of(row) for row in (7, 120)}

    for step in range(1, 22, 3):
        with monkeypatch.context() as patched, contextlib.suppress(ProcessEnded):
            end_process_at(patched, step)
            _run(sandbox, path)
        assert {int(row["id"]) for row in read_issues(path)} == {
            sandbox.city.id_of(row) for row in range(300)
        }
        assert vanished_ids(path) in (set(), expected) or path.is_dir()  # months change one by one
    _run(sandbox, path)

    assert vanished_ids(path) == expected
    assert len(read_issues(path)) == 300


def test_a_sweep_that_was_left_long_ago_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = _city()
    path = tmp_path / "city.jsonl"
    _run(sandbox, path)
    sandbox.city.hide(7)
    with monkeypatch.context() as patched:
        patched.setattr(JsonLines, "mark", _end)
        with pytest.raises(ProcessEnded):
            _run(sandbox, path)
    (met,) = tmp_path.glob("*.sweep.csv")
    written = met.stat().st_mtime - timedelta(days=2).total_seconds()
    os.utime(met, (written, written))
    sandbox.city.show(7)
    sandbox.city.hide(20)

    report = _run(sandbox, path)

    assert report.vanished == 1
    assert vanished_ids(path) == {sandbox.city.id_of(20)}
    assert _files(tmp_path) == {"city.jsonl", "city.jsonl.pull.json"}


def _end(*_: object) -> None:
    raise ProcessEnded


def _run(sandbox: Sandbox, path: Path) -> Report:
    return anyio.run(lambda: pull(make_client(sandbox), to=path, sweep=True))


_UNTIL = datetime(2026, 1, 1, tzinfo=UTC)
_MOMENTS = st.none() | st.integers(-2, 2).map(lambda hours: _UNTIL + timedelta(hours=hours))
_ROWS = st.builds(StoredRow, id=st.integers(1, 40), told=_MOMENTS, vanished=_MOMENTS)


@given(
    held=st.lists(_ROWS, unique_by=lambda row: row.id),
    there=st.sets(st.integers(1, 40), min_size=1),
)
def test_a_row_is_marked_when_it_did_not_come_and_was_not_heard_of_since(
    held: list[StoredRow], there: set[int]
) -> None:
    found = compare_ids(held, array("q", sorted(there)), _UNTIL)

    after = {row.id: found.marks.get(row.id, row.vanished) for row in held}
    assert set(found.missing) == there - after.keys()
    for row in held:
        old = row.told is not None and row.told < _UNTIL
        if row.id in there:
            assert after[row.id] is None
        elif row.vanished is not None:
            assert after[row.id] == row.vanished
        else:
            assert (after[row.id] is not None) == old
    assert found.vanished == sum(mark is not None for mark in after.values())
    marks = found.marks
    assert all(marks[row.id] != row.vanished for row in held if row.id in marks)
