"""An unreadable row does not affect the others, in listings, feeds, files and all models."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeclickfix_async import AsyncClient, Issue, Response
from seeclickfix_async._api.decoding import decode_rows
from seeclickfix_async.errors import DecodeError
from seeclickfix_async.models import DetailedIssue, ServiceRequest
from seeclickfix_async.pull import pull
from tests.support.event_loops import on_alternate_loops
from tests.support.pulled_files import READERS, read_issues

pytestmark = pytest.mark.anyio

_TIME = "2026-01-0{}T00:00:00Z"
_DEEP = "[" * 100_000 + "]" * 100_000  # Python 3.13 decodes 2,000 levels


def _row(number: int, **fields: Any) -> str:
    """Return an issue as JSON, which is also readable as other models."""
    time = _TIME.format(number)
    row = {"id": number, "status": "Open", "summary": f"s{number}", "created_at": time}
    return json.dumps({**row, "updated_at": time, "lat": 41.0, "lng": -72.0, "@": 0} | fields)


def _field(raw: str, name: str = "@") -> str:
    """Return the second row, with a field in a form that no encoder would write."""
    if name == "@":
        return _row(2).replace('"@": 0', raw)
    return _row(2, **{name: "@@"}).replace('"@@"', raw)


# Values with only one possible meaning are repaired, and the row is returned.
_REPAIRED = {
    "half of a pair": _field(r'"a \ud83d"', "summary"),
    "half at the end": _field(r'"\ude00"', "summary"),
    "two halves in reverse": _field(r'"\ude00\ud83d"', "summary"),
    "half of a pair in an unknown field": _field(r'"new": "\ud83d"'),
    "half of a pair in a key": _field(r'"\ud83d": 1'),
    "half of a pair in a person": _field(r'{"id": 3, "name": "\ud83d"}', "reporter"),
    "half of a pair in a link": _field(r'{"image_full": "http://x/\ud83d"}', "media"),
    "half of a pair in a category": _field(r'{"id": 3, "title": "\ud83d"}', "request_type"),
    "control characters": _field('"a\tb\nc\x01"', "summary"),
    "NUL": _field(r'"a\u0000b"', "summary"),
    "raw NUL": _field('"a\0b"', "summary"),
    "NaN": _field("NaN", "lat"),
    "Infinity": _field("-Infinity", "lng"),
    "a huge float": _field("1e999", "lat"),
    "NaN as a string": _field('"nan"', "lat"),
    "infinity as a string": _field('"-inf"', "lng"),
    "a latitude of 91": _field("91", "lat"),
    "a longitude of 1e308": _field("1e308", "lng"),
    "NaN in an unknown field": _field('"new": [NaN]'),
    "NaN in a point": _field('{"type": "Point", "coordinates": [NaN, 41.0]}', "point"),
    "the last moment": _field('"9999-12-31T23:59:59-05:00"', "closed_at"),
    "the last moment in UTC": _field('"9999-12-31T23:59:59Z"', "closed_at"),
    "the first moment": _field('"0001-01-01T00:00:00+14:00"', "acknowledged_at"),
    "the first moment without an offset": _field('"0001-01-01T00:00:00"', "closed_at"),
    "the last moment as a number": _field("253402300799", "closed_at"),
    "the zero date": _field('"0000-00-00 00:00:00"', "closed_at"),
    "infinity as a time": _field('"-infinity"', "closed_at"),
    "5,000 digits": _field("9" * 5_000, "rating"),
    "5,000 digits in an unknown field": _field('"new": ' + "9" * 5_000),
    "a key twice": _field('"summary": "twice"'),
    "an id below zero": _field("-2", "rating"),
}
# Rows with other invalid values are rejected.
_REJECTED = {
    "nested unknown field": _field(f'"new": {_DEEP}'),
    "nested known field": _field(_DEEP, "summary"),
    "more than 64 bits": _field(str(2**63), "rating"),
    "70 bits": _field(str(-(2**70)), "rating"),
    "70 bits as a string": _field(f'"{2**70}"', "rating"),
    "a large id": _field(str(2**63), "id"),
    "an id that is a string": _field('"x"', "id"),
    "a large id of a person": _field(f'{{"id": {2**64}}}', "reporter"),
    "a large id of a category": _field(f'{{"id": {2**64}}}', "request_type"),
    "the year 10000": _field('"10000-01-01T00:00:00Z"', "closed_at"),
    "the year 10000 as a number": _field("253402300800", "closed_at"),
    "a trailing comma": _field('"new": 1,'),
    "no colon": _field('"new" 1'),
    "no value": _field('"new":'),
    "the wrong bracket": _row(2)[:-1] + "]",
    "a word": "nonsense",
}
_INVALID = _REPAIRED | _REJECTED
_SAMPLE = [  # some of each kind, for slow tests
    "half of a pair",
    "control characters",
    "NaN",
    "the last moment",
    "the first moment",
    "no value",
    "more than 64 bits",
    "NUL",
]


def _listing(row: str, key: str = "issues") -> bytes:
    rows = f"[{_row(1)}, {row}, {_row(3)}]"
    if not key:
        return rows.encode()
    pagination = {"entries": 3, "page": 1, "per_page": 20, "pages": 1, "next_page": None}
    metadata = json.dumps({"pagination": pagination})
    return f'{{"metadata": {metadata}, "{key}": {rows}, "errors": {{}}}}'.encode()


def _client(body: bytes | Callable[[httpx.Request], bytes]) -> AsyncClient:
    def serve(request: httpx.Request) -> httpx.Response:
        content = body if isinstance(body, bytes) else body(request)
        return httpx.Response(200, content=content)

    http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    return AsyncClient(http=http, limiter=None, base_url="https://city.example")


@on_alternate_loops("name", _INVALID)
async def test_a_page_has_the_readable_rows_and_the_rejected_one(name: str) -> None:
    listing = _client(_listing(_INVALID[name])).issues.list()
    page = await listing

    assert page.size == 3
    assert {1, 3} <= {issue.id for issue in page}
    assert len(page.rejected) == len(listing.rejected) == (name in _REJECTED)
    assert len(page.raw) == len(page.items)
    for row in page.rejected:
        assert (row.index, row.page, row.raw) == (1, 1, _INVALID[name].encode())


@pytest.mark.parametrize("name", _REPAIRED)
async def test_one_object_is_repaired(name: str) -> None:
    issue = await _client(_REPAIRED[name].encode()).issues.get(2, details=True)

    assert issue.id == 2
    for time in (issue.created_at, issue.acknowledged_at, issue.closed_at, issue.updated_at):
        assert time is None or time.astimezone(UTC)
    assert json.loads(json.dumps(issue.summary).encode()) == issue.summary


@pytest.mark.parametrize("name", _REJECTED)
async def test_one_unreadable_object_is_an_error(name: str) -> None:
    with pytest.raises(DecodeError):
        await _client(_REJECTED[name].encode()).issues.get(2)


@on_alternate_loops("name", _SAMPLE)
@pytest.mark.parametrize("suffix", READERS)
async def test_a_pull_and_its_update_write_the_readable_rows(
    name: str, suffix: str, tmp_path: Path
) -> None:
    client = _client(_listing(_INVALID[name]))
    path, details = tmp_path / f"city{suffix}", suffix in (".jsonl", ".db")
    report = await pull(client, to=path, details=details)
    updated = await pull(client, to=path, details=details, update=True)

    ids = [1, 3] if name in _REJECTED else [1, 2, 3]
    assert [int(row["id"]) for row in read_issues(path)] == ids
    assert (report.received, report.rejected) == (len(ids), 3 - len(ids))
    assert report.complete is updated.complete is (len(ids) == 3)


@on_alternate_loops("name", _SAMPLE)
async def test_a_crawl_returns_the_readable_rows(name: str) -> None:
    crawl = _client(_listing(_INVALID[name])).issues.crawl(details=True)
    ids = [issue.id async for issue in crawl]

    assert {1, 3} <= set(ids)
    assert crawl.report.rejected == (name in _REJECTED)


_START = dict.fromkeys(("began", "since", "floor"), "2025-12-31T00:00:00Z")


@on_alternate_loops("name", _SAMPLE)
async def test_the_feed_returns_changes_of_the_readable_rows(name: str) -> None:
    ids = []
    async for change in _client(_listing(_INVALID[name])).issues.watch(cursor=_START):
        ids.append(change.issue.id)
        if ids[-1] == 3:
            break

    assert ids == ([1, 3] if name in _REJECTED else [1, 2, 3])


async def _items(listing: Any) -> list[Any]:
    return [item async for item in listing]


_COLLECTIONS: dict[str, tuple[str, Callable[[AsyncClient], Awaitable[Any]]]] = {
    "comments": ("comments", lambda client: client.issues.comments(1)),
    "places": ("places", lambda client: _items(client.places.near(lat=1, lng=1))),
    "users": ("users", lambda client: _items(client.users.near(lat=1, lng=1))),
    "own issues": ("issues", lambda client: _items(client.issues.mine())),
    "questions": ("questions", lambda client: _items(client.questions.list("city"))),
    "answers": ("answers", lambda client: client.questions.answers(1)),
    "categories": ("request_types", lambda client: client.report_form(lat=1, lng=1)),
    "emails": ("emails", lambda client: client.emails.list()),
    "organizations": ("", lambda client: client.organizations.list()),
    "an organization's issues": ("issues", lambda client: _items(client.organization(1).list())),
    "its comments": ("comments", lambda client: client.organization(1).comments(1)),
    "services": ("", lambda client: client.open311(1).services()),
}


@pytest.mark.parametrize("row", [r'{"id": 2, "name": "\ud83d"}', '{"id": 2, "name":}'])
@on_alternate_loops("name", _COLLECTIONS)
async def test_every_collection_returns_the_readable_rows(name: str, row: str) -> None:
    key, fetch = _COLLECTIONS[name]

    assert len(await fetch(_client(_listing(row, key)))) == (2 if ":}" in row else 3)


@on_alternate_loops("name", _COLLECTIONS)
async def test_a_collection_without_a_readable_row_is_an_error(name: str) -> None:
    key, fetch = _COLLECTIONS[name]
    content = b'[5, "x"]' if not key else b'{"%s": [5, "x"]}' % key.encode()

    with pytest.raises(DecodeError, match="None of 2 rows can be read") as caught:
        await fetch(_client(content))
    assert caught.value.path == f"{key}[0]"


async def test_open311_requests_are_returned_without_the_rejected_one() -> None:
    def serve(request: httpx.Request) -> bytes:
        repaired = r'{"service_request_id": 2, "description": "\ud83d", "lat": NaN, "long": 1e999}'
        return b"[]" if "page=2" in str(request.url) else _listing(f"{repaired}, {_DEEP}", "")

    listing = _client(serve).open311().requests()

    assert [request.id async for request in listing] == [None, "2", None]
    assert [row.path for row in listing.rejected] == ["[2]"]


async def test_a_nested_comment_is_repaired() -> None:
    comments = r'[{"comment": "\ud83d", "created_at": "9999-12-31T23:59:59-05:00"}]'
    page = await _client(_listing(_field(comments, "comments"))).issues.list(details=True)

    assert page.items[1].comments is not None
    assert page.items[1].comments[0].comment == "\ufffd"
    assert page.items[1].comments[0].created_at is None


async def test_a_byte_order_mark_is_skipped() -> None:
    mark = b"\xef\xbb\xbf"

    assert len(await _client(mark + _listing(_row(2))).issues.list()) == 3
    assert len(await _client(mark + _listing(_row(2), "")).organizations.list()) == 3
    assert (await _client(mark + _row(2).encode()).issues.get(2)).id == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-20],
        lambda content: content[: len(content) // 2],
        lambda content: content + b"<!-- cached -->",
        lambda content: content + content,
        lambda _: b"<html></html>",
        lambda _: b"",
        lambda content: content.replace(b"}, {", b"}}, {", 1),
        lambda content: content.replace(b'"s1"', b'"s1'),
    ],
)
async def test_a_damaged_document_is_an_error(
    damage: Callable[[bytes], bytes],
) -> None:
    content = damage(_listing(_REPAIRED["half of a pair"]))

    with pytest.raises(DecodeError):
        await _client(content).issues.list()


async def test_plain_objects_are_repaired_too() -> None:
    response = await _client(_REPAIRED["half of a pair"].encode()).request("GET", "/issues/2")

    assert response.json()["summary"] == "a \ufffd"


_RAW_ROWS = st.sampled_from([*_INVALID.values(), _row(4), "", "{}", "null"]) | st.text(
    alphabet='{}[]":,\\ud83x0N', max_size=20
)


@settings(max_examples=200)
@given(st.lists(_RAW_ROWS, max_size=5), st.sampled_from(["issues", ""]))
def test_any_page_is_decoded_row_by_row_or_refused(rows: list[str], key: str) -> None:
    array = f"[{', '.join(rows)}]"
    content = (f'{{"{key}": {array}}}' if key else array).encode()
    try:
        decoded = decode_rows(Response(200, {}, content), key, DetailedIssue)
    except DecodeError:
        return
    assert all(issue.lat is None or -90 <= issue.lat <= 90 for issue in decoded.items)
    assert all(-(2**63) <= issue.id < 2**63 for issue in decoded.items)
    assert all(row.raw in content for row in decoded.rejected)


@given(
    st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_every_decoded_time_can_be_converted_to_another_zone(local: datetime, minutes: int) -> None:
    sign, offset = "-" if minutes < 0 else "+", abs(minutes)
    time = f"{local.isoformat()}{sign}{offset // 60:02}:{offset % 60:02}"
    content = json.dumps([{"id": 1, "requested_datetime": time, "closed_at": time}]).encode()
    response = Response(200, {}, content)
    for model in (Issue, DetailedIssue, ServiceRequest):
        [row] = decode_rows(response, "", model).items
        decoded = getattr(row, "closed_at", None) or getattr(row, "requested_datetime", None)
        assert decoded is None or decoded.astimezone(UTC).year == pytest.approx(local.year, abs=1)
        assert (decoded is None) == (local.year in (1, 9999))
