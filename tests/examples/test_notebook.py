"""The notebook, executed by a kernel that reaches only the sandbox."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.example_programs import EXAMPLES

_ISSUES = 1000


def test_the_notebook_shows_a_table_a_chart_and_a_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.read(EXAMPLES / "notebook/city.ipynb", nbformat.NO_CONVERT)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)  # as in the repository
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")  # where nothing listens
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    with Sandbox(_ISSUES, settings=Settings(quota=None)).serve() as url:
        monkeypatch.setenv("SEECLICKFIX_BASE_URL", url)
        NotebookClient(notebook, timeout=60).execute()

    _, pulled, chart, picture = ([output["data"] for output in cell.outputs] for cell in cells)
    assert f"<th>{_ISSUES - 1}</th>" in pulled[-1]["text/html"]  # the last row
    assert "image/png" in chart[-1]
    assert "image/png" in picture[-1]
