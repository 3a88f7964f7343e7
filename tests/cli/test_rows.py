"""Rows in each format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from seeclickfix_async._cli.options import RowOptions
from seeclickfix_async._cli.rows import Layout, RowWriter, flat_layout
from seeclickfix_async._cli.terminal import out
from seeclickfix_async._tables.columns import NAMES
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.command_line import run_cli
from tests.support.text_service import HOSTILE, TextService

_ROWS = (
    ("issues", "--status", "all"),
    ("places", "41.05", "-73.54"),
    ("form", "41.05", "-73.54"),
    ("questions", "1001"),
)
_LAYOUT: Layout[str] = flat_layout({"Text": str}, {"text": str})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Sandbox(60, settings=Settings(quota=None)).serve() as url:
        yield url


@pytest.mark.parametrize("arguments", _ROWS, ids=lambda arguments: arguments[0])
def test_each_format_has_the_same_rows(arguments: tuple[str, ...], url: str) -> None:
    done = {
        name: run_cli(url, *arguments, "--format", name, "--no-limit").stdout
        for name in ("json", "jsonl", "csv", "table")
    }

    rows = json.loads(done["json"])
    assert rows
    assert [json.loads(line) for line in done["jsonl"].splitlines()] == rows
    assert run_cli(url, *arguments, "--json", "--no-limit").stdout == done["jsonl"]
    cells = list(csv.DictReader(io.StringIO(done["csv"])))
    assert len(cells) == len(rows)
    key = next(iter(cells[0]))
    if rows[0].get(key) is not None:
        assert [cell[key] for cell in cells] == [str(row[key]) for row in rows]
    assert len(done["table"].splitlines()) > len(rows)
    assert max(map(len, done["table"].splitlines())) <= 80


def test_csv_is_that_of_a_pull(url: str, tmp_path: Path) -> None:
    run_cli(url, "pull", "all.csv", "--no-limit", cwd=tmp_path)
    done = run_cli(url, "issues", "--status", "all", "--limit", "60", "--format", "csv")

    pulled = (tmp_path / "all.csv").read_text("utf-8").splitlines()
    assert done.stdout.splitlines()[0] == ",".join(NAMES) == pulled[0]
    assert sorted(done.stdout.splitlines()) == sorted(pulled)


def test_a_formula_is_escaped_for_spreadsheets_only() -> None:
    with TextService("=HYPERLINK(1)").serve() as url:
        plain = run_cli(url, "issues", "--format", "csv").stdout
        excel = run_cli(url, "issues", "--format", "csv", "--excel").stdout

    assert next(csv.DictReader(io.StringIO(plain)))["summary"] == "=HYPERLINK(1)"
    assert excel.startswith("\ufeffid,")
    assert next(csv.DictReader(io.StringIO(excel[1:])))["summary"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize("format", ["csv", "json", "jsonl", "table"])
def test_a_terminal_receives_no_controls(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seeclickfix_async._cli.streams._StandardStream.isatty", lambda _: True)
    monkeypatch.setenv("TERM", "dumb")
    with TextService(HOSTILE.replace("\x00", "")).serve() as url:
        done = run_cli(url, "issues", "--format", format)

    assert done.returncode == 0, done.stderr
    assert not set("\x1b\x07\x9b\x9d\u202e\u2028\r") & set(done.stdout)
    if format == "csv":
        assert len(done.stdout.splitlines()) == 2


def test_a_pipe_receives_csv_as_the_service_sent_it() -> None:
    text = "two\nlines \x1b[2J"
    with TextService(text).serve() as url:
        done = run_cli(url, "issues", "--format", "csv")

    assert next(csv.DictReader(io.StringIO(done.stdout, newline="")))["summary"] == text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--json", "--format", "csv"), "--json: is the same as --format jsonl."),
        (("--excel",), "--excel: requires --format csv."),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    options: tuple[str, ...], message: str
) -> None:
    done = run_cli("http://127.0.0.1:9", "issues", *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_an_array_that_is_interrupted_stays_readable() -> None:
    writer = RowWriter(_LAYOUT, RowOptions(format="json"))

    with redirect_stdout(io.StringIO()) as printed:
        writer.write(["a", "b"])
        writer.write(["c"])
        writer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert json.loads(printed.getvalue()) == ["a", "b", "c"]


def test_no_rows_are_a_readable_result(url: str) -> None:
    nowhere = ("issues", "--place", "nowhere", "--format")

    assert run_cli(url, *nowhere, "json").stdout == "[]\n"
    assert run_cli(url, *nowhere, "jsonl").stdout == ""
    assert run_cli(url, *nowhere, "csv").stdout == ",".join(NAMES) + "\r\n"


def test_ids_stay_whole_on_a_narrow_terminal(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "_width", 40)

    done = run_cli(url, "issues", "--status", "all", "--limit", "3", "--format", "table")
    rows = run_cli(url, "issues", "--status", "all", "--limit", "3", "--json").stdout.splitlines()

    assert max(map(len, done.stdout.splitlines())) <= 40
    assert all(str(json.loads(row)["id"]) in done.stdout for row in rows)
