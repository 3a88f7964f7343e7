"""A real browser: Debian's Chromium, headless.

Without it, tests that need it are skipped; in CI they fail.
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
_ARGUMENTS = (
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
    "--disable-extensions",  # with those of Chromium itself, a tab takes a sixth more CPU time
    "--disable-component-extensions-with-background-pages",
)
_TIMEOUT = 20.0  # seconds for a page to load, also on a busy machine


class Chromium:
    """A running browser, in which each test gets a new tab without cookies."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def is_alive(self) -> bool:
        """Return whether the browser still responds."""
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

    def new_tab(self) -> None:
        """Open a tab without history, close the others, and delete all cookies."""
        self.driver.switch_to.new_window("tab")
        tab = self.driver.current_window_handle
        for other in self.driver.window_handles:
            if other != tab:
                self.driver.switch_to.window(other)
                self.driver.close()
        self.driver.switch_to.window(tab)
        self.cdp("Network.clearBrowserCookies")
        self.devtools_events()  # drop what the test before has logged
        self.csp_violations()

    def cdp(self, command: str, **arguments: object) -> Any:
        """Send a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def cookies(self, url: str) -> list[dict[str, Any]]:
        """Return the cookies that a URL would receive, HttpOnly ones included."""
        found: list[dict[str, Any]] = self.cdp("Network.getCookies", urls=[url])["cookies"]
        return found

    def open(self, url: str) -> None:
        self.driver.get(url)

    def press(self, text: str) -> None:
        """Press a button or a link."""
        element = f"//*[self::a or self::button][normalize-space()='{text}']"
        xpath = f"{element} | //input[@value='{text}']"
        self.wait_until(lambda: self.driver.find_elements(By.XPATH, xpath))[0].click()

    def text(self) -> str:
        """Return the visible content of the page."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def wait_for_text(self, words: str) -> str:
        """Wait until the page contains `words`; return its visible content."""
        self.wait_until(lambda: words in self.text())
        return self.text()

    def history(self) -> list[str]:
        """Return the URLs in this tab's history."""
        entries = self.cdp("Page.getNavigationHistory")["entries"]
        return [f"{entry['url']} {entry['userTypedURL']}" for entry in entries]

    def csp_violations(self) -> list[str]:
        """Return the violations of a Content Security Policy since the last call."""
        console = [entry["message"] for entry in self.driver.get_log("browser")]
        return [message for message in console if "Content Security Policy" in message]

    def devtools_events(self) -> list[dict[str, Any]]:
        """Return the DevTools events since the last call."""
        return [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]

    def wait_until(self, found: Callable[[], Any]) -> Any:
        """Call `found` until it returns something true; return that."""
        end = time.monotonic() + _TIMEOUT
        while time.monotonic() < end:
            try:
                if value := found():
                    return value
            except InvalidSessionIdException:
                raise  # the browser has ended
            except WebDriverException:
                pass  # the page is being replaced
            time.sleep(0.05)
        pytest.fail(f"Nothing was found within {_TIMEOUT:g} s; the page reads: {self.text()!r}")


class BrowserPool:
    """A browser that tests share, and that is replaced after a crash."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._browser: Chromium | None = None

    def new_tab(self) -> Chromium:
        """Return a running browser, with a new tab and no cookies."""
        if self._browser is not None and not self._browser.is_alive():
            self.close()  # it crashed; the test that used it has failed
        if self._browser is None:
            self._browser = self._running.enter_context(_chromium())
        self._browser.new_tab()
        return self._browser

    def close(self) -> None:
        """Quit the browser, if it runs."""
        self._browser = None
        self._running.close()


@contextmanager
def _chromium() -> Iterator[Chromium]:
    """Run a browser; skip the test if it is not installed."""
    if not (_CHROMIUM.exists() and _DRIVER.exists()):
        reason = "There is no Chromium on this machine, or no chromedriver."
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    options = ChromeOptions()
    options.binary_location = str(_CHROMIUM)
    options.page_load_strategy = "none"  # tests wait for what they read, not for the load event
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        driver = Chrome(options, ChromeService(str(_DRIVER)))
        try:
            yield Chromium(driver)
        finally:
            driver.quit()
