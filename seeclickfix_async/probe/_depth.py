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
    guesses = [last - 1, expected // per_page + 1, expected // per_page]
    while first_end - reached > 1:
        number = guesses.pop() if guesses else 0
        if not reached < number < first_end:
            if guesses:
                continue
            number = (reached + first_end) // 2
        ids = await fetch(number)
        if (ids or ()) == (end or ()):
            first_end = number
        else:
            reached, rows = number, len(ids or ())
    if not end:
        return Depth(max(reached - 1, 0) * per_page + rows, "error" if end is None else "empty")
    return Depth(UNLIMITED) if first_end == last else Depth(first_end * per_page, "repeat")
