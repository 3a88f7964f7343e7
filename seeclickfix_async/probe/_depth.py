"""The search for the depth of a listing: how many rows its page numbers reach."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import attrs

UNLIMITED = 2**62
"""The depth of a listing whose last page can be reached."""

FetchIds = Callable[[int], Awaitable[Sequence[int] | None]]
"""Requests a page and returns the ids of its rows, or None if the service refuses it."""


@attrs.frozen
class Depth:
    """The number of rows that can be reached, and the response past them; None without one."""

    rows: int
    beyond: str | None = None


async def find_depth(fetch: FetchIds, *, per_page: int, entries: int, expected: int) -> Depth:
    """Search for the last page that can be reached, first around the expected depth.

    Past the depth, all pages are the same: empty, refused, or a repetition of the last one.

    Args:
        fetch: Requests a page.
        per_page: The rows of a page.
        entries: The rows of the listing.
        expected: The number of rows that is expected.
    """
    last = -(-entries // per_page)
    end = await fetch(last)
    reached, rows, first_end = 0, 0, last
    number = expected // per_page
    # A repetition begins on the last page that can be reached, the others after it.
    guesses = [number - 1 if end else number + 1]
    while first_end - reached > 1:
        if not reached < number < first_end:
            middle = (reached + first_end) // 2
            number = min(2 * reached, middle) if reached else middle
        ids = await fetch(number)
        if (ids or None) == (end or None):
            first_end = number
        else:
            reached, rows = number, len(ids or ())
        number = guesses.pop() if guesses else 0
    if not end:
        return Depth(max(reached - 1, 0) * per_page + rows, "error" if end is None else "empty")
    if first_end == last:
        return Depth(UNLIMITED)
    return Depth((first_end - 1) * per_page + len(end), "repeat")
