"""Sweeps, which mark the issues that have vanished from the service."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import (
    AsyncClient,
    BoundingBox,
    IssueFilters,
    PlaceArea,
    Report,
    Retry,
)
from seeclickfix_async.errors import (
    InvalidArgumentError,
    RateLimitedError,
    ServerError,
    TruncatedResultsError,
)
from seeclickfix_async.pull import pull
from seeclickfix_async.pull._id_set import IdSet
from seeclickfix_async.pull._jsonl import JsonLines
from seeclickfix_async.pull._rows import StoredRow, compare_ids
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.event_loops import on_alternate_loops
from tests.support.faults import ProcessEnded, end_process_at
from tests.support.pulled_files import read_issues, read_sqlite, vanished_ids
from tests.support.sandboxes import (
    URL,
    CopyOfPull,
    client_without_rows,
    failing_client,
    make_client,
)
from tests.support.service_model import START, ServiceModel

_NAMES = ["city.jsonl", "city.csv", "city.geojson", "city.db", "city.geoparquet"]
_SINKS = [("trio", _NAMES[0]), *(("asyncio", name) for name in _NAMES[1:])]


def _city(issues: int = 300, **settings: Any) -> Sandbox:
    return Sandbox(issues, settings=Settings(quota=None, **settings))


@pytest.mark.anyio
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_sweep_of_a_service_that_lists_nothing_is_repeated(
    name: str, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    sandbox, path = _city(), tmp_path / name
    await copy_of_pull(path)
    sandbox.city.hide(7)
    with pytest.raises(TruncatedResultsError, match="announces"):
        await pull(client_without_rows(sandbox), to=path, sweep=True)

    report = await pull(make_client(sandbox), to=path, sweep=True)

    assert report.complete, report.reasons
    assert report.vanished == 1


def _files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.mark.anyio
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_vanished_issues_are_marked_until_they_are_back(name: str, tmp_path: Path) -> None:
    sandbox = _city()
    path = tmp_path / name
    client = make_client(sandbox)
    first = await pull(client, to=path, sweep=True)  # after a first pull there is nothing to sweep
    before = read_issues(path)
    gone = [7, 120, 260]
    for row in gone:
        sandbox.city.hide(row)
    sandbox.requests.clear()

    swept = await pull(client, to=path, sweep=True)

    assert first.vanished is None
    assert (swept.vanished, swept.complete) == (3, True)
    assert swept.received == 1  # each update reads the newest issue again
    assert vanished_ids(path) == {sandbox.city.id_of(row) for row in gone}
    assert len(read_issues(path)) == 300
    assert swept.requests == len(sandbox.requests)
    assert {seen.query.get("fields[issue]") for seen in sandbox.requests} >= {
        "id,created_at,lat,lng"
    }

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
async def test_a_sweep_pulls_issues_that_were_published_late(name: str, tmp_path: Path) -> None:
    sandbox = _city()
    whole, path = tmp_path / f"whole-{name}", tmp_path / name
    await pull(make_client(sandbox), to=whole)
    sandbox.city.hide(7)
    await pull(make_client(sandbox), to=path)
    sandbox.city.show(7)  # with old dates

    updated = await pull(make_client(sandbox), to=path, update=True)
    assert len(read_issues(path)) == 299
    swept = await pull(make_client(sandbox), to=path, sweep=True)

    assert (updated.complete, swept.complete) == (True, True)
    assert sorted(map(str, read_issues(path))) == sorted(map(str, read_issues(whole)))


def _client_with_status(sandbox: Sandbox, statuses: dict[int, int]) -> AsyncClient:
    """Return a client for which the service shows issues, by id, with a status other than 200."""

    class StatusTransport(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            id_ = request.url.path.rpartition("/")[2]
            if id_.isdigit() and int(id_) in statuses:
                await super().handle_async_request(request)  # so that it is counted
                return httpx.Response(statuses[int(id_)])
            return await super().handle_async_request(request)

    http = httpx.AsyncClient(transport=StatusTransport(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None, retry=Retry(attempts=1))


async def _pull_before_late_issues(sandbox: Sandbox, path: Path, rows: list[int]) -> list[int]:
    """Pull without some rows, which the service publishes afterwards; return their ids."""
    for row in rows:
        sandbox.city.hide(row)
    await pull(make_client(sandbox), to=path)
    for row in rows:
        sandbox.city.show(row)
    sandbox.requests.clear()
    return [sandbox.city.id_of(row) for row in rows]


@pytest.mark.anyio
@on_alternate_loops(
    ("status", "reason"),
    [
        (403, "1 issue that the service lists could not be pulled."),
        (404, "1 issue that the service lists could not be pulled."),
        (410, "1 issue that the service lists could not be pulled."),
        (401, "1 issue could not be read. The next sweep tries again."),
        (500, "1 issue could not be read. The next sweep tries again."),
    ],
)
async def test_a_late_issue_that_the_service_does_not_show_fails_no_sweep(
    status: int, reason: str, tmp_path: Path
) -> None:
    sandbox, path = _city(), tmp_path / "city.jsonl"
    hidden, shown = await _pull_before_late_issues(sandbox, path, [7, 120])
    client = _client_with_status(sandbox, {hidden: status})

    report = await pull(client, to=path, sweep=True)

    assert (report.complete, report.reasons, report.vanished) == (False, (reason,), 0)
    assert report.requests == len(sandbox.requests)
    assert {row["id"] for row in read_issues(path)} >= {shown}
    assert _files(tmp_path) == {"city.jsonl", "city.jsonl.pull.json"}


@pytest.mark.anyio
async def test_late_issues_are_not_requested_from_a_service_that_fails(tmp_path: Path) -> None:
    sandbox, path = _city(), tmp_path / "city.jsonl"
    late = await _pull_before_late_issues(sandbox, path, list(range(10, 30)))
    client = _client_with_status(sandbox, dict.fromkeys(late, 503))

    report = await pull(client, to=path, sweep=True)

    assert "20 issues could not be read" in report.reasons[0]
    assert len([seen for seen in sandbox.requests if seen.path[-1].isdigit()]) == 3


@pytest.mark.anyio
@on_alternate_loops("name", ["city.jsonl", "city.db"])
async def test_issues_that_a_sweep_found_missing_are_reported_until_a_sweep_pulls_them(
    name: str, tmp_path: Path
) -> None:
    sandbox, path = _city(), tmp_path / name
    (hidden,) = await _pull_before_late_issues(sandbox, path, [7])
    await pull(_client_with_status(sandbox, {hidden: 500}), to=path, sweep=True)

    for _ in range(2):
        report = await pull(make_client(sandbox), to=path, update=True)
        assert report.reasons == (
            "The last sweep found 1 issue that could not be pulled. The next one tries again.",
        )
    swept = await pull(make_client(sandbox), to=path, sweep=True)
    updated = await pull(make_client(sandbox), to=path, update=True)

    assert (swept.complete, updated.complete) == (True, True)
    assert hidden in {row["id"] for row in read_issues(path)}


@pytest.mark.anyio
async def test_a_sweep_divides_a_crowded_second_by_area(tmp_path: Path) -> None:
    service = ServiceModel(most_per_page=100, cap=200)
    for number in range(900):
        service.add(START).lat = 41 + number / 10_000
    service.opened += timedelta(days=1)

    def serve(request: httpx.Request) -> httpx.Response:
        response = service.respond(request)
        fields = request.url.params.get("fields[issue]")
        if fields is None:
            return response
        body = response.json()
        wanted = {"id", *fields.split(",")}
        body["issues"] = [{key: row[key] for key in row if key in wanted} for row in body["issues"]]
        return httpx.Response(200, json=body, headers={"Date": response.headers["Date"]})

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    client = AsyncClient(http=http, base_url=URL, limiter=None)
    first = await pull(client, to=tmp_path / "city.jsonl")

    report = await pull(client, to=tmp_path / "city.jsonl", sweep=True)

    assert (first.complete, report.complete, report.vanished) == (True, True, 0), report.reasons


@pytest.mark.anyio
async def test_a_complete_list_of_ids_is_used_again_after_an_error(tmp_path: Path) -> None:
    sandbox, path = _city(), tmp_path / "city.jsonl"
    late = await _pull_before_late_issues(sandbox, path, [7])
    gone = sandbox.city.id_of(120)
    sandbox.city.hide(120)
    with pytest.raises(RateLimitedError):
        await pull(_client_with_status(sandbox, {late[0]: 429}), to=path, sweep=True)
    sandbox.requests.clear()

    report = await pull(make_client(sandbox), to=path, sweep=True)

    assert report.complete
    assert not [seen for seen in sandbox.requests if "fields[issue]" in seen.query]
    assert vanished_ids(path) == {gone}
    assert {row["id"] for row in read_issues(path)} >= set(late)


@pytest.mark.anyio
@on_alternate_loops("name", [*_NAMES, "city.parquet"])
async def test_issues_that_are_dated_ahead_are_not_judged(
    name: str, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    """The clock of another system may be hours ahead; a sweep lists issues of the past only."""
    sandbox, path = _city(), tmp_path / name
    await copy_of_pull(path)
    now = int(datetime.now(UTC).timestamp())
    sandbox.city.add(sandbox.city.random(300), now + 8 * 3600, now=now - 2 * 3600)
    sandbox.city.updated[300] = now - 2 * 3600
    sandbox.city.hide(7)

    report = await pull(make_client(sandbox), to=path, sweep=True)

    assert report.complete
    assert len(read_issues(path)) == 301
    assert vanished_ids(path) == {sandbox.city.id_of(7)}


@pytest.mark.anyio
async def test_the_look_up_of_a_place_is_counted(tmp_path: Path) -> None:
    sandbox, path = _city(), tmp_path / "city.jsonl"
    area = PlaceArea("example-city")

    first = await pull(make_client(sandbox), to=path, area=area)

    assert first.requests == len(sandbox.requests)
    assert [seen for seen in sandbox.requests if seen.path.endswith("/places")]
    sandbox.requests.clear()
    swept = await pull(make_client(sandbox), to=path, area=area, sweep=True)
    assert swept.requests == len(sandbox.requests)


@pytest.mark.anyio
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_removes_the_mark_of_an_issue_that_is_back(
    name: str, tmp_path: Path
) -> None:
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
async def test_a_sweep_of_details_requests_no_details(tmp_path: Path) -> None:
    sandbox = _city()
    await pull(make_client(sandbox), to=tmp_path / "city.jsonl", details=True)
    sandbox.city.hide(7)
    sandbox.requests.clear()

    report = await pull(make_client(sandbox), to=tmp_path / "city.jsonl", details=True, sweep=True)

    assert report.vanished == 1
    assert len(sandbox.requests) <= 6  # an update, and three pages of ids


@pytest.mark.anyio
@on_alternate_loops("name", ["city.jsonl", "city.db", "city.parquet"])
async def test_an_incomplete_sweep_marks_nothing(name: str, tmp_path: Path) -> None:
    whole, capped = _city(1000), _city(1000, depth=100)
    area = PlaceArea("example-city")  # an area that a crawl cannot divide
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
async def test_an_empty_area_is_swept(name: str, tmp_path: Path) -> None:
    sandbox = _city()
    sandbox.city.hidden.update(range(300))
    await pull(make_client(sandbox), to=tmp_path / name)

    report = await pull(make_client(sandbox), to=tmp_path / name, sweep=True)

    assert report.complete, report.reasons
    assert report.vanished == 0


@pytest.mark.anyio
async def test_an_area_without_any_issue_left_marks_nothing(tmp_path: Path) -> None:
    sandbox = _city()
    await pull(make_client(sandbox), to=tmp_path / "city.jsonl")
    sandbox.city.hidden.update(range(300))
    sandbox.city.changes += 1

    report = await pull(make_client(sandbox), to=tmp_path / "city.jsonl", sweep=True)

    assert not report.complete
    assert "found no issues" in report.reasons[-1]
    assert vanished_ids(tmp_path / "city.jsonl") == set()


@pytest.mark.anyio
async def test_a_pull_with_filters_that_issues_can_leave_is_not_swept(tmp_path: Path) -> None:
    client = make_client(_city())
    await pull(client, to=tmp_path / "city.jsonl", status="open")

    with pytest.raises(InvalidArgumentError, match="leaves a status"):
        await pull(client, to=tmp_path / "city.jsonl", status="open", sweep=True)


@pytest.mark.anyio
async def test_new_issues_are_not_judged(tmp_path: Path) -> None:
    """Neither issues of the last hour nor pulls of such a period are judged."""
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
async def test_a_sweep_does_not_mark_issues_of_other_pulls(tmp_path: Path) -> None:
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
    open_ids = {row["id"] for row in read_sqlite(path, "SELECT * FROM open_issues")}
    assert sandbox.city.id_of(gone[0]) not in open_ids
    assert len(open_ids) <= with_them


@pytest.mark.anyio
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_interrupted_sweep_is_continued(name: str, tmp_path: Path) -> None:
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
def test_a_sweep_interrupted_at_any_step_becomes_complete(
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
        assert vanished_ids(path) in (set(), expected) or path.is_dir()  # by month
    _run(sandbox, path)

    assert vanished_ids(path) == expected
    assert len(read_issues(path)) == 300


def test_an_old_interrupted_sweep_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = _city()
    path = tmp_path / "city.jsonl"
    _run(sandbox, path)
    sandbox.city.hide(7)
    with monkeypatch.context() as patched:
        patched.setattr(JsonLines, "mark_vanished", _end)
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
_TIMES = st.none() | st.integers(-2, 2).map(lambda hours: _UNTIL + timedelta(hours=hours))
_IDS = st.sampled_from([*range(1, 36), 65_535, 65_536, 65_537, 131_073, 2**40])
_ROWS = st.builds(StoredRow, id=_IDS, created=_TIMES, updated=_TIMES, vanished=_TIMES)


@given(
    stored=st.lists(_ROWS, unique_by=lambda row: row.id),
    found=st.sets(_IDS, min_size=1),
)
def test_rows_that_were_not_found_or_updated_are_marked(
    stored: list[StoredRow], found: set[int]
) -> None:
    comparison = compare_ids(stored, IdSet(found), _UNTIL)

    marks = comparison.marks
    after = {row.id: marks.get(row.id, row.vanished) for row in stored}
    assert set(comparison.missing) == found - after.keys()
    for row in stored:
        times = [time for time in (row.created, row.updated) if time is not None]
        old = bool(times) and max(times) < _UNTIL
        if row.id in found:
            assert after[row.id] is None
        elif row.vanished is not None:
            assert after[row.id] == row.vanished
        else:
            assert (after[row.id] is not None) == old
    assert comparison.vanished == sum(mark is not None for mark in after.values())
    assert all(marks[row.id] != row.vanished for row in stored if row.id in marks)


@pytest.mark.anyio
async def test_an_issue_that_moved_to_the_area_of_another_pull_is_not_marked(
    tmp_path: Path,
) -> None:
    service, path = ServiceModel(), tmp_path / "city.db"
    south, north = BoundingBox(40, -74, 41.05, -73), BoundingBox(41.05, -74, 42, -73)
    for number in range(20):
        service.add(START + timedelta(hours=number)).lat = 41 + number / 200
    http = httpx.AsyncClient(transport=httpx.MockTransport(service.respond))
    client = AsyncClient(http=http, base_url=URL, limiter=None)
    for half in (south, north):
        await pull(client, to=path, area=half)
    service.touch(service.rows[1], lat=41.06)
    service.opened += timedelta(days=1)

    for half in (north, south, north, south):
        report = await pull(client, to=path, area=half, sweep=True)
        assert (report.complete, report.vanished) == (True, 0), report.reasons

    assert vanished_ids(path) == set()
    del service.rows[1]
    service.opened += timedelta(days=1)
    for half in (south, north):
        await pull(client, to=path, area=half, sweep=True)
    assert vanished_ids(path) == {1}
