"""A pull fills a file, goes on where it stopped, and says what came."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio import to_thread

from seeclickfix_async import AsyncClient, Estimate, PlaceArea, Report, WatchArea
from seeclickfix_async.errors import InvalidArgumentError, ServerError
from seeclickfix_async.pull import Stage, pull
from seeclickfix_async.pull._sqlite import Sqlite
from seeclickfix_async.pull._text import JsonLines
from seeclickfix_async.sandbox import Sandbox, Settings
from seeclickfix_async.sandbox._city import CATEGORIES, CLOSED, END, OPEN
from tests.support.faults import ProcessEnded, end_process_at
from tests.support.pulled_files import read_csv, read_geojson, read_issues, read_jsonl, read_sqlite
from tests.support.sandboxes import URL, failing_client, make_client

pytestmark = pytest.mark.anyio

_NAMES = ["city.jsonl", "city.csv", "city.geojson", "city.db", "city.geoparquet"]
_SINKS = [
    *(("trio", name) for name in (_NAMES[0], _NAMES[-1])),
    *(("asyncio", name) for name in _NAMES),
]


@pytest.fixture(scope="module")
def small() -> Sandbox:
    return Sandbox(300, settings=Settings(quota=None))


@pytest.fixture
def client(small: Sandbox) -> AsyncClient:
    return make_client(small)


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_file_holds_every_issue_and_what_came(
    name: str, client: AsyncClient, small: Sandbox, tmp_path: Path
) -> None:
    report = await pull(client, to=tmp_path / name)

    assert report.complete
    assert report.expected == report.received == 300
    assert [int(row["id"]) for row in read_issues(tmp_path / name)] == [
        small.city.id_of(row) for row in range(300)
    ]


async def test_lines_hold_whole_issues(client: AsyncClient, tmp_path: Path) -> None:
    await pull(client, to=tmp_path / "city.jsonl", details=True)

    issue = read_jsonl(tmp_path / "city.jsonl")[0]
    assert {"summary", "point", "reporter", "comments", "questions"} <= issue.keys()


async def test_a_table_holds_plain_columns(client: AsyncClient, tmp_path: Path) -> None:
    await pull(client, to=tmp_path / "city.csv")

    kept = read_csv(tmp_path / "city.csv")
    issue = await client.issues.get(int(kept[7]["id"]))
    assert kept[7]["summary"] == issue.summary
    assert float(kept[7]["lat"]) == issue.lat
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", kept[7]["created_at"])
    assert any("\r\n" in row["description"] for row in kept)


async def test_features_are_points_of_longitude_and_latitude(
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


async def test_a_database_holds_people_comments_and_views(
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
    assert count("request_types") == 12
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


async def test_a_place_is_looked_up_once_and_a_pull_goes_on_without_it(tmp_path: Path) -> None:
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


async def test_a_database_finds_words_and_names_the_licence(
    client: AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "city.db"
    await pull(client, to=path)
    later = datetime.now(UTC)
    await pull(client, to=path, before=later)  # what comes again replaces its row, in the index too

    found = read_sqlite(path, "SELECT rowid FROM issues_fts WHERE issues_fts MATCH 'hydrant'")
    held = read_sqlite(path, "SELECT id FROM issues WHERE description LIKE '%hydrant%'")
    assert {row["rowid"] for row in found} == {row["id"] for row in held}
    assert len(found) == len(held) > 0
    kept, _ = read_sqlite(path, "SELECT * FROM pulls")
    assert (kept["complete"], kept["attribution"]) == (1, "seeclickfix.com")
    assert "by-nc-sa" in kept["licence"]
    assert json.loads(kept["report"])["received"] == 300


async def test_the_words_of_a_database_follow_its_rows(tmp_path: Path) -> None:
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
    assert read_sqlite(path, check) == []  # raises where the index says other than the rows


async def test_the_report_stands_beside_lines(client: AsyncClient, tmp_path: Path) -> None:
    report = await pull(client, to=tmp_path / "city.jsonl", status="open")

    beside = json.loads((tmp_path / "city.jsonl.pull.json").read_text("utf-8"))["checkpoint"]
    assert beside["report"]["received"] == report.received
    assert beside["query"] == {"status": "open"}
    assert "by-nc-sa" in beside["licence"]


async def test_the_token_of_a_watch_area_is_not_kept(client: AsyncClient, tmp_path: Path) -> None:
    await pull(client, to=tmp_path / "city.jsonl", area=WatchArea("a-secret-of-mine"))

    assert "a-secret-of-mine" not in (tmp_path / "city.jsonl.pull.json").read_text("utf-8")


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_torn_end_is_repaired(name: str, small: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(ServerError):
        await pull(failing_client(small, after=2), to=path)
    kept = _tear(path)
    small.requests.clear()

    report = await pull(make_client(small), to=path)

    assert 190 < kept <= 200
    assert report.complete
    assert len(read_issues(path)) == 300
    assert len(small.requests) == 3  # two pages, and a look for issues that changed meanwhile


def _tear(path: Path) -> int:
    """Leave half a row behind, as a killed process may; gives how many rows were whole."""
    if path.suffix == ".geoparquet":
        checkpoint = json.loads(path.with_name(f"{path.name}.pull.json").read_bytes())["checkpoint"]
        kept: int = checkpoint["report"]["received"]
        path = path.with_name(f"{path.name}.pending")
    else:
        kept = len(read_issues(path))
    if path.suffix != ".db":  # a database mends itself
        with path.open("ab") as file:
            file.write(b'{"id": 20000')
    return kept


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_what_is_something_else_is_left_alone(
    name: str, client: AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text("mine\n", "utf-8")

    with pytest.raises(
        InvalidArgumentError, match=r"is there already|not a database|has to be a folder"
    ):
        await pull(client, to=path)

    assert path.read_text("utf-8") == "mine\n"


@pytest.mark.parametrize("name", _NAMES[:3])
async def test_a_file_holds_one_pull(name: str, client: AsyncClient, tmp_path: Path) -> None:
    await pull(client, to=tmp_path / name)

    with pytest.raises(InvalidArgumentError, match="another query"):
        await pull(client, to=tmp_path / name, status="open")
    (tmp_path / name).write_text("", "utf-8")
    with pytest.raises(InvalidArgumentError, match="shorter than its checkpoint"):
        await pull(client, to=tmp_path / name)


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_pull_that_is_done_is_not_done_again(
    name: str, client: AsyncClient, small: Sandbox, tmp_path: Path
) -> None:
    await pull(client, to=tmp_path / name)
    small.requests.clear()

    with pytest.raises(InvalidArgumentError, match=r"is done.*update=True"):
        await pull(client, to=tmp_path / name)

    assert len(small.requests) == 0


async def test_a_database_holds_many_pulls(client: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "city.db"
    await pull(client, to=path, status="open")
    await pull(client, to=path, status=["closed"])

    assert len(read_sqlite(path, "SELECT * FROM pulls")) == 2
    assert {row["status"] for row in read_sqlite(path)} == {"open", "closed"}


async def test_a_pull_without_details_leaves_those_of_another(
    client: AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "city.db"
    await pull(client, to=path, details=True)
    told = "SELECT id, comments_count, details FROM issues ORDER BY id"
    before = read_sqlite(path, told)
    await pull(client, to=path)

    assert read_sqlite(path, told) == before
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
async def test_an_update_of_what_a_database_does_not_hold_is_refused(
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
        ({"to": "ci\0ty.db"}, "is no path"),
        ({"to": "city.xls"}, "must end in .jsonl, .csv, .geojson, .db, .parquet or .geoparquet"),
        ({"to": "no/such/folder/city.jsonl"}, "cannot be written"),
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


async def test_somebody_is_told_what_is_to_come_and_what_came(
    client: AsyncClient, tmp_path: Path
) -> None:
    teller = _Teller()

    report = await pull(client, to=tmp_path / "city.jsonl", teller=teller)

    assert teller.estimates == [Estimate(issues=300, requests=3, seconds=0.0)]
    assert [told.received for told in teller.reports] == [100, 199, 298, 300, 300, 300]
    assert teller.reports[-1] == report


async def test_what_is_left_is_told_when_a_pull_goes_on(small: Sandbox, tmp_path: Path) -> None:
    teller = _Teller()
    with pytest.raises(ServerError):
        await pull(failing_client(small, after=2), to=tmp_path / "city.jsonl")

    await pull(make_client(small), to=tmp_path / "city.jsonl", teller=teller)

    assert teller.estimates == [Estimate(issues=101, requests=2, seconds=0.0)]


class _Teller:
    def __init__(self) -> None:
        self.estimates: list[Estimate] = []
        self.reports: list[Report] = []

    def begin(self, stage: Stage, estimate: Estimate) -> None:
        self.estimates.append(estimate)

    def tell(self, report: Report) -> None:
        self.reports.append(report)


# -- up to date -----------------------------------------------------------------------------------


def _change(sandbox: Sandbox, now: int | None = None) -> tuple[int, int]:
    """Close an issue that is open and report a new one, both now; gives their ids."""
    city, now = sandbox.city, now or int(time.time()) - 30
    row = city.status.index(OPEN)
    city.status[row], city.closed[row], city.updated[row] = CLOSED, now, now
    new = len(city)
    city.add(city.random(new), now, now=now)
    return city.id_of(row), city.id_of(new)


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_brings_what_changed_and_no_more(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    await pull(make_client(sandbox), to=path, update=True)  # the first time it is all new
    sandbox.requests.clear()
    closed, new = _change(sandbox)

    report = await pull(make_client(sandbox), to=path, update=True)
    again = await pull(make_client(sandbox), to=path, update=True)

    await pull(make_client(sandbox), to=tmp_path / f"anew-{name}")
    assert read_issues(path) == read_issues(tmp_path / f"anew-{name}")
    assert {int(row["id"]) for row in read_issues(path)} >= {closed, new}
    assert (report.received, report.complete) == (3, True)  # with the newest of before
    assert again.received == 2  # it looks an hour back
    assert len(sandbox.requests) < 10
    assert not (tmp_path / f"{name}.update.jsonl").exists()


async def test_a_table_with_a_very_long_text_is_updated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "seeclickfix_async.sandbox._serializers._description", lambda _: "ab" * 70_000
    )
    sandbox = Sandbox(40, settings=Settings(quota=None))
    await pull(make_client(sandbox), to=tmp_path / "city.csv")
    _, new = _change(sandbox)

    await pull(make_client(sandbox), to=tmp_path / "city.csv", update=True)

    assert len(read_issues(tmp_path / "city.csv")) == 41
    assert new in {int(row["id"]) for row in read_issues(tmp_path / "city.csv")}


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_goes_by_the_services_clock(name: str, tmp_path: Path) -> None:
    """That of the sandbox is weeks behind, as far as its own writes go."""
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    await pull(make_client(sandbox), to=path)
    for minutes in (1, 90):
        _change(sandbox, END + 60 * minutes)
        await pull(make_client(sandbox), to=path, update=True)

    await pull(make_client(sandbox), to=tmp_path / f"anew-{name}")
    assert read_issues(path) == read_issues(tmp_path / f"anew-{name}")


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_of_some_fields_keeps_both_times(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path, fields = tmp_path / name, ["summary", "status"]
    await pull(make_client(sandbox), to=path, fields=fields)
    _change(sandbox)

    await pull(make_client(sandbox), to=path, fields=fields, update=True)

    found = [row.get("properties", row) for row in read_issues(path)]
    assert len(found) == 301
    assert all(row["created_at"] and row["updated_at"] for row in found)


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_that_is_interrupted_goes_on(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    await pull(make_client(sandbox), to=path)
    for _ in range(150):
        _change(sandbox)

    with pytest.raises(ServerError):
        await pull(failing_client(sandbox, after=1), to=path, update=True)
    report = await pull(make_client(sandbox), to=path, update=True)

    await pull(make_client(sandbox), to=tmp_path / f"anew-{name}")
    assert read_issues(path) == read_issues(tmp_path / f"anew-{name}")
    assert report.complete


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("stage", ["update", "sweep"])
async def test_an_interrupted_pull_is_brought_up_to_date_as_soon_as_it_is_whole(
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


@pytest.mark.parametrize(
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
async def test_a_pull_that_issues_can_leave_is_not_updated(
    stage: str, filters: dict[str, object], client: AsyncClient, tmp_path: Path
) -> None:
    await pull(client, to=tmp_path / "city.jsonl", **filters)  # type: ignore[arg-type]

    for name in ("city.jsonl", "another.jsonl"):
        with pytest.raises(InvalidArgumentError, match=r"can be updated|brought up to date"):
            await pull(client, to=tmp_path / name, **{stage: True}, **filters)  # type: ignore[arg-type]
    assert not (tmp_path / "another.jsonl").exists()


@pytest.mark.parametrize("name", ["city.jsonl", "city.csv", "city.geojson", "city.parquet"])
async def test_a_file_that_was_being_written_anew_is_the_old_one_or_the_new_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    await pull(make_client(sandbox), to=path)
    _change(sandbox)

    for step in range(9):
        with monkeypatch.context() as patched:
            end_process_at(patched, step)
            with contextlib.suppress(ProcessEnded):  # there may be fewer moves left
                await pull(make_client(sandbox), to=path, update=True)
        with pytest.raises(InvalidArgumentError, match="is done"):  # looks, and does nothing
            await pull(make_client(sandbox), to=path)
        assert len({row["id"] for row in read_issues(path)}) in (300, 301)
    await pull(make_client(sandbox), to=path, update=True)

    await pull(make_client(sandbox), to=tmp_path / f"anew-{name}")
    assert read_issues(path) == read_issues(tmp_path / f"anew-{name}")


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_pull_that_ends_between_its_first_moves_loses_no_page(
    name: str, client: AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(3):
        path = tmp_path / f"{step}-{name}"
        with monkeypatch.context() as patched, contextlib.suppress(ProcessEnded):
            end_process_at(patched, step)
            await pull(client, to=path)

        with contextlib.suppress(InvalidArgumentError):  # it may be done already
            await pull(client, to=path)

        assert len(read_issues(path)) == 300


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_pull_that_is_cancelled_from_outside_leaves_nobody_writing(
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
async def test_a_file_that_cannot_be_written_says_what_to_do(
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


# -- what is missing ------------------------------------------------------------------------------

_AREA = PlaceArea("example-city")  # which cannot be cut up, where the service serves too little


def _capped() -> Sandbox:
    """A service that does not serve all issues of its crowded second."""
    return Sandbox(300, settings=Settings(quota=None, depth=10))


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_pull_that_lacks_issues_is_not_done(name: str, tmp_path: Path) -> None:
    path, sandbox = tmp_path / name, _capped()
    first = await pull(make_client(sandbox), to=path, area=_AREA)
    second = await pull(make_client(sandbox), to=path, area=_AREA)

    assert not first.complete
    assert not second.complete
    assert second.reasons == first.reasons
    assert len({int(row["id"]) for row in read_issues(path)}) == len(read_issues(path))


@pytest.mark.parametrize("updated", [False, True])
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_what_a_pull_lacks_comes_when_the_service_gives_it(
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


@pytest.mark.parametrize("stage", ["update", "sweep"])
@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_of_a_pull_that_lacks_issues_says_so(
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
    plain = await pull(make_client(sandbox), to=path, area=_AREA)  # is not refused as done

    assert not plain.complete
    assert len(read_issues(path)) == before + 2


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_a_pull_with_rows_that_cannot_be_read_is_updated_and_says_so(
    name: str, tmp_path: Path
) -> None:
    path, sandbox = tmp_path / name, Sandbox(300, settings=Settings(quota=None))
    client = _client_with_a_bad_row(sandbox, sandbox.city.id_of(120))
    first = await pull(client, to=path)
    _change(sandbox)
    sandbox.requests.clear()
    report = await pull(client, to=path, update=True)

    assert first.reasons == report.reasons == ("1 rows could not be read.",)
    assert not report.complete
    assert len(read_issues(path)) == 300  # 299, and a new one
    assert len(sandbox.requests) < 3  # it does not read everything again


def _client_with_a_bad_row(sandbox: Sandbox, number: int) -> AsyncClient:
    class Spoiling(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            body = json.loads(await response.aread())
            for row in body["issues"]:
                if row["id"] == number:
                    row["id"] = None
            return httpx.Response(200, json=body)

    http = httpx.AsyncClient(transport=Spoiling(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None)


@pytest.mark.parametrize("name", ["city.jsonl", "city.csv", "city.geojson", "city.parquet"])
async def test_an_update_that_ended_while_it_merged_asks_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    path = tmp_path / name
    await pull(make_client(sandbox), to=path)
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


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_issue_whose_creation_moves_between_two_calls_is_in_the_file_once(
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
    """The last row of the last page has the id of one that came before."""

    class Moving(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            body = json.loads(await response.aread())
            if body["issues"]:
                body["issues"][-1]["id"] = number
            return httpx.Response(200, json=body)

    http = httpx.AsyncClient(transport=Moving(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None)


async def test_a_database_that_is_locked_does_not_stop_the_event_loop(
    client: AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "city.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE mine (x)")
        other.execute("BEGIN EXCLUSIVE")  # with which it cannot even be opened
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(pull, client, to=path))
            for _ in range(5):
                await anyio.wait_all_tasks_blocked()
            other.execute("COMMIT")  # runs while the pull waits in its thread

    assert len(read_issues(path)) == 300


@pytest.mark.parametrize(("anyio_backend", "name"), _SINKS)
async def test_an_update_rests_on_the_clock_of_the_service_alone(name: str, tmp_path: Path) -> None:
    """This machine is ten days ahead of it, and the newest update claims to be of 2040."""
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
