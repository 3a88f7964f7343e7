"""The workflows of the forge."""

from __future__ import annotations

import re
import tomllib

from tests.support.repository import ROOT

_WORKFLOWS = ROOT / ".github" / "workflows"


def _oldest_python() -> str:
    """Return the Python of the sessions of nox, except those of all Pythons."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest: str = re.findall(r":: (3\.\d+)", " ".join(project["classifiers"]))[0]
    return oldest


def test_the_workflows_install_the_python_of_their_sessions() -> None:
    texts = {path.name: path.read_text("utf-8") for path in _WORKFLOWS.glob("*.yml")}
    installed = {
        name: re.findall(r'python-version: "(.+)"', text)
        for name, text in texts.items()
        if "nox --sessions" in text
    }

    assert {*installed} == {"docs.yml", "release.yml", "security.yml"}
    assert all(versions == [_oldest_python()] for versions in installed.values())
