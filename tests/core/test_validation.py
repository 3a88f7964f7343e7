"""Validation of arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seeclickfix_async import FileStore, HostLimiter, SqliteOutbox
from seeclickfix_async.errors import InvalidArgumentError


@pytest.mark.parametrize("path", ["a\0b", "a\ud800", 7], ids=ascii)
@pytest.mark.parametrize(
    ("owner", "argument"),
    [
        (FileStore, "folder"),
        (lambda path: HostLimiter(folder=path), "folder"),
        (SqliteOutbox, "outbox"),
    ],
    ids=["FileStore", "HostLimiter", "SqliteOutbox"],
)
def test_a_path_that_no_file_can_have_is_refused(
    owner: Callable[[Any], object], argument: str, path: Any
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        owner(path)

    assert caught.value.argument == argument
