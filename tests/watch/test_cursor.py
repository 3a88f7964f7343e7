"""Cursors that were damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from seeclickfix_async import AsyncClient
from seeclickfix_async._cli.commands.watch import watch
from seeclickfix_async.errors import InvalidArgumentError

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


@pytest.mark.anyio
@pytest.mark.parametrize(
    "content", [b"null", b"[" * 200_000, b'{"seen":' * 200_000, b"", bytes(9), b"1" * 5000, b"\xff"]
)
async def test_a_file_that_is_not_a_cursor_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "feed.json"
    file.write_bytes(content)

    with anyio.fail_after(20), pytest.raises(InvalidArgumentError, match="not a cursor file"):
        await watch(cursor=file, base_url="http://127.0.0.1:9")

    assert file.read_bytes() == content
    assert [*tmp_path.iterdir()] == [file]
