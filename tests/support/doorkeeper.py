"""A real OAuth provider: Rails with Doorkeeper, on loopback.

It lives beside the checkout, or where SEECLICKFIX_TEST_DOORKEEPER says. A checkout without it skips
the tests that need it; in CI its absence is a failure.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from seeclickfix_async.oauth import Application
from tests.support.repository import ROOT

_BESIDE = ROOT.parent / "shared" / "doorkeeper"
_FOLDER = Path(os.environ.get("SEECLICKFIX_TEST_DOORKEEPER", _BESIDE))
CALLBACK = "http://127.0.0.1:8899/callback"


@cache
def _raw() -> Any:
    """The provider's own helpers: raw HTTP, and a browser that presses its buttons."""
    if not (_FOLDER / "start.sh").is_file() or not Path("/usr/bin/puma").exists():
        reason = "There is no Doorkeeper beside this checkout, or it is not installed."
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    spec = importlib.util.spec_from_file_location("rawhttp", _FOLDER / "rawhttp.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Doorkeeper:
    """One running provider."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def application(
        self, client_id: str = "confidential-app", redirect_uri: str = CALLBACK
    ) -> Application:
        secrets = {"confidential-app": "confidential-secret", "other-app": "other-secret"}
        secrets |= {"odd-secret-app": "p@ss:w+r d%20=&~/é", "readonly-app": "readonly-secret"}
        return Application(client_id, redirect_uri, secrets.get(client_id), self.url)

    def press(self, url: str, answer: str = "Authorize") -> Any:
        """Open the authorization page and press a button; gives the last answer."""
        browser = _raw().Browser(self.port)
        page = browser.get(url.removeprefix(self.url))
        if page.status == 200 and 'name="commit"' in page.text:
            return browser.press(page, answer)
        return page

    def come_back(self, url: str, answer: str = "Authorize") -> str:
        """Where the browser is sent."""
        location = self.press(url, answer).location
        assert location is not None
        return str(location)

    def take_back(self) -> None:
        """The person revokes every application, on the provider's own page."""
        browser = _raw().Browser(self.port)
        page = browser.get("/oauth/authorized_applications")
        assert browser.press(page, "Revoke").status == 302

    def age(self, token: str, seconds: int) -> None:
        """Make a token or code that much older."""
        answer = _raw().post(self.port, "/test/age", [("token", token), ("seconds", seconds)])
        assert answer.status == 200, answer.text

    def reset(self) -> None:
        _raw().post(self.port, "/test/reset")

    def get(self, path: str, token: str | None = None) -> Any:
        """A raw request, as no client of ours would make it."""
        headers = () if token is None else (("Authorization", f"Bearer {token}"),)
        return _raw().send(self.port, "GET", path, headers)


@contextmanager
def doorkeeper(**switches: object) -> Iterator[Doorkeeper]:
    """Run a provider with these switches; its own page tells which there are."""
    _raw()
    with tempfile.TemporaryDirectory() as run:
        settings = {f"DK_{name.upper()}": str(value) for name, value in switches.items()}
        environment = {**os.environ, **settings, "DK_RUN_ROOT": run}
        command = [str(_FOLDER / "start.sh"), "0"]
        started = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        port = started.stdout.strip().rpartition(":")[2]
        try:
            yield Doorkeeper(int(port))
        finally:
            subprocess.run([_FOLDER / "stop.sh", port], env=environment, check=True)
