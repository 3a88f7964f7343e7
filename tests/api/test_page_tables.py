"""Pages as dictionaries, data frames and tables of notebooks."""

from __future__ import annotations

import json
import re
import sys
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import polars as pl
import pytest

from seeclickfix_async import BoundingBox, Issue, Page, Report
from seeclickfix_async._crawl.report import Estimate
from seeclickfix_async._tables.columns import NAMES
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Comment, DetailedIssue, Place, User
from tests.support.model_values import recorded, recorded_page

_PAGE: Page[Issue] = recorded_page()
_DETAILED = recorded_page([recorded("issue_show_details")], model=DetailedIssue)
_COMMENTS = recorded_page(recorded("issue_comments")["comments"], "comments", Comment)
_USERS = recorded_page([{"id": 1}], "users", User)


@pytest.mark.parametrize(
    ("page", "model"),
    [(_PAGE, Issue), (_DETAILED, DetailedIssue), (_COMMENTS, Comment), (_USERS, User)],
)
def test_a_page_is_the_same_after_json(page: Page[Any], model: Any) -> None:
    again = Page.from_json(page.to_json(), model)

    assert again == page == Page.from_dict(page.to_dict(), model)
    assert hash(tuple(again)) == hash(tuple(page))
    assert json.loads(page.to_json()) == page.to_dict()
    assert [row.keys() for row in again.raw] == [item.to_dict().keys() for item in page]
    assert page.to_dict()["items"] == [item.to_dict() for item in page]


@pytest.mark.parametrize(
    ("document", "argument"),
    [
        (None, "data"),
        ({"page": 1}, "items"),
        ({"items": [], "page": "first"}, "page"),
        ({"items": [{"id": 1}, {"id": 2, "media": 5}], "page": 1}, "items[1].media"),
    ],
)
def test_an_invalid_dictionary_is_refused_with_the_path(document: Any, argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Page.from_dict(document, Issue)

    assert caught.value.argument == argument


@pytest.mark.parametrize("model", [dict, "Issue", None, Page])
def test_the_class_of_the_rows_must_be_a_model(model: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="model"):
        Page.from_dict(_PAGE.to_dict(), model)


@pytest.mark.parametrize("page", [_PAGE, _DETAILED, attrs.evolve(_PAGE, items=())])
def test_a_page_of_issues_is_a_table_with_the_columns_of_a_pull(page: Page[Issue]) -> None:
    table = page.to_table()
    pandas_frame = page.to_pandas()
    polars_frame = page.to_polars()

    assert table.column_names == [*NAMES, "comments"]
    assert table.column("id").to_pylist() == [issue.id for issue in page]
    assert table.column("created_at").to_pylist() == [issue.created_at for issue in page]
    assert list(pandas_frame.columns) == polars_frame.columns == table.column_names
    assert str(pandas_frame["created_at"].dt.tz) == "UTC"
    assert polars_frame.schema["created_at"] == pl.Datetime("us", "UTC")
    assert len(pandas_frame) == len(polars_frame) == len(page)


@pytest.mark.parametrize("page", [_PAGE, _DETAILED, attrs.evolve(_PAGE, items=())])
def test_a_page_has_local_times_in_a_time_zone(page: Page[Issue]) -> None:
    zone = ZoneInfo("America/New_York")
    table = page.to_table(timezone=zone)
    pandas_frame = page.to_pandas(timezone=zone)
    polars_frame = page.to_polars(timezone="America/New_York")

    local = [issue.created_at and issue.created_at.astimezone(zone) for issue in page]
    expected = [time and time.replace(tzinfo=None) for time in local]
    assert table.column("created_at_local").to_pylist() == expected
    assert pandas_frame["created_at_local"].to_list() == expected
    assert polars_frame["created_at_local"].to_list() == expected
    assert table.column("created_at").to_pylist() == [issue.created_at for issue in page]
    assert list(pandas_frame.columns) == polars_frame.columns == table.column_names
    assert table.schema.metadata[b"timezone"] == b"America/New_York"


@pytest.mark.parametrize("method", ["to_table", "to_pandas", "to_polars"])
def test_an_unknown_time_zone_is_refused(method: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Did you mean 'America/New_York'"):
        getattr(_PAGE, method)(timezone="America/Nw_York")


@pytest.mark.parametrize("page", [_COMMENTS, _USERS, attrs.evolve(_COMMENTS, items=())])
@pytest.mark.parametrize("method", ["to_table", "to_pandas", "to_polars"])
def test_a_page_of_other_rows_says_how_to_make_a_data_frame(page: Page[Any], method: str) -> None:
    with pytest.raises(InvalidArgumentError, match="to_dict"):
        getattr(page, method)()


@pytest.mark.parametrize(
    ("library", "method", "words"),
    [
        ("pyarrow", "to_table", "'parquet' extra"),
        ("pandas", "to_pandas", "pip install pandas"),
        ("polars", "to_polars", "pip install polars"),
    ],
)
def test_a_missing_library_is_named(
    library: str, method: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(InvalidArgumentError, match=words):
        getattr(_PAGE, method)()


_HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
_HOSTILE_ISSUE = {
    "id": 1,
    "summary": _HOSTILE,
    "address": "' onmouseover='alert(1)",
    "html_url": "javascript:alert(1)",
    "url": f"https://x.test/{_HOSTILE}",
    "comment_url": "data:text/html,<script>alert(1)</script>",
    "request_type": {"title": _HOSTILE},
    "reporter": {"name": _HOSTILE, "avatar": {"full": "https://tracker.test/a.png"}},
    "media": {"image_full": "https://tracker.test/b.png"},
    "transitions": {_HOSTILE: _HOSTILE},
}
_REPORT = Report(
    5, 4, 0, 1, 0, 1, 2, 2, 0.5, 6.0, complete=False, reasons=(_HOSTILE, "One row is missing.")
)


@pytest.mark.parametrize(
    "value",
    [
        recorded_page([_HOSTILE_ISSUE]),
        recorded_page([_HOSTILE_ISSUE], model=DetailedIssue),
        recorded_page([{"id": 1, "name": _HOSTILE}], "users", User),
        Issue.from_dict(_HOSTILE_ISSUE),
        DetailedIssue.from_dict({**_HOSTILE_ISSUE, "comments": [{"comment": _HOSTILE}]}),
        Place(id=1, name=_HOSTILE),
        _REPORT,
    ],
)
def test_html_for_notebooks_is_harmless(value: Any) -> None:
    html = value._repr_html_()
    tags = set(re.findall(r"<(/?\w+)", html))
    links = re.findall(r"<a ([^>]*)>", html)

    assert tags <= {"table", "/table", "caption", "/caption", "tr", "/tr", "th", "/th"} | {
        "td", "/td", "a", "/a", "p", "/p"
    }  # fmt: skip
    assert all(re.fullmatch(r'href="https?://[^"]*" rel="[^"]*" target="_blank"', a) for a in links)
    assert "&lt;script&gt;" in html
    assert len(html) < 5_000


def test_html_shows_what_the_repr_shows() -> None:
    page = attrs.evolve(_PAGE, items=_PAGE.items * 4, entries=900, pages=18)
    html = page._repr_html_()
    rows = html.count("<tr>") - 1

    assert f"Page {page.page} of 18; 900 rows in all" in html
    assert rows == 20
    assert f"{len(page) - rows} more row" in html
    assert str(page.items[0].id) in html
    assert "One row is missing." in _REPORT._repr_html_()
    assert "<th>minimum</th><td>2</td>" in _REPORT._repr_html_()
    assert "30" in Estimate(30, 1, 3.0)._repr_html_()
    assert "41.2" in BoundingBox(41.0, -73.6, 41.2, -73.4)._repr_html_()
    assert attrs.evolve(_PAGE, items=())._repr_html_().count("<tr>") == 1
