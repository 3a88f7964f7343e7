"""The decisions of a walk, against a service that does its worst."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import attrs
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seeclickfix_async import BoundingBox, Issue, Page, Response
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.queries import IssueQuery
from seeclickfix_async.walk import Walk

_START = datetime(2026, 1, 1, tzinfo=UTC)
_END = _START + timedelta(hours=1)


@attrs.frozen
class _Service:
    """Answers queries over issues that were created at some seconds, some of them crowded."""

    seconds: list[int]
    depth: int

    def answer(self, query: IssueQuery, number: int) -> Page[Issue]:
        after, before = query.bounds("created_at")
        assert before is not None
        box = query.area
        assert box is None or isinstance(box, BoundingBox)
        matching = [
            Issue(id=place, created_at=created_at, lat=place % 7, lng=0.1)
            for place, second in enumerate(self.seconds, 1)
            if (after or _START) <= (created_at := _START + timedelta(seconds=second)) < before
            and len(query.status or ()) > 0
            and (box is None or box.min_lat <= place % 7 <= box.max_lat)
        ]
        per_page = query.per_page or 20
        start = (number - 1) * per_page
        served = matching[start : min(start + per_page, self.depth)]
        return Page(
            items=tuple(served),
            page=number,
            per_page=per_page,
            pages=None,
            entries=len(matching),
            next_page=None,
            rejected=(),
            response=Response(200, {}, b""),
            key="issues",
        )


_SECONDS = st.lists(st.integers(0, 3599), max_size=150) | st.lists(st.integers(0, 12), max_size=150)


@example(seconds=[0] * 5, depth=3, page_size=2, walkers=1, seed=0)
@given(
    seconds=_SECONDS,
    depth=st.integers(2, 30),
    page_size=st.integers(1, 30),
    walkers=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_every_issue_comes_once_however_often_the_walk_is_dumped(
    seconds: list[int], depth: int, page_size: int, walkers: int, seed: int
) -> None:
    service = _Service(sorted(seconds), max(depth, page_size))
    chance = Random(seed)
    query = IssueQuery.of({"status": "all"}, details=False, per_page=page_size)
    walk: Walk[Issue] = Walk(query, by="created_at", end=_END, page_size=page_size)
    got: list[int] = []

    for _ in range(5000):
        if not walk.slices:
            break
        part = chance.choice(walk.slices)
        page = service.answer(walk.query_of(part), part.page)
        got.extend(issue.id for issue in walk.take(part, page))
        if part in walk.slices and len(walk.slices) < walkers:
            walk.share(part, walkers - len(walk.slices))
        if chance.random() < 0.3:
            walk = Walk(query, by="created_at", end=_START, page_size=page_size, state=walk.dump())
    walk.finish(len(seconds))

    assert len(got) == len(set(got))
    if not walk.state.reasons:
        assert len(got) == len(seconds)
    assert walk.report().complete == (len(got) == len(seconds))


def test_the_state_is_small_json() -> None:
    query = IssueQuery.of({"status": "all"}, details=False, per_page=None)
    walk: Walk[Issue] = Walk(query, by="created_at", end=_END)

    assert len(walk.dump()) < 1000
    assert msgspec.json.decode(walk.dump())["finished"] is False


@pytest.mark.parametrize("state", [b"", b"{}", b"[1]", b"\xff", b'{"end": 1}'])
def test_a_state_that_is_none_is_refused(state: bytes) -> None:
    query = IssueQuery.of({}, details=False, per_page=None)
    with pytest.raises(InvalidArgumentError, match="not where a walk stood"):
        Walk[Issue](query, by="created_at", end=_END, state=state)
