"""The parsers of outside bytes, with the corpus of `python -m benchmarks fuzz`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import fuzz
from benchmarks.fuzz import CORPUS, table

_MAX_BYTES = 60_000  # of the whole corpus

pytestmark = pytest.mark.filterwarnings("ignore")  # of tokens that have expired


def _corpus(name: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted((CORPUS / name).iterdir())]


def test_every_parser_has_a_small_corpus() -> None:
    corpora = {folder.name: _corpus(folder.name) for folder in CORPUS.iterdir()}

    assert corpora.keys() == table.PARSERS.keys()
    assert all(corpora.values())
    assert sum(len(content) for corpus in corpora.values() for content in corpus) < _MAX_BYTES


def test_fuzzing_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    assert fuzz.run(["page"]) == 2
    assert fuzz.run(["pages"]) == 2
    printed = capsys.readouterr().out
    assert "pip install --group fuzz" in printed
    assert "There is no parser pages. Use some of" in printed


@pytest.mark.parametrize("name", table.PARSERS)
def test_the_corpus_is_parsed_or_refused_with_an_error_of_the_package(name: str) -> None:
    for content in (b"", *_corpus(name)):
        table.run(name, content)


@pytest.mark.parametrize("name", table.PARSERS)
@settings(max_examples=30)
@given(st.data())
def test_anything_else_is_parsed_or_refused_with_an_error_of_the_package(
    name: str, data: st.DataObject
) -> None:
    """A part of a file of the corpus is replaced by other bytes, or by a part of another file."""
    content, other = (data.draw(st.sampled_from(_corpus(name))) for _ in range(2))
    start, end, other_start, other_end = (
        data.draw(st.integers(0, len(whole))) for whole in (content, content, other, other)
    )
    part = data.draw(st.binary(max_size=20) | st.just(other[other_start:other_end]))

    table.run(name, content[:start] + part + content[end:])
