"""`scf login --register`: a letter, and nothing else."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.command_line import run_cli
from tests.support.repository import ROOT

_NOWHERE = "http://127.0.0.1:9"
_CONSOLE = re.compile(r"```console\n\$ scf ((?:.+\\\n)*.+)\n((?:.*\n)+?)```")


@pytest.fixture(autouse=True)
def home(working_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(working_folder))
    return working_folder


def test_the_documented_letter_is_printed() -> None:
    page = (ROOT / "docs" / "registration.md").read_text("utf-8")
    ((command, shown),) = _CONSOLE.findall(page)

    done = run_cli(_NOWHERE, *shlex.split(command.replace("\\\n", "")))

    assert (done.returncode, done.stdout + done.stderr) == (0, shown)


def test_each_value_of_the_documented_list_is_a_blank(home: Path) -> None:
    done = run_cli(_NOWHERE, "login", "--register", "--name", " ")

    blanks = {blank.lower() for blank in re.findall(r"\[(.+?)\]", done.stdout)}
    contacts = {
        f"{kind} contact {value}"
        for kind in ("technical", "administrative")
        for value in ("name", "email", "phone")
    }
    assert blanks == {"name of application", "organization name", "callback uri", *contacts}
    assert "Fill in the 9 values in brackets." in done.stderr
    assert list(home.iterdir()) == []  # nothing is stored


def test_a_value_stays_on_its_line() -> None:
    letter = run_cli(_NOWHERE, "login", "--register", "--name", "{City}\nBot\x1b[31m").stdout

    assert "\nName of application: {City} Bot\ufffd[31m\n" in letter


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--register", "--redirect-uri", "http://app.example"), "--redirect-uri: must be https."),
        (("--name", "City Bot"), "--register: is missing."),
    ],
)
def test_wrong_options_are_refused(arguments: tuple[str, ...], message: str) -> None:
    done = run_cli(_NOWHERE, "login", *arguments)

    assert done.returncode == 2
    assert done.stderr.startswith(f"scf: {message}")
