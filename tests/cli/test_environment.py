"""The secrets of the environment: sent to their own site only, and passed to no other process."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from seeclickfix_async.sandbox import NEIGHBOUR_TOKEN, TOKEN, Sandbox, Settings
from tests.support.command_line import run_cli, wait_until
from tests.support.text_service import TextService

_SCF = (sys.executable, "-W", "error", "-m", "seeclickfix_async._cli")
_CLIENT_SECRET = {"SEECLICKFIX_CLIENT_SECRET": "a-client-secret"}
_SECRETS = {"SEECLICKFIX_TOKEN": TOKEN, **_CLIENT_SECRET}

pytestmark = pytest.mark.usefixtures("working_folder")


@pytest.fixture
def other() -> TextService:
    return TextService("Hole")


@pytest.fixture
def other_url(other: TextService) -> Iterator[str]:
    with other.serve() as url:
        yield url


def _run(
    *arguments: str, own_site: str = "", stdin: str = "", token: str = TOKEN
) -> subprocess.CompletedProcess[str]:
    return run_cli(own_site, *arguments, stdin=stdin, token=token, environment=_CLIENT_SECRET)


@pytest.mark.parametrize("own_site", ["", "https://city.example", "http://127.0.0.1:9"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("issues",),
        ("whoami", "--json"),
        ("comment", "1", "Hello"),
        ("pull", "x.db"),
        ("watch", "--cursor", "x.json"),
    ],
)
def test_the_token_is_not_sent_to_another_site(
    other: TextService,
    other_url: str,
    arguments: Sequence[str],
    own_site: str,
    tmp_path: Path,
) -> None:
    done = _run(*arguments, "--base-url", other_url, own_site=own_site)

    site = own_site or "https://seeclickfix.com"
    assert done.returncode == 2
    assert other.requests == []
    assert f"SEECLICKFIX_TOKEN belongs to {site}, and was not sent to {other_url}." in done.stderr
    assert f"use scf login --token --base-url {other_url}" in done.stderr
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize("path", ["", "/", "/api/v2"])
def test_the_token_is_sent_to_its_own_site(other: TextService, other_url: str, path: str) -> None:
    done = _run("whoami", "--base-url", other_url + path, own_site=other_url)

    assert done.returncode == 0, done.stderr
    assert other.requests[0][2] == f"Bearer {TOKEN}"


def test_a_login_at_the_other_site_is_used(other: TextService, other_url: str) -> None:
    at = ("--base-url", other_url)
    assert _run("login", "--token", *at, stdin=f"{NEIGHBOUR_TOKEN}\n").returncode == 0

    done = _run("whoami", *at)

    assert done.returncode == 0, done.stderr
    assert {token for _, _, token in other.requests} == {f"Bearer {NEIGHBOUR_TOKEN}"}


def test_a_login_is_used_at_its_own_site_only(other: TextService, other_url: str) -> None:
    with TextService("Hole").serve() as url:
        _run("login", "--token", "--base-url", url, stdin=f"{NEIGHBOUR_TOKEN}\n")

    done = _run("issues", "--base-url", other_url, token="")

    assert done.returncode == 0, done.stderr
    assert {token for _, _, token in other.requests} == {""}


def test_the_client_secret_is_not_sent_to_another_site(other: TextService, other_url: str) -> None:
    done = _run("login", "--no-browser", "--client-id", "app", "--base-url", other_url)

    assert done.returncode == 2
    assert "SEECLICKFIX_CLIENT_SECRET belongs to https://seeclickfix.com" in done.stderr
    assert other.requests == []


def test_the_command_of_a_feed_receives_no_secrets_and_one_line(tmp_path: Path) -> None:
    script = (
        "import json, os, sys; line = sys.stdin.buffer.read(); change = json.loads(line); "
        "print(json.dumps([change['kind'], line.count(b'\\n'), line[-1:] == b'\\n', "
        "' '.join([*os.environ.values(), *sys.argv])]), flush=True); sys.exit(1)"
    )
    command = shlex.join([sys.executable, "-c", script])
    sandbox = Sandbox(50, settings=Settings(quota=None))
    options = ("watch", "--every", "0.05", "--cursor", "feed.json", "--exec", command)
    with (
        sandbox.serve() as url,
        subprocess.Popen(
            (*_SCF, *options),
            env={**os.environ, **_SECRETS, "SEECLICKFIX_BASE_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        wait_until(process, (tmp_path / "feed.json").exists)
        sandbox.city.report()
        output, _ = process.communicate(timeout=60)

    kind, lines, ends, environment = json.loads(output.splitlines()[-1])
    assert (process.returncode, kind, lines, ends) == (1, "opened", 1, True)
    assert TOKEN not in environment
    assert _SECRETS["SEECLICKFIX_CLIENT_SECRET"] not in environment
