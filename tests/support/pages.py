"""The snippets of the documentation, and the commands that prepare their files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import seeclickfix_async
from seeclickfix_async import AsyncClient
from tests.support.command_line import run_cli
from tests.support.repository import ROOT

_FENCE = re.compile(r"^```(\w+)(?: title=[^\n]+)?\n(.*?)^```", re.DOTALL | re.MULTILINE)


def read_snippets(page: str, language: str) -> list[str]:
    """Return the snippets of a page in a language, in their order."""
    fences = _FENCE.findall((ROOT / "docs" / page).read_text("utf-8"))
    return [snippet for fence, snippet in fences if fence == language]


def run_commands(script: str, url: str, folder: Path) -> None:
    """Run the commands of `scf` in a snippet of a shell."""
    for line in script.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "scf"
        done = run_cli(url, *arguments, "--no-limit", cwd=folder)
        assert done.returncode == 0, done.stderr


def use_sandbox(patch: pytest.MonkeyPatch, url: str, own_token: str | None = None) -> None:
    """Make the clients of snippets those of a sandbox, without a quota."""

    class Here(AsyncClient):
        def __init__(self, token: Any = own_token, **options: Any) -> None:
            super().__init__(token, **{"base_url": url, **options, "limiter": None})

    patch.setattr(seeclickfix_async, "AsyncClient", Here)
