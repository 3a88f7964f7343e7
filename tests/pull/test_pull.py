"""Pulls into files: complete, interrupted, incomplete, and updated."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import shutil
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import attrs
import httpx
import pytest
from anyio import to_thread

from seeclickfix_async import AsyncClient, Estimate, PlaceArea, Report, WatchArea, near
from seeclickfix_async.errors import InvalidArgumentError, ServerError, TruncatedResultsError
from seeclickfix_async.models import Status
from seeclickfix_async.pull import Stage, pull
from seeclickfix_async.pull._jsonl import JsonLines
from seeclickfix_async.pull._sqlite import Sqlite
from seeclickfix_async.sandbox import Sandbox, Settings
from seeclickfix_async.sandbox._categories import CATEGORIES
from seeclickfix_async.sandbox._city import CLOSED, END, OPEN
from seeclickfix_async.sandbox._serializers import _draw
from tests.support.event_loops import on_alternate_loops
from tests.support.faults import ProcessEnded, end_process_at
from tests.support.pulled_files import read_csv, read_geojson, read_issues, read_jsonl, read_sqlite
from tests.support.sandboxes import (
    URL,
    CopyOfPull,
    client_without_rows,
    failing_client,
    make_client,
)
from tests.support.service_model import START, ServiceModel

pytestmark = pytest.mark.anyio

_NAMES = ["city.jsonl", "city.csv", "city.geojson", "city.db", "city.geoparquet"]
# Each sink once, and those that need other libraries where the lowest versions are tested.
_SINKS = [("trio" if name in _NAMES[1:3] else "asyncio", name) for name in _NAMES]
_FILES = [(loop, name) for loop, name in _SINKS if name != "city.db"]  # replaced by an update


@pytest.fixture(scope="module")
def small() -> Sandbox:
    return Sandbox(300, settings=Settings(quota=None))


@pytest.fixture
def client(small: Sandbox) -> AsyncClient:
    return make_client(small)


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_file_holds_every_issue_and_the_report(
    name: str, client: AsyncClient, small: Sandbox, tmp_path: Path
) -> None:
    report = await pull(client, to=tmp_path / name)

    assert report.complete
    assert report.expected == report.received == 300
    assert [int(row["id"]) for row in read_issues(tmp_path / name)] == [
        small.city.id_of(row) for row in range(300)
    ]


async def test_json_lines_hold_whole_issues(client: AsyncClient, tmp_path: Path) -> None:
    await pull(client, to=tmp_path / "city.jsonl", details=True)

    issue = read_jsonl(tmp_path / "city.jsonl")[0]
    assert {"summary", "point", "reporter", "comments", "questions"} <= issue.keys()


async def test_csv_holds_plain_columns(client: AsyncClient, tmp_path: Path) -> None:
    await pull(client, to=tmp_path / "city.csv")

    stored = read_csv(tmp_path / "city.csv")
    issue = await client.issues.get(int(stored[7]["id"]))
    assert stored[7]["summary"] == issue.summary
    assert float(stored[7]["lat"]) == issue.lat
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stored[7]["created_at"])
    assert any("\r\n" in row["description"] for row in stored)


async def test_geojson_points_are_longitude_and_latitude(
    client: AsyncClient, tmp_path: Path
) -> None:
    report = await pull(client, to=tmp_path / "city.geojson")

    collection = json.loads((tmp_path / "city.geojson").read_text("utf-8"))
    feature = read_geojson(tmp_path / "city.geojson")[7]
    issue = await client.issues.get(feature["id"])
    assert feature["geometry"] == {"type": "Point", "coordinates": [issue.lng, issue.lat]}
    assert feature["properties"]["status"] == issue.status
    assert collection["report"]["received"] == report.received
    assert collection["attribution"] == "seeclickfix.com"


async def test_a_database_holds_users_comments_and_views(
    client: AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "city.db"
    await pull(client, to=path, details=True, area=PlaceArea("example-city"))

    def count(what: str) -> int:
        return int(read_sqlite(path, f"SELECT count(*) AS n FROM {what}")[0]["n"])

    assert count("issues") == count("issue_places") == 300
    assert count("comments") == sum(row["comments_count"] for row in read_sqlite(path))
    assert count("comments WHERE issue_id NOT IN (SELECT id FROM issues)") == 0
    assert count("issues WHERE reporter_id NOT IN (SELECT id FROM users)") == 0
    assert count("request_types") == 14
    (place,) = read_sqlite(path, "SELECT * FROM places")
    assert (place["url_name"], place["name"], place["state"]) == (
        "example-city",
        "Example City",
        "EX",
    )
    assert (place["lat"], place["lng"]) == (41.05, -73.54)
    assert count("open_issues") == count("issues WHERE status IN ('open', 'acknowledged')") > 0
    assert read_sqlite(path, "SELECT sum(created) AS n FROM months")[0]["n"] == 300
    assert all(row["days"] > 0 for row in read_sqlite(path, "SELECT * FROM closing_times"))


async def test_a_place_is_requested_once_and_is_optional(tmp_path: Path) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path, area = tmp_path / "city.db", PlaceArea("example-city")
    names: list[str | None] = []
    for status in (404, 200, 200):
        client = make_client(sandbox, places_status=status)
        report = await pull(client, to=path, area=area, update=True)
        _change(sandbox)
        assert report.complete
        names.append(read_sqlite(path, "SELECT name FROM places")[0]["name"])

    assert names == [None, "Example City", "Example City"]
    assert [seen.path for seen in sandbox.requests].count("/api/v2/places") == 1


async def test_a_database_has_a_full_text_index_and_the_licence(
    client: AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "city.db"
    await pull(client, to=path)
    later = datetime.now(UTC)
    await pull(client, to=path, before=later)  # replaces all rows, in the index too

    found = read_sqlite(path, "SELECT rowid FROM issues_fts WHERE issues_fts MATCH 'hydrant'")
    matching = read_sqlite(path, "SELECT id FROM issues WHERE description LIKE '%hydrant%'")
    assert {row["rowid"] for row in found} == {row["id"] for row in matching}
    assert len(found) == len(matching) > 0
    stored, _ = read_sqlite(path, "SELECT * FROM pulls")
    assert (stored["complete"], stored["attribution"]) == (1, "seeclickfix.com")
    assert "by-nc-sa" in stored["licence"]
    assert json.loads(stored["report"])["received"] == 300


async def test_the_full_text_index_follows_updates(tmp_path: Path) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / "city.db"
    await pull(make_client(sandbox), to=path)
    changed, new = _change(sandbox)
    for number, category in ((changed, "Graffiti"), (new, "Pothole")):
        sandbox.city.category[sandbox.city.row_of(number) or 0] = CATEGORIES.index(category)
    await pull(make_client(sandbox), to=path, update=True)

    words = f"SELECT summary, rowid FROM issues_fts({{}}) WHERE rowid IN ({changed}, {new})"
    assert read_sqlite(path, words.format("'graffiti'"))[0]["rowid"] == changed
    assert read_sqlite(path, words.format("'pothole'"))[0]["rowid"] == new
    check = "INSERT INTO issues_fts (issues_fts, rank) VALUES ('integrity-check', 1)"
    assert read_sqlite(path, check) == []  # raises if the index does not match the rows


async def test_the_report_is_in_the_checkpoint_file(client: AsyncClient, tmp_path: Path) -> None:
    report = await pull(client, to=tmp_path / "city.jsonl", status="open")

    beside = json.loads((tmp_path / "city.jsonl.pull.json").read_text("utf-8"))["checkpoint"]
    assert beside["report"]["received"] == report.received
    assert beside["query"] == {"status": "open"}
    assert "by-nc-sa" in beside["licence"]


@pytest.mark.parametrize("name", ["city.jsonl", "city.db", "city.parquet"])
async def test_the_token_of_a_watch_area_is_not_shown(
    small: Sandbox, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "seeclickfix_async")
    area = WatchArea("a-secret-of-mine")
    with pytest.raises(ServerError) as caught:
        await pull(failing_client(small, after=0), to=tmp_path / name, area=area)
    report = await pull(make_client(small), to=tmp_path / name, area=area)

    shown = [repr(area), str(area), repr(report), str(caught.value), repr(vars(caught.value))]
    shown += [record.getMessage() for record in caplog.records if record.name != "httpx"]
    assert report.complete
    assert "a-secret-of-mine" not in "".join(shown)
    assert b"a-secret-of-mine" not in _all_bytes(tmp_path)


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_partial_row_is_cut_off(name: str, small: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(ServerError):
        await pull(failing_client(small, after=2), to=path)
    complete = _append_partial_row(path)
    small.requests.clear()

    report = await pull(make_client(small), to=path)

    assert 190 < complete <= 200
    assert report.complete
    assert len(read_issues(path)) == 300
    assert len(small.requests) == 3  # two pages, and the issues that changed meanwhile


def _all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def _append_partial_row(path: Path) -> int:
    """Append a partial row, as a killed process may; return the number of complete rows."""
    if path.suffix == ".geoparquet":
        checkpoint = json.loads(path.with_name(f"{path.name}.pull.json").read_bytes())["checkpoint"]
        complete: int = checkpoint["report"]["received"]
        path = path.with_name(f"{path.name}.pending")
    else:
        complete = len(read_issues(path))
    if path.suffix != ".db":  # SQLite recovers by itself
        with path.open("ab") as file:
            file.write(b'{"id": 20000')
    return complete


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_file_that_no_pull_wrote_is_preserved(
    name: str, client: AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text("mine\n", "utf-8")

    with pytest.raises(
        InvalidArgumentError, match=r"exists already|not a database|has to be a folder"
    ):
        await pull(client, to=path)

    assert path.read_text("utf-8") == "mine\n"


@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_misspelled_place_leaves_no_file_in_the_way_of_the_right_one(
    name: str, update: bool, client: AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options: dict[str, Any] = {"to": tmp_path / name, "update": update}

    report = await pull(client, area=PlaceArea("exmple-city"), **options)

    assert (report.received, report.expected) == (0, 0)
    assert "There are no issues at 'exmple-city'" in caplog.text
    with pytest.raises(TruncatedResultsError, match="Is it the place's url_name"):
        report.raise_if_incomplete()
    assert not (tmp_path / name).exists()
    right = await pull(client, area=PlaceArea("example-city"), **options)
    assert right.complete
    assert right.received > 0


async def test_a_place_without_issues_that_pass_the_filters_is_pulled(
    client: AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, place = tmp_path / "city.csv", PlaceArea("example-city")

    report = await pull(client, to=path, area=place, request_types=[99_999])

    assert report.complete
    assert "No issue at 'example-city' passes the filters" in caplog.text
    assert path.exists()


async def test_what_was_received_is_kept_though_the_service_counts_nothing(
    small: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Counting(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            body = json.loads(await response.aread())
            if "issues" in body:
                body["metadata"]["pagination"]["entries"] = 0
            return httpx.Response(200, json=body)

    http = httpx.AsyncClient(transport=Counting(app=small.app))
    client, path = AsyncClient(http=http, base_url=URL, limiter=None), tmp_path / "city.jsonl"

    report = await pull(client, to=path, area=PlaceArea("example-city"))

    assert report.received == len(read_issues(path)) > 0
    assert "no issues at" not in caplog.text


async def test_a_misspelled_place_is_found_with_filters_too(
    client: AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, place = tmp_path / "city.csv", PlaceArea("exmple-city")

    report = await pull(client, to=path, area=place, status="open")

    assert not report.complete
    assert "There are no issues at 'exmple-city'. Is it" in caplog.text
    assert not path.exists()


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_misspelled_place_leaves_a_broken_link_as_it_was(
    name: str, client: AsyncClient, tmp_path: Path
) -> None:
    path, target = tmp_path / name, tmp_path / f"elsewhere-{name}"
    path.symlink_to(target)

    await pull(client, to=path, area=PlaceArea("exmple-city"))

    assert not target.exists()
    assert not target.with_name(f"{target.name}.pull.json").exists()
    assert (await pull(client, to=path, area=PlaceArea("example-city"))).received > 0
    assert target.exists()


async def test_an_area_without_issues_keeps_its_file(
    client: AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    report = await pull(client, to=tmp_path / "x.jsonl", area=near(-73.54, 41.05, 500))

    assert report.complete
    assert "Is its latitude first" in caplog.text
    assert (tmp_path / "x.jsonl").read_bytes() == b""


@pytest.mark.parametrize("name", _NAMES[:3])
async def test_a_file_of_another_query_is_refused(
    name: str, client: AsyncClient, tmp_path: Path
) -> None:
    await pull(client, to=tmp_path / name)

    with pytest.raises(InvalidArgumentError, match=r"another query \(status=open,.*archived\)"):
        await pull(client, to=tmp_path / name, status="open")
    (tmp_path / name).write_text("", "utf-8")
    with pytest.raises(InvalidArgumentError, match="shorter than its checkpoint"):
        await pull(client, to=tmp_path / name)


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_complete_pull_is_not_repeated(
    name: str, client: AsyncClient, small: Sandbox, tmp_path: Path
) -> None:
    await pull(client, to=tmp_path / name)
    small.requests.clear()

    with pytest.raises(InvalidArgumentError, match=r"is complete.*update=True"):
        await pull(client, to=tmp_path / name)

    assert len(small.requests) == 0


async def test_a_database_holds_several_pulls(client: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "city.db"
    await pull(client, to=path, status="open")
    await pull(client, to=path, status=["closed"])

    assert len(read_sqlite(path, "SELECT * FROM pulls")) == 2
    assert {row["status"] for row in read_sqlite(path)} == {"open", "closed"}


async def test_a_pull_without_details_preserves_the_details_of_another(
    client: AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "city.db"
    await pull(client, to=path, details=True)
    query = "SELECT id, comments_count, details FROM issues ORDER BY id"
    before = read_sqlite(path, query)
    await pull(client, to=path)

    assert read_sqlite(path, query) == before
    assert sum(row["comments_count"] for row in before) > 0
    whole = [json.loads(row["details"]) for row in before]
    assert [len(issue["comments"]) for issue in whole] == [row["comments_count"] for row in before]
    assert all("questions" in issue for issue in whole)


async def test_a_database_without_details_holds_no_whole_issues(
    client: AsyncClient, tmp_path: Path
) -> None:
    await pull(client, to=tmp_path / "city.db")

    assert {row["details"] for row in read_sqlite(tmp_path / "city.db")} == {None}


@pytest.mark.parametrize("stage", ["update", "sweep"])
async def test_an_update_of_a_pull_that_a_database_does_not_hold_is_refused(
    stage: str, client: AsyncClient, small: Sandbox, tmp_path: Path
) -> None:
    await pull(client, to=tmp_path / "city.db", area=PlaceArea("example-city"))
    small.requests.clear()

    with pytest.raises(InvalidArgumentError, match="none of this query"):
        await pull(client, to=tmp_path / "city.db", **{stage: True})  # type: ignore[arg-type]

    assert len(small.requests) == 0


@pytest.mark.parametrize("content", ["{}", '{"checkpoint": null, "length": -1}'])
async def test_a_checkpoint_that_cannot_be_read_is_refused(
    client: AsyncClient, tmp_path: Path, content: str
) -> None:
    await pull(client, to=tmp_path / "city.jsonl")
    (tmp_path / "city.jsonl.pull.json").write_text(content, "utf-8")

    with pytest.raises(InvalidArgumentError, match="checkpoint cannot be read"):
        await pull(client, to=tmp_path / "city.jsonl")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"to": "ci\0ty.db"}, "is not a path"),
        ({"to": "city.xls"}, "must end in .jsonl, .csv, .geojson, .db, .parquet or .geoparquet"),
        ({"to": "no/such/folder/city.jsonl"}, "Create the folder"),
        ({"sort": "rating"}, "sorts by its own clock"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": "huge"}, "page_size"),
        ({"concurrency": 33}, "concurrency"),
        ({"colour": "red"}, "no such parameter"),
    ],
)
async def test_wrong_arguments_are_refused(
    arguments: dict[str, object], words: str, client: AsyncClient, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        await pull(client, **{"to": tmp_path / "city.jsonl", **arguments})  # type: ignore[arg-type]


async def test_progress_is_reported(client: AsyncClient, tmp_path: Path) -> None:
    progress = _Recorder()

    report = await pull(client, to=tmp_path / "city.jsonl", progress=progress)

    assert progress.estimates == [Estimate(issues=300, requests=3, seconds=0.0)]
    assert [report.received for report in progress.reports] == [100, 199, 298, 300, 300, 300]
    assert progress.reports[-1] == report


async def test_a_continued_pull_estimates_the_rest(small: Sandbox, tmp_path: Path) -> None:
    progress = _Recorder()
    with pytest.raises(ServerError):
        await pull(failing_client(small, after=2), to=tmp_path / "city.jsonl")

    await pull(make_client(small), to=tmp_path / "city.jsonl", progress=progress)

    assert progress.estimates == [Estimate(issues=101, requests=2, seconds=0.0)]


class _Recorder:
    def __init__(self) -> None:
        self.estimates: list[Estimate] = []
        self.reports: list[Report] = []

    def begin(self, stage: Stage, estimate: Estimate) -> None:
        self.estimates.append(estimate)

    def update(self, report: Report) -> None:
        self.reports.append(report)


def _change(sandbox: Sandbox, now: int | None = None) -> tuple[int, int]:
    """Close an open issue and report a new one, both now; return their ids."""
    city, now = sandbox.city, now or int(time.time()) - 30
    row = city.status.index(OPEN)
    city.status[row], city.closed[row], city.updated[row] = CLOSED, now, now
    new = len(city)
    city.add(city.random(new), now, now=now)
    return city.id_of(row), city.id_of(new)


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_pulls_changed_issues_only(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    await pull(make_client(sandbox), to=path, update=True)  # reads the whole pull again
    sandbox.requests.clear()
    closed, new = _change(sandbox)

    report = await pull(make_client(sandbox), to=path, update=True)
    again = await pull(make_client(sandbox), to=path, update=True)

    await pull(make_client(sandbox), to=tmp_path / f"anew-{name}")
    assert read_issues(path) == read_issues(tmp_path / f"anew-{name}")
    assert {int(row["id"]) for row in read_issues(path)} >= {closed, new}
    assert (report.received, report.complete) == (3, True)  # with the newest issue of the pull
    assert again.received == 2  # an update reads the last hour again
    assert len(sandbox.requests) < 10
    assert not (tmp_path / f"{name}.update.jsonl").exists()


async def test_a_csv_with_a_very_long_cell_is_updated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = attrs.evolve(_draw(0), description="ab" * 70_000)
    monkeypatch.setattr("seeclickfix_async.sandbox._serializers._draw", lambda _: draw)
    sandbox = Sandbox(40, settings=Settings(quota=None))
    await pull(make_client(sandbox), to=tmp_path / "city.csv")
    _, new = _change(sandbox)

    await pull(make_client(sandbox), to=tmp_path / "city.csv", update=True)

    assert len(read_issues(tmp_path / "city.csv")) == 41
    assert (tmp_path / "city.csv").stat().st_size > 41 * 140_000
    assert new in {int(row["id"]) for row in read_issues(tmp_path / "city.csv")}


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_uses_the_clock_of_the_service(
    name: str, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    """The sandbox stamps its rows weeks behind this machine's clock."""
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    await copy_of_pull(path)
    for minutes in (1, 90):
        _change(sandbox, END + 60 * minutes)
        await pull(make_client(sandbox), to=path, update=True)

    await pull(make_client(sandbox), to=tmp_path / f"anew-{name}")
    assert read_issues(path) == read_issues(tmp_path / f"anew-{name}")


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_issue_that_moves_to_an_earlier_month_during_an_update_is_stored_as_it_is_now(
    name: str, tmp_path: Path
) -> None:
    path, service = tmp_path / name, ServiceModel(most_per_page=100)
    for day in range(150):
        service.add(START - timedelta(days=day))
    http = httpx.AsyncClient(transport=httpx.MockTransport(service.respond))
    client = AsyncClient(http=http, base_url=URL, limiter=None)
    await pull(client, to=path)
    service.opened += timedelta(days=1)
    for row in list(service.rows.values()):
        service.touch(row)
    service.opened += timedelta(days=1)
    first_response = service.responses

    def move(number: int) -> None:
        if number == first_response + 2:
            moved = service.rows[5]
            service.touch(moved, status=Status.CLOSED, created=moved.created - timedelta(days=40))

    service.before_response = move
    report = await pull(client, to=path, update=True)

    (stored,) = [row for row in read_issues(path) if int(row["id"]) == 5]
    assert report.received == 151
    assert stored.get("properties", stored)["status"].lower() == "closed"


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_of_some_fields_includes_both_times(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path, fields = tmp_path / name, ["summary", "status"]
    await pull(make_client(sandbox), to=path, fields=fields)
    _change(sandbox)

    await pull(make_client(sandbox), to=path, fields=fields, update=True)

    found = [row.get("properties", row) for row in read_issues(path)]
    assert len(found) == 301
    assert all(row["created_at"] and row["updated_at"] for row in found)


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_interrupted_update_is_continued(
    name: str, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    await copy_of_pull(path)
    for _ in range(150):
        _change(sandbox)

    with pytest.raises(ServerError):
        await pull(failing_client(sandbox, after=1), to=path, update=True)
    report = await pull(make_client(sandbox), to=path, update=True)

    await pull(make_client(sandbox), to=tmp_path / f"anew-{name}")
    assert read_issues(path) == read_issues(tmp_path / f"anew-{name}")
    assert report.complete


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
@pytest.mark.parametrize("stage", ["update", "sweep"])
async def test_an_interrupted_pull_is_completed_and_then_updated(
    stage: str, name: str, tmp_path: Path
) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    with pytest.raises(ServerError):
        await pull(failing_client(sandbox, after=2), to=path)
    for _ in range(150):
        _change(sandbox)

    await pull(make_client(sandbox), to=path, **{stage: True})  # type: ignore[arg-type]

    await pull(make_client(sandbox), to=tmp_path / f"anew-{name}")
    assert read_issues(path) == read_issues(tmp_path / f"anew-{name}")


@on_alternate_loops(
    "filters",
    [
        {"status": "open"},
        {"updated_at_after": datetime(2025, 1, 1, tzinfo=UTC)},
        {"search": "street", "area": PlaceArea("example-city")},
        {"request_types": [1]},
        {"assigned": ["unassigned"]},
        {"assigned_to_me": True},
    ],
)
@pytest.mark.parametrize("stage", ["update", "sweep"])
async def test_a_pull_with_filters_that_issues_can_leave_is_not_updated(
    stage: str, filters: dict[str, object], client: AsyncClient, tmp_path: Path
) -> None:
    await pull(client, to=tmp_path / "city.jsonl", **filters)  # type: ignore[arg-type]

    for name in ("city.jsonl", "another.jsonl"):
        with pytest.raises(InvalidArgumentError, match=r"can be updated|brought up to date"):
            await pull(client, to=tmp_path / name, **{stage: True}, **filters)  # type: ignore[arg-type]
    assert not (tmp_path / "another.jsonl").exists()


@pytest.mark.parametrize(("anyio_backend", "name"), _FILES)
async def test_a_process_that_ends_while_it_rewrites_a_file_leaves_the_old_or_the_new_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy_of_pull: CopyOfPull
) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    await copy_of_pull(path)
    _change(sandbox)

    for step in range(9):
        with monkeypatch.context() as patched:
            end_process_at(patched, step)
            with contextlib.suppress(ProcessEnded):  # the update may have fewer steps
                await pull(make_client(sandbox), to=path, update=True)
        with pytest.raises(InvalidArgumentError, match="is complete"):  # after recovery
            await pull(make_client(sandbox), to=path)
        assert len({row["id"] for row in read_issues(path)}) in (300, 301)
    await pull(make_client(sandbox), to=path, update=True)

    await pull(make_client(sandbox), to=tmp_path / f"anew-{name}")
    assert read_issues(path) == read_issues(tmp_path / f"anew-{name}")


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_pull_that_ends_at_its_first_steps_loses_no_page(
    name: str, client: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(3):
        path = tmp_path / f"{step}-{name}"
        with monkeypatch.context() as patched, contextlib.suppress(ProcessEnded):
            end_process_at(patched, step)
            await pull(client, to=path)

        with contextlib.suppress(InvalidArgumentError):  # the pull may be complete
            await pull(client, to=path)

        assert len(read_issues(path)) == 300


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancelled_pull_returns_after_its_last_write(
    client: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, let = threading.Event(), threading.Event()
    write = JsonLines.write

    def slowly(*arguments: Any) -> None:
        writing.set()
        assert let.wait(60)
        write(*arguments)

    monkeypatch.setattr(JsonLines, "write", slowly)
    task = asyncio.create_task(pull(client, to=tmp_path / "city.jsonl", concurrency=1))
    await to_thread.run_sync(writing.wait)
    for _ in range(2):
        task.cancel()
        await anyio.wait_all_tasks_blocked()
    left = task.done()
    let.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not left
    assert len(read_issues(tmp_path / "city.jsonl")) == 100


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (JsonLines, OSError(28, "No space left on device")),
        (Sqlite, sqlite3.OperationalError("database is locked")),
    ],
)
async def test_a_write_error_says_what_to_do(
    kind: type[Any],
    error: Exception,
    client: AsyncClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / ("city.db" if kind is Sqlite else "city.jsonl")

    def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(kind, "write", refuse)
        with pytest.raises(InvalidArgumentError, match=rf"{error.args[-1]}.* and pull again"):
            await pull(client, to=path)

    assert (await pull(client, to=path)).complete


_AREA = PlaceArea("example-city")  # an area that a crawl cannot divide


def _capped(depth: int = 14) -> Sandbox:
    """Return a service that does not serve all issues of a crowded second."""
    return Sandbox(300, settings=Settings(quota=None, depth=depth))


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_pull_that_lacks_issues_is_not_complete(name: str, tmp_path: Path) -> None:
    path, sandbox = tmp_path / name, _capped()
    first = await pull(make_client(sandbox), to=path, area=_AREA)
    second = await pull(make_client(sandbox), to=path, area=_AREA)

    assert not first.complete
    assert not second.complete
    assert second.reasons == first.reasons
    assert len({int(row["id"]) for row in read_issues(path)}) == len(read_issues(path))


@pytest.mark.parametrize("updated", [False, True])
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_missing_issues_are_pulled_when_the_service_returns_them(
    name: str, updated: bool, tmp_path: Path
) -> None:
    path, capped = tmp_path / name, _capped()
    whole = Sandbox(300, settings=Settings(quota=None))
    await pull(make_client(capped), to=path, area=_AREA)
    if updated:
        await pull(make_client(capped), to=path, area=_AREA, update=True)

    report = await pull(make_client(whole), to=path, area=_AREA, update=updated)

    assert report.complete
    assert [int(row["id"]) for row in read_issues(path)] == [
        whole.city.id_of(row) for row in range(300)
    ]


@pytest.mark.parametrize(
    ("anyio_backend", "name", "stage"),
    [
        *((*sink, "update") for sink in _SINKS),
        ("trio", "city.jsonl", "sweep"),
        ("trio", "city.db", "sweep"),
    ],
)
async def test_an_update_of_an_incomplete_pull_reports_it(
    name: str, stage: str, tmp_path: Path
) -> None:
    path, sandbox = tmp_path / name, _capped()
    first = await pull(make_client(sandbox), to=path, area=_AREA)
    before = len(read_issues(path))

    for _ in range(2):
        _change(sandbox)
        options: dict[str, Any] = {stage: True}
        report = await pull(make_client(sandbox), to=path, area=_AREA, **options)
        assert not report.complete
        assert first.reasons[-1] in report.reasons
    plain = await pull(make_client(sandbox), to=path, area=_AREA)  # is not refused as complete

    assert not plain.complete
    assert len(read_issues(path)) == before + 2


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_pull_with_unreadable_rows_is_updated_and_reports_them(
    name: str, tmp_path: Path
) -> None:
    path, sandbox = tmp_path / name, Sandbox(1000, settings=Settings(quota=None))
    client = _client_with_a_bad_row(sandbox, sandbox.city.id_of(120))
    first = await pull(client, to=path)
    _change(sandbox)
    sandbox.requests.clear()
    report = await pull(client, to=path, update=True)

    assert first.reasons == report.reasons == ("1 row could not be read.",)
    assert not report.complete
    with pytest.raises(TruncatedResultsError, match=r"^1 row could not be read\."):
        report.raise_if_incomplete()
    assert len(read_issues(path)) == 1000  # 999, and a new one
    assert len(sandbox.requests) <= 6  # not the whole pull again


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_reads_rows_again_that_could_not_be_read(name: str, tmp_path: Path) -> None:
    path, sandbox = tmp_path / name, Sandbox(300, settings=Settings(quota=None))
    first = await pull(_client_with_a_bad_row(sandbox, sandbox.city.id_of(120)), to=path)

    report = await pull(make_client(sandbox), to=path, update=True)

    assert not first.complete
    assert report.complete, report.reasons
    assert sandbox.city.id_of(120) in {int(row["id"]) for row in read_issues(path)}
    assert len(read_issues(path)) == 300


@pytest.mark.parametrize("excesses", [(0, 0, 0), (0, 1)])
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_rows_that_an_update_could_not_read_are_reported_until_one_reads_them(
    name: str, excesses: tuple[int, ...], tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    """Also if another update in between is incomplete for another reason, a count too high."""
    path, sandbox = tmp_path / name, Sandbox(300, settings=Settings(quota=None))
    await copy_of_pull(path)
    number = sandbox.city.id_of(sandbox.city.report())
    for excess in excesses:
        for _ in range(100):  # so much time that the next update begins after that row
            sandbox.city.report()
        client = _client_with_a_bad_row(sandbox, number, excess=excess)
        report = await pull(client, to=path, update=True)
        assert "1 row could not be read." in report.reasons
        assert (len(report.reasons) > 1) == (excess > 0)

    report = await pull(make_client(sandbox), to=path, update=True)

    assert report.complete, report.reasons
    assert number in {int(row["id"]) for row in read_issues(path)}
    assert len(read_issues(path)) == len(sandbox.city)


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_pull_from_a_service_that_lists_nothing_is_repeated(
    name: str, tmp_path: Path
) -> None:
    path, sandbox = tmp_path / name, Sandbox(300, settings=Settings(quota=None))
    for _ in range(2):
        with pytest.raises(TruncatedResultsError, match="announces 300 issues"):
            await pull(client_without_rows(sandbox), to=path)

    report = await pull(make_client(sandbox), to=path)

    assert report.complete, report.reasons
    assert len(read_issues(path)) == 300


@pytest.mark.parametrize("stage", [None, "update", "sweep"])
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_issues_of_another_service_are_not_added(
    name: str, stage: str | None, tmp_path: Path
) -> None:
    path, sandbox = tmp_path / name, Sandbox(30, settings=Settings(quota=None))
    await pull(make_client(sandbox), to=path)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app))
    other = AsyncClient(http=http, base_url="https://other.test", limiter=None)
    sandbox.requests.clear()

    with pytest.raises(InvalidArgumentError, match=r"issues of https://city.test, and base_url is"):
        await pull(other, to=path, update=stage == "update", sweep=stage == "sweep")

    assert not sandbox.requests
    report = await pull(make_client(sandbox), to=path, update=True)
    assert report.complete
    assert len(read_issues(path)) == 30


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_pull_of_issues_that_claim_an_update_before_the_service_began_is_updated(
    name: str, tmp_path: Path
) -> None:
    path, service = tmp_path / name, ServiceModel()
    for day in range(150):
        service.add(START - timedelta(days=day), updated=datetime(1900, 1, 1, tzinfo=UTC))
    http = httpx.AsyncClient(transport=httpx.MockTransport(service.respond))
    client = AsyncClient(http=http, base_url=URL, limiter=None)
    await pull(client, to=path)

    for stage in ("update", "update", "sweep"):
        service.opened += timedelta(days=1)
        report = await pull(client, to=path, update=True, sweep=stage == "sweep")
        assert report.complete, report.reasons
    assert len(read_issues(path)) == 150


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_interrupted_update_continues_before_gaps_are_read_again(
    name: str, tmp_path: Path
) -> None:
    """Errors may come so often that gaps and update never succeed in one call."""
    path, sandbox = tmp_path / name, _capped(depth=10)
    await pull(make_client(sandbox), to=path, area=_AREA)
    for row in range(40):
        sandbox.city.updated[row] = int(time.time()) - 7200 - row
    sandbox.requests.clear()
    _copy_pull(path, tmp_path / "copy")
    await pull(make_client(sandbox), to=tmp_path / "copy" / name, area=_AREA, update=True)
    needed = len(sandbox.requests)  # 21 for the gaps, and 6 for the update
    with pytest.raises(ServerError):
        await pull(failing_client(sandbox, needed - 2), to=path, area=_AREA, update=True)

    client = failing_client(sandbox, needed - 10)
    report = await pull(client, to=path, area=_AREA, update=True)

    assert not report.complete
    assert len(read_issues(path)) == len(read_issues(tmp_path / "copy" / name))


def _copy_pull(path: Path, folder: Path) -> None:
    folder.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        copy = shutil.copytree if file.is_dir() else shutil.copy
        copy(file, folder / file.name)


def _client_with_a_bad_row(sandbox: Sandbox, number: int, *, excess: int = 0) -> AsyncClient:
    """Return a client that cannot read one row, and receives a count that is too high."""

    class Spoiling(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            body = json.loads(await response.aread())
            for row in body["issues"]:
                if row["id"] == number:
                    row["id"] = None
            body["metadata"]["pagination"]["entries"] += excess
            return httpx.Response(200, json=body)

    http = httpx.AsyncClient(transport=Spoiling(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None)


def _client_that_counts_too_many_updates(sandbox: Sandbox) -> AsyncClient:
    """Return a client that receives no updates, and yet the count of three."""

    class Counting(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            if "updated_at_after" not in request.url.params:
                return response
            body = json.loads(await response.aread())
            body["metadata"]["pagination"]["entries"] = 3
            return httpx.Response(200, json=body | {"issues": []})

    http = httpx.AsyncClient(transport=Counting(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None)


async def test_an_update_ends_where_the_service_counts_issues_and_sends_none(
    client: AsyncClient, small: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "city.jsonl"
    await pull(client, to=path)

    for _ in range(2):
        report = await pull(_client_that_counts_too_many_updates(small), to=path, update=True)
        assert not report.complete
        assert "announces 3 issues" in report.reasons[0]
    assert len(read_issues(path)) == len(small.city)


@pytest.mark.parametrize(("anyio_backend", "name"), _FILES)
async def test_an_update_that_ended_during_its_merge_is_repeated(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy_of_pull: CopyOfPull
) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    await copy_of_pull(path)
    now = int(time.time())
    _change(sandbox, now - 7200)
    for step in range(6):
        with monkeypatch.context() as patched, contextlib.suppress(ProcessEnded):
            end_process_at(patched, step)
            await pull(make_client(sandbox), to=path, update=True)
        _change(sandbox, now - 3000 + step)
        sandbox.requests.clear()

        report = await pull(make_client(sandbox), to=path, update=True)

        assert len(sandbox.requests) > 0, step
        assert report.complete
        await pull(make_client(sandbox), to=tmp_path / f"{step}-{name}")
        assert read_issues(path) == read_issues(tmp_path / f"{step}-{name}")


@on_alternate_loops("name", ["city.jsonl", "city.csv", "city.geojson"])
async def test_a_process_that_ends_while_it_completes_a_pull_locks_no_file(
    name: str, small: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are beyond the checkpoint of a pull that had ended."""
    bad = small.city.id_of(150)
    for step in range(5):
        path = tmp_path / f"{step}-{name}"
        assert not (await pull(_client_with_a_bad_row(small, bad), to=path)).complete
        with monkeypatch.context() as patched, contextlib.suppress(ProcessEnded):
            end_process_at(patched, step)
            await pull(make_client(small), to=path)

        assert (await pull(make_client(small), to=path, update=True)).complete
        assert sorted(int(row["id"]) for row in read_issues(path)) == [
            small.city.id_of(row) for row in range(300)
        ]


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_issue_whose_creation_moves_between_two_calls_is_stored_once(
    name: str, tmp_path: Path
) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    with pytest.raises(ServerError):
        await pull(failing_client(sandbox, after=2), to=path)
    moved = sandbox.city.id_of(7)

    report = await pull(_client_with_a_moved_row(sandbox, moved), to=path)

    ids = [int(row["id"]) for row in read_issues(path)]
    assert ids.count(moved) == 1
    assert len(ids) == len(set(ids))
    assert report.received == len(ids)


def _client_with_a_moved_row(sandbox: Sandbox, number: int) -> AsyncClient:
    """Return a client that receives the id of an earlier row in the last row of each page."""

    class Moving(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            body = json.loads(await response.aread())
            if body["issues"]:
                body["issues"][-1]["id"] = number
            return httpx.Response(200, json=body)

    http = httpx.AsyncClient(transport=Moving(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None)


async def test_a_locked_database_does_not_block_the_event_loop(
    client: AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "city.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")  # so that it cannot be opened
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(pull, client, to=path))
            for _ in range(5):
                await anyio.wait_all_tasks_blocked()
            other.execute("COMMIT")  # runs while the pull waits in its thread

    assert len(read_issues(path)) == 300


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_does_not_depend_on_the_clock_of_this_machine(
    name: str, tmp_path: Path
) -> None:
    """This machine's clock is ten days ahead, and the newest update is dated 2040."""
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path, behind = tmp_path / name, timedelta(days=10)
    sandbox.city.updated[5] = int(datetime(2040, 1, 1, tzinfo=UTC).timestamp())
    await pull(_client_with_a_clock(sandbox, behind), to=path)
    number, _ = _change(sandbox, int((datetime.now(UTC) - behind).timestamp()) + 60)

    await pull(_client_with_a_clock(sandbox, behind - timedelta(days=1)), to=path, update=True)

    (changed,) = [row for row in read_issues(path) if int(row["id"]) == number]
    assert changed.get("properties", changed)["status"].lower() == "closed"
    assert len(read_issues(path)) == 301


def _client_with_a_clock(sandbox: Sandbox, behind: timedelta) -> AsyncClient:
    class Dated(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            response.headers["Date"] = format_datetime(datetime.now(UTC) - behind, usegmt=True)
            return response

    http = httpx.AsyncClient(transport=Dated(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None)
