"""A pull as one page for a browser, which needs nothing else: no network, no server."""

from __future__ import annotations

import csv
import importlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Issue
from seeclickfix_async.pull import _arrow as arrow
from seeclickfix_async.pull._checkpoint import checkpoint_path
from seeclickfix_async.pull._columns import NAMES, plain_rows
from seeclickfix_async.pull._manifest import Manifest

_SHOWN = (
    "id",
    "status",
    "request_type",
    "summary",
    "address",
    "lat",
    "lng",
    "created_at",
    "closed_at",
    "html_url",
)
_TOGETHER = 1000  # issues that become rows at a time
_READ = (*_SHOWN, "vanished_at")
_WORDS = {"status": "unknown", "request_type": "Post to Neighbors", "summary": "", "address": ""}

# What a file raises that is not as it was written; Arrow's errors are among them.
_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    OSError,
    csv.Error,
    sqlite3.Error,
    msgspec.MsgspecError,
)

Row = dict[str, Any]


def page(file: Path) -> str:
    """The page of a pull's file, as HTML; without the issues that a sweep found to have vanished.

    Args:
        file: What `pull` wrote, of any kind.

    Raises:
        InvalidArgumentError: It is no such file.
    """
    reader = _READERS.get(file.suffix)
    if reader is None:
        raise InvalidArgumentError("file", f"must end in one of {', '.join(_READERS)}.")
    if not file.exists():
        raise InvalidArgumentError("file", f"there is no {file}.")
    try:
        there = (row for row in reader(file) if not row.get("vanished_at"))
        issues = sorted(map(_cells, there), key=lambda cells: str(cells[7] or ""))
    except _UNREADABLE as error:
        raise InvalidArgumentError(
            "file", f"{file} is no pull, or is damaged: {error!r}. Pull it again, or restore it."
        ) from None
    data = msgspec.json.encode({"name": file.name, "issues": issues}).decode()
    # Nothing that somebody wrote to a city may end the script element that it stands in.
    safe = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    template = Path(__file__).with_name("page.html").read_text("utf-8")
    return template.replace("@DATA@", safe)


def _cells(row: Row) -> list[Any]:
    cells = {**row, **{name: row.get(name) or word for name, word in _WORDS.items()}}
    return [_number(name, cells[name]) for name in _SHOWN]


def _number(name: str, value: Any) -> Any:
    """A CSV knows no numbers, and nothing for None."""
    if name in ("lat", "lng"):
        return float(value) if value not in (None, "") else None
    return int(value) if name == "id" else value or None


class _Mark(msgspec.Struct):
    vanished_at: str | None = None


def _lines(file: Path) -> Iterator[Row]:
    decoder, mark = msgspec.json.Decoder(Issue), msgspec.json.Decoder(_Mark)
    with file.open("rb") as lines:
        there = (line for line in lines if mark.decode(line).vanished_at is None)
        while issues := tuple(map(decoder.decode, itertools.islice(there, _TOGETHER))):
            for row in plain_rows(issues):
                yield dict(zip(NAMES, row, strict=True))


def _csv(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


def _features(file: Path) -> Iterator[Row]:
    for feature in msgspec.json.decode(file.read_bytes())["features"]:
        lng, lat = feature["geometry"]["coordinates"] if feature["geometry"] else (None, None)
        yield {**feature["properties"], "lat": lat, "lng": lng}


def _database(file: Path) -> Iterator[Row]:
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        for row in database.execute(f"SELECT {', '.join(_READ)} FROM issues"):  # noqa: S608  # ours
            yield dict(row)


def _dataset(file: Path) -> Iterator[Row]:
    arrow.library()
    datasets: Any = importlib.import_module("pyarrow.dataset")
    manifest = Manifest.read(checkpoint_path(file))
    parts = [str(file / part.path) for part in manifest.parts] if manifest else file
    found = datasets.dataset(parts, format="parquet", partitioning="hive")
    for batch in found.to_batches(columns=list(_READ)):
        yield from batch.to_pylist()


_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": _lines,
    ".csv": _csv,
    ".geojson": _features,
    ".db": _database,
    ".parquet": _dataset,
    ".geoparquet": _dataset,
}
