"""The rows of the page of a pull."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from seeclickfix_async.pull import write_map


def read_map(file: Path, **options: Any) -> list[dict[str, Any]]:
    """Write the page of a pull, and return its issues; times are seconds, in UTC."""
    page = file.parent / f"{file.name}.html"
    write_map(file, page, **options)
    return map_rows(page)


def data_of(page: Path, kind: str) -> list[Any]:
    """Return the JSON of the page's data elements."""
    element = rf'<script type="application/json" class="{kind}">(.*?)</script>'
    found = re.findall(element, page.read_text("utf-8"), re.DOTALL)
    return list(map(msgspec.json.decode, found))


def map_rows(page: Path) -> list[dict[str, Any]]:
    """Return the issues of a page."""
    statuses: list[str] = []
    types: list[str] = []
    rows: list[dict[str, Any]] = []
    for block in data_of(page, "issues"):
        statuses += block["statuses"]
        types += block["types"]
        columns = {
            "id": _sums(block["id"]),
            "status": [statuses[code] for code in block["status"]],
            "type": [types[code] for code in block["type"]],
            "lat": _places(block, "lat"),
            "lng": _places(block, "lng"),
            "created": _times(block),
            "closed": [
                later if later is None else start + later
                for start, later in zip(_sums(block["created"]), block["closed"], strict=True)
            ],
            **{name: _strings(block, name) for name in ("summary", "address", "image", "link")},
        }
        for name in ("createdOffset", "closedOffset"):
            columns[name] = _sums(block[name]) or [0] * len(columns["id"])
        rows += [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
    return rows


def _sums(differences: Iterable[int]) -> list[int]:
    return list(itertools.accumulate(differences))


def _places(block: dict[str, Any], name: str) -> list[float | None]:
    degrees = iter(_sums(block[name]))
    return [next(degrees) / 1e6 if placed else None for placed in block["placed"]]


def _times(block: dict[str, Any]) -> list[int | None]:
    missing = set(block["undated"])
    return [None if row in missing else time for row, time in enumerate(_sums(block["created"]))]


def _strings(block: dict[str, Any], name: str) -> list[str]:
    lines = block[f"{name}Lines"].split("\n")
    return [lines[code] for code in block[name]]
