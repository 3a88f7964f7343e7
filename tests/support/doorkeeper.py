"""A real OAuth provider: Rails with Doorkeeper, on loopback (see `tests/provider/README.md`).

A machine without Doorkeeper skips the tests that need it; in CI its absence is a failure.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from html.parser import HTMLParser
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import pytest

from seeclickfix_async.oauth import Application
from tests.support.repository import ROOT

_FOLDER = ROOT / "tests" / "provider"
_RUBY, _PUMA = "/usr/bin/ruby", "/usr/bin/puma"  # Debian's, also where another Ruby is on the PATH
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CALLBACK = "http://127.0.0.1:8899/callback"


class Response:
    """The provider's response, with the headers and the body that the tests read."""

    def __init__(self, status: int, location: str | None, cookies: list[str], text: str) -> None:
        self.status = status
        self.location = location
        self.cookies = cookies
        self.text = text

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class _Form(HTMLParser):
    """The form of a page whose submit button has this label."""

    def __init__(self, page: str, button: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._button = button
        self._is_complete = False
        self.feed(page)
        assert self._is_complete, f"There is no button {button!r} on the page: {page}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if self._is_complete:
            return
        if tag == "form":
            self.action, self.fields = values["action"], {}
        elif tag == "input" and "name" in values:
            self.fields[values["name"]] = values.get("value", "")
            is_submit = values.get("type") == "submit"
            self._is_complete = is_submit and values.get("value") == self._button


class Doorkeeper:
    """A running provider."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def application(
        self, client_id: str = "confidential-app", redirect_uri: str = CALLBACK
    ) -> Application:
        secrets = {"confidential-app": "confidential-secret", "other-app": "other-secret"}
        secrets |= {"odd-secret-app": "p@ss:w+r d%20=&~/é"}
        return Application(client_id, redirect_uri, secrets.get(client_id), self.url)

    def press(self, url: str, button: str = "Authorize") -> Response:
        """Open the authorization page, and press a button if there is one to press."""
        page = self._request("GET", url.removeprefix(self.url))
        has_form = page.status == 200 and 'name="commit"' in page.text
        return self._submit(page, button) if has_form else page

    def authorize(self, url: str, button: str = "Authorize") -> str:
        """Press a button of the authorization page, and return the URL that it redirects to."""
        location = self.press(url, button).location
        assert location is not None
        return location

    def revoke_all(self) -> None:
        """Revoke an application on the provider's own page, as its user can."""
        page = self._request("GET", "/oauth/authorized_applications")
        assert self._submit(page, "Revoke").status == 302

    def age(self, token: str, seconds: int) -> None:
        """Make a token or a code older."""
        response = self._post("/test/age", {"token": token, "seconds": seconds})
        assert response.status == 204, response.text

    def reset(self) -> None:
        """Delete all tokens and codes."""
        self._post("/test/reset", {})

    def get(self, path: str, token: str | None = None) -> Response:
        """Send a request without the client under test."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self._request("GET", path, headers)

    def _submit(self, page: Response, button: str) -> Response:
        form = _Form(page.text, button)
        cookie = "; ".join(cookie.partition(";")[0] for cookie in page.cookies)
        return self._post(form.action, form.fields, {"Cookie": cookie})

    def _post(
        self, path: str, fields: dict[str, Any], headers: dict[str, str] | None = None
    ) -> Response:
        return self._request("POST", path, {**_FORM, **(headers or {})}, urlencode(fields))

    def _request(
        self, method: str, target: str, headers: dict[str, str] | None = None, body: str = ""
    ) -> Response:
        """Send one request with its target unchanged; redirects are not followed."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body or None, headers or {})
            response = connection.getresponse()
            cookies = response.headers.get_all("Set-Cookie", [])
            text = response.read().decode()
            return Response(response.status, response.getheader("Location"), cookies, text)
        finally:
            connection.close()


@cache
def _is_installed() -> bool:
    try:
        found = subprocess.run(
            [_RUBY, "-e", 'gem "doorkeeper"; gem "puma"'], capture_output=True, check=False
        )
    except FileNotFoundError:
        return False
    return found.returncode == 0


@contextmanager
def doorkeeper(**settings: object) -> Iterator[Doorkeeper]:
    """Run a provider with these settings, which its README lists."""
    if not _is_installed():
        reason = "Doorkeeper is not installed: run tests/provider/install.sh."
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    with tempfile.TemporaryDirectory() as folder:
        environment = {name.upper(): str(value) for name, value in settings.items()}
        environment |= {"DATA_DIR": folder, "LANG": "C.UTF-8"}
        environment |= {"RAILS_ENV": "production", "RACK_ENV": "production"}
        # One thread: SQLite refuses concurrent writes, which a provider's real database does not.
        command = [_RUBY, _PUMA, "--dir", str(_FOLDER), "--bind", "tcp://127.0.0.1:0"]
        command += ["--threads", "1:1", "config.ru"]
        with subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a test that presses Ctrl-C leaves the provider running
        ) as process:
            try:
                yield Doorkeeper(_read_port(process))
            finally:
                process.terminate()


def _read_port(process: subprocess.Popen[str]) -> int:
    """Wait until the provider accepts connections, and return its port."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if match := re.search(r"Listening on http://127\.0\.0\.1:(\d+)", line):
            return int(match[1])
    pytest.fail(f"The provider did not start:\n{output}")
