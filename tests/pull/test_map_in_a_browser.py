"""The page of a pull in a real browser. Its numbers are compared with those of Python."""

from __future__ import annotations

import csv
import json
import math
import re
import sqlite3
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from benchmarks.city_file import write_city
from seeclickfix_async import pull
from seeclickfix_async._tables.excel import unescape_formula
from seeclickfix_async.pull import write_map
from tests.support.browser import BrowserPool, Chromium
from tests.support.map_pages import map_rows
from tests.support.repository import ROOT

_ISSUES = 500
_CLOSED = ("closed", "archived")
_AXE = (ROOT / "tests/support/axe/axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def tab(browsers: BrowserPool) -> Chromium:
    """A tab for all tests: to load a page takes longer than most of them."""
    return browsers.new_tab()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city with a few issues that lack something, and three at one place."""
    path = tmp_path_factory.mktemp("map") / "city.db"
    write_city(path, _ISSUES)
    with closing(sqlite3.connect(path)) as database, database:
        for change in (
            "closed_at = NULL WHERE rowid < 60 AND status = 'closed'",
            "closed_at = '2001-01-01T00:00:00Z' WHERE rowid < 90 AND status = 'archived'",
            "created_at = NULL WHERE rowid IN (100, 101)",
            "lat = NULL WHERE rowid IN (110, 111, 112)",
            "lat = 41.4, lng = -73.1, status = 'open', closed_at = NULL WHERE rowid IN (3, 4, 5)",
            "summary = '=1+1, \"quoted\"' WHERE rowid = 130",
        ):
            database.execute(f"UPDATE issues SET {change}")
    write_map(path, path.with_name("city.html"))
    write_map(path, path.with_name("offline.html"), offline=True)
    return path.with_name("city.html")


@pytest.fixture(scope="module")
def issues(page: Path) -> list[dict[str, Any]]:
    return map_rows(page)


def _open(browser: Chromium, url: str) -> Callable[..., Any]:
    browser.open("about:blank")  # another hash alone would not load the page again
    browser.open(url)
    browser.wait_until(
        lambda: browser.driver.execute_script(
            "return document.readyState === 'complete' && !document.getElementById('page').hidden"
        )
    )
    run: Callable[..., Any] = browser.driver.execute_script
    return run


@pytest.fixture
def browser(tab: Chromium, page: Path) -> Iterator[Chromium]:
    """The page, as if it were just opened; no test may make it complain, or contact anything."""
    _set_width(tab, 1280)
    run = tab.driver.execute_script
    if tab.driver.current_url.split("#")[0] != page.as_uri():
        _open(tab, page.as_uri())
    run("closeCard(); fitMap(); location.hash = ''; openView()")
    _contacted(tab)
    tab.driver.get_log("browser")
    yield tab
    assert _contacted(tab) == set()
    assert _complaints(tab) == []


def _set_width(tab: Chromium, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    tab.cdp("Emulation.setDeviceMetricsOverride", **metrics)


def _complaints(tab: Chromium) -> list[str]:
    return [log["message"] for log in tab.driver.get_log("browser") if log["level"] == "SEVERE"]


def _contacted(browser: Chromium) -> set[str]:
    """Return the hosts of all requests since the last call."""
    sent = [
        event["params"]["request"]["url"]
        for event in browser.devtools_events()
        if event["method"] == "Network.requestWillBeSent"
    ]
    return {url.split("/")[2] for url in sent if url.startswith("http")}


def _change(browser: Chromium, **values: str) -> None:
    for name, value in values.items():
        browser.driver.execute_script(
            "const field = document.getElementById(arguments[0]); field.value = arguments[1];"
            "field.dispatchEvent(new Event('input', {bubbles: true}))",
            name,
            value,
        )


def _shown(browser: Chromium) -> set[int]:
    return set(browser.driver.execute_script("return Array.from(shown, (row) => issues.id[row])"))


def _month(seconds: float | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m}"


def _seconds(issue: dict[str, Any]) -> int | None:
    if issue["status"] not in _CLOSED or None in (issue["created"], issue["closed"]):
        return None
    return int(issue["closed"] - issue["created"])


def test_the_times_to_close_are_those_of_the_pull(
    browser: Chromium, issues: list[dict[str, Any]]
) -> None:
    times = [(issue["type"], seconds) for issue in issues if (seconds := _seconds(issue))]
    valid = [(kind, seconds) for kind, seconds in times if seconds >= 0]

    closing, months, types = browser.driver.execute_script(
        "return [closingTimes(), countMonths(), issues.types]"
    )

    found = {types[time["type"]]: time for time in closing["named"]}
    assert found.keys() == {kind for kind, _ in valid}
    for kind, time in found.items():
        known = sorted(seconds for other, seconds in valid if other == kind)
        assert time["count"] == len(known)
        assert time["median"] == statistics.median(known)
        assert time["most"] == known[math.ceil(0.9 * len(known)) - 1]
    assert closing["total"]["count"] == len(valid)
    negative = len(times) - len(valid)
    unknown = sum(issue["status"] in _CLOSED for issue in issues) - len(times)
    assert (months["negative"], months["unknown"], months["undated"]) == (negative, unknown, 2)
    assert min(negative, unknown) > 3
    assert f"{unknown} issues closed at an unknown time, {negative} issues " in browser.text()


def test_the_counts_are_those_of_the_pull(browser: Chromium, issues: list[dict[str, Any]]) -> None:
    run, text = browser.driver.execute_script, browser.text()

    months, closed, opened = run(
        "return [Array.from(createdCounts), ...['ended', 'open'].map("
        "(name) => Array.from(countMonths()[name]))]"
    )

    created = Counter(_month(issue["created"]) for issue in issues if issue["created"])
    names = run(
        "return Array.from(createdCounts, (_, month) => monthName(issues.firstMonth + month))"
    )
    assert {name: count for name, count in zip(names, months, strict=True) if count} == created
    assert sum(closed) == sum((_seconds(issue) or -1) >= 0 for issue in issues)
    assert opened[-1] == sum(issue["status"] not in _CLOSED for issue in issues if issue["created"])
    for status, count in Counter(issue["status"] for issue in issues).items():
        assert f"{status} {count}" in text
    streets = Counter(re.sub(r"^\d+ ", "", issue["address"].split(",")[0]) for issue in issues)
    busiest = {one["name"]: one["count"] for one in run("return busiestStreets(5)")}
    assert list(busiest.values()) == [count for _, count in streets.most_common(5)]
    assert all(streets[name] == count for name, count in busiest.items())
    assert "3 issues without a place are not on the map." in text


def test_filters_change_everything(browser: Chromium, issues: list[dict[str, Any]]) -> None:
    browser.driver.find_element(By.CSS_SELECTOR, "#statuses input[value=archived]").click()
    _change(browser, type="Pothole", **{"from": "2012-03", "to": "2020-11"}, words="  St elm ")

    expected = {
        issue["id"]
        for issue in issues
        if issue["status"] != "archived"
        and issue["type"] == "Pothole"
        and "2012-03" <= _month(issue["created"]) <= "2020-11"
        and all(word in f"{issue['summary']}\n{issue['address']}".lower() for word in ("st", "elm"))
    }
    run = browser.driver.execute_script
    assert _shown(browser) == expected
    assert 1 < len(expected) < 30
    assert f"{len(expected)} of {_ISSUES} issues shown." in browser.text()
    assert run("return clusters.reduce((sum, one) => sum + one.count, 0)") == len(expected)
    assert run("return document.querySelectorAll('#issues tbody tr').length") == len(expected)
    assert run("return countMonths().open.at(-1)") == sum(
        issue["id"] in expected and issue["status"] not in _CLOSED for issue in issues
    )
    browser.press("Show all")
    assert len(_shown(browser)) == _ISSUES

    _change(browser, words="no such words")
    assert "0 issues" in browser.text()
    assert "None." in browser.text()


def test_a_view_can_be_shared(browser: Chromium, page: Path) -> None:
    run = browser.driver.execute_script
    browser.driver.find_element(By.CSS_SELECTOR, "#statuses input[value=closed]").click()
    _change(browser, type="Street Lamp", **{"from": "2012-03"}, words="a&b=c #d")
    _change(browser, words="elm")
    run("map.setView([41.3, -72.95], 14, {animate: false})")
    browser.driver.find_element(By.CSS_SELECTOR, "[data-column=address]").click()
    browser.driver.find_element(By.CSS_SELECTOR, "#issues td button").click()
    view = "return [viewHash(), Array.from(shown), document.getElementById('card').innerText]"
    before, url = run(view), browser.driver.current_url
    assert "&map=" in url
    assert "&issue=" in url

    _open(browser, url)
    assert run(view) == before
    assert run("return document.querySelector('[aria-sort=ascending]').innerText").startswith(
        "Address"
    )

    run("location.hash = 'type=__proto__&from=x&sort=y&map=a/b&issue=z&status=none&words=elm'")
    browser.wait_until(lambda: run("return chosen.sort") == "-created")
    assert run("return [chosen.type, chosen.from, shown.length]") == ["", "", 0]


def test_a_brush_chooses_a_period(browser: Chromium) -> None:
    chart = browser.driver.find_element(By.CSS_SELECTOR, "#months .u-over")
    browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    width = chart.rect["width"]

    def drag(start: float, pixels: float) -> None:
        move = ActionChains(browser.driver, duration=20).move_to_element_with_offset(
            chart, round(width * (start - 0.5)), 0
        )
        move.click_and_hold().move_by_offset(round(pixels), 0).release().perform()

    run = browser.driver.execute_script
    drag(0.4, 0.2 * width)
    chosen = run("return [chosen.from, chosen.to]")
    assert "2016-10" <= chosen[0] <= "2017-03"  # of the fifteen years from 2011 on
    assert "2019-10" <= chosen[1] <= "2020-03"
    assert run(
        "return [document.getElementById('from').value, charts.months.select.width > 20]"
    ) == [
        chosen[0],
        True,
    ]
    assert all(
        chosen[0] <= month <= chosen[1]
        for month in run("return Array.from(shown, (row) => dayOf(row, 'created').slice(0, 7))")
    )

    drag(0.1, 0)
    assert len(_shown(browser)) == _ISSUES


def test_what_is_filtered_is_saved_as_csv(
    browser: Chromium, issues: list[dict[str, Any]], tmp_path: Path
) -> None:
    options = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.cdp("Browser.setDownloadBehavior", **options)
    _change(browser, words="1")

    browser.press("Save as CSV")
    saved = tmp_path / "city.db.csv"
    browser.wait_until(saved.exists)

    with saved.open(encoding="utf-8-sig", newline="") as file:
        rows = {int(row["id"]): row for row in csv.DictReader(file)}
    assert rows.keys() == _shown(browser)
    assert any(row["summary"] == '\'=1+1, "quoted"' for row in rows.values())
    for issue in issues:
        if row := rows.get(issue["id"]):
            assert unescape_formula(row["summary"]) == issue["summary"]
            assert row["html_url"] == issue["link"].replace("{}", row["id"])
            assert (row["image"], row["request_type"]) == (issue["image"], issue["type"])
            assert row["lat"] == (
                "" if issue["lat"] is None else f"{issue['lat']:g}"[:0] + row["lat"]
            )
            for name in ("created", "closed"):
                cell = row[f"{name}_at"]
                found = datetime.fromisoformat(cell).timestamp() if cell else None
                assert found == issue[name]


def test_markers_do_not_overlap(browser: Chromium) -> None:
    found = browser.driver.execute_script(
        "return [8, 11, 13, 16].map((zoom) => {"
        "  map.setZoom(zoom, {animate: false});"
        "  return clusters.map((one) => [one.x, one.y, radiusOf(one.count), one.count]);"
        "})"
    )

    for clusters in found:
        for index, (x, y, radius, _) in enumerate(clusters):
            for other_x, other_y, other_radius, _ in clusters[:index]:
                assert math.hypot(x - other_x, y - other_y) >= radius + other_radius
    assert found[0][0][3] == _ISSUES - 6
    assert len(found[1]) > 10


def test_the_map_works_with_a_keyboard(browser: Chromium) -> None:
    run, driver = browser.driver.execute_script, browser.driver
    run("map.setView([41.4, -73.1], 19, {animate: false})")
    (marker,) = driver.find_elements(By.CSS_SELECTOR, ".cluster")
    assert marker.get_attribute("aria-label") == "3 issues: 3 open"

    run("arguments[0].focus()", marker)
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    card = driver.find_element(By.ID, "card")
    assert card.text.startswith("\N{MULTIPLICATION SIGN}\n3 issues at this place")
    card.find_elements(By.CSS_SELECTOR, "li button")[1].send_keys(Keys.ENTER)
    assert "Created" in card.text
    assert run("return document.activeElement.id") == "card-heading"
    links = card.find_elements(By.TAG_NAME, "a")
    assert links[0].get_attribute("rel") == "noopener noreferrer"
    assert {str(link.get_attribute("href")).split("/")[2] for link in links} == {"seeclickfix.com"}
    driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not card.is_displayed()
    assert run("return document.activeElement.closest('#map') !== null")

    run("map.setView([41.3, -72.95], 11, {animate: false})")
    largest = driver.find_elements(By.CSS_SELECTOR, ".cluster")[0]
    largest.send_keys(Keys.ENTER)
    browser.wait_until(lambda: run("return map.getZoom()") > 11)
    with_photo = run("return shown.find((row) => imageOf(row))")
    run("showIssue(arguments[0])", with_photo)
    assert "Photo" in card.text


def test_the_table_is_sorted(browser: Chromium, issues: list[dict[str, Any]]) -> None:
    columns: dict[str, Callable[[dict[str, Any]], Any]] = {
        "id": lambda issue: issue["id"],
        "created": lambda issue: issue["created"],
        "seconds": lambda issue: seconds if (seconds := _seconds(issue) or -1) >= 0 else None,
        "summary": lambda issue: issue["summary"],
        "type": lambda issue: issue["type"],
    }
    run = browser.driver.execute_script
    order = "chosen.sort = arguments[0]; return firstRows(500).map((row) => issues.id[row])"

    values = {issue["id"]: issue for issue in issues}
    for name, key in columns.items():
        for sort, is_down in ((name, False), (f"-{name}", True)):
            keys = [key(values[id_]) for id_ in run(order, sort)]
            known = [value for value in keys if value is not None]
            assert known == sorted(known, reverse=is_down)
            assert keys == [*known, *[None] * (len(keys) - len(known))]  # those without are last
            assert len(keys) == _ISSUES


def test_a_button_that_changes_its_table_keeps_the_focus(browser: Chromium) -> None:
    run, driver = browser.driver.execute_script, browser.driver
    for table in ("closing", "busiest"):
        button = driver.find_element(By.CSS_SELECTOR, f"#{table} .choose")
        name = button.text
        button.send_keys(Keys.ENTER)
        assert run("return shown.length") < _ISSUES
        assert driver.switch_to.active_element.text == name
        run("Object.assign(chosen, ALL); update()")

    run("rowsShown = 480; fillIssues(); $('more').focus()")
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    last_page = run("return [...document.querySelectorAll('#issues .choose')].slice(480)")
    assert driver.switch_to.active_element == last_page[0]


def test_a_blank_opens_a_marker(browser: Chromium) -> None:
    run, driver = browser.driver.execute_script, browser.driver
    run("map.setView([41.4, -73.1], 19, {animate: false}); scrollTo(0, 0)")
    run("markers.getLayers()[0].getElement().focus({preventScroll: true})")

    driver.switch_to.active_element.send_keys(Keys.SPACE)

    assert driver.find_element(By.ID, "card").is_displayed()
    assert run("return scrollY") == 0


def test_a_view_without_an_issue_has_no_card(browser: Chromium) -> None:
    run, card = browser.driver.execute_script, browser.driver.find_element(By.ID, "card")
    run("location.hash = `issue=${issues.id[3]}`")
    browser.wait_until(card.is_displayed)

    run("location.hash = ''")

    browser.wait_until(lambda: not card.is_displayed())


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_is_accessible(browser: Chromium, width: int, scheme: str) -> None:
    _set_width(browser, width)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.cdp("Emulation.setEmulatedMedia", features=features)
    run = browser.driver.execute_script
    run("showIssue(shown[3]); document.getElementById('numbers').open = true")

    run(_AXE)
    violations = browser.driver.execute_async_script(
        "const done = arguments[0]; axe.run().then(({violations}) => done(violations.map("
        "(one) => [one.impact, one.id, one.nodes.map((node) => node.html.slice(0, 200))])))"
    )

    assert violations == []
    assert run("return document.documentElement.scrollWidth") <= width
    browser.cdp("Emulation.setEmulatedMedia", features=[])


def test_streets_are_loaded_after_a_click_only(tab: Chromium, page: Path) -> None:
    browser = tab
    run = _open(browser, page.as_uri())
    _contacted(browser)
    _change(browser, words="elm")
    assert _contacted(browser) == set()
    run("new Image().src = 'https://tile.openstreetmap.org/0/0/0.png'")
    assert browser.wait_until(browser.csp_violations)

    browser.cdp("Network.setBlockedURLs", urls=["*openstreetmap*"])
    browser.press("Show streets")
    browser.wait_until(lambda: run("return document.querySelector('.leaflet-tile') !== null"))
    browser.wait_until(lambda: "Hide streets" in browser.text())
    assert "OpenStreetMap contributors" in browser.text()
    assert "python -m http.server" in browser.text()
    assert run("return chosen.words") == "elm"
    assert not browser.csp_violations()
    tiles = run("return document.querySelector('.leaflet-tile').src")
    assert tiles.startswith("https://tile.openstreetmap.org/")

    run(f"location.href = {json.dumps(page.with_name('offline.html').as_uri())}")
    browser.wait_until(lambda: "Show all places" in browser.text() and run("return pull.offline"))
    assert "Show streets" not in browser.text()


def test_a_page_is_printed_without_its_controls(browser: Chromium) -> None:
    browser.cdp("Emulation.setEmulatedMedia", media="print")

    visible = browser.text()

    browser.cdp("Emulation.setEmulatedMedia", media="")
    assert "Show all" not in visible
    assert "Busiest streets" in visible
    assert len(browser.cdp("Page.printToPDF")["data"]) > 20_000


# The names of what every object of JavaScript inherits, markup, blanks, and nothing.
_ODD_NAMES = [
    *("__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "__defineGetter__"),
    *("prototype", "length", "<b>bold</b>", "</script><script>window.evil = 1</script>"),
    *("  blanks  inside ", "@ISSUES@", "$&", "\u2028", "\u202eright to left", "'\"`\\"),
]


def test_a_browser_shows_any_status_and_request_type(tab: Chromium, tmp_path: Path) -> None:
    path, page = tmp_path / "$& \udcff.csv", tmp_path / "page.html"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        header = "id,status,request_type,summary,lat,lng,created_at,closed_at,html_url"
        writer.writerow(header.split(","))
        for number, name in enumerate(_ODD_NAMES):
            time = f"20{number + 10}-01-01T00:00:00Z"
            cells = [number, name, name, name, 41 + number % 2, -73, time, time]
            writer.writerow([*cells, "javascript:alert(1)"])
    write_map(path, page)

    run = _open(tab, page.as_uri())

    names = sorted(_ODD_NAMES)
    assert run("return pull.name") == "$& \ufffd.csv"
    assert sorted(run("return issues.statuses")) == names
    assert run("return [...$('type').options].map((one) => one.value)") == ["", *names]
    assert run("return clusters.map((one) => one.count)") == [8, 8]
    for number, name in enumerate(_ODD_NAMES):
        run("chosen.type = arguments[0]; update(); showIssue(shown[0])", name)
        assert run("return Array.from(shown, (row) => [statusOf(row), typeOf(row)])") == [
            [name] * 2
        ]
        assert run("return $('issues').tBodies[0].rows[0].cells[5].textContent") == name
        assert run("return $('card-heading').textContent") == name
        assert run("return new URLSearchParams(viewHash()).get('issue')") == str(number)
    assert run("return [window.evil, document.querySelectorAll('main a[href^=j]').length]") == [
        None,
        0,
    ]
    assert run("return document.querySelectorAll('main b b').length") == 0
    assert _complaints(tab) == []


def _write_page(folder: Path, rows: list[dict[str, Any]]) -> str:
    """Write the page of rows, whose columns are those of the first; return its URL."""
    with (folder / "city.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    write_map(folder / "city.csv", folder / "page.html")
    return (folder / "page.html").as_uri()


def test_ids_and_links_are_exact(tab: Chromium, tmp_path: Path) -> None:
    ids = [7, 2**63 - 1, 8, 2**53 + 1]
    links = [f"https://seeclickfix.com/{{}}/{id_}" for id_ in ids]
    pairs = zip(ids, links, strict=True)
    url = _write_page(tmp_path, [{"id": id_, "html_url": link} for id_, link in pairs])

    run = _open(tab, url)

    found = run("return Array.from(shown, (row) => [String(idOf(row)), linkOf(row)])")
    assert found == [
        [str(id_), link.replace("{}", "%7B%7D")] for id_, link in zip(ids, links, strict=True)
    ]
    assert list(csv.reader(run("return toCsv(shown)").splitlines()))[2][0] == str(2**63 - 1)
    assert run("return issues.id[2]") == 8


def test_long_strings_are_shortened(tab: Chromium, tmp_path: Path) -> None:
    long = "\U0001f6a7" * 1_000_000
    names = ("status", "request_type", "summary", "address")
    rows = [{"id": row, **dict.fromkeys(names, long), "lat": 41, "lng": -73} for row in (1, 2)]
    rows.append({**rows[0], "id": 3, "summary": f"a{long}", "lat": 42})

    run = _open(tab, _write_page(tmp_path, rows))
    run("showIssue(2); listIssues([0, 1], document.body)")

    assert len(run("return $('page').textContent")) < 100_000
    assert run("return $('issues').tBodies[0].textContent.isWellFormed()")
    assert (
        max(run("return [...document.querySelectorAll('.cluster')].map((one) => one.title.length)"))
        < 1100
    )
    assert run("return summaryOf(0).length") == 2 * len(long)
    run("chosen.type = issues.types[0]; update()")
    assert run("return shown.length") == 3


def test_a_summary_does_not_reverse_the_facts_beside_it(tab: Chromium, tmp_path: Path) -> None:
    spoof = "Pothole, closed, 2001-01-01 \u202e"
    rows = [
        {"id": row, "status": "open", "summary": spoof, "lat": 41 + row, "lng": -73}
        for row in (1, 2)
    ]
    run = _open(tab, _write_page(tmp_path, rows))

    run("listIssues([0, 1], document.body)")

    listed = run("return [...document.querySelectorAll('#card li')].map((one) => one.textContent)")
    names = run("return markers.getLayers().map((one) => one.getElement().ariaLabel)")
    assert [*listed, *names] == [f"open: {spoof}"] * 4


def test_an_issue_without_any_place_has_a_card(tab: Chromium, tmp_path: Path) -> None:
    _open(tab, _write_page(tmp_path, [{"id": 1, "summary": "Pothole"}]))

    tab.press("1")
    card = tab.driver.find_element(By.ID, "card")
    assert "Pothole" in card.text
    tab.driver.switch_to.active_element.send_keys(Keys.ESCAPE)

    assert not card.is_displayed()
    assert tab.driver.switch_to.active_element.text == "1"


def test_all_places_can_be_shown(tab: Chromium, tmp_path: Path) -> None:
    places = [(90, 0), (-90, 180), (0, 180), (0, -180), (0, 0)]
    rows = [{"id": row, "lat": lat, "lng": lng} for row, (lat, lng) in enumerate(places)]

    run = _open(tab, _write_page(tmp_path, rows))

    assert run("return clusters.reduce((sum, one) => sum + one.count, 0)") == len(places)


def test_a_map_of_a_sandbox_has_no_dead_links(tab: Chromium, tmp_path: Path) -> None:
    """The demo's sandbox has ended when its map is opened."""
    link = "http://127.0.0.1:3110/issues/7"
    run = _open(tab, _write_page(tmp_path, [{"id": 7, "html_url": link}]))

    run("showIssue(0)")

    assert "of a sandbox" in tab.text()
    assert run("return document.querySelectorAll('#card a').length") == 0


@pytest.mark.parametrize("view", ["map=2/0/1e307", "map=5/1e307/0", "map=1e9/0/0", "map=//"])
def test_a_link_with_a_damaged_view_opens_the_page(view: str, tab: Chromium, page: Path) -> None:
    tab.driver.get_log("browser")

    run = _open(tab, f"{page.as_uri()}#{view}")

    assert run("return $('csv').onclick === saveCsv")
    assert _complaints(tab) == []


def test_a_page_inside_another_works(tab: Chromium, page: Path, tmp_path: Path) -> None:
    (tmp_path / "outer.html").write_text("<iframe width=900 height=700></iframe>", "utf-8")
    tab.open((tmp_path / "outer.html").as_uri())
    run = tab.driver.execute_script
    run("document.querySelector('iframe').srcdoc = arguments[0]", page.read_text("utf-8"))
    tab.driver.switch_to.frame(0)
    try:
        tab.wait_until(lambda: "Show all places" in tab.text())
        _change(tab, words="elm")
        assert 0 < run("return shown.length") < _ISSUES
        assert _complaints(tab) == []
    finally:
        tab.driver.switch_to.default_content()


def test_a_browser_without_javascript_says_so(tab: Chromium, page: Path) -> None:
    tab.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(page.with_name("offline.html").as_uri())
        text = tab.wait_for_text("needs JavaScript")
    finally:
        tab.cdp("Emulation.setScriptExecutionDisabled", value=False)

    assert "Reading the issues" not in text


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["1,,,,"], ["1 issue", "No issue has a place.", "No issue has a date."]),
        (["1,open,41,-73,2024-05-06T07:08:09Z"], ["1 issue", "2024-05", "1 open or acknowledged"]),
        (
            [f"{y},open,{41 + y / 1e5},-73,{y:04}-01-01T00:00:00Z" for y in range(2, 9999)],
            ["9,997 issues", "0002-01 to 9998-01"],
        ),
    ],
    ids=["nothing is known", "one issue", "all years"],
)
def test_unusual_pulls_are_shown(
    lines: list[str], words: list[str], tab: Chromium, tmp_path: Path
) -> None:
    rows = "".join(f"{line}\n" for line in lines)
    (tmp_path / "city.csv").write_text(f"id,status,lat,lng,created_at\n{rows}", "utf-8")
    write_map(tmp_path / "city.csv", tmp_path / "page.html")

    tab.driver.get_log("browser")
    _open(tab, (tmp_path / "page.html").as_uri())

    text = f"{tab.driver.title} {tab.text()}".replace("\n", " ")
    assert [word for word in words if word not in text] == []
    assert "not complete" not in text
    assert _complaints(tab) == []


def test_the_page_of_an_interrupted_pull_says_so(tab: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "city.db"
    write_city(path, 20)
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript((Path(pull.__file__).parent / "pulls.sql").read_text("utf-8"))
        database.execute("INSERT INTO pulls (key, complete) VALUES ('', 0)")
    write_map(path, tmp_path / "page.html")

    _open(tab, (tmp_path / "page.html").as_uri())

    assert "The pull was not complete when this page was made" in tab.text()
