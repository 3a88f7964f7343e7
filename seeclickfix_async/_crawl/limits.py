"""The limits of a listing: page size and depth."""

from __future__ import annotations

from typing import Annotated, Literal, SupportsIndex

import attrs
from msgspec import Meta

from seeclickfix_async._crawl.evidence import PageRequest

DOCUMENTED_PAGE_SIZE = 100
"""The page size that the API page documents."""

MAX_PAGE_SIZE = 1000
"""The largest page that the service was seen to grant (observed in 2026)."""

PageSize = SupportsIndex | Literal["largest"]
"""The issues per request, or as many as the service grants."""

_Count = Annotated[int, Meta(ge=1)]
_PageSize = Annotated[int, Meta(ge=1, le=MAX_PAGE_SIZE)]


@attrs.define(eq=False)
class Limits:
    """The size of a page, and the depth cap.

    Attributes:
        requested: Rows a page that are requested.
        granted: Rows a page that the service grants; None before its first response.
        depth: Rows of one query that it serves; None until a crawl has reached this cap.
    """

    requested: _PageSize
    granted: _PageSize | None = None
    depth: _Count | None = None

    @property
    def per_page(self) -> int:
        """Rows a page, as far as is known."""
        return self.granted or self.requested

    def grant(self, per_page: int | None, rows: int) -> None:
        """Note the page size that a response states, unless it has more rows than that.

        A service that responds to a large page size with a tiny page is sent the documented size
        from then on.
        """
        if per_page is None or per_page < 1:
            return
        stated = max(per_page, rows)
        is_tiny = self.granted is None and stated < DOCUMENTED_PAGE_SIZE < self.requested
        self.granted = DOCUMENTED_PAGE_SIZE if is_tiny else min(stated, self.per_page)

    def request_less(self) -> bool:
        """Request pages of the documented size, if larger ones may be why one was refused."""
        if self.granted is not None or self.requested <= DOCUMENTED_PAGE_SIZE:
            return False
        self.granted = DOCUMENTED_PAGE_SIZE
        return True

    def forget(self) -> None:
        """Find out anew what the service serves: what was taken for a limit may be a failure."""
        self.granted = self.depth = None

    def note_unserved(self, request: PageRequest) -> None:
        """Note that the service does not serve this page, although it has rows."""
        if request.offset:
            self.depth = min(self.depth or request.offset, request.offset)

    def window(self, known: int) -> tuple[int, int] | None:
        """Choose the page that begins within the known rows and reaches furthest beyond them.

        Args:
            known: The number of known rows, from the first one on.

        Returns:
            The page number and the page size; None if no page that is served reaches beyond.
        """
        if not known:
            return 1, self.per_page
        start = min(known, self.depth or known) - 1  # the last row at which a page may begin
        windows = [(start // size + 1, size) for size in range(1, self.per_page + 1)]
        number, size = max(windows, key=lambda window: window[0] * window[1])
        return (number, size) if number * size > known else None
