"""Decoding of a page of 100 issues into models, against `json.loads` alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import cycle, islice

import msgspec

from benchmarks.measure import Ratio, cost, paired
from seeclickfix_async import Issue, Response
from seeclickfix_async._api.decoding import decode_rows
from tests.support.repository import RECORDED


def _page() -> bytes:
    """Return a page of recorded issues, with the keys that the service sends since 2026."""
    recorded = msgspec.json.decode((RECORDED / "issues_array.json").read_bytes())
    keys = list(msgspec.json.decode((RECORDED / "issue_show.json").read_bytes()))
    rows = [{key: row.get(key, False) for key in keys} for row in islice(cycle(recorded), 100)]
    pagination = {"entries": 50_000, "page": 1, "per_page": 100, "pages": 500, "next_page": 2}
    page = {"issues": rows, "metadata": {"pagination": pagination}, "errors": {}}
    return msgspec.json.encode(page)


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    body = _page()
    response = Response(200, {}, body)
    value = paired(
        cost(lambda: decode_rows(response, "issues", Issue), 40),
        cost(lambda: json.loads(body), 40),
        rounds=41,
    )
    yield Ratio("a page of 100 issues to models / json.loads", value, 0.4)
