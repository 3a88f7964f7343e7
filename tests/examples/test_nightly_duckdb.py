"""The nightly pull into a dataset that DuckDB reads."""

from __future__ import annotations

import csv
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from seeclickfix_async.sandbox import Sandbox, Settings
from seeclickfix_async.sandbox._city import CLOSED, OPEN
from tests.support.example_programs import EXAMPLES, load_program

_COLUMNS = {
    "backlog": ["month", "created", "closed", "open"],
    "hot-spots": ["lat", "lng", "issues", "mostly", "near"],
    "reopened": ["category", "closed", "reopened", "percent"],
    "time-to-close": ["category", "closed", "median", "90th percentile"],
    "weekends": ["day", "issues", "median hours"],
}


def _run(place: str, monkeypatch: pytest.MonkeyPatch) -> str | int | None:
    """Run the program; return its exit status, or the message that it ended with."""
    monkeypatch.setattr(sys, "argv", ["nightly.py", place, "America/New_York"])
    with pytest.raises(SystemExit) as end:
        load_program("nightly-duckdb/nightly.py").main()
    return end.value.code


def _open_issues(results: Path) -> int:
    with (results / "backlog.csv").open(encoding="utf-8", newline="") as file:
        return int([*csv.DictReader(file)][-1]["open"])


def test_five_questions_are_answered_each_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = Sandbox(1000, settings=Settings(quota=None))
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "results"

    with sandbox.serve() as url:
        monkeypatch.setenv("SEECLICKFIX_BASE_URL", url)
        first = _run("example-city", monkeypatch)
        before = _open_issues(results)
        for row in [row for row in range(1000) if sandbox.city.status[row] == OPEN][:7]:
            sandbox.city.set_status(row, CLOSED)
        sandbox.city.report()
        second = _run("example-city", monkeypatch)

    assert (first, second) == (False, False)
    assert capsys.readouterr().out.startswith("1000 issues, complete\n")
    assert _open_issues(results) == before - 7 + 1
    for question, columns in _COLUMNS.items():
        rows = (results / f"{question}.csv").read_text("utf-8").splitlines()
        assert rows[0].split(",") == columns
        assert len(rows) > 5
        sql = (EXAMPLES / "nightly-duckdb/questions" / f"{question}.sql").read_text("utf-8")
        chart = (results / f"{question}.svg").read_text("utf-8")
        assert ET.fromstring(chart).tag.endswith("svg")
        assert sql.splitlines()[0].removeprefix("-- ") in chart
    assert {file.stem for file in results.iterdir()} == {*_COLUMNS}


def test_a_question_without_results_has_an_empty_chart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Sandbox(1, settings=Settings(quota=None)).serve() as url:
        monkeypatch.setenv("SEECLICKFIX_BASE_URL", url)
        status = _run("example-city", monkeypatch)

    assert status is False
    assert len((tmp_path / "results/hot-spots.csv").read_text("utf-8").splitlines()) == 1
    assert {file.stem for file in (tmp_path / "results").glob("*.svg")} == {*_COLUMNS}


def test_a_place_without_issues_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Sandbox(10, settings=Settings(quota=None)).serve() as url:
        monkeypatch.setenv("SEECLICKFIX_BASE_URL", url)
        message = _run("exmple-city", monkeypatch)

    assert message == (
        "There are no issues of exmple-city. `scf places` lists the names of places."
    )
