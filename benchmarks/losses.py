"""Rows that a crawl and a plain loop over `next_page_url` lose or repeat.

The only other Python package for this API, `seeclickfix` 0.3, requests one page of 20 from a fixed
host and has no pull to compare with; its users write this loop.
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
_ALL_STATUSES = "open,acknowledged,closed,archived"


async def _loop(url: str) -> list[int]:
    """Read page by page, newest first."""
    ids: list[int] = []
    following: str | None = f"{url}/api/v2/issues?per_page=100&status={_ALL_STATUSES}"
    async with httpx.AsyncClient() as http:
        while following:
            response = await http.get(following)
            if response.status_code != 200:
                break
            page = response.json()
            if not page["issues"]:
                break
            ids += [row["id"] for row in page["issues"]]
            following = page["metadata"]["pagination"]["next_page_url"]
            if len(ids) > 2 * _ROWS:
                break
    return ids


async def _crawl(url: str) -> list[int]:
    async with AsyncClient(base_url=url, limiter=None) as client:
        return [issue.id async for issue in client.issues.crawl()]


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    for name, pull in (("our crawl", _crawl), ("a plain loop", _loop)):
        for beyond in ("empty", "repeat"):
            options = ("--limit", "0", "--issues", str(_ROWS), "--beyond", beyond, "--drift", "3")
            with sandbox(*options) as url:
                ids = anyio.run(pull, url)
            found = {number for number in ids if number < 20_000_000 + 3 * _ROWS}
            target = 0 if name == "our crawl" else math.inf
            yield Ratio(f"rows that {name} loses, {beyond} pages", _ROWS - len(found), target, "")
            yield Ratio(
                f"rows that {name} repeats, {beyond} pages", len(ids) - len(set(ids)), target, ""
            )
