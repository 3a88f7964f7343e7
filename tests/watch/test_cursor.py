"""Cursors that were damaged."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import AsyncClient
from seeclickfix_async._cli.commands.watch import watch
from seeclickfix_async._cli.options import SiteOptions
from seeclickfix_async._watch.cursor import Cursor
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import DetailedIssue
from tests.support.json_values import JSON

_CURSOR = dict.fromkeys(("since", "now", "remembered", "after"), "2026-01-01T00:00:00Z")
_WRONG = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-05:00",
    "1969-12-31T23:59:59Z",
    "2026-01-01T00:00:00",
    "yesterday",
    float("nan"),
    None,
)


@pytest.mark.parametrize("wrong", _WRONG)
@pytest.mark.parametrize("name", _CURSOR)
def test_a_cursor_with_an_invalid_time_is_refused(name: str, wrong: Any) -> None:
    AsyncClient().issues.watch(cursor={**_CURSOR, "seen": {}})  # is valid

    for cursor in ({**_CURSOR, "seen": {}, name: wrong}, {"floor": wrong, "since": wrong}):
        with pytest.raises(InvalidArgumentError, match="cursor"):
            AsyncClient().issues.watch(cursor=cursor)


@pytest.mark.parametrize(
    "seen",
    [
        None,
        [],
        {"2026-01-01T00:00:00Z": "short"},
        {"2026-01-01T00:00:00Z": "\ud83dabcde"},
        {"2026-01-01T00:00:00Z": 5},
        {"0001-01-01T00:00:00+14:00": "abcdef"},
    ],
)
def test_a_cursor_with_invalid_keys_is_refused(seen: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="cursor"):
        AsyncClient().issues.watch(cursor={**_CURSOR, "seen": seen})


@given(
    st.dictionaries(
        st.sampled_from([*_CURSOR, "seen", "reread_from", "reread_until", "floor", "first"]),
        JSON | st.dictionaries(st.just("2026-01-01T00:00:00Z"), st.text("ab1é", max_size=12)),
    )
)
def test_any_saved_cursor_continues_or_is_refused(changes: dict[str, Any]) -> None:
    with suppress(InvalidArgumentError):
        feed = AsyncClient().issues.watch(cursor={**_CURSOR, "seen": {}, **changes})
        assert AsyncClient().issues.watch(cursor=feed.cursor).cursor == feed.cursor


@pytest.mark.anyio
@pytest.mark.parametrize(
    "content", [b"null", b"[" * 200_000, b'{"seen":' * 200_000, b"", bytes(9), b"1" * 5000, b"\xff"]
)
async def test_a_file_that_is_not_a_cursor_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "feed.json"
    file.write_bytes(content)

    with anyio.fail_after(20), pytest.raises(InvalidArgumentError, match="not a cursor file"):
        await watch(cursor=file, options=SiteOptions(base_url="http://127.0.0.1:9"))

    assert file.read_bytes() == content
    assert not file.with_name("feed.json.lock").exists()


@pytest.mark.parametrize("put_back", [True, False], ids=["clock put back", "poll repeated"])
@pytest.mark.exhaustive
def test_a_cursor_that_moves_back_stays_small_and_knows_its_rows(put_back: bool) -> None:
    minute = timedelta(minutes=1)
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    cursor = Cursor.begin([], begin, is_complete=True)
    rows: list[DetailedIssue] = []
    for number in range(1, 7 * 480):
        at = begin + 3 * number * minute
        cursor.update_clock(at, 3 * minute)
        rows.append(
            DetailedIssue(
                id=number,
                created_at=at - 3 * minute,
                acknowledged_at=at - 2 * minute,
                updated_at=at,
            )
        )
        for change in cursor.find_new_changes(rows[-1]):
            cursor.record(rows[-1], change)
        cursor.advance(None)
        if put_back:
            cursor.finish_poll(settled=False)
    early = cursor.now - timedelta(days=4)

    if put_back:
        assert cursor.update_clock(early, minute)
    else:
        cursor.move_back(early)

    for _ in range(2):
        saved = json.dumps(cursor.dump())
        assert len(saved) < 64_000
        cursor = Cursor.load(json.loads(saved))
        for row in rows[-1900:]:
            assert cursor.find_new_changes(row) == []
            cursor.record(row)
    edited = attrs.evolve(rows[-1], updated_at=at + minute)
    assert [change.kind for change in cursor.find_new_changes(edited)] == ["edited"]
