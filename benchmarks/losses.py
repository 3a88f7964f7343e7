"""What a plain loop over `next_page_url` loses and doubles where ours loses nothing.

The one Python package for this API, `seeclickfix` 0.3, asks for one page of 20 of a fixed host, so
it has no pull to compare with; what people write around it is this loop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import anyio
import httpx

from benchmarks.measure import Ratio
from benchmarks.servers import sandbox
from seeclickfix_async import AsyncClient

_ROWS = 5000
_EVERY = "open,acknowledged,closed,archived"


async def _loop(url: str) -> list[int]:
    """Page by page, newest first, as everybody does it."""
    got: list[int] = []
    following: str | None = f"{url}/api/v2/issues?per_page=100&status={_EVERY}"
    async with httpx.AsyncClient() as http:
        while following:
            answer = await http.get(following)
            if answer.status_code != 200:
                break
            page = answer.json()
            if not page["issues"]:
                break
            got += [row["id"] for row in page["issues"]]
            following = page["metadata"]["pagination"]["next_page_url"]
            if len(got) > 2 * _ROWS:
                break
    return got


async def _ours(url: str) -> list[int]:
    async with AsyncClient(base_url=url, limiter=None) as client:
        return [issue.id async for issue in client.issues.crawl()]


def ratios() -> Iterator[Ratio]:
    """Measure."""
    for name, pull in (("ours", _ours), ("a plain loop", _loop)):
        for beyond in ("empty", "repeat"):
            options = ("--limit", "0", "--issues", str(_ROWS), "--beyond", beyond, "--drift", "3")
            with sandbox(*options) as url:
                got = anyio.run(pull, url)
            old = {number for number in got if number < 20_000_000 + 3 * _ROWS}
            target = 0 if name == "ours" else math.inf
            yield Ratio(f"rows that {name} loses, {beyond} pages", _ROWS - len(old), target, "")
            yield Ratio(f"rows it has twice, {beyond} pages", len(got) - len(set(got)), target, "")
