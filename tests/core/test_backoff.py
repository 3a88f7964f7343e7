"""Delays before a retry."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import Response
from seeclickfix_async._core.backoff import MAX_RETRY_AFTER, backoff, parse_retry_after

_NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10", 10.0),
        (" 7 ", 7.0),
        ("0.25", 0.25),
        ("2814, 2", 2814.0),
        ("-5", 0.0),
        ("1e9", MAX_RETRY_AFTER),
        ("Sun, 01 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun Nov  1 12:00:30 2026", 30.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_each_form_of_retry_after_is_parsed(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=_NOW) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ [\d:]+ ?\w*"))
def test_parsing_retry_after_never_raises_and_is_bounded(value: str) -> None:
    seconds = parse_retry_after(value, now=_NOW)

    assert seconds is None or (math.isfinite(seconds) and 0 <= seconds <= MAX_RETRY_AFTER)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_backoff_stays_within_its_limit(attempt: int, random: float) -> None:
    wait = backoff(attempt, random=random, base=0.5, cap=30)

    assert 0 <= wait <= min(30, 0.5 * 2.0 ** min(attempt - 1, 10))


def test_backoff_applies_its_jitter_at_the_cap() -> None:
    assert backoff(50, random=0.5, base=0.5, cap=30) == 15


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("Sun, 01 Nov 2026 12:00:00 GMT", _NOW),
        ("Sunday, 01-Nov-26 12:00:00 GMT", _NOW),
        ("Sun Nov  1 12:00:00 2026", _NOW),
        ("Sun, 01 Nov 2026 07:00:00 -0500", _NOW),
        ("Sun, 99 Nov 2026 12:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:00:00 -0500", None),
        ("Mon, 31 Dec 2007 23:59:59 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Mon, 01 Jan 0100 00:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_each_form_of_the_date_header_is_parsed(value: str, date: datetime | None) -> None:
    assert Response(200, {"date": value}, b"").date == date
    assert Response(200, {}, b"").date is None
