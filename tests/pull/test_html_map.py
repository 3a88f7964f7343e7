"""The HTML map of a pull, in a browser if one is installed."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull import map_page, pull
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.browser import BrowserPool
from tests.support.sandboxes import make_client

_NAMES = ["city.jsonl", "city.csv", "city.geojson", "city.db", "city.parquet"]


async def _pulled(to: Path) -> Sandbox:
    sandbox = Sandbox(200, settings=Settings(quota=None))
    await pull(make_client(sandbox), to=to)
    return sandbox


def _data(html: str) -> dict[str, Any]:
    (script,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL
    )
    data: dict[str, Any] = json.loads(script)
    return data


@pytest.mark.anyio
@pytest.mark.parametrize("name", _NAMES)
async def test_a_map_shows_every_issue_of_any_file_format(name: str, tmp_path: Path) -> None:
    sandbox = await _pulled(tmp_path / name)

    data = _data(map_page(tmp_path / name))

    issues = {issue[0]: issue for issue in data["issues"]}
    assert data["name"] == name
    assert set(issues) == {sandbox.city.id_of(row) for row in range(200)}
    assert issues[sandbox.city.id_of(7)][5] == sandbox.city.lat[7]
    assert {issue[1] for issue in issues.values()} >= {"open", "archived"}


@pytest.mark.anyio
@pytest.mark.parametrize("name", _NAMES)
async def test_vanished_issues_are_not_on_the_map(name: str, tmp_path: Path) -> None:
    sandbox = await _pulled(tmp_path / name)
    sandbox.city.hide(7)
    await pull(make_client(sandbox), to=tmp_path / name, sweep=True)

    shown = {issue[0] for issue in _data(map_page(tmp_path / name))["issues"]}

    assert shown == {sandbox.city.id_of(row) for row in range(200) if row != 7}


def test_data_cannot_end_the_script_element(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    (tmp_path / "evil.jsonl").write_text(json.dumps({"id": 1, "summary": evil}), "utf-8")

    html = map_page(tmp_path / "evil.jsonl")

    assert "alert(1)</script>" not in html
    assert _data(html)["issues"][0][3] == evil


@pytest.mark.anyio
async def test_a_map_sends_no_requests(tmp_path: Path) -> None:
    await _pulled(tmp_path / "city.jsonl")

    frame = re.sub(
        r'id="data">.*?</script>', "", map_page(tmp_path / "city.jsonl"), flags=re.DOTALL
    )

    assert "default-src 'none'" in frame
    assert not re.search(r"\b(?:src|href)=|https?://|@import|url\(", frame)


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
        map_page(tmp_path / name)


@pytest.mark.anyio
@pytest.mark.parametrize("name", _NAMES)
async def test_a_file_without_issues_is_refused(name: str, tmp_path: Path) -> None:
    sandbox = Sandbox(10, settings=Settings(quota=None))
    before = datetime(2001, 1, 1, tzinfo=UTC)
    await pull(make_client(sandbox), to=tmp_path / name, before=before)

    with pytest.raises(InvalidArgumentError, match="holds no issues to show"):
        map_page(tmp_path / name)


@pytest.fixture(scope="module")
def browsers() -> Iterator[BrowserPool]:
    with closing(BrowserPool()) as pool:
        yield pool


# The names of what every object of JavaScript inherits, markup, blanks, and nothing.
_ODD_NAMES = [
    *("__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "__defineGetter__"),
    *("prototype", "length", "<b>bold</b>", "</script><script>window.evil = 1</script>"),
    *("  blanks  inside ", "@DATA@", "$&", "\u2028", "\u202eright to left", "'\"`\\"),
]


def test_a_browser_shows_any_status_and_request_type(browsers: BrowserPool, tmp_path: Path) -> None:
    path, page = tmp_path / "$& \udcff.csv", tmp_path / "page.html"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        header = "id,status,request_type,summary,lat,lng,created_at,closed_at,html_url"
        writer.writerow(header.split(","))
        for number, name in enumerate(_ODD_NAMES):
            time = f"20{number + 10}-01-01T00:00:00Z"
            cells = [number, name, name, name, 41 + number % 2, -73, time, time]
            writer.writerow([*cells, "javascript:alert(1)"])
    page.write_text(map_page(path), "utf-8")

    browser = browsers.new_tab()
    browser.open(page.as_uri())
    browser.wait_until(lambda: f"{len(_ODD_NAMES)} issues" in browser.driver.title)
    run = browser.driver.execute_script

    names = sorted(_ODD_NAMES)
    assert run("return data.name") == "$& \ufffd.csv"
    assert run("return statuses") == names
    assert run("return [...$('type').options].map((one) => one.value)") == ["", *names]
    assert run("return groups.map((one) => [...one.by.values()])") == [[1] * 8] * 2
    for name in _ODD_NAMES:
        run("$('type').value = arguments[0]; choose()", name)
        assert run("return shown.map((one) => [one.status, one.type])") == [[name, name]]
        assert run("return $('table').tBodies[0].rows[0].cells[4].textContent") == name
    assert run("return [window.evil, document.querySelectorAll('b, a[href]').length]") == [None, 0]
    assert not [log for log in browser.driver.get_log("browser") if log["level"] == "SEVERE"]


def test_a_browser_shows_a_large_file(browsers: BrowserPool, tmp_path: Path) -> None:
    """It has issues in each month of the calendar."""
    path, page = tmp_path / "city.csv", tmp_path / "page.html"
    months = [f"{year:04}-{month:02}" for year in range(2, 9999) for month in range(1, 13)]
    with path.open("w", encoding="utf-8") as file:
        file.write("id,status,lat,lng,created_at,closed_at,html_url\n")
        file.writelines(
            f"{number},open,{41 + number / 1e6},-73,{month}-01T00:00:00Z,,\n"
            for number, month in enumerate([*months, "2026-01"])
        )
    page.write_text(map_page(path), "utf-8")

    browser = browsers.new_tab()
    browser.open(page.as_uri())
    browser.wait_until(lambda: f"{len(months) + 1:,} issues" in browser.driver.title)

    assert browser.driver.execute_script("return shown.length") == len(months) + 1
    assert browser.driver.execute_script("return groups.length") > 0
    assert f"{len(months) + 1:,} issues, the newest 200" in browser.text()


def test_a_number_that_is_too_large_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "city.geojson"
    feature = {
        "geometry": {"coordinates": [10**400, 41]},
        "properties": {"id": 7, "created_at": None, "closed_at": None, "html_url": None},
    }
    path.write_text(json.dumps({"features": [feature]}), "utf-8")

    with pytest.raises(InvalidArgumentError, match="was not written by a pull, or is damaged"):
        map_page(path)


def test_a_fifo_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "city.jsonl")

    with pytest.raises(InvalidArgumentError, match="not a file or dataset"):
        map_page(tmp_path / "city.jsonl")


def test_a_browser_draws_the_map(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        reason = "There is no Chromium on this machine (Debian's package chromium)."
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    anyio.run(_pulled, tmp_path / "city.db")
    command = [sys.executable, "-m", "seeclickfix_async._cli", "map", "city.db"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    html = Path(made.stdout.strip())

    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=390,900"]
    drawn = subprocess.run(
        [browser, *options, f"--user-data-dir={tmp_path}/profile", "--dump-dom", html.as_uri()],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )

    assert html.name == "city.db.html"
    assert "<title>city.db: 200 issues</title>" in drawn.stdout
    assert drawn.stdout.count("<tr>") > 200  # the table of issues, and that of closing times
