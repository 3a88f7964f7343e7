"""Parsers of files that are opened again: cursors, states, checkpoints, and the data of pulls."""

from __future__ import annotations

import atexit
import json
import math
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from seeclickfix_async import DetailedIssue
from seeclickfix_async._api import reading
from seeclickfix_async._api.query import IssueQuery
from seeclickfix_async._core.response import Response
from seeclickfix_async._crawl.planner import CrawlPlanner
from seeclickfix_async._tables import arrow
from seeclickfix_async._transport import slot_log
from seeclickfix_async._watch.cursor import Cursor
from seeclickfix_async.errors import SeeClickFixError
from seeclickfix_async.pull import write_map
from seeclickfix_async.pull._checkpoint import Checkpoint, CheckpointFile, checkpoint_path
from seeclickfix_async.pull._id_set import IdSet
from seeclickfix_async.pull._manifest import Manifest
from seeclickfix_async.pull._parts import PartFiles
from seeclickfix_async.pull._rows import compare_ids
from seeclickfix_async.pull._sinks import Sink, open_sink
from seeclickfix_async.pull._text import TextSink

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_KEY = "key"
_REPORT = (
    '{"expected":1,"received":1,"duplicates":0,"rejected":0,"drift":0,"slices":1,"requests":1,'
    '"minimum":1,"seconds":0,"quota_seconds":0,"complete":true,"reasons":[]}'
)
_CHECKPOINT = (
    f'{{"key":"{_KEY}","query":{{}},"began":"2026-01-01T00:00:00Z","state":{{}},'
    f'"report":{_REPORT},"finished":true}}'
)
_ROW = {"id": 7, "created_at": "2025-12-01T00:00:00Z", "updated_at": "2025-12-01T00:00:00Z"}
_PAGE = Response(200, {}, json.dumps({"issues": [_ROW], "metadata": {}}).encode())


@cache
def _folder() -> Path:
    """Return a folder that is removed at the end of the process."""
    folder = tempfile.mkdtemp(prefix="fuzz-")
    atexit.register(shutil.rmtree, folder)
    return Path(folder)


def read_cursor(content: bytes) -> None:
    """Load the cursor of a feed, and use it for a poll."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return
    cursor = Cursor.load(value)
    cursor.update_clock(_NOW, cursor.now - cursor.since)
    [issue] = reading.read_page(_PAGE, DetailedIssue, "issues")
    cursor.find_new_changes(issue)
    cursor.record(issue)
    cursor.finish_poll(settled=True)
    assert Cursor.load(cursor.dump()).start <= max(cursor.since, cursor.after)


def read_crawl_state(content: bytes) -> None:
    """Load the state of a crawl, and continue the crawl by a page of each slice."""
    planner: CrawlPlanner[DetailedIssue] = CrawlPlanner(
        IssueQuery(), by="created_at", state=content
    )
    planner.skip([1, 2])
    page = reading.read_page(_PAGE, DetailedIssue, "issues")
    for period in planner.slices[:3]:
        planner.share(period, 2)
        request = planner.request(period)
        assert request.number * request.per_page < 10**9
        with suppress(SeeClickFixError):
            planner.receive(period, request, page, _NOW)
    planner.state.report(rate=1 / 3)
    assert planner.received_until is None or planner.received_until.utcoffset() is not None
    CrawlPlanner(IssueQuery(), by="created_at", state=planner.state.encode())


def read_checkpoint(content: bytes) -> None:
    """Read a checkpoint file as that of a text file and of a dataset."""
    path = _folder() / "checkpoint"
    path.write_bytes(content)
    for model in (CheckpointFile, Manifest):
        with suppress(SeeClickFixError):
            saved = model.read(path)
            assert saved is not None
            _use(saved.for_query(_KEY))
    with suppress(SeeClickFixError):
        _use(Checkpoint.decode(content))


def _use(checkpoint: Checkpoint | None) -> None:
    while checkpoint is not None:
        assert checkpoint.covered.utcoffset() is not None
        checkpoint.is_base_of(checkpoint)
        with suppress(SeeClickFixError):
            CrawlPlanner(IssueQuery(), by="updated_at", state=bytes(checkpoint.state))
        checkpoint = checkpoint.base


def read_slot_log(content: bytes) -> None:
    """Read the log of a limiter, with the right checksum."""
    body, _, boot = content.partition(b"\n")
    checked = b"%08x %b\n" % (zlib.crc32(body), body)
    for log in (content, checked):
        found = slot_log.read(log, boot=boot.decode("latin-1"), now=1e6, per=60.0)
        assert found.paused_until <= 1e6 + 2 * 86_400
        assert all(math.isfinite(time) for time in found.free_times(20, 1e6))
        assert slot_log.read(found.encode(), boot=found.boot, now=1e6, per=60.0).boot == found.boot


def read_jsonl(content: bytes) -> None:
    """Sweep a JSON Lines file."""
    _sweep_text("a.jsonl", b"", content)


def read_csv(content: bytes) -> None:
    """Sweep a CSV file."""
    _sweep_text("a.csv", _header("a.csv"), content)


def read_geojson(content: bytes) -> None:
    """Sweep a GeoJSON file."""
    _sweep_text("a.geojson", _header("a.geojson"), content)


@cache
def _header(name: str) -> bytes:
    with open_sink(_folder() / f"empty-{name}") as sink:
        assert isinstance(sink, TextSink)
        return sink.header


def _sweep_text(name: str, header: bytes, content: bytes) -> None:
    """Sweep a file of an early version, whose checkpoint has no checksum of the data."""
    path, data = _folder() / name, header + content + b"\n"
    path.write_bytes(data)
    saved = f'{{"checkpoint":{_CHECKPOINT},"length":{len(data)}}}'
    checkpoint_path(path).write_text(saved, "utf-8")
    with open_sink(path) as sink:
        _sweep(sink)


def _sweep(sink: Sink) -> None:
    checkpoint = sink.read_checkpoint(_KEY)
    if checkpoint is None:
        return
    issues: Iterable[DetailedIssue] = reading.read_page(_PAGE, DetailedIssue, "issues")
    comparison = compare_ids(sink.stored_rows(_KEY), IdSet([7]), _NOW)
    sink.mark_vanished(_KEY, comparison.marks)
    sink.merge(issues, checkpoint)


def read_sqlite(content: bytes) -> None:
    """Open a database in which some bytes were overwritten: their place, and the new ones."""
    original = _database()
    place = int.from_bytes(content[:3]) % len(original)
    path = _write_database(original[:place] + content[3:] + original[place + len(content) - 3 :])
    with open_sink(path) as sink:
        _sweep(sink)


def read_sqlite_row(content: bytes) -> None:
    """Open a database with other values in its rows: times, a link and a checkpoint, in lines."""
    path = _write_database(_database())
    created, image, checkpoint = [*content.split(b"\n", 2), b"", b""][:3]
    values = (created.decode("utf-8", "replace"), image.decode("utf-8", "replace"))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("UPDATE issues SET created_at = ?, image = ?", values)
        if checkpoint:
            database.execute("UPDATE pulls SET checkpoint = ?", (checkpoint.decode("latin-1"),))
    with open_sink(path) as sink:
        _sweep(sink)


@cache
def _database() -> bytes:
    path = _folder() / "original.db"
    with open_sink(path) as sink:
        issues = list(reading.read_page(_PAGE, DetailedIssue, "issues"))
        sink.write(issues, Checkpoint.decode(_CHECKPOINT))
    return path.read_bytes()


def _write_database(content: bytes) -> Path:
    path = _folder() / "a.db"
    for file in path.parent.glob("a.db*"):
        file.unlink()
    path.write_bytes(content)
    return path


def read_parquet(content: bytes) -> None:
    """Read and convert a Parquet file in which some bytes were overwritten."""
    files = PartFiles(arrow.build_schema(geometry=False))
    original = _part(files)
    place = int.from_bytes(content[:3]) % len(original)
    path = _folder() / "a.parquet"
    path.write_bytes(original[:place] + content[3:] + original[place + len(content) - 3 :])
    for read in (files.read, files.convert, lambda file: [files.describe(file, "a")]):
        with suppress(SeeClickFixError):
            list(read(path))


@cache
def _part(files: PartFiles) -> bytes:
    path = _folder() / "original.parquet"
    issues = list(reading.read_page(_PAGE, DetailedIssue, "issues"))
    files.write(
        [arrow.build_batch(issues, arrow.build_schema(geometry=False))], path, "part-0.parquet"
    )
    return path.read_bytes()


def draw_csv(content: bytes) -> None:
    """Draw the map of a CSV file."""
    _draw("map.csv", _header("a.csv") + content)


def draw_geojson(content: bytes) -> None:
    """Draw the map of a GeoJSON file."""
    _draw("map.geojson", content)


def draw_jsonl(content: bytes) -> None:
    """Draw the map of a JSON Lines file."""
    _draw("map.jsonl", content)


def _draw(name: str, content: bytes) -> None:
    path = _folder() / name
    path.write_bytes(content)
    page = path.with_suffix(".html")
    write_map(path, page)
    assert page.read_bytes().endswith(b"</html>\n")
