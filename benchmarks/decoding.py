"""One typed page of 100 issues, from bytes to models, against `json.loads` alone."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmarks.measure import Ratio, cost, paired
from benchmarks.servers import PAGE, body_of
from seeclickfix_async import Issue, Response
from seeclickfix_async.decoding import decode_rows


def ratios() -> Iterator[Ratio]:
    """Measure."""
    body = body_of(PAGE)
    response = Response(200, {}, body)
    value = paired(
        cost(lambda: decode_rows(response, "issues", Issue), 40),
        cost(lambda: json.loads(body), 40),
        rounds=41,
    )
    yield Ratio("a page of 100 issues to models / json.loads", value, 0.5)
