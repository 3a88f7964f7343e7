"""The FastAPI service of `examples/`: in a browser, from the login to the reported issue."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Self

import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from starlette.testclient import TestClient

from seeclickfix_async.sandbox import CLIENT, Fault, Sandbox, Settings
from seeclickfix_async.sandbox._server import listen, serve
from seeclickfix_async.sandbox._users import RESIDENT
from seeclickfix_async.testing import SandboxHarness
from tests.support.browser import BrowserPool, Chromium
from tests.support.doorkeeper import doorkeeper
from tests.support.example_programs import load_program
from tests.support.provided_city import provided_city
from tests.support.web_server import serving

Start = Callable[..., ModuleType]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Start:
    """Load the service with its settings, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def load(site: str, service: str, client_id: str = CLIENT, secret: str = "") -> ModuleType:
        monkeypatch.setenv("SITE_URL", site)
        monkeypatch.setenv("SECRET_KEY", "k" * 32)
        monkeypatch.setenv("SEECLICKFIX_BASE_URL", service)
        monkeypatch.setenv("SEECLICKFIX_CLIENT_ID", client_id)
        if secret:
            monkeypatch.setenv("SEECLICKFIX_CLIENT_SECRET", secret)
        return load_program("fastapi-service/service.py")

    return load


@pytest.fixture
def browser(browsers: BrowserPool) -> Chromium:
    return browsers.new_tab()


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as sock:
        yield sock


def _report_in_browser(browser: Chromium, site: str, photo: Path) -> None:
    """Report a pothole as a citizen: sign in, choose place and category, and fill in the form."""
    browser.open(site)
    browser.press("Report a problem")
    browser.press("Authorize")
    browser.wait_for_text("Where is it?")
    browser.cdp("Browser.grantPermissions", origin=site, permissions=["geolocation"])
    browser.cdp("Emulation.setGeolocationOverride", latitude=41.05, longitude=-73.54, accuracy=5)
    browser.press("Use my position")
    browser.wait_for_text("Found.")
    browser.press("Next")
    browser.press("Pothole")
    browser.wait_for_text("How large is it?")
    not_a_photo = photo.with_name("photo.txt")
    not_a_photo.write_text("This is no photo.", "utf-8")
    fields = {"address": "1 Elm St", "summary": "Deep <hole>", "402": "Wheel", "404": "5.5"}
    fields |= {"405": "01312026", "406": "Yes"}
    for name, value in fields.items():
        browser.driver.find_element(By.ID, name).send_keys(value)
    browser.driver.find_element(By.CSS_SELECTOR, "[value=cars]").click()
    _send_with(browser, not_a_photo)
    browser.wait_for_text("Photo: ")
    _send_with(browser, photo)
    browser.wait_for_text("Deep <hole>, open")


def _send_with(browser: Chromium, photo: Path) -> None:
    browser.driver.find_element(By.ID, "image").send_keys(str(photo))
    browser.press("Send")


def _check_report(sandbox: Sandbox, browser: Chromium, photo: Path) -> None:
    (report,) = sandbox.reports
    assert (report["summary"], report["address"]) == ("Deep <hole>", "1 Elm St")
    assert (report["lat"], report["lng"]) == (41.05, -73.54)
    assert report["reporter"]["id"] == RESIDENT
    assert list(sandbox.photos.values()) == [photo.read_bytes()]
    is_shown = "return document.querySelector('main img').naturalWidth"
    browser.wait_until(lambda: browser.driver.execute_script(is_shown) == 64)
    assert not browser.csp_violations()


def _check_that_another_site_cannot_report(browser: Chromium, site: str, other: str) -> None:
    fields = {"lat": "41.05", "lng": "-73.54", "address": "1 Elm St", "summary": "Forged"}
    script = """
        const form = document.createElement("form");
        form.method = "post";
        form.action = arguments[0];
        for (const [name, value] of Object.entries(arguments[1])) {
          const input = form.appendChild(document.createElement("input"));
          Object.assign(input, {name, value});
        }
        document.body.append(form);
        form.submit();
    """
    browser.open(f"{other}/oauth/authorize")
    browser.wait_until(lambda: browser.driver.current_url.startswith(other))
    browser.driver.execute_script(script, f"{site}/report/other", fields)
    browser.wait_for_text("not sent by a page of this site")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.new("RGB", (64, 48), "gray").save(path)
    return path


@pytest.mark.parametrize("provider", ["sandbox", "doorkeeper"])
def test_a_citizen_reports_with_a_photo(
    provider: str, start: Start, browser: Chromium, sock: socket.socket, photo: Path
) -> None:
    site = f"http://localhost:{sock.getsockname()[1]}"  # another site than the provider's
    sandbox = Sandbox(30, settings=Settings(quota=None))
    with ExitStack() as stack:
        if provider == "sandbox":
            service = start(site, stack.enter_context(sandbox.serve()))
        else:
            running = stack.enter_context(doorkeeper(redirect_uris=f"{site}/callback"))
            url = stack.enter_context(serve(provided_city(sandbox, running)))
            service = start(site, url, "confidential-app", "confidential-secret")
        stack.enter_context(serving(service.site, sock))
        _report_in_browser(browser, site, photo)
        _check_report(sandbox, browser, photo)
        _check_that_another_site_cannot_report(browser, site, service.application.base_url)
        assert len(sandbox.reports) == 1

        browser.open(f"{site}/reports")
        browser.press("Sign out")
        browser.wait_for_text("Something is broken")
        browser.open(f"{site}/reports")

        assert "Authorize" in browser.wait_for_text("Authorize")


class Citizen:
    """A browser without a window, that is signed in."""

    def __init__(self, service: ModuleType, sandbox: SandboxHarness) -> None:
        self.http = TestClient(service.site, base_url=service.SITE, follow_redirects=False)
        self._sandbox = sandbox

    def __enter__(self) -> Self:
        self.http.__enter__()
        to_provider = self.http.get("/login?next=/report").headers["Location"]
        back = self._sandbox.authorize(to_provider)
        assert self.http.get(back).headers["Location"] == "/report"
        return self

    def __exit__(self, *error: object) -> None:
        self.http.__exit__(*error)

    def report(self, sent_by: str = "same-origin", **fields: str) -> tuple[int, str]:
        """Send the form; return the status, and the page or the address that follows."""
        form = {"lat": "41.05", "lng": "-73.54", "address": "1 Elm St", "summary": "Hole", **fields}
        headers = {"Sec-Fetch-Site": sent_by}
        response = self.http.post("/report/other", data=form, headers=headers)
        return response.status_code, response.headers.get("Location") or response.text


def test_the_service_can_be_started_again(start: Start) -> None:
    with SandboxHarness(quota=None) as sandbox:
        service = start("https://app.example", sandbox.url)
        for _ in range(2):
            with Citizen(service, sandbox) as citizen:
                assert citizen.report() == (303, "/reports")
                assert "1 Elm St" in citizen.http.get("/reports").text

        assert len(sandbox.reports) == 2


def test_errors_are_shown_on_a_page(start: Start) -> None:
    with (
        SandboxHarness(quota=None) as sandbox,
        Citizen(start("https://app.example", sandbox.url), sandbox) as citizen,
    ):
        for sender in ("cross-site", "same-site", ""):
            status, page = citizen.report(sent_by=sender)
            assert (status, "not sent by a page of this site" in page) == (403, True)
        status, page = citizen.report(address=" ", summary='"><script>')
        assert status == 422
        assert "Address: must be" in page
        assert 'value="&#34;&gt;&lt;script&gt;"' in page
        status, page = citizen.report(lat="north")
        assert (status, "missing or invalid" in page) == (422, True)
        assert not sandbox.reports

        sandbox.faults.append(Fault.reset("before"), on="POST /issues")
        status, page = citizen.report()
        assert status == 502
        assert "may have executed the request" in page
        assert "1 Elm St" in citizen.http.get("/reports").text

        missing = citizen.http.get("/report/404?lat=1&lng=1")
        assert missing.status_code == 404
        assert "There is no such object" in missing.text

        sandbox.tokens.clear()
        sandbox.faults.append(Fault(400, {"error": "invalid_grant"}), on="POST /oauth/token")
        status, page = citizen.report()
        assert status == 401
        assert 'href="/login?next=/reports"' in page


def test_a_citizen_signs_out_while_the_provider_is_down(start: Start) -> None:
    with (
        SandboxHarness(quota=None) as sandbox,
        Citizen(start("https://app.example", sandbox.url), sandbox) as citizen,
    ):
        sandbox.faults.append(Fault(503), on="POST /oauth/revoke", times=10)
        done = citizen.http.post("/logout", headers={"Sec-Fetch-Site": "same-origin"})
        assert (done.status_code, done.headers.get("Location")) == (303, "/")
        assert citizen.http.get("/reports").status_code == 401


def test_a_report_that_waits_for_a_moderator_is_announced(start: Start) -> None:
    with (
        SandboxHarness(quota=None, moderated=True) as sandbox,
        Citizen(start("https://app.example", sandbox.url), sandbox) as citizen,
    ):
        status, location = citizen.report()
        assert (status, location) == (303, "/reports?moderated=true")
        assert "when a moderator has read it" in citizen.http.get(location).text
