"""Local times beside those in UTC: an evening report is in its own day and month."""

from __future__ import annotations

import importlib
import io
import sqlite3
import sys
import zoneinfo
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from seeclickfix_async.errors import InvalidArgumentError, ServerError
from seeclickfix_async.pull import open_sink, pull, table
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.command_line import run_cli
from tests.support.map_pages import map_rows, read_map
from tests.support.pulled_files import read_issues, read_jsonl, read_sqlite
from tests.support.sandboxes import failing_client, make_client

pd: Any = importlib.import_module("pandas")  # which has no types

_NAME = "America/New_York"
_ZONE = ZoneInfo(_NAME)
_TIMES = ("created_at", "acknowledged_at", "closed_at", "reopened_at", "updated_at", "vanished_at")
_FILES = [
    ("a.jsonl", "asyncio"),
    ("a.csv", "trio"),
    ("a.geojson", "asyncio"),
    ("a.db", "trio"),
    ("a.parquet", "asyncio"),
    ("a.geoparquet", "trio"),
]

_CREATED = {
    "2025-11-02T05:30:00Z": "2025-11-02T01:30:00-04:00",  # summer time ends at 06:00 UTC
    "2025-11-02T06:30:00Z": "2025-11-02T01:30:00-05:00",
    "2026-02-01T00:30:00Z": "2026-01-31T19:30:00-05:00",  # the evening before, in another month
    "2026-03-08T06:59:59Z": "2026-03-08T01:59:59-05:00",  # summer time begins a second later
    "2026-03-08T07:00:00Z": "2026-03-08T03:00:00-04:00",
}

_LOCAL = [local[: len("2025-11-02T01:30:00")] for local in _CREATED.values()]
_DAYS = sorted(local[:10] for local in _LOCAL)

_FROM = {
    "a.jsonl": "SELECT created_at_local FROM read_json('{}')",
    "a.csv": "SELECT created_at_local FROM read_csv('{}')",
    "a.geojson": """
        SELECT feature.properties.created_at_local
        FROM (SELECT unnest(features) AS feature FROM read_json('{}', format = 'unstructured'))
    """,
    "a.parquet": "SELECT created_at_local FROM read_parquet('{}/*/*.parquet')",
    "a.geoparquet": "SELECT created_at_local FROM read_parquet('{}/*/*.parquet')",
}


@pytest.fixture
def small_city() -> Sandbox:
    sandbox = Sandbox(len(_CREATED), settings=Settings(quota=None))
    for row, created in enumerate(_CREATED):
        time = int(datetime.fromisoformat(created).timestamp())
        sandbox.city.created[row] = time
        sandbox.city.updated[row] = time + 3600
    return sandbox


def _values(path: Path) -> list[dict[str, Any]]:
    return [row.get("properties", row) for row in read_issues(path)]


def _parse(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else value or None


def _check(row: dict[str, Any]) -> None:
    """Check each local time of a row against its time in UTC."""
    for name in _TIMES:
        time, local = _parse(row[name]), _parse(row[f"{name}_local"])
        if time is None:
            assert local is None
        else:
            assert local == time.astimezone(_ZONE).replace(tzinfo=None)


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "anyio_backend"), _FILES)
async def test_a_pull_with_its_updates_and_sweeps_has_local_times(
    small_city: Sandbox, name: str, tmp_path: Path
) -> None:
    client, path = make_client(small_city), tmp_path / name

    with pytest.raises(ServerError):
        await pull(failing_client(small_city, after=2), to=path, timezone=_NAME, page_size=2)
    await pull(client, to=path)
    small_city.city.touch(1)
    small_city.city.hide(0)
    await pull(client, to=path, sweep=True)

    rows = _values(path)
    assert len(rows) == len(_CREATED)
    for row in rows:
        _check(row)
    assert [bool(row["vanished_at_local"]) for row in rows].count(True) == 1
    if path.suffix not in (".parquet", ".geoparquet"):
        assert sorted(row["created_at_local"] for row in rows) == sorted(_LOCAL)
    with pytest.raises(InvalidArgumentError, match=f"begun with {_NAME}, and stays so"):
        await pull(client, to=path, update=True, timezone="Europe/Paris")
    small_city.city.show(0)
    report = await pull(client, to=path, sweep=True, timezone=ZoneInfo(_NAME))
    assert report.vanished == 0
    assert not any(row["vanished_at_local"] for row in _values(path))


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "anyio_backend"), _FILES)
async def test_each_engine_finds_the_local_day_in_a_session_of_any_time_zone(
    small_city: Sandbox, name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    await pull(make_client(small_city), to=path, timezone=_NAME, details=True)

    assert _days_in_pandas(path) == _DAYS
    if path.suffix == ".db":
        rows = read_sqlite(path, "SELECT date(created_at_local) AS day FROM issues ORDER BY day")
        assert [row["day"] for row in rows] == _DAYS
        return
    with duckdb.connect() as database:
        for session in ("UTC", "Asia/Tokyo", "America/Los_Angeles"):
            database.execute(f"SET TimeZone = '{session}'")
            found = database.execute(_FROM[name].format(path)).fetchall()
            days = database.execute(
                f"SELECT DISTINCT typeof(local), local::DATE::VARCHAR FROM ({_FROM[name]}) "
                "AS rows (local)".format(path)
            ).fetchall()
            assert sorted(local.isoformat() for (local,) in found) == _LOCAL
            assert sorted(days) == [("TIMESTAMP", day) for day in sorted({*_DAYS})]


def _days_in_pandas(path: Path) -> list[str]:
    """Return the local days of the issues of a file, as pandas reads it."""
    if path.suffix == ".csv":
        frame = pd.read_csv(path, parse_dates=["created_at_local"])
    elif path.suffix == ".jsonl":
        frame = pd.read_json(path, lines=True)
    elif path.suffix == ".geojson":
        frame = pd.DataFrame(_values(path))
    elif path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database:
            query = "SELECT created_at_local FROM issues"
            frame = pd.read_sql(query, database, parse_dates=["created_at_local"])
    else:
        frame = pd.read_parquet(path)
    return sorted(pd.to_datetime(frame["created_at_local"]).dt.strftime("%Y-%m-%d"))


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "anyio_backend"), _FILES)
async def test_a_file_without_the_option_stays_as_it_is(
    small_city: Sandbox, name: str, tmp_path: Path
) -> None:
    client, path = make_client(small_city), tmp_path / name
    await pull(client, to=path)

    with pytest.raises(InvalidArgumentError, match="begun without it, and stays so"):
        await pull(client, to=path, update=True, timezone=_NAME)
    await pull(client, to=path, update=True)

    assert not [name for row in _values(path) for name in row if name.endswith("_local")]


@pytest.mark.anyio
async def test_months_are_those_of_the_local_time(small_city: Sandbox, tmp_path: Path) -> None:
    client = make_client(small_city)
    for name in ("a.parquet", "a.db", "utc.parquet"):
        zone = None if name.startswith("utc") else _NAME
        await pull(client, to=tmp_path / name, timezone=zone)

    def months(name: str) -> list[str]:
        return sorted(folder.name for folder in (tmp_path / name).iterdir())

    assert months("a.parquet") == ["month=2025-11", "month=2026-01", "month=2026-03"]
    assert months("utc.parquet") == ["month=2025-11", "month=2026-02", "month=2026-03"]
    rows = read_sqlite(tmp_path / "a.db", "SELECT month, created FROM months ORDER BY month")
    assert [tuple(row.values()) for row in rows] == [("2025-11", 2), ("2026-01", 1), ("2026-03", 2)]
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert set(frame["created_at_local"].dt.strftime("%Y-%m")) == {"2025-11", "2026-01", "2026-03"}
    part = tmp_path / "a.parquet" / "month=2026-01" / "part-0.parquet"
    # By another program, which the pull converts back; by its path, pandas would add the month.
    pd.read_parquet(io.BytesIO(part.read_bytes())).to_parquet(part)
    await pull(client, to=tmp_path / "a.parquet", update=True)
    for row in read_issues(tmp_path / "a.parquet"):
        _check(row)


@pytest.mark.anyio
async def test_pulls_of_one_database_share_a_time_zone(small_city: Sandbox, tmp_path: Path) -> None:
    client, path = make_client(small_city), tmp_path / "a.db"
    await pull(client, to=path, timezone=_NAME, details=True)
    with pytest.raises(InvalidArgumentError, match=f"begun with {_NAME}"):
        await pull(client, to=path, status="open", timezone="Europe/Paris")
    await pull(client, to=path, status="open", fields=("id", "status"))

    for row in read_issues(path):
        _check(row)
    assert {row["timezone"] for row in read_sqlite(path, "SELECT timezone FROM pulls")} == {_NAME}
    comments = read_sqlite(path, "SELECT * FROM comments WHERE created_at IS NOT NULL")
    assert comments
    for row in comments:
        local = datetime.fromisoformat(row["created_at"]).astimezone(_ZONE)
        assert row["created_at_local"] == local.replace(tzinfo=None).isoformat()


@pytest.mark.anyio
async def test_a_database_of_an_early_version_goes_on(small_city: Sandbox, tmp_path: Path) -> None:
    client, path = make_client(small_city), tmp_path / "a.db"
    await pull(client, to=path)
    read_sqlite(path, "ALTER TABLE pulls DROP COLUMN timezone")

    report = await pull(client, to=path, update=True)

    assert report.complete


@pytest.mark.anyio
async def test_a_table_has_local_times(small_city: Sandbox) -> None:
    found = await table(make_client(small_city), timezone=_ZONE, details=True)

    rows = found.to_pylist()
    for row in rows:
        _check(row)
        for comment in row["comments"]:
            local = comment["created_at"].astimezone(_ZONE).replace(tzinfo=None)
            assert comment["created_at_local"] == local
    assert found.schema.metadata[b"timezone"] == _NAME.encode()


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "anyio_backend"), _FILES)
async def test_a_map_shows_local_days(small_city: Sandbox, name: str, tmp_path: Path) -> None:
    client = make_client(small_city)
    await pull(client, to=tmp_path / name, timezone=_NAME)
    (tmp_path / "utc").mkdir()
    await pull(client, to=tmp_path / "utc" / name)

    local, utc = read_map(tmp_path / name), read_map(tmp_path / "utc" / name)

    offsets = {row["created"]: row["createdOffset"] for row in local}
    assert offsets == {
        time.timestamp(): (time.utcoffset() or timedelta()).total_seconds()
        for time in map(datetime.fromisoformat, _CREATED.values())
    }
    assert {(row["created"], row["createdOffset"]) for row in utc} == {
        (time, 0) for time in offsets
    }
    assert read_map(tmp_path / "utc" / name, timezone=_NAME) == local


def test_the_commands_have_the_option(city_url: str, tmp_path: Path) -> None:
    options = ("--near", "41.05", "-73.54", "2500", "--json", "--timezone")
    wrong = run_cli(city_url, "pull", "a.jsonl", *options, "America/Nw_York", cwd=tmp_path)
    estimate = run_cli(
        city_url, "pull", "a.jsonl", "--estimate", *options, "America/Nw_York", cwd=tmp_path
    )
    pulled = run_cli(city_url, "pull", "a.jsonl", "--no-limit", *options, _NAME, cwd=tmp_path)
    mapped = run_cli(city_url, "map", "a.jsonl", "--timezone", "Asia/Tokyo", cwd=tmp_path)

    assert (estimate.returncode, estimate.stdout, estimate.stderr) == (2, "", wrong.stderr)
    assert (wrong.returncode, pulled.returncode, mapped.returncode) == (2, 0, 0), pulled.stderr
    assert "Did you mean 'America/New_York'?" in wrong.stderr.replace("\n", " ")
    row = read_jsonl(tmp_path / "a.jsonl")[0]
    assert map_rows(tmp_path / "a.jsonl.html")[0]["createdOffset"] == 9 * 3600
    _check(row)


_PYTZ_ZONE = type("PytzZone", (tzinfo,), {"zone": _NAME})()  # as the objects of pytz


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (UTC, "UTC"),
        ("UTC", "UTC"),
        (_PYTZ_ZONE, _NAME),
    ],
)
def test_a_zone_is_known_by_its_name(value: Any, key: str, tmp_path: Path) -> None:
    with open_sink(tmp_path / "a.jsonl", timezone=value) as sink:
        assert getattr(sink, "zone").key == key  # noqa: B009  # not of every sink


@pytest.mark.parametrize(
    "value",
    [
        "America/Nowhere",
        "",
        "../zone",
        "/etc/passwd",
        "America",
        "a\0b",
        "x" * 999,
        timezone(timedelta(hours=-5)),
        -5,
    ],
)
def test_other_zones_are_refused(value: str | tzinfo, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^timezone: .*(such as|Did you mean)"):
        open_sink(tmp_path / "a.jsonl", timezone=value)

    assert not [*tmp_path.iterdir()]


@pytest.fixture
def _without_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in sys.modules if name.startswith("tzdata.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=())
    ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    ZoneInfo.clear_cache()


@pytest.mark.usefixtures("_without_database")
@pytest.mark.parametrize("name", [_NAME, "UTC"])
def test_a_machine_without_time_zones_needs_tzdata(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="pip install tzdata"):
        open_sink(tmp_path / "a.db", timezone=name)
