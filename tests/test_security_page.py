"""Each promise in SECURITY.md names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.support.repository import ROOT

_ROW = re.compile(r"^\| (?!Promise )(.+) \| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[^`]+\.py)::(\w+)`")

_PROMISES = _ROW.findall((ROOT / "SECURITY.md").read_text("utf-8"))


@cache
def _functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, functions)}


def test_the_page_makes_promises() -> None:
    assert len(_PROMISES) >= 10


@pytest.mark.parametrize(("promise", "tests"), _PROMISES)
def test_a_promise_names_tests_that_exist(promise: str, tests: str) -> None:
    named = _TEST.findall(tests)

    assert named, promise
    assert not _TEST.sub("", tests).strip(", "), "only names of tests, separated by commas"
    for file, name in named:
        assert name in _functions(file), f"{file} has no {name}"
