"""The script without async."""

from __future__ import annotations

import sys

import pytest

from seeclickfix_async.sandbox import Sandbox, Settings
from seeclickfix_async.sandbox._city import OPEN
from tests.support.example_programs import load_program


def test_the_script_prints_the_oldest_open_issues(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = Sandbox(500, settings=Settings(quota=None))
    monkeypatch.setattr(sys, "argv", ["longest_open.py", "example-city"])

    with sandbox.serve() as url:
        monkeypatch.setenv("SEECLICKFIX_BASE_URL", url)
        load_program("short-script/longest_open.py")

    city = sandbox.city
    rows = [row for row in range(500) if city.status[row] == OPEN][:20]
    printed = [line.split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert printed == [f"{url}/issues/{city.id_of(row)}" for row in rows]


def test_an_unknown_place_is_reported(monkeypatch: pytest.MonkeyPatch, city_url: str) -> None:
    monkeypatch.setattr(sys, "argv", ["longest_open.py", "exmple-city"])
    monkeypatch.setenv("SEECLICKFIX_BASE_URL", city_url)

    with pytest.raises(SystemExit, match="There are no issues"):
        load_program("short-script/longest_open.py")
