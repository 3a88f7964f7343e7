"""The data of the page: JSON blocks of a few thousand issues each, by column.

A block is written as soon as its rows are read, so that the page needs no memory. Integers are
differences to the row above, and equal strings are stored once in a block: that makes the page
smaller, and it opens faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from operator import not_, sub
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from seeclickfix_async._tables.columns import local_name
from seeclickfix_async.pull._map._files import Chunk
from seeclickfix_async.pull._map._offsets import Offsets

_EXACT = 2**53
"""Integers beyond it are rounded by JavaScript, and so would be all sums after them."""

_MICRO = 1_000_000
"""Coordinates are integers of a millionth of a degree, which is at most 11 cm."""


def encode_blocks(chunks: Iterable[Chunk], zone: ZoneInfo | None) -> Iterator[bytes]:
    """Encode the issues of chunks, without those that a sweep marked as vanished."""
    statuses: dict[str, int] = {}
    types: dict[str, int] = {}
    offsets = Offsets(zone) if zone else None
    for chunk in chunks:
        shown = list(map(not_, chunk["vanished_at"]))
        if any(shown):
            rows = {name: list(compress(values, shown)) for name, values in chunk.items()}
            yield msgspec.json.encode(_encode_block(rows, statuses, types, offsets))


def _encode_block(
    rows: Chunk, statuses: dict[str, int], types: dict[str, int], offsets: Offsets | None
) -> dict[str, Any]:
    ids = list(map(int, rows["id"]))
    status_codes, new_statuses = _encode_strings(rows["status"], "unknown", statuses)
    type_codes, new_types = _encode_strings(rows["request_type"], "Post to Neighbors", types)
    lat, lng = _to_micro(rows["lat"], 90), _to_micro(rows["lng"], 180)
    placed = [None not in position for position in zip(lat, lng, strict=True)]
    links = [
        url and url.replace("{}", "%7B%7D").replace(str(id_), "{}", 1)
        for url, id_ in zip(rows["html_url"], ids, strict=True)
    ]
    created = [time or 0 for time in rows["created_at"]]
    return {
        "id": _differences(id_ if abs(id_) <= _EXACT else 0 for id_ in ids),
        "longIds": {str(row): str(id_) for row, id_ in enumerate(ids) if abs(id_) > _EXACT},
        "statuses": new_statuses,
        "status": status_codes,
        "types": new_types,
        "type": type_codes,
        "placed": list(map(int, placed)),
        "lat": _differences(compress(lat, placed)),
        "lng": _differences(compress(lng, placed)),
        "created": _differences(created),
        # Differences are short, and exactly what the page shows: the time to close.
        "closed": [
            None if closed is None else closed - start
            for closed, start in zip(rows["closed_at"], created, strict=True)
        ],
        "undated": [row for row, time in enumerate(rows["created_at"]) if time is None],
        "createdOffset": _differences(_offsets("created_at", rows, offsets)),
        "closedOffset": _differences(_offsets("closed_at", rows, offsets)),
        **_encode_lines("summary", rows["summary"]),
        **_encode_lines("address", rows["address"]),
        **_encode_lines("image", rows["image"]),
        **_encode_lines("link", links),
    }


def _encode_strings(
    values: Sequence[str | None], default: str, codes: dict[str, int]
) -> tuple[list[int], list[str]]:
    """Return the code of each string, and the strings that have a new code."""
    known = len(codes)
    encoded = [codes.setdefault(value or default, len(codes)) for value in values]
    return encoded, list(codes)[known:]


def _encode_lines(name: str, values: Sequence[str | None]) -> dict[str, Any]:
    """Encode strings as lines, each once, and their line numbers."""
    codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
    lines = [value or "" for value in codes]
    joined = "\n".join(lines)
    if joined.count("\n") >= len(lines):  # some have line breaks of their own
        joined = "\n".join(line.replace("\n", " ") for line in lines)
    return {name: list(map(codes.__getitem__, values)), f"{name}Lines": joined}


def _differences(values: Iterable[int]) -> list[int]:
    listed = list(values)
    return list(map(sub, listed, [0, *listed]))


def _to_micro(degrees: Sequence[float | None], limit: int) -> list[Any]:
    """Convert degrees; those that are not on Earth are None."""
    return [
        round(value * _MICRO) if value is not None and -limit <= value <= limit else None
        for value in degrees
    ]


def _offsets(name: str, rows: Chunk, offsets: Offsets | None) -> Iterable[int]:
    """Return the offsets of the local time in seconds, or nothing if it is UTC."""
    times = rows[name]
    if offsets is not None:
        return [0 if time is None else offsets.at(time) for time in times]
    if local_name(name) not in rows:
        return ()
    local = rows[local_name(name)]
    return [
        0 if None in (time, there) else there - time
        for time, there in zip(times, local, strict=True)
    ]
