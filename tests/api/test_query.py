"""Validation of filters, and the query parameters made from them."""

from __future__ import annotations

import importlib
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import (
    ALL,
    AsyncClient,
    BoundingBox,
    PlaceArea,
    Secret,
    Status,
    WatchArea,
    Zoom,
    near,
)
from seeclickfix_async._api.query import IssueQuery, encode
from seeclickfix_async.errors import InvalidArgumentError

pandas: Any = importlib.import_module("pandas")  # which has no types

_CITY = PlaceArea("example-city")
_JAN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def _params(**filters: Any) -> dict[str, str]:
    details = filters.pop("details", False)
    per_page = filters.pop("per_page", None)
    return dict(IssueQuery.from_filters(filters, details=details, per_page=per_page).params())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {}),
        ({"status": "all"}, {"status": "open,acknowledged,closed,archived"}),
        ({"status": ALL}, {"status": "open,acknowledged,closed,archived"}),
        ({"status": "Open"}, {"status": "open"}),
        ({"status": "open,closed"}, {"status": "open,closed"}),
        ({"status": [Status.OPEN, "archived"]}, {"status": "open,archived"}),
        ({"after": _JAN}, {"after": "2026-01-31T12:00:00Z"}),
        (
            {"before": datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=-5)))},
            {"before": "2026-01-31T17:00:00Z"},
        ),
        (
            {"updated_at_after": _JAN.replace(microsecond=5)},
            {"updated_at_after": "2026-01-31T12:00:00.000005Z"},
        ),
        ({"request_types": [1, 2]}, {"request_types": "1,2"}),
        ({"assigned": [5, "unassigned"]}, {"assigned": "5,unassigned"}),
        ({"assigned_to_me": True}, {"assigned_to_me": "true"}),
        ({"details": True}, {"details": "true"}),
        ({"fields": ["summary", "id"]}, {"fields[issue]": "id,summary"}),
        ({"per_page": 100}, {"per_page": "100"}),
        ({"sort": "rating", "sort_direction": "ASC"}, {"sort": "rating", "sort_direction": "ASC"}),
        ({"area": _CITY, "search": "a lamp"}, {"place_url": "example-city", "search": "a lamp"}),
        ({"area": Zoom(41.5, -73, 12)}, {"lat": "41.5", "lng": "-73.0", "zoom": "12"}),
        ({"area": WatchArea("w1")}, {"watcher_token": "w1"}),
        ({"area": WatchArea(Secret("w1"))}, {"watcher_token": "w1"}),
        ({"area": pickle.loads(pickle.dumps(WatchArea("w1")))}, {"watcher_token": "w1"}),
        (
            {"area": BoundingBox(1, 2, 3, 4)},
            {"min_lat": "1.0", "min_lng": "2.0", "max_lat": "3.0", "max_lng": "4.0"},
        ),
        (
            {"lat": 41.5, "lng": -73, "sort": "distance"},
            {"lat": "41.5", "lng": "-73.0", "sort": "distance"},
        ),
    ],
)
def test_filters_become_query_parameters(filters: dict[str, Any], expected: dict[str, str]) -> None:
    assert _params(**filters) == expected


@pytest.mark.parametrize(
    "time", [datetime(9998, 12, 31, 23, tzinfo=UTC), datetime(2, 1, 1, tzinfo=UTC)]
)
@pytest.mark.parametrize("hours", [-23, 23])
def test_every_accepted_time_can_be_sent(time: datetime, hours: int) -> None:
    shifted = time.replace(tzinfo=timezone(timedelta(hours=hours)))

    assert datetime.fromisoformat(_params(after=shifted)["after"]) == shifted


def test_a_pandas_timestamp_is_accepted_as_a_datetime() -> None:
    timestamp = pandas.Timestamp("2026-01-31T12:00:00.123456789", tz="America/New_York")

    assert _params(after=timestamp) == {"after": "2026-01-31T17:00:00.123456Z"}


@pytest.mark.parametrize("token", ["", " ", None, 181, "half a pair \ud800"])
def test_a_watch_area_needs_a_token(token: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="watcher_token") as caught:
        WatchArea(token)

    assert "half a pair" not in str(caught.value)


def test_near_is_a_box_around_a_point_sorted_nearest_first() -> None:
    params = _params(area=near(41.05, -73.54, 1000))

    assert params["sort"] == "distance"
    assert (params["lat"], params["lng"]) == ("41.05", "-73.54")
    assert float(params["max_lat"]) - float(params["min_lat"]) == pytest.approx(2000 / 111_320)
    assert float(params["max_lng"]) - float(params["min_lng"]) == pytest.approx(
        2000 / (111_320 * 0.75413), rel=1e-3
    )


@pytest.mark.parametrize(
    ("filters", "argument"),
    [
        ({"after": datetime(2026, 1, 31)}, "after"),  # noqa: DTZ001  # naive, on purpose
        ({"before": "2026-01-31"}, "before"),
        ({"before": datetime(9999, 12, 31, tzinfo=ZoneInfo("America/New_York"))}, "before"),
        ({"after": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))}, "after"),
        ({"updated_at_before": datetime.max.replace(tzinfo=UTC)}, "updated_at_before"),
        ({"updated_at_after": datetime.min.replace(tzinfo=UTC)}, "updated_at_after"),
        ({"updated_at_after": pandas.NaT}, "updated_at_after"),
        ({"after": pandas.Timestamp("2026-01-31")}, "after"),
        ({"after": _JAN, "before": _JAN}, "after"),
        ({"updated_at_after": _JAN, "updated_at_before": _JAN - timedelta(1)}, "updated_at_after"),
        ({"lat": 41.5}, "lng"),
        ({"lng": 41.5}, "lat"),
        ({"lat": 91, "lng": 0, "sort": "distance"}, "lat"),
        ({"lat": True, "lng": 0, "sort": "distance"}, "lat"),
        ({"lat": float("nan"), "lng": 0, "sort": "distance"}, "lat"),
        ({"lat": 41.5, "lng": -73}, "lat"),
        ({"lat": 1, "lng": 1, "area": near(1, 1, 5), "sort": "distance"}, "lat"),
        ({"sort": "distance"}, "sort"),
        ({"sort": "update_at"}, "sort"),
        ({"sort_direction": "up"}, "sort_direction"),
        ({"per_page": 0}, "per_page"),
        ({"per_page": -1}, "per_page"),
        ({"per_page": True}, "per_page"),
        ({"per_page": "20"}, "per_page"),
        ({"per_page": 1001}, "per_page"),
        ({"per_page": 21, "details": True}, "per_page"),
        ({"status": "opened"}, "status"),
        ({"status": []}, "status"),
        ({"status": 7}, "status"),
        ({"status": [7]}, "status"),
        ({"search": "lamp"}, "search"),
        ({"search": " ", "area": _CITY}, "search"),
        ({"request_types": "12"}, "request_types"),
        ({"request_types": 12}, "request_types"),
        ({"request_types": []}, "request_types"),
        ({"request_types": [0]}, "request_types"),
        ({"assigned": ["me"]}, "assigned"),
        ({"fields": "summary"}, "fields"),
        ({"fields": ["sumary"]}, "fields"),
        ({"fields": ["comments"]}, "fields"),
        ({"area": "example-city"}, "area"),
        ({"bbox": "1,2,3,4"}, "bbox"),
        ({"state": "VA"}, "state"),
    ],
)
def test_invalid_filters_are_refused(filters: dict[str, Any], argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        AsyncClient().issues.list(**filters)

    assert caught.value.argument == argument
    assert str(caught.value).endswith((".", ")"))


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: BoundingBox(3, 2, 1, 4), "min_lat"),
        (lambda: BoundingBox(1, 4, 3, 2), "min_lng"),
        (lambda: BoundingBox("1", 2, 3, 4), "min_lat"),  # type: ignore[arg-type]
        (lambda: Zoom(1, 2, 20), "zoom"),
        (lambda: Zoom(1, 2, 1.5), "zoom"),  # type: ignore[arg-type]
        (lambda: PlaceArea(""), "place_url"),
        (lambda: near(0, 0, 0), "radius"),
        (lambda: near(0, 179.9999, 1000), "radius"),
        (lambda: near(90, 0, 10), "lat"),
        (lambda: near(float("inf"), 0, 10), "lat"),
    ],
)
def test_invalid_areas_are_refused(make: Any, argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        make()

    assert caught.value.argument == argument


@pytest.mark.parametrize("name", ["sort", "sort_direction"])
def test_a_crawl_sets_its_own_sorting(name: str) -> None:
    filters: dict[str, Any] = {name: "ASC"}
    with pytest.raises(InvalidArgumentError, match="own clock"):
        AsyncClient().issues.crawl(**filters)


@given(st.lists(st.tuples(st.text(), st.text())))
def test_a_query_string_decodes_to_its_parameters(pairs: list[tuple[str, str]]) -> None:
    pairs = [
        (name.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode())
        for name, value in pairs
    ]

    assert parse_qsl(encode(pairs), keep_blank_values=True) == pairs or not any(
        name or value for name, value in pairs
    )


def test_a_comma_is_not_encoded() -> None:
    assert encode([("status", "open,closed")]) == "status=open,closed"
