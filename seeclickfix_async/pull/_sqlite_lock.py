"""Waits for databases that other programs have locked."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from seeclickfix_async._transport.threads import is_cancelled

T = TypeVar("T")

POLL_SECONDS = 0.2
"""Seconds that SQLite itself waits for a lock, in which it does not notice a cancellation."""

_MAX_SECONDS = 60.0
_PRIMARY_CODE = 0xFF  # of an extended error code


def wait_for_lock(work: Callable[[], T]) -> T:
    """Call a function again while the database is locked: for a minute, or until cancelled.

    Raises:
        sqlite3.OperationalError: The database is still locked, or the work failed otherwise.
    """
    deadline = time.monotonic() + _MAX_SECONDS
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            is_locked = error_code(error) == sqlite3.SQLITE_BUSY
            if not is_locked or is_cancelled() or time.monotonic() >= deadline:
                raise


def error_code(error: Exception) -> int:
    """Return the primary code of an error, which is missing after a decoding error."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE
