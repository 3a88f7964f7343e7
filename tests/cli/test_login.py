"""`scf login` and `scf logout`, against a real provider."""

from __future__ import annotations

import os
import pty
import re
import stat
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from seeclickfix_async import HostLimiter
from tests.support.command_line import run_cli
from tests.support.doorkeeper import Doorkeeper

_SCF = (sys.executable, "-W", "error", "-m", "seeclickfix_async._cli")
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/oauth/authorize\S+")
_SETTINGS = {"SEECLICKFIX_CLIENT_ID", "SEECLICKFIX_CLIENT_SECRET"}
_SAMPLE = "test-08/12/2024-01/01/2099-secret"


class Terminal:
    """A home directory of its own, in which `scf` is run."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "SEECLICKFIX_BASE_URL": url,
            "SEECLICKFIX_CLIENT_ID": "confidential-app",
            "SEECLICKFIX_CLIENT_SECRET": "confidential-secret",
            # The keyring of this machine must not be used.
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }

    def run(
        self, *arguments: str, stdin: str = "", token: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in this process, with the files of this home directory."""
        environment = {**self.environment}
        with pytest.MonkeyPatch.context() as patch:
            for name in _SETTINGS - environment.keys():
                patch.delenv(name, raising=False)
            url = environment.pop("SEECLICKFIX_BASE_URL")
            return run_cli(url, *arguments, stdin=stdin, token=token, environment=environment)

    def run_alone(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a process of its own, which loads a keyring."""
        return subprocess.run(
            (*_SCF, *arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *arguments: str, stdin: Any = subprocess.DEVNULL) -> subprocess.Popen[str]:
        return subprocess.Popen(
            (*_SCF, "login", "--no-browser", *arguments),
            env=self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def stored(self) -> list[Path]:
        return sorted((self.home / "config").rglob("tokens/*.json"))


@pytest.fixture
def terminal(provider: Doorkeeper, tmp_path: Path) -> Terminal:
    provider.reset()
    return Terminal(tmp_path, provider.url)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        found = _ADDRESS.search(line)
        if found:
            return found[0]
    raise AssertionError("no address was printed")


def _visit(url: str, body: bytes | None = None) -> str:
    with closing(urllib.request.urlopen(url, body, timeout=10)) as response:
        return str(response.read().decode())


def _login(terminal: Terminal, provider: Doorkeeper, *arguments: str) -> str:
    process = terminal.start(*arguments)
    page = _visit(provider.authorize(_address(process)))
    message = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert "Signed in as" in message
    return page


def test_a_login_in_the_browser(terminal: Terminal, provider: Doorkeeper) -> None:
    assert "You are signed in" in _login(terminal, provider)

    assert terminal.run("whoami").stdout.endswith("(#1)\n")
    assert [stat.S_IMODE(file.stat().st_mode) for file in terminal.stored] == [0o600]


def test_the_token_is_renewed_and_revoked(terminal: Terminal, provider: Doorkeeper) -> None:
    _login(terminal, provider)
    before = terminal.stored[0].read_text()
    access = re.findall(r'"access_token": "([^"]+)"', before)[0]
    provider.age(access, 8000)
    terminal.environment.pop("SEECLICKFIX_CLIENT_ID")  # it was saved

    assert terminal.run("whoami").returncode == 0
    after = terminal.stored[0].read_text()
    assert after != before

    done = terminal.run("logout")
    assert "is revoked" in done.stdout
    assert terminal.stored == []
    renewed = re.findall(r'"access_token": "([^"]+)"', after)[0]
    assert provider.get("/api/v2/profile", renewed).status == 401
    assert "You are not signed in" in terminal.run("logout").stdout
    assert terminal.run("whoami").returncode == 1


def test_login_and_logout_share_the_quota_of_all_commands(
    terminal: Terminal, provider: Doorkeeper
) -> None:
    terminal.environment["XDG_CACHE_HOME"] = os.environ["XDG_CACHE_HOME"]
    limiter = HostLimiter(base_url=provider.url)

    _login(terminal, provider)
    anyio.run(limiter.check)
    slots = set(limiter._log.slots)
    assert len(slots) == 2  # the exchange of the code, and the profile

    assert "is revoked" in terminal.run("logout").stdout
    anyio.run(limiter.check)
    assert len(set(limiter._log.slots) - slots) == 1


def test_the_implicit_flow(terminal: Terminal, provider: Doorkeeper) -> None:
    process = terminal.start("--implicit")
    redirected = provider.authorize(_address(process))
    address, _, fragment = redirected.partition("#")

    page = _visit(address)  # a browser sends no fragment; the page's script posts it
    assert "location.hash" in page
    assert _visit(address, fragment.encode()) == "You are signed in. You can close this page."

    assert "Signed in as" in process.communicate(timeout=60)[0]
    assert terminal.run("whoami").returncode == 0


def test_a_token_of_another_application_is_refused(
    terminal: Terminal, provider: Doorkeeper
) -> None:
    process = terminal.start("--implicit")
    url = _address(process).replace("client_id=confidential-app", "client_id=other-app")
    address, _, fragment = provider.authorize(url).partition("#")

    _visit(address, fragment.encode())

    _, problem = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "another application" in problem
    assert not terminal.stored


@pytest.mark.parametrize("backend", ["keyring.backends.null.Keyring", "no.such.Backend"])
def test_a_login_without_a_usable_keyring_is_stored_in_a_file(
    terminal: Terminal, provider: Doorkeeper, backend: str
) -> None:
    terminal.environment["PYTHON_KEYRING_BACKEND"] = backend

    _login(terminal, provider)

    assert len(terminal.stored) == 1
    assert terminal.run_alone("whoami").stdout.endswith("(#1)\n")
    assert "is revoked" in terminal.run_alone("logout").stdout


def test_a_forged_response_does_not_end_the_login(terminal: Terminal, provider: Doorkeeper) -> None:
    process = terminal.start()
    address = _address(process)
    redirected = provider.authorize(address)
    page = redirected.partition("?")[0]

    for forged in ("code=made-up&state=made-up", "error=access_denied&state=%3Cscript%3E"):
        assert "This response belongs to another login." in _visit(f"{page}?{forged}")
    for wrong in (page.replace("callback", "other"), page.replace("/callback", "/")):
        with pytest.raises(urllib.error.HTTPError):
            _visit(wrong)
    assert "You are signed in" in _visit(redirected)

    assert process.communicate(timeout=60)[0]
    assert process.returncode == 0


def test_a_denial_ends_the_login(terminal: Terminal, provider: Doorkeeper) -> None:
    process = terminal.start()

    assert "You denied access" in _visit(provider.authorize(_address(process), "Deny"))

    _, message = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "access_denied" in message
    assert terminal.stored == []


def test_a_pasted_address_ends_the_login(terminal: Terminal, provider: Doorkeeper) -> None:
    keyboard, stdin = pty.openpty()
    process = terminal.start(stdin=stdin)
    redirected = provider.authorize(_address(process))

    os.write(keyboard, b"\nnonsense\n")
    os.write(keyboard, redirected.encode() + b"\n")

    out, message = process.communicate(timeout=60)
    os.close(keyboard)
    os.close(stdin)
    assert process.returncode == 0, message
    assert "Pass the complete URL" in message
    assert "Signed in as" in out


def test_a_login_times_out(terminal: Terminal) -> None:
    done = terminal.run("login", "--no-browser", "--wait", "0.2")

    assert done.returncode == 1
    assert "check --client-id" in done.stderr


@pytest.mark.parametrize("wait", ["-1", "0", "86401", "nan", "inf"])
def test_a_wait_that_is_no_time_is_refused(terminal: Terminal, wait: str) -> None:
    done = terminal.run("login", "--no-browser", "--wait", wait)

    assert done.returncode == 2
    assert "--wait: must be a number of seconds" in done.stderr


def test_a_port_in_use_is_an_error(terminal: Terminal, provider: Doorkeeper) -> None:
    done = terminal.run("login", "--no-browser", "--port", str(provider.port))

    assert done.returncode == 2
    assert "port: cannot be used" in done.stderr


def test_a_login_needs_an_application(terminal: Terminal) -> None:
    del terminal.environment["SEECLICKFIX_CLIENT_ID"]

    done = terminal.run("login", "--no-browser")

    assert done.returncode == 2
    assert "--client-id" in done.stderr
    assert "scf login --token" in done.stderr


def test_a_personal_token_comes_from_standard_input(
    terminal: Terminal, provider: Doorkeeper
) -> None:
    process = terminal.start("--implicit")
    fragment = provider.authorize(_address(process)).partition("#")[2]
    token = re.findall("access_token=([^&]+)", fragment)[0]
    process.terminate()
    process.communicate()

    done = terminal.run("login", "--token", stdin=f"{token}\n")

    assert done.returncode == 0, done.stderr
    assert token not in done.stdout + done.stderr
    assert terminal.run("whoami").returncode == 0
    assert "SEECLICKFIX_TOKEN" not in done.stderr


def test_a_login_says_that_a_variable_precedes_it(terminal: Terminal, provider: Doorkeeper) -> None:
    process = terminal.start("--implicit")
    fragment = provider.authorize(_address(process)).partition("#")[2]
    token = re.findall("access_token=([^&]+)", fragment)[0]
    process.terminate()
    process.communicate()

    done = terminal.run("login", "--token", stdin=f"{token}\n", token="of-the-variable")
    terminal.run("logout", token="of-the-variable")
    again = terminal.run("logout", token="of-the-variable")

    assert done.returncode == 0, done.stderr
    assert "SEECLICKFIX_TOKEN is set and precedes this login" in done.stderr
    assert "The token of SEECLICKFIX_TOKEN stays valid" in again.stdout


@pytest.mark.parametrize("stdin", ["", "\n", "two words\n"])
def test_an_invalid_token_is_not_sent(terminal: Terminal, stdin: str) -> None:
    done = terminal.run("login", "--token", stdin=stdin)

    assert done.returncode == 2
    assert "--token:" in done.stderr
    assert ("scf login --token < FILE" in done.stderr) is (not stdin.strip())
    assert terminal.stored == []


def test_a_refused_token_is_not_stored(terminal: Terminal) -> None:
    done = terminal.run("login", "--token", stdin=f"{_SAMPLE}\n")

    assert done.returncode == 1
    assert "secret" not in done.stdout + done.stderr
    assert terminal.stored == []
