"""The programs of `examples/`."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from tests.support.repository import ROOT

EXAMPLES = ROOT / "examples"


def load_program(path: str) -> ModuleType:
    """Import a program as a module of its own, at each call."""
    spec = importlib.util.spec_from_file_location(path, EXAMPLES / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
