"""How much of a listing the service serves."""

from __future__ import annotations

from typing import Annotated

import attrs
from msgspec import Meta

from seeclickfix_async._crawl.evidence import PageRequest

_Count = Annotated[int, Meta(ge=1)]

DOCUMENTED = 100
"""Rows a page, as documented."""


@attrs.define(eq=False)
class Limits:
    """The size of a page, and the depth cap.

    Attributes:
        asked: How many rows a page are asked for.
        granted: How many the service grants; None before its first answer.
        depth: How many rows of one query it serves; None until a crawl has met this cap.
    """

    asked: _Count
    granted: _Count | None = None
    depth: _Count | None = None

    @property
    def per_page(self) -> int:
        """Rows a page, as far as is known."""
        return self.granted or self.asked

    def grant(self, per_page: int | None) -> None:
        """Note how many rows an answer says that a page has.

        A service that answers a wish for large pages with tiny ones is asked for the documented
        size.
        """
        if per_page is None or per_page < 1:
            return
        is_tiny = self.granted is None and per_page < DOCUMENTED < self.asked
        self.granted = DOCUMENTED if is_tiny else min(per_page, self.per_page)

    def ask_for_less(self) -> bool:
        """Ask for pages of the documented size, if larger ones may be why a request is refused."""
        if self.granted is not None or self.asked <= DOCUMENTED:
            return False
        self.granted = DOCUMENTED
        return True

    def note_unserved(self, request: PageRequest) -> None:
        """Note that the service does not serve this page, although there are rows on it."""
        if request.offset:
            self.depth = min(self.depth or request.offset, request.offset)

    def window(self, known: int) -> tuple[int, int] | None:
        """Choose the page that begins within the known rows and reaches furthest beyond them.

        Args:
            known: How many rows are known, from the first one on.

        Returns:
            The number of the page and its size; None if no page that is served reaches beyond.
        """
        if not known:
            return 1, self.per_page
        start = min(known, self.depth or known) - 1  # the last row at which a page may begin
        windows = [(start // size + 1, size) for size in range(1, self.per_page + 1)]
        number, size = max(windows, key=lambda window: window[0] * window[1])
        return (number, size) if number * size > known else None
