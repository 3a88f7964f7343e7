"""The login of a web application in a real browser, with a real provider.

The site is `localhost` and the provider `127.0.0.1`: two sites for the browser, as in production.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from seeclickfix_async.sandbox._server import listen
from seeclickfix_async.web._security import as_own_path
from tests.support.browser import BrowserPool
from tests.support.doorkeeper import Doorkeeper, doorkeeper
from tests.support.login_site import LoginSite
from tests.support.web_server import serving

_NEXT = "/issues/7"
_TEST_LOGGERS = ("selenium", "urllib3", "asyncio")


@pytest.fixture(scope="module")
def running(browsers: BrowserPool) -> Iterator[tuple[Doorkeeper, BrowserPool, socket.socket]]:
    """A provider, a browser and a listening socket for all tests."""
    sock = listen("127.0.0.1", 0)
    redirect = f"http://localhost:{sock.getsockname()[1]}/callback"
    with sock, doorkeeper(redirect_uris=redirect) as provider:
        yield provider, browsers, sock


class Visit:
    """The site, provider and browser of a test."""

    def __init__(
        self, running: tuple[Doorkeeper, BrowserPool, socket.socket], **options: Any
    ) -> None:
        self.provider, browsers, self._sock = running
        self.provider.reset()
        self.browser = browsers.new_tab()
        self.url = f"http://localhost:{self._sock.getsockname()[1]}"
        app = self.provider.application(redirect_uri=f"{self.url}/callback")
        self.site = LoginSite(app, **options)

    @contextmanager
    def started(self, path: str = f"/login?next={_NEXT}") -> Iterator[Visit]:
        """Open the login, and wait for the consent page of the provider."""
        with serving(self.site, self._sock):
            self.browser.open(self.url + path)
            self.browser.wait_for_text("Authorize")
            yield self

    def path(self) -> str:
        """Return the path in the address bar, which must be on this site."""
        address = self.browser.driver.current_url
        assert address.startswith(self.url)
        return address.removeprefix(self.url)


@pytest.fixture
def visit(running: Any, request: pytest.FixtureRequest) -> Visit:
    return Visit(running, kind=request.param)


both = pytest.mark.parametrize("visit", ["code", "implicit"], indirect=True)
implicit = pytest.mark.parametrize("visit", ["implicit"], indirect=True)
code = pytest.mark.parametrize("visit", ["code"], indirect=True)


def sent_elsewhere(events: list[dict[str, Any]], own: str) -> list[str]:
    """Return all that the browser sent to other sites: addresses, headers and bodies.

    A fragment is not sent, nor is the response that redirected the browser.
    """
    requests = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    headers = [e["params"] for e in events if e["method"] == "Network.requestWillBeSentExtraInfo"]
    sent = [(r["url"], r["headers"], r.get("postData")) for r in (p["request"] for p in requests)]
    raw = [p["headers"] for p in headers if p["headers"].get("Host") != urlsplit(own).netloc]
    return [str(one) for one in sent if not one[0].startswith(own)] + [str(one) for one in raw]


def test_a_browser_that_has_ended_is_replaced(running: Any) -> None:
    _, browsers, _ = running
    ended = browsers.new_tab()
    ended.kill()

    assert browsers.new_tab() is not ended
    assert browsers.new_tab() is browsers.new_tab()


@both
def test_a_login_does_not_expose_the_token(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with visit.started() as at:
        at.browser.press("Authorize")
        assert "GET /issues/7: 1 logins" in at.browser.wait_for_text("logins")
        history, events = at.browser.history(), at.browser.devtools_events()
        cookies = at.browser.cookies(at.url)
        assert not at.browser.csp_violations()

        assert at.path() == _NEXT

    (token,) = visit.site.tokens
    secret = token.access_token.reveal()
    logged = [r.getMessage() for r in caplog.records if not r.name.startswith(_TEST_LOGGERS)]
    elsewhere = sent_elsewhere(events, visit.url)
    assert visit.provider.get("/api/v2/profile", secret).json["id"] == 1
    assert any("/callback" in line for line in logged)
    assert any("/oauth/authorize" in sent for sent in elsewhere)
    for place in (history, logged, elsewhere, visit.site.requests):
        assert secret not in str(place)
    assert not any(entry.startswith(f"{visit.url}/callback") for entry in history)
    assert not cookies


@both
def test_after_a_denial_the_user_can_sign_in_again(visit: Visit) -> None:
    with visit.started() as at:
        at.browser.press("Deny")
        page = at.browser.wait_for_text("Sign in again")

        assert "You are not signed in" in page
        assert at.path() == "/callback"  # neither state nor error
        assert "state=" not in str(at.browser.history()[-1])

        at.browser.press("Sign in again")
        at.browser.press("Authorize")
        at.browser.wait_for_text("logins")
        assert at.path() == _NEXT


@both
def test_two_tabs_sign_in_at_once(visit: Visit) -> None:
    with visit.started("/login?next=/first") as at:
        first = at.browser.driver.current_window_handle
        at.browser.driver.switch_to.new_window("tab")
        at.browser.open(f"{at.url}/login?next=/second")
        at.browser.press("Authorize")
        at.browser.wait_for_text("1 logins")
        assert at.path() == "/second"

        at.browser.driver.switch_to.window(first)
        at.browser.press("Authorize")
        at.browser.wait_for_text("2 logins")
        assert at.path() == "/first"


@both
def test_a_login_that_this_browser_did_not_start_is_refused(visit: Visit) -> None:
    with visit.started() as at:
        (cookie,) = at.browser.cookies(at.url)
        at.browser.cdp("Network.deleteCookies", name=cookie["name"], url=at.url)
        at.browser.press("Authorize")
        at.browser.wait_for_text("This sign-in has ended")

        assert at.path() == "/callback"

    assert not visit.site.tokens


@both
def test_a_logout_form_of_another_site_is_refused(visit: Visit) -> None:
    form = (
        "const form = document.createElement('form'); form.method = 'post';"
        f"form.action = '{visit.url}/logout'; document.body.append(form); form.submit()"
    )
    with visit.started() as at:
        at.browser.driver.execute_script(form)  # on the provider's page, which is another site
        at.browser.wait_for_text("Another site")
        assert visit.site.logouts == 0

        at.browser.open(f"{at.url}/home")
        at.browser.driver.execute_script(form)
        at.browser.wait_for_text("GET /: 0 logins")

    assert visit.site.logouts == 1


@code
def test_the_callback_works_once(visit: Visit) -> None:
    with visit.started() as at:
        (saved,) = at.browser.cookies(at.url)
        at.browser.press("Authorize")
        at.browser.wait_for_text("1 logins")
        (used,) = [path for path in at.site.requests if path.startswith("GET /callback?")]
        address = at.url + used.removeprefix("GET ")

        at.browser.open(address)
        at.browser.wait_for_text("This sign-in has ended")
        assert at.path() == "/callback"

        cookie = {name: saved[name] for name in ("name", "value", "httpOnly", "sameSite")}
        at.browser.cdp("Network.setCookie", url=at.url, **cookie)
        at.browser.open(address)
        at.browser.wait_for_text("This sign-in was finished before")

    assert len(visit.site.tokens) == 1


@code
def test_the_browser_stays_on_the_site_with_any_next_path(visit: Visit) -> None:
    """The browser and urllib have to agree on which paths belong to the same site."""
    wanted = ["/\t/evil.example", "/%09/evil.example", "/;//evil.example", "/.//evil.example"]
    wanted += ["/\\evil.example", "\\/evil.example", "/\u2215/evil.example", "/@evil.example"]
    wanted += ["/%5cevil.example", "/\n/evil.example", "///evil.example", "/?//evil.example"]
    with visit.started() as at:
        script = "return arguments[0].map(path => new URL(path, arguments[1]).host)"
        hosts = at.browser.driver.execute_script(script, [as_own_path(w) for w in wanted], at.url)

    assert set(hosts) == {urlsplit(visit.url).netloc}


@implicit
def test_the_address_is_cleaned_before_the_token_is_sent(visit: Visit) -> None:
    with visit.started() as at:
        at.browser.press("Authorize")
        at.browser.wait_for_text("1 logins")
        events = at.browser.devtools_events()

    relay = f"{visit.url}/callback"
    steps = [
        (event["method"], event["params"].get("url") or event["params"].get("request"))
        for event in events
    ]
    cleaned = steps.index(("Page.navigatedWithinDocument", relay))
    posted = [
        number
        for number, (method, what) in enumerate(steps)
        if method == "Network.requestWillBeSent"
        and (what["url"], what["method"]) == (relay, "POST")
    ]
    assert len(posted) == 1
    assert cleaned < posted[0]


@implicit
def test_the_relay_page_without_a_fragment(visit: Visit) -> None:
    with visit.started() as at:
        at.browser.open(f"{at.url}/callback?tenant=one")
        at.browser.wait_for_text("There is nothing to do here")

        assert at.path() == "/callback"


@implicit
def test_the_relay_page_without_scripts(visit: Visit) -> None:
    with visit.started() as at:
        at.browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
        at.browser.press("Authorize")
        words = at.browser.wait_for_text("Scripts are turned off")

    assert "Signing you in" not in words
    assert not visit.site.tokens


@both
@pytest.mark.parametrize(
    ("scheme", "color"), [("light", "rgb(0, 0, 0)"), ("dark", "rgb(255, 255, 255)")]
)
def test_the_pages_on_a_phone(visit: Visit, scheme: str, color: str) -> None:
    measure = """
        const style = getComputedStyle(document.querySelector("p"));
        const link = document.querySelector("a").getBoundingClientRect();
        const width = document.documentElement.scrollWidth;
        return [width, parseFloat(style.fontSize), link.height, style.color]
    """
    with visit.started() as at:
        phone = {"width": 320, "height": 568, "deviceScaleFactor": 2, "mobile": True}
        at.browser.cdp("Emulation.setDeviceMetricsOverride", **phone)
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        at.browser.cdp("Emulation.setEmulatedMedia", features=media)
        at.browser.press("Deny")
        at.browser.wait_for_text("You are not signed in")
        width, font_size, link_height, text_color = at.browser.driver.execute_script(measure)

    assert width <= 320
    assert font_size >= 16
    assert link_height >= 44
    assert text_color == color
