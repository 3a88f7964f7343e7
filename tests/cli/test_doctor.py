"""`scf doctor`: what it finds, what it costs, and what it does not show."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seeclickfix_async._cli.commands import doctor as doctor_module
from seeclickfix_async._cli.options import SiteOptions
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.oauth import Token
from seeclickfix_async.sandbox import TOKEN, Sandbox, Settings
from seeclickfix_async.tokens import FileStore
from tests.support.command_line import run_cli
from tests.support.text_service import TextService

pytestmark = pytest.mark.usefixtures("working_folder")


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(10, settings=Settings(quota=None))


@pytest.fixture(scope="module")
def site(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.serve() as url:
        yield url


def _checks(output: str) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(output)["checks"]}


def test_all_is_well(sandbox: Sandbox, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:my-password@[::1]:3128")
    before = len(sandbox.requests)

    done = run_cli(site, "doctor", "--json")
    shown = run_cli(site, "doctor")
    quiet = run_cli(site, "doctor", "--quiet")

    checks = _checks(done.stdout)
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, True)
    assert {check["state"] for check in checks.values()} == {"ok"}
    assert checks["token"]["value"]["source"] == "SEECLICKFIX_TOKEN"
    assert checks["quota"]["value"] == 19
    assert checks["environment"]["value"]["HTTPS_PROXY"] == "http://[::1]:3128"
    assert len(sandbox.requests) == before + 3  # one for each
    assert set(checks) == {
        line.split()[0] for line in shown.stdout.splitlines() if line[1:2].strip()
    } - {"Check"}
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    for text in (TOKEN, "my-password"):
        assert text not in done.stdout + shown.stdout


def test_a_refused_token_of_a_variable_is_named(site: str) -> None:
    done = run_cli(site, "doctor", "--json", token="of-the-variable")

    account = _checks(done.stdout)["account"]
    assert account["state"] == "wrong"
    assert "It is that of SEECLICKFIX_TOKEN, which precedes a login" in account["message"]


def test_a_token_that_must_not_be_sent_is_a_fault_of_the_settings() -> None:
    done = run_cli("http://city.example", "doctor", "--json")

    checks = _checks(done.stdout)
    assert done.returncode == 1
    assert "is plain http" in checks["settings"]["message"]
    assert "site" not in checks


def test_a_missing_network_is_found_soon() -> None:
    start = time.monotonic()

    done = run_cli("http://127.0.0.1:9", "doctor", "--json", token="")
    quiet = run_cli("http://127.0.0.1:9", "doctor", "--quiet", token="")

    assert time.monotonic() - start < 10
    checks = _checks(done.stdout)
    assert done.returncode == 1
    assert "the server refused it" in checks["site"]["message"]
    assert checks["token"]["message"] == "none; scf login signs in"
    assert (checks["clock"]["state"], checks["quota"]["value"]) == ("unknown", 20)
    assert quiet.stderr.startswith("scf: site: http://127.0.0.1:9: ")
    assert quiet.stderr.count("\n") == 1


def test_a_refused_token_is_found(site: str) -> None:
    done = run_cli(site, "doctor", "--json", token="wrong-token-here")

    checks = _checks(done.stdout)
    assert done.returncode == 1
    assert (checks["site"]["state"], checks["account"]["state"]) == ("ok", "wrong")
    assert "wrong-token-here" not in done.stdout


@pytest.mark.parametrize(("refresh", "state"), [(None, "wrong"), ("again", "ok")])
@pytest.mark.anyio
async def test_the_expiry_of_a_login_is_shown(
    refresh: str | None, state: str, working_folder: Path
) -> None:
    store = FileStore(working_folder / "config" / "seeclickfix-async" / "tokens")
    made = datetime.now(UTC) - timedelta(hours=3)
    await store.put(
        "http://127.0.0.1:9",
        Token(
            Secret("stored-token"),
            "Bearer",
            7200.0,
            None,
            made,
            Secret(refresh) if refresh else None,
        ),
    )

    check = await doctor_module._check_stored_token(SiteOptions(base_url="http://127.0.0.1:9"))

    assert check.state == state
    assert check.value["expires"] == made + timedelta(hours=2)
    assert "stored-token" not in repr(check)


@pytest.mark.parametrize(("seconds", "words"), [(90, "ahead of"), (-90, "behind"), (3, "")])
def test_clocks_are_compared(seconds: float, words: str) -> None:
    now = datetime.now(UTC)

    check = doctor_module._check_clock(now, now - timedelta(seconds=seconds))

    assert (check.state == "wrong") == bool(words)
    assert words in check.message


def test_a_page_that_is_not_the_api_is_found() -> None:
    service = TextService("Hole")
    service.refusal = 503
    with service.serve() as url:
        refused = run_cli(url, "doctor", "--json")

    assert refused.returncode == 1
    assert _checks(refused.stdout)["site"]["state"] == "wrong"
    assert len(service.requests) == 1  # it is not tried again
