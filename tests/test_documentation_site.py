"""The documentation site: complete, and readable without a network."""

from __future__ import annotations

import importlib
import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.support.browser import BrowserPool
from tests.support.repository import ROOT

_DOCS = ROOT / "docs"
_REFERENCE = _DOCS / "reference" / "python"
_PACKAGES = [
    "seeclickfix_async" if page.stem == "seeclickfix_async" else f"seeclickfix_async.{page.stem}"
    for page in sorted(_REFERENCE.glob("*.md"))
    if page.stem != "resources"
]
# They send and store nothing, and stand for objects of other libraries or of tests.
_WITHOUT_ERRORS = {"aclose", "wait", "sleep", "hold", "stop", "HTTPClient", "TokenSource", "Outbox"}

_SCREEN = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
_PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built in a copy as `nox -s docs` does: every warning is an error."""
    copy = tmp_path_factory.mktemp("site")
    for folder in ("docs", "tools", "seeclickfix_async"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "zensical.toml", copy)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    build = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    output = build.stdout + build.stderr

    assert build.returncode == 0, output
    assert "griffe: " not in output, output  # its warnings on docstrings are not strict
    return copy / "site"


def _pages_of(navigation: list[Any]) -> Iterator[str]:
    for entry in navigation:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from [value] if isinstance(value, str) else _pages_of(value)


def test_the_navigation_has_all_pages() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]

    pages = [page.relative_to(_DOCS).as_posix() for page in _DOCS.rglob("*.md")]
    assert sorted(_pages_of(project["nav"])) == sorted(pages)


@pytest.mark.parametrize("package", _PACKAGES)
def test_the_reference_has_each_public_name(site: Path, package: str) -> None:
    page = package.partition(".")[2] or package
    content = (site / "reference" / "python" / f"{page}.html").read_text("utf-8")

    missing = {
        name
        for name in importlib.import_module(package).__all__
        # Or a link to the package that it comes from, or a page.
        if not re.search(rf'(id="{package}|href="[\w.]+#seeclickfix_async\.\w+)\.{name}"', content)
        and not (site / "reference" / "python" / f"{name}.html").exists()
    }
    assert missing <= {"__version__"}


def test_the_reference_has_each_public_package() -> None:
    folder = ROOT / "seeclickfix_async"
    public = {path.name for path in folder.iterdir() if path.name[0] != "_" and path.is_dir()}

    assert {f"seeclickfix_async.{name}" for name in public} <= {*_PACKAGES}


def test_each_coroutine_names_its_errors() -> None:
    """Those of the resources raise what their page says, beside their own errors."""
    silent = set()
    for package in _PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            members = vars(value) if inspect.isclass(value) else {"": value}
            for member, function in members.items():
                if inspect.iscoroutinefunction(function) and not member.startswith("_"):
                    described = f"{inspect.getdoc(value)}{inspect.getdoc(function)}"
                    if "Raises:" not in described and not {name, member} & _WITHOUT_ERRORS:
                        silent.add(f"{package}.{name}.{member}")

    assert silent == set()


def test_the_search_finds_a_page_without_a_network(site: Path, browsers: BrowserPool) -> None:
    browser = browsers.new_tab()
    browser.cdp("Network.enable")

    browser.cdp("Emulation.setDeviceMetricsOverride", **_SCREEN)

    def has_opened() -> bool:
        """Press the button until its script runs; the field is in the shadow of a `div`."""
        if browser.driver.switch_to.active_element.tag_name == "div":
            return True
        browser.driver.find_element(By.CSS_SELECTOR, ".md-search__button").click()
        return False

    browser.open((site / "index.html").as_uri())
    browser.wait_until(has_opened)
    ActionChains(browser.driver).send_keys("RateLimitedError").perform()
    browser.wait_for_text("errors\nRateLimitedError")
    ActionChains(browser.driver).send_keys(Keys.ENTER).perform()
    browser.wait_until(lambda: "RateLimitedError" in browser.driver.current_url)

    events = browser.devtools_events()
    requests = [
        event["params"] for event in events if event["method"].endswith(".requestWillBeSent")
    ]
    schemes = {request["request"]["url"].partition(":")[0] for request in requests}
    assert "file" in schemes
    assert not schemes & {"http", "https"}


@pytest.mark.parametrize(
    "name", ["index", "reference/files", "reference/errors", "reference/python/resources"]
)
def test_a_page_can_be_read_on_a_phone_without_javascript(
    site: Path, browsers: BrowserPool, name: str
) -> None:
    browser = browsers.new_tab()
    browser.cdp("Emulation.setDeviceMetricsOverride", **_PHONE)
    browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
    title = (_DOCS / f"{name}.md").read_text("utf-8").splitlines()[0].removeprefix("# ")

    browser.open((site / f"{name}.html").as_uri())
    browser.wait_until(lambda: browser.driver.find_element(By.TAG_NAME, "h1").text == title)

    assert browser.cdp("Page.getLayoutMetrics")["cssContentSize"]["width"] <= 390


@pytest.mark.parametrize(("mode", "scheme"), [("light", "default"), ("dark", "slate")])
def test_the_mode_follows_the_system(
    site: Path, browsers: BrowserPool, mode: str, scheme: str
) -> None:
    browser = browsers.new_tab()
    feature = {"name": "prefers-color-scheme", "value": mode}
    browser.cdp("Emulation.setEmulatedMedia", features=[feature])

    browser.open((site / "index.html").as_uri())
    body = browser.wait_until(lambda: browser.driver.find_element(By.TAG_NAME, "body"))
    browser.wait_until(lambda: body.get_attribute("data-md-color-media"))

    assert body.get_attribute("data-md-color-scheme") == scheme
