"""Updates of files: what they request, and which bytes they keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async.models import Issue
from seeclickfix_async.pull import open_sink, pull
from seeclickfix_async.pull._checkpoint import Checkpoint
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.event_loops import on_alternate_loops
from tests.support.pulled_files import READERS
from tests.support.sandboxes import CopyOfPull, make_client

_TEXTS = ["city.jsonl", "city.csv", "city.geojson"]
_ROWS = 300

_REPORT = {
    **dict.fromkeys(("expected", "received", "requests", "minimum", "slices"), 1),
    **dict.fromkeys(("duplicates", "rejected", "drift", "seconds", "quota_seconds"), 0),
    "complete": True,
    "reasons": [],
}
_CHECKPOINT = Checkpoint.decode(
    msgspec.json.encode(
        {
            "key": "k",
            "query": {},
            "began": "2026-01-01T00:00:00Z",
            "state": {},
            "finished": True,
            "report": _REPORT,
        }
    )
)


@pytest.fixture
def city() -> Sandbox:
    return Sandbox(_ROWS, settings=Settings(quota=None))


def _rows(path: Path) -> list[Any]:
    """Return the rows of a file, in its order; those of GeoJSON without their geometry."""
    rows = READERS[path.suffix](path)
    return [row.get("properties", row) for row in rows]


@pytest.mark.anyio
@on_alternate_loops("name", [*_TEXTS, "city.db", "city.parquet"])
async def test_an_update_without_changes_takes_one_request(
    name: str, city: Sandbox, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    path = tmp_path / name
    await copy_of_pull(path, _ROWS)
    rows, file = _rows(path), path.stat()

    report = await pull(make_client(city), to=path, update=True)

    assert (report.complete, report.requests) == (True, 1)
    assert report.received == 1  # the newest issue: an update reads the last hour again
    assert _rows(path) == rows
    assert path.stat().st_ino == file.st_ino  # it was not written again


@pytest.mark.anyio
@on_alternate_loops("position", [0, 1, _ROWS // 2, _ROWS - 2])  # the last one is read, too
@pytest.mark.parametrize("name", _TEXTS)
async def test_an_update_keeps_the_other_rows_in_their_order(
    name: str, position: int, city: Sandbox, tmp_path: Path, copy_of_pull: CopyOfPull
) -> None:
    path = tmp_path / name
    await copy_of_pull(path, _ROWS)
    before = _rows(path)
    changed = int(before[position]["id"])
    city.city.touch(next(row for row in range(_ROWS) if city.city.id_of(row) == changed))

    report = await pull(make_client(city), to=path, update=True)
    again = await pull(make_client(city), to=path, update=True)

    moved = {changed, int(before[-1]["id"])}
    after = _rows(path)
    assert report.received == 2
    assert again.requests == 1
    assert after[:-2] == [row for row in before if int(row["id"]) not in moved]
    assert {int(row["id"]) for row in after[-2:]} == moved


_CELLS = st.text(st.sampled_from('a",\r\n\x85\u2028{}') | st.characters(codec="utf-8"), max_size=9)


@pytest.mark.parametrize("name", _TEXTS)
@given(texts=st.lists(_CELLS, min_size=1, max_size=5), changed=st.sets(st.integers(0, 5)))
def test_any_text_survives_an_update_of_its_neighbours(
    name: str, texts: list[str], changed: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("updated") / name
    issues = [Issue(id=number, description=text) for number, text in enumerate(texts)]
    new = [Issue(id=number, description="new") for number in sorted(changed)]
    with open_sink(path) as sink:
        sink.write(issues, _CHECKPOINT)
        sink.merge(new, _CHECKPOINT)

    kept = [(issue.id, issue.description) for issue in issues if issue.id not in changed]
    expected = [*kept, *((issue.id, "new") for issue in new)]
    found = [(int(row["id"]), row["description"] or "") for row in _rows(path)]
    assert found == [(id_, text or "") for id_, text in expected]
