"""Docstrings, comments, messages and documents are written in plain words."""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT

_METAPHOR = "a metaphor; use the field's noun"
_BANNED = {
    r"(wire|lane|trip|flight|door|teller|ledger|album|room|lane)s?": _METAPHOR,
    r"(nobody|whoever|no one)": "say which caller, process or user",
    r"so (many|much|few)": "say the number, or name the argument",
    r"unless told( otherwise)?": "by default",
    r"whole numbers?": "integer",
    r"(gives?|gave|giving|given out)": "return, serve, send, pass, report",
    r"(tells?|told|telling)": "say, report, show, or the field's verb",
    r"(asks?|asked|asking)( for)?": "request, send, prompt",
    r"held( back| in)?": "stored, kept by, moderated",
    r"(is|are|was) (?-i:none)": "is invalid, does not exist",
    r"lets? others": "say which other tasks or processes",
    r"(walks?|walked|walking|walkers?)": "crawl, iterate, worker",
    r"answers?": "response, result",
    r"texts?": "string, body, content",
    r"(the like|of the kind)": "name the things",
    r"for good": "permanently",
    r"in vain": "without effect",
    r"(comes?|came) (back|in|out) (to|from|of)": "name the event: returned, received",
    r"upon": "on",
    r"had (better|rather)": "should",
}
_OPENINGS = r"(What|Who|Where|How|So)\b"
_FIELD_TERMS = (  # in which a banned word is the field's own
    r"text[/-][a-z]+|full-text|plain text|text (column|file|field|search|index)|alt text",
    r"questions? and answers?|answers?( to| of)? (a |the )?(city's |form )?questions?",
    r"on the wire|wire format|in flight|there (is|are) none|No Answer Given|\.text\(\)",
    r"^\s*answers: ",
)
_SUSPECT = re.compile(rf"\b({'|'.join(_BANNED)})\b", re.IGNORECASE)  # few sentences are


def _files() -> list[str]:
    found = [
        *(ROOT / "seeclickfix_async").rglob("*.py"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "examples").rglob("*.py"),
        *ROOT.glob("*.md"),
    ]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def _docstrings(tree: ast.AST) -> Iterator[str]:
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, nodes) and (docstring := ast.get_docstring(node)):
            yield docstring


def _sentences(path: Path) -> Iterator[str]:
    source = path.read_text("utf-8")
    if path.suffix == ".md":
        yield from re.sub(
            r"```.*?```|`[^`]*`|\]\([^)]*\)", "", source, flags=re.DOTALL
        ).splitlines()
        return
    tree = ast.parse(source)
    yield from _docstrings(tree)
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    yield from (token.string for token in tokens if token.type == tokenize.COMMENT)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield inspect.cleandoc(node.value)


def _faults(path: Path) -> set[str]:
    faults = set()
    for sentence in _sentences(path):
        plain = re.sub(r"``?[^`]*``?", "", sentence)
        if not _SUSPECT.search(plain):
            continue
        for term in _FIELD_TERMS:
            plain = re.sub(term, "", plain, flags=re.IGNORECASE | re.MULTILINE)
        for banned, reason in _BANNED.items():
            for found in re.finditer(rf"\b{banned}\b", plain, re.IGNORECASE):
                faults.add(f"{found[0]!r} ({reason}): {sentence.strip()[:100]!r}")
    if path.suffix == ".py":
        for docstring in _docstrings(ast.parse(path.read_text("utf-8"))):
            if re.match(_OPENINGS, docstring):
                faults.add(f"an opening that is neither verb nor noun: {docstring[:60]!r}")
    return faults


@pytest.mark.parametrize("file", _files())
def test_no_mannered_word(file: str) -> None:
    faults = _faults(ROOT / file)

    assert not faults, "\n".join(sorted(faults))


def test_a_mannered_word_is_found(tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text('"""What nobody answers for.\n\nThe `answers` are field names."""\n')

    assert len(_faults(file)) == 3
