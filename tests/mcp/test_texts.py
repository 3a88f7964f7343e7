"""Words of people that take long to search."""

from __future__ import annotations

import pytest

from seeclickfix_async.mcp._texts import clean, untrusted
from seeclickfix_async.testing._redaction import Redactor


@pytest.mark.timeout(5)
@pytest.mark.parametrize("words", ["a" * 100_000, "a." * 50_000, "%40a" * 25_000])
def test_long_words_take_no_longer_than_others(words: str) -> None:
    assert clean(words, 10) == words[:10]
    assert Redactor().redact_text(words) == words


@pytest.mark.timeout(5)
def test_a_name_of_separators_takes_no_longer_than_others() -> None:
    assert clean("-" * 400 + "y", 500, ["- - - - - - - - z"]) == "-" * 400 + "y"


@pytest.mark.parametrize("words", ["O'Brien, Li", "o\u2019brien  li", "O_Brien.Li"])
def test_a_name_is_found_with_other_separators(words: str) -> None:
    assert clean(f"Ask {words}!", 500, ["O\u2019Brien Li"]) == "Ask [name removed]!"


@pytest.mark.parametrize("address", ["ana.b+c@x.example", "ana%40x.example", "a@b.c+d@e.f"])
def test_an_e_mail_address_is_found(address: str) -> None:
    assert "x.example" not in Redactor().redact_text(f"mail {address}.")
    assert "d@e.f" not in Redactor().redact_text(f"mail {address}.")


def test_words_that_grow_by_a_replacement_are_marked_as_truncated() -> None:
    shown = untrusted("Li " * 100, 400, ["Li"])

    assert shown is not None
    assert shown.truncated
    assert len(shown.untrusted_text) <= 400
