"""Readers of the files that a pull writes."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

Row = dict[str, Any]


def read_jsonl(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def read_csv(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_geojson(path: Path) -> list[Row]:
    collection = json.loads(path.read_text("utf-8"))
    assert collection["type"] == "FeatureCollection"
    return list(collection["features"])


def read_sqlite(path: Path, query: str = "SELECT * FROM issues") -> list[Row]:
    with closing(sqlite3.connect(path)) as opened:
        opened.row_factory = sqlite3.Row
        return [dict(row) for row in opened.execute(query)]


def read_dataset(path: Path) -> list[Row]:
    parts = [*path.glob("*/*.parquet")]
    return pl.read_parquet(parts, hive_partitioning=True).to_dicts() if parts else []


READERS = {
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".geojson": read_geojson,
    ".db": read_sqlite,
    ".parquet": read_dataset,
    ".geoparquet": read_dataset,
}


def read_issues(path: Path) -> list[Row]:
    """Return the issues of a file, sorted by id."""
    return sorted(READERS[path.suffix](path), key=lambda row: int(row["id"]))


def vanished_ids(path: Path) -> set[int]:
    """Return the ids of the issues that a sweep marked as vanished."""
    marked = ((row, row.get("properties", row)["vanished_at"]) for row in read_issues(path))
    return {int(row["id"]) for row, mark in marked if mark not in (None, "")}
