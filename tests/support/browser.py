"""A real browser: Debian's Chromium, without a window.

A machine without it skips the tests that need it; in CI its absence is a failure.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import InvalidSessionIdException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from urllib3.exceptions import HTTPError

_CHROMIUM, _DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
_QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # a container's /dev/shm is small, and Debian's own check can fail
    # A sampled allocation of one byte has an odd address, which fontconfig takes for an offset:
    # now and then a browser died of the empty name of a font (SIGSEGV in FcConfigSubstitute).
    "--disable-features=GwpAsanMalloc,GwpAsanPartitionAlloc",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE = 20.0  # seconds for a page on this machine, however busy it is


class Chromium:
    """One browser, in which each test gets a tab and no cookies."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def is_alive(self) -> bool:
        """Whether the browser still answers."""
        try:
            return bool(self.cdp("Browser.getVersion"))
        except (WebDriverException, HTTPError):
            return False

    def kill(self) -> None:
        """Kill the browser, as a lack of memory would."""
        driver = Path(f"/proc/{self.driver.service.process.pid}")
        for children in driver.glob("task/*/children"):
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGKILL)

    def fresh(self) -> None:
        """A new tab without a past, in a browser that knows nobody."""
        self.driver.switch_to.new_window("tab")
        tab = self.driver.current_window_handle
        for other in self.driver.window_handles:
            if other != tab:
                self.driver.switch_to.window(other)
                self.driver.close()
        self.driver.switch_to.window(tab)
        self.cdp("Network.clearBrowserCookies")
        self.events()  # what was logged belongs to the test before
        self.complaints()

    def cdp(self, command: str, **arguments: object) -> Any:
        """A command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def cookies(self, url: str) -> list[dict[str, Any]]:
        """The cookies that a site would be sent, hidden ones too."""
        found: list[dict[str, Any]] = self.cdp("Network.getCookies", urls=[url])["cookies"]
        return found

    def open(self, url: str) -> None:
        self.driver.get(url)

    def press(self, text: str) -> None:
        """Press a button or a link."""
        words = f"//*[self::a or self::button][normalize-space()='{text}']"
        xpath = f"{words} | //input[@value='{text}']"
        self.until(lambda: self.driver.find_elements(By.XPATH, xpath))[0].click()

    def text(self) -> str:
        """What a person reads."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def reads(self, words: str) -> str:
        """Wait for words on the page; gives the whole page."""
        self.until(lambda: words in self.text())
        return self.text()

    def history(self) -> list[str]:
        """The addresses of this tab's history."""
        entries = self.cdp("Page.getNavigationHistory")["entries"]
        return [f"{entry['url']} {entry['userTypedURL']}" for entry in entries]

    def complaints(self) -> list[str]:
        """What broke a page's security policy since this was last asked."""
        console = [entry["message"] for entry in self.driver.get_log("browser")]
        return [message for message in console if "Content Security Policy" in message]

    def events(self) -> list[dict[str, Any]]:
        """What the browser did since this was last asked: DevTools events."""
        return [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]

    def until(self, found: Callable[[], Any]) -> Any:
        """Wait for something that the browser does on its own."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            try:
                if value := found():
                    return value
            except InvalidSessionIdException:
                raise  # the browser has ended
            except WebDriverException:
                pass  # the page is being replaced
            time.sleep(0.02)
        pytest.fail(f"It did not happen within {_PATIENCE:g} s; the page says: {self.text()!r}")


class Browsers:
    """One browser for many tests; a test that follows the end of a browser gets a new one."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._browser: Chromium | None = None

    def fresh(self) -> Chromium:
        """Return a browser that answers, with a new tab and no cookies."""
        if self._browser is not None and not self._browser.is_alive():
            self.close()  # the test in which it ended has failed
        if self._browser is None:
            self._browser = self._running.enter_context(_chromium())
        self._browser.fresh()
        return self._browser

    def close(self) -> None:
        """End the browser, if it has not ended already."""
        self._browser = None
        self._running.close()


@contextmanager
def _chromium() -> Iterator[Chromium]:
    """Run a browser."""
    if not (_CHROMIUM.exists() and _DRIVER.exists()):
        reason = "There is no Chromium on this machine, or no chromedriver."
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    options = ChromeOptions()
    options.binary_location = str(_CHROMIUM)
    options.page_load_strategy = "none"  # tests wait for what they read, not for a page to be whole
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for argument in (*_QUIET, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        driver = Chrome(options, ChromeService(str(_DRIVER)))
        try:
            yield Chromium(driver)
        finally:
            driver.quit()
