"""The sandbox responds as the service does, as documented and observed."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeclickfix_async import oauth
from seeclickfix_async.errors import AccessDeniedError
from seeclickfix_async.sandbox import CLIENT, TOKEN, Quota, Sandbox, Settings
from seeclickfix_async.sandbox._city import CLOSED, OPEN
from tests.support.json_values import JSON

pytestmark = pytest.mark.anyio

_AUTHORIZE = "https://city.test/oauth/authorize"
_LIST_KEYS = (
    "id",
    "status",
    "summary",
    "description",
    "rating",
    "lat",
    "lng",
    "address",
    "created_at",
    "acknowledged_at",
    "closed_at",
    "reopened_at",
    "updated_at",
    "url",
    "point",
    "private_visibility",
    "html_url",
    "show_blocked_issue_text",
    "request_type",
    "comment_url",
    "flag_url",
    "transitions",
    "reporter",
    "media",
)
_DETAIL_KEYS = (
    "comments_count",
    "actions",
    "crm_issue_url",
    "organization_issue_url",
    "integrations",
    "assignee",
    "questions",
    "comments",
    "votes",
    "vote_count",
    "current_user_relationship",
)
_COMMENT_KEYS = (
    "comment",
    "created_at",
    "updated_at",
    "editable_until",
    "last_edited_at",
    "commenter",
    "issue_url",
    "flag_url",
    "media",
    "show_blocked_comment_text",
)


@pytest.fixture
async def http(city: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(city) as client:
        yield client


def _client(sandbox: Sandbox) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=sandbox.app), base_url="https://city.test/api/v2/"
    )


async def _page(http: httpx.AsyncClient, **params: Any) -> Any:
    response = await http.get("issues", params=params)
    assert response.status_code == 200
    return response.json()


async def test_rows_have_the_observed_keys(http: httpx.AsyncClient, city: Sandbox) -> None:
    page = await _page(http, details="true", status="all")
    comments = (await http.get(f"issues/{city.city.id_of(3)}/comments")).json()

    assert list(page) == ["issues", "metadata", "errors"]
    assert tuple(page["issues"][0]) == (*_LIST_KEYS, *_DETAIL_KEYS)
    assert list(comments) == ["comments"]
    assert all(tuple(comment) == _COMMENT_KEYS for comment in comments["comments"])
    assert page["errors"] == {}


async def test_the_city_is_the_same_for_the_same_seed() -> None:
    first, second, other = (Sandbox(300, seed=seed) for seed in (7, 7, 8))

    assert first.city.created == second.city.created
    assert first.city.created != other.city.created
    async with _client(first) as one, _client(second) as two:
        assert (await one.get("issues")).content == (await two.get("issues")).content


async def test_closing_an_issue_changes_nothing_else_in_it() -> None:
    sandbox = Sandbox(300, settings=Settings(quota=None))
    city = sandbox.city
    row = next(row for row in range(300) if city.status[row] == OPEN and not city.closed[row])
    async with _client(sandbox) as http:
        before = (await http.get(f"issues/{city.id_of(row)}")).json()
        city.set_status(row, CLOSED)
        after = (await http.get(f"issues/{city.id_of(row)}")).json()

    assert after["status"] == "Closed"
    changed = {name for name in before if before[name] != after[name]}
    assert "updated_at" in changed
    assert changed <= {"status", "acknowledged_at", "closed_at", "updated_at", "transitions"}


async def test_timestamps_are_in_eastern_time_with_daylight_saving(http: httpx.AsyncClient) -> None:
    page = await _page(
        http, status="open,acknowledged,closed,archived", per_page=100, sort="rating"
    )
    offsets = set()
    for row in page["issues"]:
        clock = datetime.fromisoformat(row["created_at"])
        offsets.add((clock.month in (5, 6, 7, 8), row["created_at"][-6:]))

    assert (True, "-04:00") in offsets
    assert (True, "-05:00") not in offsets


@pytest.mark.parametrize(
    ("params", "granted"),
    [
        ({}, 20),
        ({"per_page": 100}, 100),
        ({"per_page": 5000}, 100),
        ({"per_page": 0}, 20),
        ({"per_page": "x"}, 20),
        ({"details": "true", "per_page": 100}, 20),
    ],
)
async def test_page_sizes_are_clamped_and_reported(
    http: httpx.AsyncClient, params: dict[str, Any], granted: int
) -> None:
    page = await _page(http, **params)

    assert page["metadata"]["pagination"]["per_page"] == granted
    assert len(page["issues"]) == granted


async def test_the_next_page_url_keeps_all_parameters(http: httpx.AsyncClient) -> None:
    pagination = (await _page(http, status="open", page=2))["metadata"]["pagination"]

    assert (pagination["previous_page"], pagination["page"], pagination["next_page"]) == (1, 2, 3)
    assert parse_qs(urlsplit(pagination["next_page_url"]).query) == {
        "page": ["3"],
        "status": ["open"],
    }


async def test_unknown_parameters_are_ignored(http: httpx.AsyncClient) -> None:
    plain = await _page(http)

    assert (await _page(http, bbox="1,2,3,4"))["issues"] == plain["issues"]
    assert (await _page(http, lat=1, lng=2))["issues"] == plain["issues"]


async def test_a_sorted_list_is_limited_to_its_period(http: httpx.AsyncClient) -> None:
    entries = [
        (await _page(http, sort="rating", after=after))["metadata"]["pagination"]["entries"]
        for after in ("2024-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
    ]

    assert entries[0] > entries[1]


@pytest.mark.parametrize("bound", ["after", "before"])
async def test_an_invalid_time_is_ignored(http: httpx.AsyncClient, bound: str) -> None:
    plain = await _page(http)

    assert (await _page(http, **{bound: "yesterday"}))["issues"] == plain["issues"]


async def test_rows_with_selected_fields_always_have_their_url(http: httpx.AsyncClient) -> None:
    page = await _page(http, **{"fields[issue]": "id,summary"})

    assert list(page["issues"][0]) == ["id", "summary", "url"]


async def test_a_search_without_an_area_times_out(http: httpx.AsyncClient) -> None:
    assert (await http.get("issues", params={"search": "lamp"})).status_code == 504
    found = await _page(http, search="pothole", place_url="example-city")
    assert {row["summary"] for row in found["issues"]} == {"Pothole"}


async def test_a_known_etag_gets_304(http: httpx.AsyncClient) -> None:
    first = await http.get("issues")
    again = await http.get("issues", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["etag"].startswith('W/"')
    assert (again.status_code, again.content) == (304, b"")


async def test_refused_requests_get_the_observed_responses(http: httpx.AsyncClient) -> None:
    anonymous = await http.get("profile")
    without_user_agent = await http.get("issues", headers={"User-Agent": ""})
    missing = await http.get("issues/1")
    wrong = await http.get("profile", headers={"Authorization": "Bearer wrong"})
    without_point = await http.get("places")

    assert (anonymous.status_code, anonymous.json()) == (200, {"id": None})
    assert without_user_agent.status_code == 403
    assert "administrative rules" in without_user_agent.json()["message"]
    assert (missing.status_code, missing.content) == (404, b"")
    assert (wrong.status_code, wrong.content) == (401, b"")
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
    assert without_point.status_code == 400


@pytest.mark.parametrize("moderated", [True, False])
async def test_the_next_read_shows_a_comment_that_is_not_moderated(moderated: bool) -> None:
    sandbox = Sandbox(50, settings=Settings(quota=None, moderated=moderated))
    path = f"issues/{sandbox.city.id_of(3)}/comments"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with _client(sandbox) as http:
        anonymous = await http.post(path, json={"comment": "hello"})
        empty = await http.post(path, json={}, headers=headers)
        broken = await http.post(path, content=b"{", headers=headers)
        written = await http.post(path, json={"comment": "hello"}, headers=headers)
        read = (await http.get(path)).json()["comments"]

    assert (anonymous.status_code, empty.status_code, broken.status_code) == (401, 422, 400)
    assert empty.json() == {"errors": {"comment": ["can't be blank"]}}
    if moderated:
        assert (written.status_code, written.json()) == (202, {"metadata": {"moderated": True}})
    else:
        assert written.status_code == 201
    assert ("hello" in {comment["comment"] for comment in read}) is not moderated


async def test_the_quota_refuses_with_a_retry_after() -> None:
    now = 0.0
    sandbox = Sandbox(50, settings=Settings(quota=Quota(2, per=60, clock=lambda: now)))
    async with _client(sandbox) as http:
        statuses = [(await http.get("profile")).status_code for _ in range(3)]
        now = 20.5
        refused = await http.get("profile")
        now = 60.0
        accepted = await http.get("profile")

    assert statuses == [200, 200, 429]
    assert refused.headers["retry-after"] == "40"
    assert refused.json()["message"] == "Too Many Requests"
    assert accepted.status_code == 200
    assert [request.status for request in sandbox.requests] == [200, 200, 429, 429, 200]


@pytest.mark.parametrize("options", [{"limit": 0}, {"limit": -1}, {"per": 0.0}])
def test_a_quota_without_requests_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be an? "):
        Quota(**options)


@pytest.mark.parametrize(
    ("window", "taken"),
    [("fixed", [2, 2, 0]), ("sliding", [2, 1, 0]), ("bucket", [2, 1, 1])],
)
def test_each_kind_of_quota_window(window: str, taken: list[int]) -> None:
    now = 0.0
    quota = Quota(2, per=10, window=window, clock=lambda: now)  # type: ignore[arg-type]
    counts: list[int] = []
    for time, tries in ((0.0, 1), (9.0, 1), (10.0, 3), (15.0, 3)):
        now = time
        counts.append(sum(quota.take() == 0 for _ in range(tries)))

    assert [counts[0] + counts[1], counts[2], counts[3]] == taken


async def test_the_implicit_flow_through_the_authorization_page() -> None:
    sandbox = Sandbox(10, settings=Settings(quota=None))
    state = oauth.generate_state()
    with sandbox.serve() as url:
        address = oauth.authorize_url(CLIENT, "http://127.0.0.1:9/cb", state=state, base_url=url)
        shown = _read(address).decode()
    form = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    async with _client(sandbox) as http:
        granted = await http.post(_AUTHORIZE, data={**form, "answer": "Authorize"})
        denied = await http.post(_AUTHORIZE, data={**form, "answer": "Deny"})
        wrong = await http.get(_AUTHORIZE, params={**form, "client_id": "other"})
        token = oauth.parse_fragment(granted.headers["location"], state=state)
        headers = {"Authorization": f"Bearer {token.access_token.reveal()}"}
        profile = await http.get("profile", headers=headers)

    assert state in shown
    assert shown.count("<form") == 2
    assert profile.json()["id"] == 41
    assert (wrong.status_code, wrong.headers.get("location")) == (200, None)
    with pytest.raises(AccessDeniedError):
        oauth.parse_fragment(denied.headers["location"], state=state)


def test_serving_on_a_real_socket(city_url: str) -> None:
    page = json.loads(_read(f"{city_url}/api/v2/issues?per_page=1"))

    assert len(page["issues"]) == 1


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:
        content: bytes = response.read()
    return content


async def test_a_field_without_a_name_is_ignored() -> None:
    sandbox = Sandbox(20, settings=Settings(quota=None))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app)) as http:
        response = await http.post(
            "https://city.test/api/v2/issues", data={"": "1"}, headers=headers
        )

    assert response.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        "answers=1&answers[402]=fist",
        "answers[]=1&answers[402]=fist",
        "answers[402]=fist&answers[402][]=wheel",
        "answers[402]=fist&answers[402][x]=wheel",
        "[" * 100_000,
        "7",
        "",
    ],
)
async def test_a_body_that_is_no_object_is_refused(body: str) -> None:
    sandbox = Sandbox(20, settings=Settings(quota=None))
    kind = "x-www-form-urlencoded" if "=" in body else "json"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": f"application/{kind}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox.app)) as http:
        response = await http.post("https://city.test/api/v2/issues", content=body, headers=headers)

    assert response.status_code == 400


_FIELDS = st.sampled_from(
    [
        *("request_type_id", "service_code", "address", "answers", "answers[402]", "answers[]"),
        *("lat", "lng", "long", "zoom", "min_lat", "min_lng", "max_lat", "max_lng", "sort"),
        *("comment", "image", "message", "description", "question", "anonymize_reporter"),
        *("status", "page", "per_page", "after", "before", "details", "search"),
        *("email", "password", "user", "user[email]"),
    ]
)
_PARAMETERS = {"organization:int": "1", "rest:path": "photo.jpg", "status": "closed"}


def _endpoints() -> list[tuple[str, str]]:
    """Return the methods and paths of all endpoints, with ids that exist."""
    sandbox = Sandbox(20)
    number = str(sandbox.city.id_of(0))
    return [
        (method, re.sub(r"{(.*?)}", lambda found: _PARAMETERS.get(found[1], number), route.path))
        for route in sandbox.app.routes
        for method in route.methods
    ]


@pytest.mark.parametrize("kind", ["json", "data", "params"])
@given(st.sampled_from(_endpoints()), st.dictionaries(_FIELDS, JSON, max_size=4))
def test_any_fields_get_a_response(
    kind: str, endpoint: tuple[str, str], fields: dict[str, Any]
) -> None:
    if kind == "json":
        sent: dict[str, Any] = {"content": json.dumps(fields)}
    else:
        sent = {kind: {name: json.dumps(value) for name, value in fields.items()}}

    async def request() -> httpx.Response:
        sandbox = Sandbox(20, settings=Settings(quota=None))
        transport = httpx.ASGITransport(app=sandbox.app)
        headers = {"User-Agent": "tests", "Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, headers=headers) as http:
            method, path = endpoint
            return await http.request(method, f"https://city.test{path}", **sent)

    assert anyio.run(request).status_code in (*range(200, 500), 504)  # 504: a search without area
