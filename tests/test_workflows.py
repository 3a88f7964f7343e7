"""The workflows of the forge."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.support.repository import ROOT

_WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def _oldest_python() -> str:
    """Return the Python of the sessions of nox, except those of all Pythons."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest: str = re.findall(r":: (3\.\d+)", " ".join(project["classifiers"]))[0]
    return oldest


@pytest.mark.parametrize("workflow", _WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_installs_the_python_of_its_sessions(workflow: Path) -> None:
    text = workflow.read_text("utf-8")

    assert "nox" not in text or f'python-version: "{_oldest_python()}"' in text
