"""What the tutorials print is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repository import ROOT
from tests.support.tutorial import Tutorial

_PAGES = sorted((ROOT / "docs" / "tutorial").glob("*.md"))


@pytest.mark.parametrize("path", _PAGES, ids=lambda path: path.stem)
def test_a_tutorial_prints_what_it_shows(path: Path, tmp_path: Path) -> None:
    page = path.read_text("utf-8")

    assert Tutorial(page, tmp_path).play() == page
